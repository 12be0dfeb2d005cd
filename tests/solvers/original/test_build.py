"""Authors' samplers by name: what can be chosen, and what is refused."""

import pytest
import torch

from sampler_bench import solvers
from sampler_bench.models import Counted
from sampler_bench.solvers import ORIGINALS, Incompatible
from tests.solvers.mixtures import gaussian

STEPS = {"song-vp": 30, "song-ve": 30, "ddim": 30, "ddpm": 30, "churned": 3}


def build(name, **keys):
    if ORIGINALS[name].takes_steps:
        keys.setdefault("steps", STEPS[name])
    if name == "ddpm":  # the tests' models have learned no variance
        keys.setdefault("variance", "small")
    return solvers.build(solver=name, **keys)


@pytest.mark.parametrize("name", ORIGINALS)
def test_each_can_be_built_and_samples(name):
    sampler = build(name)
    counted = Counted(gaussian())
    noise = solvers.SeedNoise(range(3))
    samples = sampler(counted, noise.latents((2,)), noise)
    assert samples.shape == (3, 2) and samples.dtype == torch.float64
    assert samples.isfinite().all()
    assert counted.samples == 3
    assert counted.per_sample.sum() == counted.evaluations
    declared = sampler.declared(gaussian())
    told = declared.settings["sampler"]
    assert told["solver"] == declared.parts["whole"]["name"] == name
    assert set(ORIGINALS[name].defaults()) < set(told)


# What the authors' programs run when nothing is asked for: Song et al.'s ranges, ε and r of their
# corrector, Jolicoeur-Martineau et al.'s step control (with a tolerance for images in [−1, 1], one
# step of 8 bits, where ours all lie), iDDPM's cosine levels and clipping.
IDDPM = {"clip": "on", "spacing": "even", "M": 1000, "C_1": 0.001, "C_2": 0.008}
AUTHORS = {
    "song-vp": {
        **{"predictor": "euler-maruyama", "corrector": "none", "process": "sde", "snr": 0.16},
        **{"epsilon": 1e-3, "beta_min": 0.1, "beta_max": 20.0},
    },
    "song-ve": {
        **{"predictor": "reverse-diffusion", "corrector": "langevin", "process": "sde"},
        **{"snr": 0.16, "epsilon": 1e-5, "sigma_min": 0.02, "sigma_max": 100.0},
    },
    "adaptive-vp": {
        **{"abstol": 0.0078, "reltol": 0.01, "safety": 0.9, "exponent": 0.9, "h_init": 0.01},
        **{"epsilon": 1e-3, "beta_min": 0.1, "beta_max": 20.0},
    },
    "adaptive-ve": {
        **{"abstol": 0.0078, "reltol": 0.01, "safety": 0.9, "exponent": 0.9, "h_init": 0.5},
        **{"epsilon": 1e-5, "sigma_min": 0.02, "sigma_max": 100.0},
    },
    "ddim": {"eta": 0.0, **IDDPM},
    "ddpm": {"variance": "learned", **IDDPM},
}


@pytest.mark.parametrize("name", AUTHORS)
def test_by_default_the_authors_numbers_are_run(name):
    own = ORIGINALS[name].defaults()
    assert {key: own[key] for key in AUTHORS[name]} == AUTHORS[name]


WORDS = {
    **{"predictor": "ancestral", "corrector": "langevin", "process": "flow", "norms": "sample"},
    **{"clip": "off", "spacing": "stride", "variance": "large", "denoised": "no"},
}
NUMBERS = {"epsilon": 0.05, "eta": 0.5, "sigma": 2.0, "group": 2, "M": 900}
ALREADY = {  # what a parameter needs to matter, where the default is not enough
    ("song-vp", "snr"): {"corrector": "langevin"},
    ("song-vp", "norms"): {"corrector": "langevin"},
    ("song-vp", "group"): {"corrector": "langevin"},
    ("ddim", "spacing"): {"steps": 36},
    ("ddpm", "spacing"): {"steps": 36},
    **{("churned", name): {"sigma": 1.0} for name in ("gamma", "S_noise", "denoised")},
    **{(f"adaptive-{sde}", "reltol"): {"abstol": 1e-3} for sde in ("vp", "ve")},
}
LOOSE = {"abstol": 0.05, "reltol": 0.1}  # a few large steps show as much as many small ones


def other(name, default):
    """Return another value that a parameter may have."""
    if isinstance(default, str):
        return WORDS[name] if default != WORDS[name] else "none"
    return NUMBERS.get(name, 0.8 * default)


PARAMETERS = [(name, key) for name, row in ORIGINALS.items() for key in row.defaults()]


@pytest.mark.parametrize(("name", "key"), PARAMETERS)
def test_each_parameter_changes_the_samples(name, key):
    """A number that makes a cell of its own must be used."""

    def sampled(**changed):
        noise = solvers.SeedNoise(range(4))
        usual = LOOSE if name.startswith("adaptive") else {}
        sampler = build(name, **{**usual, **ALREADY.get((name, key), {}), **changed})
        return sampler(gaussian(), noise.latents((2,)), noise)

    changed = sampled(**{key: other(key, ORIGINALS[name].defaults()[key])})
    assert not torch.allclose(changed, sampled(), rtol=0, atol=1e-6)


@pytest.mark.parametrize("name", ["ddim", "ddpm"])
@pytest.mark.parametrize(("clip", "bound"), [("on", 1.0), ("off", 2.0)])
def test_clipping_is_to_the_range_of_images(name, clip, bound):
    """At the last step both return what the denoiser says, clipped."""

    class Far:
        shape, sigma_min, sigma_max = (2,), 0.0, float("inf")

        def __call__(self, x, sigma):
            return torch.full_like(x, 2.0) * torch.tensor([1.0, -1.0])

    noise = solvers.SeedNoise(range(3))
    samples = build(name, clip=clip, steps=5)(Far(), noise.latents((2,)), noise)
    expected = torch.tensor([bound, -bound], dtype=torch.float64).expand(3, 2)
    torch.testing.assert_close(samples, expected, rtol=1e-12, atol=0)


@pytest.mark.parametrize("name", ORIGINALS)
@pytest.mark.parametrize("batch", [1, 2, 5])
def test_samples_do_not_depend_on_the_batch(name, batch):
    adaptive = name.startswith("adaptive")
    keys = {"norms": "sample"} if name.startswith("song") else LOOSE if adaptive else {}
    sampler = build(name, **keys)
    assert sampler.group is None

    def sampled(seeds):
        noise = solvers.SeedNoise(seeds)
        return sampler(gaussian(), noise.latents((2,)), noise)

    whole = sampled(range(5))
    parts = torch.cat([sampled(range(k, min(k + batch, 5))) for k in range(0, 5, batch)])
    torch.testing.assert_close(parts, whole, rtol=0, atol=1e-12)


def test_norms_are_shared_within_groups_alone():
    sampler = build("song-ve", group=2)
    assert sampler.group == 2

    def sampled(seeds):
        noise = solvers.SeedNoise(seeds)
        return sampler(gaussian(), noise.latents((2,)), noise)

    whole = sampled(range(5))
    parts = torch.cat([sampled([0, 1]), sampled([2, 3]), sampled([4])])
    torch.testing.assert_close(parts, whole, rtol=0, atol=1e-12)
    alone = torch.cat([sampled([k]) for k in range(5)])
    assert (alone[:4] - whole[:4]).abs().min() > 1e-6


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"solver": "song-vq", "steps": 30}, "did you mean 'song-vp'"),
        ({"solver": "song-vp"}, "'steps' is missing"),
        ({"solver": "song-vp", "steps": 30, "schedule": "vp"}, "unknown key of solver song-vp"),
        ({"solver": "song-vp", "steps": 30, "S_churn": 3.0}, "unknown key of solver song-vp"),
        ({"solver": "song-vp", "steps": 30, "snrr": 0.1}, "did you mean 'snr'"),
        ({"solver": "song-vp", "steps": 30, "predictor": "euler"}, "did you mean 'euler-maruyama'"),
        ({"solver": "song-vp", "steps": 30, "predictor": 3}, "predictor = 3 .*must be a word"),
        ({"solver": "song-vp", "steps": 30, "corrector": "langevine"}, "did you mean 'langevin'"),
        ({"solver": "song-vp", "steps": 30, "process": "ode"}, "known: flow, sde"),
        (
            {"solver": "song-vp", "steps": 30, "norms": "batch"},
            r"unknown norms 'batch' \(known: group, sample\)",
        ),
        (
            {"solver": "song-vp", "steps": 30, "group": 0},
            "group = 0 .* it must be a whole number from 1 to 1,000,000$",
        ),
        (
            {"solver": "song-vp", "steps": 30, "beta_min": 30.0},
            "beta_max = 20.0 .* it must be above beta_min ≥ 0$",
        ),
        (
            {"solver": "song-ve", "steps": 30, "epsilon": 1.0},
            "epsilon = 1.0 .* it must be a number between 0 and 1$",
        ),
        ({"solver": "song-ve", "steps": 30, "epsilon": 0.0}, "epsilon = 0.0"),
        (
            {"solver": "ddim", "steps": 30, "C_1": 1.0},
            "C_1 = 1.0 .* it must be a number between 0 and 1$",
        ),
        (
            {"solver": "ddim", "steps": 30, "C_2": -1.0},
            "C_2 = -1.0 .* it must be a number of at least 0$",
        ),
        ({"solver": "song-vp", "steps": 30, "snr": 0.0}, "snr = 0.0"),
        ({"solver": "song-vp", "steps": 30, "snr": "big"}, "snr = 'big'"),
        ({"solver": "song-vp", "steps": 30, "epsilon": 1.0}, "epsilon = 1.0"),
        ({"solver": "song-vp", "steps": 0}, "steps = 0"),
        ({"solver": "song-vp", "steps": 20, "predictor": "ancestral"}, "at least 21 steps"),
        ({"solver": "song-vp", "steps": 20, "corrector": "langevin"}, "at least 21 steps"),
        ({"solver": "song-ve", "steps": 30, "sigma_min": 200.0}, "sigma_max = 100"),
        ({"solver": "ddim", "steps": 1001}, "steps = 1001 .*at most M = 1000"),
        ({"solver": "ddim", "steps": 300, "spacing": "stride"}, "no stride through 1000 levels"),
        ({"solver": "ddim", "steps": 30, "eta": 1.5}, "eta = 1.5"),
        ({"solver": "ddim", "steps": 30, "clip": "yes"}, "known: off, on"),
        ({"solver": "ddim", "steps": 30, "M": 1.5}, "M = 1.5"),
        ({"solver": "churned", "steps": -1}, "steps = -1 .*a whole number from 0"),
        ({"solver": "churned", "steps": 0.5}, "steps = 0.5"),
        ({"solver": "churned"}, "'steps' is missing"),
        ({"solver": "churned", "steps": 1, "sigma": -0.1}, "sigma = -0.1"),
        ({"solver": "churned", "steps": 1, "sigma": 80.5}, "sigma = 80.5 .*from 0 to 80"),
        ({"solver": "churned", "steps": 1, "sigma": float("nan")}, "sigma = nan"),
        ({"solver": "churned", "steps": 1, "sigma": 0.0}, "steps = 1 .*0 where sigma = 0"),
        ({"solver": "churned", "steps": 1, "gamma": 0.0}, "gamma = 0.0"),
        ({"solver": "churned", "steps": 1, "gamma": 0.5}, "gamma = 0.5 .*at most √2 − 1"),
        ({"solver": "churned", "steps": 1, "S_noise": -1.0}, "S_noise = -1.0 .* at least 0$"),
        ({"solver": "churned", "steps": 1, "denoised": "maybe"}, "known: no, yes"),
        ({"solver": "churned", "steps": 1, "denoised": 1}, "unknown denoised 1"),
        ({"solver": "churned", "steps": 1, "S_churn": 3.0}, "unknown key of solver churned"),
        ({"solver": "churned", "steps": 1, "sigmas": 3.0}, "did you mean 'sigma'"),
        ({"solver": "adaptive-vp", "abstol": 0.0}, "abstol = 0.0 .* must be a number above 0$"),
        (
            {"solver": "adaptive-vp", "safety": 1.0},
            "safety = 1.0 .* must be a number between 0 and 1$",
        ),
        ({"solver": "adaptive-vp", "h_init": 1.0}, "h_init = 1.0"),
        ({"solver": "adaptive-ve", "reltol": float("nan")}, "reltol = nan"),
    ],
)
def test_what_makes_no_sense_is_refused_in_one_line(keys, message):
    with pytest.raises(ValueError, match=message) as caught:
        solvers.build(**keys)
    assert "\n" not in str(caught.value)


def test_adaptive_samplers_choose_their_steps():
    with pytest.raises(Incompatible, match="chooses its own steps"):
        solvers.build(solver="adaptive-vp", steps=10)


def test_euler_maruyama_has_no_least_number_of_steps():
    noise = solvers.SeedNoise(range(3))
    samples = build("song-vp", steps=1)(gaussian(), noise.latents((2,)), noise)
    assert samples.isfinite().all()


def test_a_model_without_the_levels_is_refused():
    class Narrow:
        shape, sigma_min, sigma_max = (2,), 0.02, 100.0

    build("song-ve").declared(Narrow())
    with pytest.raises(ValueError, match=r"evaluates σ from 0\.0104.* to 152"):
        build("song-vp").declared(Narrow())

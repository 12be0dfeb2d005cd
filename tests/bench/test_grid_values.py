"""Values of grid keys that are lists themselves, or functions in a file of one's own."""

import math

import pytest
import torch

from sampler_bench import models, results, solvers
from sampler_bench.bench.plan import grid
from sampler_bench.bench.plan import planning as plan
from sampler_bench.bench.plan.expand import expand
from sampler_bench.solvers.rates import Relative
from sampler_bench.solvers.schedules import Linear
from tests.bench import runs
from tests.solvers.mixtures import three_components

MODEL = three_components()
TEXT = """
name = "values"
models = ["exact-mixture-8x8"]
samples = 20

[[sampler]]
solver = "heun"
steps = 9
"""


def expanded(folder, keys):
    (folder / "grid.toml").write_text(TEXT + keys)
    return expand(grid.read(str(folder / "grid.toml"))[0])[0]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("[[3, 2, 0.1, 1.0]]", [((3, 2, 0.1, 1.0),)]),
        ("[[3, 2, 0.1, 1], [4, 1, 1.0, 4.0]]", [((3, 2, 0.1, 1), (4, 1, 1.0, 4.0))]),
        ("[[[3, 2, 0.1, 1.0]], [[4, 1, 1.0, 4.0]]]", [((3, 2, 0.1, 1.0),), ((4, 1, 1.0, 4.0),)]),
    ],
)
def test_a_list_of_intervals_is_one_value_and_a_list_of_those_an_axis(tmp_path, written, meant):
    found = expanded(tmp_path, f'path = "restart"\nintervals = {written}')
    assert [one.sampler.configured_path().intervals for one in found] == meant
    told = [one.sampler.declared(MODEL).settings["sampler"] for one in found]
    declared = [each["intervals"] for each in told]
    assert len(set(declared)) == len(meant) and all(isinstance(text, str) for text in declared)


@pytest.mark.parametrize(
    ("keys", "what"),
    [
        ('path = "restart"\nintervals = [3, 2, 0.1, 1.0]', "intervals = 3 is not allowed"),
        ('path = "restart"\nintervals = [[3, 2, 0.1]]', r"intervals\[0\] = .* is not allowed"),
        ("S_churn = [[1.0], [2.0]]", r"S_churn = \[1.0\] is not allowed"),
        ('path = [["sde"]]', r"unknown path \['sde'\]"),
        ('path = "edm-sde"\nrate = "relativ"', "unknown rate 'relativ'; did you mean 'relative'"),
        ('path = "edm-sde"\nrate = "no.py:beta"', "rate '.*no.py:beta': there is no file"),
        ('path = "edm-sde"\nrate = "mine.py:gone"', "rate '.*mine.py:gone': unknown name"),
        ('path = "edm-sde"\nrate = "mine.py:number"', "rate file:number is no function of t"),
        ('path = "edm-sde"\nrate = "mine.py:negative"', r"β\(.*\) = -1.0 is not allowed"),
    ],
)
def test_what_cannot_be_is_said_in_one_line(tmp_path, keys, what):
    (tmp_path / "mine.py").write_text("number = 3\n\n\ndef negative(t):\n    return -1\n")
    with pytest.raises(ValueError, match=what) as caught:
        for one in expanded(tmp_path, keys):
            one.sampler.fit(MODEL)
    assert "\n" not in str(caught.value)


def test_a_rate_of_ones_own_is_a_function_of_time_and_its_name_is_in_the_key(tmp_path):
    (tmp_path / "mine.py").write_text("def one_over_t(t):\n    return 1 / t\n")
    keys = 'path = ["edm-sde", "edm-sde-split"]\nrate = ["relative", "mine.py:one_over_t"]'
    samplers = [one.sampler for one in expanded(tmp_path, keys)]
    noise = [solvers.SeedNoise(range(4)) for _ in samplers]
    found = [s(MODEL, n.latents(MODEL.shape), n) for s, n in zip(samplers, noise, strict=True)]
    for named, own in ((0, 1), (2, 3)):  # σ̇/σ is 1/t where σ = t
        torch.testing.assert_close(found[own], found[named], rtol=1e-6, atol=1e-6)
        assert samplers[own].declared(MODEL).parts["path"]["rate"] == "file:one_over_t"
        assert "rate" not in samplers[named].declared(MODEL).parts["path"]
        assert list(samplers[own].files) == [str(tmp_path / "mine.py")]


def test_half_the_rate_is_half_of_it(tmp_path):
    (tmp_path / "mine.py").write_text("def one_over_t(t):\n    return 1 / t\n")
    own = solvers.build(path="edm-sde", beta=0.5, rate=f"{tmp_path}/mine.py:one_over_t")
    assert own.configured_path().beta.at(Linear().level(2.0)) == 0.25
    rate = solvers.build(path="edm-sde", beta=0.5).configured_path().beta
    assert rate == Relative(share=0.5)
    window = solvers.build(path="edm-sde", S_min=0.1, S_max=2.0).configured_path().beta
    assert (window.S_min, window.S_max) == (0.1, 2.0) and math.isfinite(window.S_max)


def test_a_model_that_a_sampler_does_not_fit_goes_without_it(tmp_path, monkeypatch):
    """Whatever the reason; the other cells of the grid are planned as ever."""

    def narrow(device="cpu"):
        made = models.load("exact-mixture-8x8")
        made.sigma_min, made.sigma_max, made.digest = 0.5, 10.0, "narrow"
        return made

    monkeypatch.setitem(models.MODELS, "narrow", narrow)
    (tmp_path / "grid.toml").write_text("""
name = "fits"
models = ["exact-mixture-8x8", "narrow"]
samples = 20
extractor = "pixels"
[[sampler]]
solver = ["song-ve", "ddpm"]
variance = "small"
steps = 30
[[sampler]]
label = "list"
levels = [[80, 2, 1], [8, 2, 1]]
[[sampler]]
label = "high"
discretization = "iddpm"
sigma_min = 0.002
sigma_max = [0.1, 80.0]
steps = 5
""")
    made = plan.make(grid.read(str(tmp_path / "grid.toml"))[0])
    planned = [(work.label, work.name) for work in made.work]
    assert [model for _, model in planned].count("exact-mixture-8x8") == 6
    assert {label for label, model in planned if model == "narrow"} == {
        "list, levels = [8, 2, 1]",
        "high, sigma_max = 80.0",
    }
    reasons = {item.entry: item.reason for item in made.skipped}
    assert "the model supports [0.5, 10]" in reasons["song-ve"]
    assert "the model supports [0.5, 10]" in reasons["list, levels = [80, 2, 1]"]
    assert "are not a range" in reasons["high, sigma_max = 0.1"]
    assert all("model = narrow" in item.combination for item in made.skipped)
    assert len(made.skipped) == 4


def test_the_truncation_error_of_denoised_samples_is_that_of_denoised_ones(tmp_path):
    (tmp_path / "grid.toml").write_text("""
name = "ends"
models = ["exact-mixture-moons"]
samples = 20
metrics = ["truncation-error"]
[[sampler]]
solver = "rk45"
rtol = 1e-7
sigma_min = 0.5
end = ["sigma-min", "denoise"]
""")
    assert not runs.run(tmp_path / "run", (tmp_path / "grid.toml").read_text()).reasons
    table = results.load(tmp_path / "run")
    assert set(table["sampler.end"]) == {"sigma-min", "denoise"} and table["value"].max() < 1e-4

"""The field's samplers by their names: order, weak order, evaluations, keys, batches and noise."""

import pytest
import torch

from sampler_bench import solvers
from sampler_bench.models import Counted
from sampler_bench.solvers import PATHS, SOLVERS, Incompatible
from sampler_bench.solvers.assembly import own_parameters
from sampler_bench.solvers.churn import Churn
from sampler_bench.solvers.paths.stochastic import SDE, Ancestral
from sampler_bench.solvers.rules.exponential import Multistep
from sampler_bench.solvers.step import Step
from tests.solvers.combinations import NAMED, each_flow, each_named, normal
from tests.solvers.loop.exact import bent, geometric, slope
from tests.solvers.loop.weak import weak_order
from tests.solvers.mixtures import Recorder, three_components

# How the order falls at the end is a matter of the grid's end: here a rule is asked for its own.
WHOLE = dict.fromkeys(["unipc-1", "unipc-2", "unipc-3", "sa"], "never")


def rule(name):
    made = SOLVERS[name]
    return made.configured({"lowered": WHOLE[name]}) if name in WHOLE else made


def sampled(name, seeds=range(6), batch=6, **keys):
    parts = []
    for start in range(0, len(seeds), batch):
        noise = solvers.SeedNoise(seeds[start : start + batch])
        sampler = solvers.build(solver=name, steps=7, sigma_max=10.0, **keys)
        parts.append(sampler(three_components(), noise.latents((2,)), noise))
    return torch.cat(parts)


@pytest.mark.parametrize("grid", [geometric, bent])
@each_named
def test_with_an_exact_past_the_order_is_the_declared_one(solver, grid):
    """Or above it: a corrector's; ``None`` is declared where unequal steps leave none."""
    found, claimed = slope(rule(solver), grid), SOLVERS[solver].order
    if claimed is not None:
        assert found > claimed - 0.15
    if solver == "deis-released":  # sums of 10,000 points limit it below the errors here
        return
    if solver.endswith("-released"):
        assert found < SOLVERS[solver.removesuffix("-released")].order - 0.15
    elif not solver.startswith(("unipc", "sa")):
        assert found < claimed + 0.15


def test_the_third_order_that_six_libraries_ship_is_two():
    released = SOLVERS["dpmpp-3m"].configured({"third": "released"})
    assert released.order == 2
    assert slope(released) == pytest.approx(2, abs=0.15)


@pytest.mark.parametrize("path", [SDE(), Ancestral(eta=0.5)], ids=["sde", "ancestral"])
@each_named
def test_what_noise_leaves_of_an_order_is_declared(solver, path):
    """On a Gaussian, by the weights of all draws; rules of order 1 keep it."""
    made = rule(solver)
    kept = min(made.order, 2) if made.on_noise == "keeps" else 1
    found = weak_order(made, path)
    assert found > kept - 0.25
    if made.on_noise == "first":
        assert found < 1.25


@pytest.mark.parametrize("solver", [name for name in NAMED if SOLVERS[name].memory])
def test_under_churn_every_multistep_rule_is_of_order_one(solver):
    found = weak_order(rule(solver), Churn(S_churn=1.0))
    assert 0.5 < found < 1.25  # 0.6 of UniPC-1, whose error changes its sign near by


class ToldTheFall(Multistep):
    """The negative control: a rule of order 2 that is told only where the fall lands."""

    def __call__(self, process, z, step, past):
        blind = Step(step.i, step.n, step.start, step.here, step.down, step.down)
        return super().__call__(process, z, blind, past)


def test_a_rule_that_is_told_only_where_the_fall_lands_loses_its_order():
    assert weak_order(ToldTheFall(k=2), SDE()) < 1.3
    assert weak_order(Multistep(k=2), SDE()) > 1.8


@each_named
def test_a_sample_is_its_seeds_alone(solver):
    together = sampled(solver)
    assert together.isfinite().all()
    for size in (1, 4):
        torch.testing.assert_close(sampled(solver, batch=size), together, rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("solver", [name for name in NAMED if not SOLVERS[name].sees_schedule])
@each_flow
def test_what_is_blind_to_the_schedule_samples_the_same(solver, schedule, scaling):
    keys = {"schedule": schedule, "scaling": scaling, "end": "sigma-min", "sigma_min": 0.05}
    plain = sampled(solver, end="sigma-min", sigma_min=0.05)
    torch.testing.assert_close(sampled(solver, **keys), plain, rtol=1e-9, atol=1e-9)


@each_named
def test_without_a_source_of_noise_it_says_so_or_needs_none(solver):
    sampler = solvers.build(solver=solver, steps=3)
    assert sampler.deterministic == (SOLVERS[solver].own_path is None)
    if sampler.deterministic:
        assert sampler(three_components(), normal(2, 2)).isfinite().all()
    else:
        with pytest.raises(ValueError, match="needs noise"):
            sampler(three_components(), normal(2, 2))


@each_named
def test_only_what_differs_from_a_names_defaults_is_in_a_key(solver):
    """Of a path that belongs to a name its rate is not: without any there is no path."""
    plain = solvers.build(solver=solver).declared(three_components()).parts
    assert set(plain["rule"]) == {"name"}
    assert set(plain.get("path", {})) <= {"name"}
    own = own_parameters(solver, "edm", "linear")
    for name in set(own) - {"rho"}:
        other = _another(solver, name, own[name])
        changed = solvers.build(solver=solver, **{name: other}).declared(three_components()).parts
        (part,) = (part for part in changed if changed[part] != plain[part])
        assert changed == {**plain, part: {**plain[part], name: other}}


def _another(solver, name, value):
    """Return another value that a parameter may have."""
    words = [
        "midpoint",
        "exact",
        "released",
        "taylor",
        "bh1",
        "noise",
        "never",
        "prk",
        "sde-1",
        "end",
        "data",
        "proportional",
    ]
    for other in (value + 1 if isinstance(value, int) else None, 0.25, 2, 1, *words, "end"):
        if other is not None and other != value and type(other) is type(value):
            try:
                solvers.build(solver=solver, **{name: other})
            except ValueError:
                continue
            return other
    return True


NOISY = {"churn": {"S_churn": 5.0}, "repeated-churn": {"S_churn": 5.0}}
NOISY["restart"] = {"intervals": ((3, 2, 0.1, 1.0),)}


@pytest.mark.parametrize("path", PATHS)
def test_any_rule_takes_any_path(path):
    for solver in ("euler", "dpmpp-2m", "dpm-2"):
        keys = {"path": path, **NOISY.get(path, {})}
        assert sampled(solver, **keys).isfinite().all()
        assert not solvers.build(solver=solver, **keys).deterministic


def test_a_path_is_in_the_key_and_its_numbers_where_they_differ():
    plain, sde, half, still, own = (
        solvers.build(**{"solver": "euler", **keys}).declared(three_components()).parts
        for keys in (
            {},
            {"path": "sde"},
            {"path": "sde", "eta": 0.5},
            {"path": "sde", "eta": 0.0, "S_noise": 0.5},
            {"solver": "dpmpp-2m-sde"},
        )
    )
    assert sde == {**plain, "path": {"name": "sde"}}
    assert half == {**plain, "path": {"name": "sde", "eta": 0.5}}
    assert still == plain
    assert own["path"] == sde["path"]


def test_what_does_not_fit_is_left_out_of_a_grid_with_the_reason():
    with pytest.raises(Incompatible, match="path of its own"):
        solvers.build(solver="dpmpp-2m-sde", S_churn=5.0)
    with pytest.raises(Incompatible, match="path of its own"):
        solvers.build(solver="euler", path="ancestral", S_churn=5.0)
    with pytest.raises(Incompatible, match="leave out 'path'"):
        solvers.build(solver="rk45", path="sde")
    with pytest.raises(ValueError, match="unknown path 'ancestrel'; did you mean 'ancestral'"):
        solvers.build(path="ancestrel")


def test_two_names_of_one_rule_make_the_same_samples():
    for one, other in (("dpm-2", "dpm-solver-2"), ("lms", "ipndm-v")):
        assert torch.equal(sampled(one), sampled(other))


def counted(**keys):
    model, noise = Counted(three_components()), solvers.SeedNoise(range(3))
    sampler = solvers.build(**keys)
    samples = sampler(model, noise.latents((2,)), noise)
    assert samples.isfinite().all() and samples.dtype == torch.float64
    assert model.nfe == sampler.evaluations(three_components())
    return samples, model.nfe


@pytest.mark.parametrize("solver", ["euler", "heun", "unipc-2", "dpmpp-2m-sde", "dpm-fast"])
@pytest.mark.parametrize("path", ["", "ancestral", "edm-sde-split"])
def test_options_cost_what_they_say_and_are_neutral_when_absent(solver, path):
    keys = {"solver": solver, "path": path, "steps": 6, "sigma_max": 10.0, "sigma_min": 0.05}
    plain, nfe = counted(**keys, end="sigma-min")
    denoised, more = counted(**keys, end="denoise")
    mended = solver == "unipc-2" and path != "edm-sde-split"  # by D at the end, too
    assert more == nfe + 1 + mended and not torch.equal(plain, denoised)
    analytic, less = counted(**keys, end="sigma-min", first_step="analytic")
    assert less == nfe - 1 and not torch.equal(plain, analytic)
    clipped, same = counted(**keys, end="sigma-min", threshold=0.9, threshold_limit=0.1)
    assert same == nfe and not torch.equal(plain, clipped)
    far = counted(**keys, end="sigma-min", threshold=1.0, threshold_limit=1e6)[0]
    torch.testing.assert_close(far, plain, rtol=1e-12, atol=1e-12)
    rounded, _ = counted(**keys, end="sigma-min", state="float32")
    assert not torch.equal(rounded, plain)
    torch.testing.assert_close(rounded, plain, rtol=1e-3, atol=1e-3)
    unit, _ = counted(**keys, end="sigma-min", initial="latents")
    assert not torch.equal(unit, plain)


def test_under_vp_latents_as_they_are_are_nearly_the_marginal():
    keys = {"solver": "dpmpp-2m", "discretization": "vp", "schedule": "vp", "steps": 8}
    keys["scaling"] = "unit-variance"
    plain, unit = counted(**keys)[0], counted(**keys, initial="latents")[0]
    assert not torch.equal(plain, unit)
    torch.testing.assert_close(plain, unit, rtol=0, atol=1e-3)


def test_a_solver_with_steps_of_its_own_has_no_first_step_and_no_end_at_zero():
    with pytest.raises(Incompatible, match="no first_step to take analytically"):
        solvers.build(solver="rk45", first_step="analytic")
    with pytest.raises(Incompatible, match="never to σ = 0"):
        solvers.build(solver="dpm-adaptive")
    exact = solvers.build(solver="rk45", rtol=1e-8, end="denoise")
    close = solvers.build(solver="dpm-adaptive", rtol=1e-6, atol=1e-8, end="denoise")
    noise = solvers.SeedNoise(range(3))
    x = noise.latents((2,))
    torch.testing.assert_close(
        close(three_components(), x), exact(three_components(), x), rtol=1e-4, atol=1e-4
    )


def test_dpm_fast_costs_as_many_evaluations_as_steps_were_asked_for():
    for n in (1, 2, 3, 7, 9, 10):
        _, nfe = counted(solver="dpm-fast", steps=n, end="sigma-min")
        assert nfe == n


def test_what_a_path_makes_of_an_order_is_said():
    def said(**keys):
        return solvers.build(**keys).remarks

    weakly = "of order 1 in the weak sense on this path, and of 2 without it"
    assert said(solver="dpmpp-2m") == said(solver="dpmpp-2m-sde") == ()
    assert said(solver="dpmpp-2m", S_churn=5.0) == (weakly,)
    assert said(solver="lms", k=2, path="ancestral") == (weakly,)
    assert said(solver="heun", S_churn=5.0) == said(solver="dpm-2", path="sde") == ()
    assert said(solver="heun", path="edm-sde") == (weakly,)
    assert said(solver="lms", k=2, path="euler-maruyama") == ()
    assert said(solver="rk45") == said(solver="ddim", steps=5) == ()


def test_a_model_that_a_sampler_does_not_fit_is_an_incompatibility():
    model = three_components()
    solvers.build(solver="euler").fit(model)
    limited = Recorder(model, smin=0.6, smax=50.0)
    for keys in ({"sigma_max": 0.5}, {"path": "restart", "intervals": ((3, 1, 0.01, 0.5),)}):
        sampler = solvers.build(solver="euler", **keys)
        with pytest.raises(Incompatible):
            sampler.fit(limited)
    with pytest.raises(Incompatible, match="the model supports"):
        solvers.build(solver="song-ve", steps=10).fit(limited)
    with pytest.raises(Incompatible, match="has not learned a variance"):
        solvers.build(solver="ddpm", steps=10).fit(model)


@each_named
def test_what_a_name_tells_a_list_is_what_its_rule_says(solver):
    row = SOLVERS[solver]
    assert row.told.get("on_noise", "keeps") == row.on_noise
    same = row.told.get("same_as")
    if same:
        noise = solvers.SeedNoise(range(3))
        x = noise.latents((2,))
        both = [
            solvers.build(solver=name, steps=7)(three_components(), x) for name in (solver, same)
        ]
        torch.testing.assert_close(*both, rtol=1e-12, atol=1e-12)


def test_a_threshold_keeps_apart_what_is_bound_to_samples():
    """Samples with steps of their own are counted, and labelled, each by itself."""

    def per_sample(**keys):
        counted, noise = Counted(three_components()), solvers.SeedNoise(range(4))
        keys = {"solver": "dpm-adaptive", "end": "sigma-min", "group": 1, **keys}
        samples = solvers.build(**keys)(counted, noise.latents((2,)), noise)
        return samples, counted.per_sample

    plain, costs = per_sample()
    far, same = per_sample(threshold=1.0, threshold_limit=1e6)
    assert len(set(costs.tolist())) > 1 and same.tolist() == costs.tolist()
    torch.testing.assert_close(far, plain, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(("end", "few"), [("falls<10", 9), ("falls<15", 14)])
def test_the_order_falls_at_the_end_of_few_steps_alone(end, few):
    def made(n, lowered):
        keys = {"solver": "dpmpp-3m", "lowered": lowered, "steps": n, "end": "sigma-min"}
        return counted(**keys, sigma_min=0.05)[0]

    assert torch.equal(made(few, end), made(few, "falls"))
    assert not torch.equal(made(few, end), made(few, "never"))
    assert torch.equal(made(few + 1, end), made(few + 1, "never"))


def test_a_denoised_sample_is_data_whatever_the_scaling():
    keys = {"solver": "dpmpp-2m", "steps": 8, "end": "denoise", "sigma_min": 0.5}
    plain, _ = counted(**keys)
    scaled, _ = counted(**keys, schedule="vp", scaling="unit-variance")
    torch.testing.assert_close(scaled, plain, rtol=1e-9, atol=1e-9)

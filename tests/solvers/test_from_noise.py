"""Flow matching from t = 1, where σ = ∞ and the state is noise alone."""

import itertools
import math
from dataclasses import dataclass
from typing import ClassVar

import pytest
import torch

from sampler_bench import models, solvers
from sampler_bench.bench.measure.samples import InParts
from sampler_bench.bench.measure.trajectory import Trajectories
from sampler_bench.bench.plan import planning as plan
from sampler_bench.bench.plan.grid import Grid
from sampler_bench.models.exact import IdealDenoiser
from sampler_bench.models.labels import Labelled
from sampler_bench.solvers import PATHS, SOLVERS, Incompatible
from sampler_bench.solvers.denoiser import complete
from sampler_bench.solvers.rules.runge_kutta import Euler
from tests.solvers.combinations import float64, normal
from tests.solvers.mixtures import Recorder, gaussian, three_components

LATENTS = normal(40, 2)
LOW = 0.02


def flow(solver: str = "heun", **keys) -> solvers.Sampler:
    return solvers.build(solver=solver, schedule="flow", discretization="uniform-t", **keys)


def exact(sampler, model) -> torch.Tensor:
    seeds = range(len(LATENTS))
    return Trajectories().end(sampler, seeds, LATENTS, model, ("m",), "float64")[0]


@pytest.mark.parametrize(("solver", "order", "cost"), [("euler", 1, 1), ("heun", 2, 2)])
def test_order_and_evaluations_from_t_1(solver, order, cost):
    errors = []
    for steps in (64, 128):
        model = models.Counted(three_components())
        sampler = flow(solver, steps=steps, sigma_min=LOW, end="sigma-min")
        error = sampler(model, LATENTS) - exact(sampler, model.denoiser)
        errors.append(float(error.pow(2).mean().sqrt()))
        assert model.nfe == cost * steps
    assert math.log2(errors[0] / errors[1]) == pytest.approx(order, abs=0.05)


def test_a_start_at_a_very_high_level_is_nearly_the_same():
    """Both by a tight tolerance: what is left apart is what σ_max = 10⁷ leaves of the data."""
    start = {"rtol": 1e-11, "sigma_min": LOW, "end": "sigma-min"}
    high, noise = flow("rk45", sigma_max=1e7, **start), flow("rk45", **start)
    assert (high.sigma_range(gaussian())[1], noise.sigma_range(gaussian())[1]) == (1e7, math.inf)
    apart = (high(three_components(), LATENTS) - noise(three_components(), LATENTS)).abs().max()
    assert 1e-9 < apart < 1e-6


def test_exact_models_answer_noise_with_the_mean_of_the_data():
    images = torch.arange(12, dtype=torch.uint8).reshape(3, 1, 2, 2)
    points = IdealDenoiser(images, "d")
    for model in (three_components(), points):
        mean = torch.from_numpy(model.true_moments()[0]).reshape(model.shape)
        n = normal(4, *model.shape)
        for sigma in (torch.tensor(math.inf), torch.full((4,), math.inf)):
            torch.testing.assert_close(model(n, sigma.double()), mean.expand(n.shape))
        torch.testing.assert_close(
            model(1e8 * n, float64(1e8)[0]), mean.expand(n.shape), atol=1e-6, rtol=0
        )


class Unlabelled(models.Wrapped):
    def __call__(self, x, sigma, /, *labels):
        return self.denoiser(x, sigma)


def test_whatever_wraps_a_model_passes_its_answer_on_and_counts_it():
    counted = models.Counted(Unlabelled(three_components()))
    wrapped = Labelled(InParts(counted, most=3), torch.zeros(10, dtype=torch.int64))
    assert complete(wrapped).from_noise and not models.load("fashion-edm-vp").from_noise
    noise = float64(math.inf)[0]
    torch.testing.assert_close(
        wrapped(LATENTS[:10], noise), three_components()(LATENTS[:10], noise)
    )
    assert counted.evaluations == 10


def test_the_start_depends_on_the_model_and_is_declared():
    sampler = flow(steps=4)
    levels = sampler.levels(models.Counted(gaussian()))
    times = [1.0, *(float(x / (1 + x)) for x in levels[1:-1])]
    assert (levels[0], levels[3], levels[4]) == (math.inf, 0.002, 0.0)
    assert [a - b for a, b in itertools.pairwise(times)] == pytest.approx(
        [(1 - 0.002 / 1.002) / 3] * 3
    )
    assert sampler.declared(gaussian()).parts["grid"]["sigma_max"] == math.inf
    assert sampler.declared(Recorder(gaussian(), smax=50.0)).parts["grid"]["sigma_max"] == 50.0
    network = models.load("fashion-edm-vp")
    assert sampler.declared(network).parts["grid"]["sigma_max"] == 80.0
    linear = solvers.build(discretization="uniform-t", steps=4)
    assert linear.declared(gaussian()).parts["grid"]["sigma_max"] == 80.0
    unit = flow(scaling="unit-variance", steps=4)
    assert unit.declared(gaussian()).parts["grid"]["sigma_max"] == 80.0


@dataclass(frozen=True, kw_only=True)
class Stuck(Euler):
    """A rule that needs a finite level to start from."""

    from_infinity: ClassVar[bool] = False


@pytest.mark.parametrize(
    ("keys", "what"),
    [
        ({"solver": "stuck"}, "stuck cannot step away from t = 1"),
        ({"path": "euler-maruyama"}, "path euler-maruyama cannot step away from t = 1"),
        ({"schedule": "linear"}, "schedule 'linear' with scaling 'none' has no level of noise"),
        ({"scaling": "unit-variance"}, "'unit-variance' has no level of noise alone"),
    ],
)
def test_what_cannot_start_from_noise_is_refused(monkeypatch, keys, what):
    monkeypatch.setitem(SOLVERS, "stuck", Stuck())
    parts = {"schedule": "flow", "discretization": "uniform-t", "sigma_max": math.inf, **keys}
    with pytest.raises(Incompatible, match=what):
        solvers.build(**parts)
    assert solvers.build(**parts | {"sigma_max": 10.0})


def test_a_model_without_an_answer_is_refused_where_the_start_was_asked_for():
    model = models.load("fashion-edm-vp")
    for sampler in (
        flow(steps=2, sigma_max=math.inf),
        solvers.build(schedule="flow", levels=[math.inf, 1.0]),
    ):
        with pytest.raises(Incompatible, match="the model is not defined at t = 1"):
            sampler.declared(model)


@pytest.mark.parametrize("path", ["", *PATHS])
def test_samples_from_noise_are_finite_and_cost_what_was_planned(path):
    for solver in (name for name, row in SOLVERS.items() if row.takes_steps):
        try:
            sampler = flow(solver, steps=4, path=path)
        except Incompatible as error:
            assert f"path {path} cannot step away from t = 1" in str(error)
            continue
        model = models.Counted(three_components())
        samples = sampler(model, LATENTS[:3], lambda x: normal(*x.shape, seed=1))
        assert samples.isfinite().all() and samples.abs().max() < 10, solver
        assert model.nfe == sampler.evaluations(model), solver


def test_levels_may_be_listed_from_noise_on():
    sampler = solvers.build(solver="euler", schedule="flow", levels=[math.inf, 3.0, 1.0])
    assert sampler.declared(gaussian()).settings["sampler"]["levels"] == '["inf",3,1]'
    model = Recorder(gaussian())
    sampler(model, LATENTS)
    assert model.sigmas == [math.inf, 3.0, 1.0]


def test_a_grid_starts_at_t_1():
    table = {"solver": ["euler", "heun"], "schedule": "flow", "discretization": "uniform-t"}
    made = plan.make(
        Grid(
            name="flow",
            models=["exact-mixture-moons"],
            samples=20,
            metrics=["truncation-error"],
            sampler=[{**table, "steps": 4}],
        )
    )
    assert [(work.nfe, work.cell.sampler["grid"]["sigma_max"]) for work in made.work] == [
        (4.0, math.inf),
        (7.0, math.inf),
    ]

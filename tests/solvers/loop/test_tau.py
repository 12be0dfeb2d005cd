"""Paths with a window of τ: what they draw, and the variance they keep."""

import math

import pytest
import torch

from sampler_bench.solvers.incompatible import Incompatible
from sampler_bench.solvers.loop import sample
from sampler_bench.solvers.paths.ode import Deterministic
from sampler_bench.solvers.paths.path import Path
from sampler_bench.solvers.paths.stochastic import SDE
from sampler_bench.solvers.paths.tau import EulerMaruyama, Tau, TauSDE
from sampler_bench.solvers.process import Process
from sampler_bench.solvers.rule import Rule
from sampler_bench.solvers.rules.exponential import Multistep
from sampler_bench.solvers.rules.predictor_corrector import PredictorCorrector
from sampler_bench.solvers.schedules import Linear, RectifiedFlow, Schedule, UnitVariance
from tests.parity.case import Recorded
from tests.solvers.loop.exact import LATENTS, mixture
from tests.solvers.loop.weak import variance_error, weak_order

LEVELS = (10.0, 4.0, 2.0, 1.0, 0.5, 0.2)
NOISE = Multistep(k=2, form="noise", end="never")
SA = PredictorCorrector(k=3, corrector=4, half="exact", end="never")


def run(path: Path, rule: Rule, levels=LEVELS, schedule: Schedule | None = None) -> Recorded:
    """Sample and return what was asked and drawn, with the result as ``.out``, x₀ + σn."""
    schedule = Linear() if schedule is None else schedule
    grid = [schedule.level(sigma) for sigma in levels]
    noise = torch.randn(99, *LATENTS.shape, dtype=torch.float64, generator=torch.manual_seed(0))
    model = Recorded(mixture(), noise)
    process = Process(model.denoise, schedule, model.draw)
    out = sample(process, grid[0].b * LATENTS, path.steps(grid, schedule), rule)
    model.out = out / grid[-1].s
    return model


@pytest.mark.parametrize("kind", [TauSDE, EulerMaruyama])
def test_draws_once_a_step_wherever_the_window_lies_and_not_into_zero(kind: type[Tau]) -> None:
    """Later draws of a seed depend on neither window nor quiet end."""
    for path in (kind(), kind(S_min=1.0, S_max=4.0), kind(S_max=0.1), kind(quiet_end=True)):
        assert run(path, NOISE).drawn == 5
        assert run(path, NOISE, (*LEVELS, 0.0)).drawn == 5
    assert run(kind(tau=0.0), NOISE).drawn == 0


@pytest.mark.parametrize(
    ("given", "noisy"),
    [
        ({}, [1, 1, 1, 1, 1]),
        ({"quiet_end": True}, [1, 1, 1, 1, 0]),
        ({"S_min": 1.0, "S_max": 4.0}, [0, 1, 1, 1, 0]),
        ({"S_min": 1.0, "S_max": 4.0, "level": "end"}, [1, 1, 1, 0, 0]),
    ],
)
def test_which_steps_are_noisy(given: dict[str, float], noisy: list[int]) -> None:
    grid = [Linear().level(sigma) for sigma in LEVELS]
    for kind in (TauSDE, EulerMaruyama):
        steps = kind(**given).steps(grid, Linear())
        assert [int(step.after != (0.0,)) for step in steps] == noisy


def test_without_a_window_it_is_the_sde_of_eta_tau_squared() -> None:
    for rule in (NOISE, SA, Multistep(k=2)):
        for levels in (LEVELS, (*LEVELS, 0.0)):
            one = run(TauSDE(tau=0.6, S_noise=1.1), rule, levels).out
            other = run(SDE(eta=0.36, S_noise=1.1), rule, levels).out
            torch.testing.assert_close(one, other, rtol=0, atol=1e-12)


@pytest.mark.parametrize("kind", [TauSDE, EulerMaruyama])
def test_outside_the_window_it_is_the_flow(kind: type[Tau]) -> None:
    assert torch.equal(run(kind(S_max=0.1), SA).out, run(Deterministic(), SA).out)


@pytest.mark.parametrize("path", [TauSDE(tau=0.8), EulerMaruyama(tau=0.8)])
@pytest.mark.parametrize("rule", [NOISE, SA, Multistep(k=2)])
def test_no_schedule_changes_it(path: Path, rule: Rule) -> None:
    plain = run(path, rule).out
    for schedule in (UnitVariance(Linear()), RectifiedFlow()):
        torch.testing.assert_close(
            run(path, rule, schedule=schedule).out, plain, rtol=0, atol=1e-11
        )


@pytest.mark.parametrize(
    ("rule", "path", "order"),
    [
        (SA, TauSDE(), 2.0),
        (SA, TauSDE(S_min=0.3, S_max=3.0), 2.0),
        (NOISE, TauSDE(), 1.0),
        (NOISE, EulerMaruyama(), 2.0),
        (NOISE, EulerMaruyama(tau=0.5), 2.0),
        (Multistep(k=2), EulerMaruyama(), 1.0),
    ],
)
def test_weak_order(rule: Rule, path: Path, order: float) -> None:
    """Data rules keep order 2 where the linear part is exact, noise rules where it is Euler's."""
    assert weak_order(rule, path) == pytest.approx(order, abs=0.2)
    assert variance_error(rule, path, 256) < 0.05


def test_euler_maruyama_cannot_begin_at_infinity() -> None:
    grid = [RectifiedFlow().at(t) for t in (1.0, 0.5)]
    with pytest.raises(Incompatible, match="σ = ∞"):
        list(EulerMaruyama().steps(grid, RectifiedFlow()))
    (step,) = TauSDE().steps(grid, RectifiedFlow())
    assert (step.down.sigma, step.after) == (0.0, (1.0,))


@pytest.mark.parametrize("given", [{"tau": -1.0}, {"S_noise": -1.0}, {"S_min": 2.0, "S_max": 1.0}])
def test_refuses(given: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(given))):
        TauSDE(**given)


def test_a_long_step_by_euler_and_maruyama_passes_below_zero() -> None:
    """Why it is a gain and no level to land at: from 10 to 1 the mean goes to 2·1 − 10 < 0."""
    (step,) = EulerMaruyama().steps([Linear().level(10.0), Linear().level(1.0)], Linear())
    assert step.gain == 2.0
    assert step.after == (math.sqrt(99.0),)

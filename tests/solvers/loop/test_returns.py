"""Paths that return or take a φ of their own: marginals, draws, and what becomes of the past."""

import itertools
import math

import pytest

from sampler_bench.solvers.churn import Churn
from sampler_bench.solvers.paths.er_sde import ERSDE, SCALES
from sampler_bench.solvers.paths.path import Path
from sampler_bench.solvers.paths.restart import Repeated, Restart
from sampler_bench.solvers.paths.stochastic import SDE
from sampler_bench.solvers.rule import Rule
from sampler_bench.solvers.rules.exponential import Multistep
from sampler_bench.solvers.rules.runge_kutta import RK2
from sampler_bench.solvers.rules.taylor import Taylor
from sampler_bench.solvers.schedules import Linear, RectifiedFlow
from sampler_bench.solvers.step import Step
from tests.solvers.loop.by_weights import grid_of, variance_error

TWO = Restart(intervals=((6, 2, 0.1, 1.0), (4, 1, 2.0, 9.0)))
CASES: dict[str, tuple[Path, Rule, float]] = {
    "restart": (
        Restart(intervals=((40, 2, 0.1, 1.0),), S_churn=3.0, gamma_inside=0.02),
        RK2(),
        0.0,
    ),
    "repeated churn": (Repeated(S_churn=10.0, times=3), RK2(), 1.8),
    **{f"ER-SDE-2, {name}": (ERSDE(scale=name), Taylor(k=2), 1.8) for name in SCALES},
    "ER-SDE-3": (ERSDE(), Taylor(k=3), 1.8),
    "2M on φ": (ERSDE(), Multistep(k=2), 1.8),
}


@pytest.mark.parametrize("name", CASES)
def test_the_variance_is_kept(name: str) -> None:
    """On a Gaussian, by weights: it converges, in the order that is claimed for noise."""
    path, rule, order = CASES[name]
    errors = [abs(variance_error(path, rule, Linear(), n)) for n in (50, 100, 200)]
    assert errors[-1] < 0.01
    assert math.log2(errors[-2] / errors[-1]) > order, errors


def test_a_return_is_steps_that_start_below_where_they_are() -> None:
    """Both ends of a return's levels are the grid's level and the height asked for."""
    grid = grid_of(Linear(), 18)
    steps = list(TWO.steps(grid, Linear()))
    returns = [step for step in steps if len(step.before) == 2]
    assert [step.here.sigma for step in returns] == pytest.approx([9.0, 1.0, 1.0])
    assert all(step.start.sigma < step.here.sigma for step in returns)
    assert len(steps) == len(grid) - 1 + 3 + 2 * 5
    for step, later in itertools.pairwise(steps):
        assert later.start is step.end
    for step in returns:
        up = math.sqrt(step.here.sigma**2 - step.start.sigma**2)
        assert step.before == (pytest.approx(up), 0.0)


def test_draws_of_a_restart() -> None:
    """One a step, and one more where it returns: a change would shift a seed's later noise."""
    grid = grid_of(Linear(), 18)
    assert sum(len(s.before) + len(s.after) for s in TWO.steps(grid, Linear())) == 18 + 13 + 3
    repeated = Repeated(S_churn=5.0, S_max=1.0, times=3)
    below = sum(point.sigma <= 1.0 for point in grid[:-1])
    assert sum(len(s.before) for s in repeated.steps(grid, Linear())) == 18 + 2 * below


def test_two_returns_from_one_level_are_both_gone() -> None:
    """The released program keeps the later one, and says nothing."""
    grid = grid_of(Linear(), 9)
    both = Restart(intervals=((3, 1, 0.5, 2.0), (3, 1, 0.5, 4.0)))
    tops = [s.here.sigma for s in both.steps(grid, Linear()) if len(s.before) == 2]
    assert tops == pytest.approx([2.0, 4.0])


def test_a_return_from_above_its_top_is_refused() -> None:
    """The nearest level to an interval's start may lie above its end."""
    path = Restart(intervals=((3, 1, 0.005, 0.008),))
    with pytest.raises(ValueError, match=r"no level .* near 0\.005 and below 0\.008"):
        list(path.steps(grid_of(Linear(), 4), Linear()))


def test_once_repeated_is_churn() -> None:
    """Repeated(times=1) has churn's steps."""
    grid = grid_of(Linear(), 9)
    ours = list(Repeated(S_churn=5.0, times=1).steps(grid, Linear()))
    assert ours == list(Churn(S_churn=5.0).steps(grid, Linear()))


@pytest.mark.parametrize(("scale", "eta"), [("sde", 1.0), ("sde-2", 0.5), ("sde-3", 1.5)])
def test_powers_are_the_sde_s(scale: str, eta: float) -> None:
    """φ = σ^(1+η)."""
    grid = grid_of(Linear(), 9)
    pairs = zip(
        ERSDE(scale=scale).steps(grid, Linear()), SDE(eta=eta).steps(grid, Linear()), strict=True
    )
    for ours, theirs in pairs:
        assert ours.down.sigma == pytest.approx(theirs.down.sigma, rel=1e-12)
        assert ours.after == pytest.approx(theirs.after)


def test_exact_integrals_are_those_of_powers() -> None:
    """φ = σ^1.5: m_1 and m_2 in closed form, over a step of a factor 10⁴."""
    (step,) = SDE(eta=0.5).steps([Linear().level(s) for s in (100.0, 0.01)], Linear())
    assert isinstance(step, Step)
    high, low = 100.0, 0.01
    first = 2 * (low**-0.5 - high**-0.5)  # ∫ ξ^−1.5 dξ
    second = 2 * (high**0.5 - low**0.5)  # ∫ ξ^−0.5 dξ
    scale = low**1.5 / (low - high)
    exact = [1 + scale * first, 1 + 2 * scale * (second - high * first) / (low - high)]
    assert Taylor(k=3).moments(step, 2) == pytest.approx(exact, rel=1e-10)


def test_nothing_is_churned_at_infinity() -> None:
    """Where sampling begins with noise alone, a draw of churn adds nothing."""
    schedule = RectifiedFlow()
    grid = [schedule.at(t) for t in (1.0, 0.5, 0.0)]
    for path in (Churn(S_churn=5.0), Repeated(S_churn=5.0), Restart(S_churn=5.0)):
        first = next(iter(path.steps(grid, schedule)))
        assert (first.here, first.before) == (grid[0], (0.0,))

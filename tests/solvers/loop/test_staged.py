"""Rules that libraries have in a form of their own: where they evaluate, and of which order."""

import math

import pytest
import torch

from sampler_bench.models import Counted
from sampler_bench.solvers.loop import sample
from sampler_bench.solvers.paths.ode import Deterministic
from sampler_bench.solvers.process import Process, refuse, scaled
from sampler_bench.solvers.rules.adams import IPNDM
from sampler_bench.solvers.rules.predictor_corrector import PredictorCorrector
from sampler_bench.solvers.rules.runge_kutta import Butcher
from sampler_bench.solvers.rules.staged import Staged
from sampler_bench.solvers.schedules import Linear
from tests.solvers.loop.exact import LONGEST_PAST, bent, error, geometric, slope
from tests.solvers.mixtures import three_components

MIDPOINT = ((0.5,), (0.0, 1.0))


def staged(n, **parts):
    """Return a rule of order 3 on every third level of a grid, and the levels it steps to."""
    fine = bent(3 * n)[LONGEST_PAST:]
    inner = tuple((fine[i + 1], fine[i + 2]) for i in range(0, 3 * n, 3))
    return Staged(inner=inner, **parts), [*[math.inf] * LONGEST_PAST, *fine[::3]]


@pytest.mark.parametrize("form", ["data", "noise"])
@pytest.mark.parametrize("solver_type", ["dpmsolver", "taylor"])
def test_stages_at_the_grids_own_levels_keep_the_order(form, solver_type):
    errors = [error(*_at(n, form=form, solver_type=solver_type)) for n in (64, 128)]
    assert math.log2(errors[0] / errors[1]) == pytest.approx(3, abs=0.15)


def _at(n, **parts):
    rule, levels = staged(n, **parts)
    assert rule.order == 3
    return rule, n, levels


@pytest.mark.parametrize("k", [1, 2, 4])
def test_weights_of_equal_steps_on_D_are_of_order_two_at_most(k):
    found = slope(IPNDM(k=k, form="data"), geometric)
    assert found == pytest.approx(IPNDM(k=k, form="data").order, abs=0.15)


def test_a_step_that_is_not_mended_is_the_predictors():
    predictor = PredictorCorrector(k=2, corrector=None, end="never")
    never = PredictorCorrector(k=2, end="never", unmended=tuple(range(16)))
    once = PredictorCorrector(k=2, end="never", unmended=(3,))
    made = [error(rule, 16, geometric(16)) for rule in (predictor, never, once)]
    assert made[0] == made[1] != made[2]


@pytest.mark.parametrize(
    ("rule", "to_zero", "above"),
    [
        (Butcher(table=MIDPOINT, claims=2), 6, 6),
        (Butcher(table=((1.0,), (0.5, 0.5)), claims=2), 5, 6),
        (Staged(inner=((9.0, 8.0), (1.0,), (0.25,))), 6, 7),
        (Staged(inner=((9.0, 8.0), (), (0.25,))), 5, 6),
    ],
)
def test_it_costs_what_it_says(rule, to_zero, above):
    for last, counted in ((0.0, to_zero), (0.2, above)):
        denoiser = Counted(three_components())
        grid = [Linear().level(sigma) for sigma in (10.0, 2.0, 0.5, last)]
        steps = Deterministic().steps(grid, Linear())
        z = torch.ones(1, 2, dtype=torch.float64)
        sample(Process(scaled(denoiser), Linear(), refuse), z, steps, rule)
        assert denoiser.nfe == rule.evaluations(3, last == 0) == counted

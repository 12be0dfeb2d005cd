"""Plans of orders, and where their inner stages lie."""

import math

import pytest

from sampler_bench.solvers.loop import sample
from sampler_bench.solvers.paths.ode import Deterministic
from sampler_bench.solvers.process import Process, refuse
from sampler_bench.solvers.rules.planned import Planned, PlannedInTime, plan
from sampler_bench.solvers.schedules import VP, Linear, RectifiedFlow, UnitVariance
from tests.solvers.loop.exact import LATENTS, bent, error, mixture

PLANS = {
    (1, 3): (1,),
    (2, 3): (2,),
    (3, 3): (2, 1),
    (7, 3): (3, 3, 1),
    (8, 3): (3, 3, 2),
    (9, 3): (3, 3, 2, 1),
    (6, 2): (2, 2, 2),
    (7, 2): (2, 2, 2, 1),
    (3, 1): (1, 1, 1),
}


@pytest.mark.parametrize(("asked", "orders"), PLANS.items())
def test_a_plan_has_as_many_evaluations_as_asked_for(asked, orders):
    assert plan(*asked) == orders
    assert sum(orders) == asked[0]


@pytest.mark.parametrize("wrong", [(0, 3), (5, 4), (5, 0)])
def test_a_plan_out_of_range_is_refused(wrong):
    with pytest.raises(ValueError, match="is not allowed"):
        plan(*wrong)


def asked(rule, schedule, levels):
    """Return the t of every evaluation."""
    found, net = [], mixture()

    def denoise(z, at):
        found.append(at.t)
        return net.denoise(z, at.s, at.b)

    grid = [schedule.level(sigma) for sigma in levels]
    steps = Deterministic().steps(grid, schedule)
    out = sample(Process(denoise, schedule, refuse), LATENTS * grid[0].b, steps, rule)
    assert out.isfinite().all()
    return found


def test_stages_divide_a_step_in_log_sigma_in_t_or_in_its_root():
    assert asked(Planned(plan=(3,)), Linear(), [8, 1]) == pytest.approx([8, 4, 2])
    assert asked(PlannedInTime(plan=(3,)), Linear(), [7, 1]) == pytest.approx([7, 5, 3])
    assert asked(PlannedInTime(plan=(2,), power=2), Linear(), [9, 1]) == pytest.approx([9, 4])


@pytest.mark.parametrize("rule", [Planned, PlannedInTime])
@pytest.mark.parametrize("end", [0.0, 0.1])
def test_its_evaluations_are_as_declared(rule, end):
    planned = rule(plan=(3, 2, 3))
    levels = [80.0, 7.0, 1.0, end]
    assert len(asked(planned, UnitVariance(VP()), levels)) == planned.evaluations(3, end == 0)


def test_from_noise_alone_the_first_step_is_of_order_one():
    assert len(asked(PlannedInTime(plan=(3, 3)), RectifiedFlow(), [math.inf, 3.0, 0.1])) == 4


@pytest.mark.parametrize("form", ["data", "noise"])
@pytest.mark.parametrize("kind", ["dpmsolver", "taylor"])
@pytest.mark.parametrize(("rule", "more"), [(Planned, {}), (PlannedInTime, {"power": 2.0})])
@pytest.mark.parametrize("k", [1, 2, 3])
def test_a_plan_of_one_order_has_that_order(rule, more, k, form, kind):
    schedule = UnitVariance(VP())
    errors = [
        error(rule(plan=(k,) * n, form=form, solver_type=kind, **more), n, bent(n), schedule)
        for n in (64, 128)
    ]
    assert math.log2(errors[0] / errors[1]) == pytest.approx(k, abs=0.15)

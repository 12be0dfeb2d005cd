"""DEIS over the schedule's time and iPNDM_v: orders, what they are elsewhere, released faults."""

import math

import pytest
import torch

from sampler_bench.solvers.loop import sample
from sampler_bench.solvers.paths.ode import Deterministic
from sampler_bench.solvers.rules.adams import LMS
from sampler_bench.solvers.rules.deis import DEIS, moments, released_moments
from sampler_bench.solvers.rules.ipndm_v import IPNDMv
from sampler_bench.solvers.schedules import VE, VP, Linear, RectifiedFlow, UnitVariance
from tests.solvers.loop.exact import LATENTS, bent, mixture, process, slope


def run(rule, schedule, levels):
    grid = [schedule.level(sigma) for sigma in levels]
    z = LATENTS * grid[0].b
    return sample(process(schedule), z, Deterministic().steps(grid, schedule), rule)


@pytest.mark.parametrize("k", [1, 2, 3, 4])
@pytest.mark.parametrize("schedule", [VE(), UnitVariance(VP()), RectifiedFlow()])
def test_deis_has_its_order_in_every_time(k, schedule):
    assert slope(DEIS(k=k), bent, schedule) == pytest.approx(k, abs=0.15)


def test_where_time_is_sigma_deis_is_lms():
    levels = [80.0, 30.0, 9.0, 4.0, 1.0, 0.3, 0.05]
    one, other = (run(rule, Linear(), levels) for rule in (DEIS(k=4), LMS(k=4)))
    torch.testing.assert_close(one, other, rtol=1e-11, atol=1e-11)


def test_into_zero_it_is_of_first_order():
    """VP's time has no σ just above the end of time where its refit β_min is negative."""
    levels = [80.0, 30.0, 1.0, 0.3]
    refit = VP.fit(0.002, 80.0)
    assert refit.beta_min < 0
    before = run(DEIS(k=4), refit, levels)
    net = mixture()
    expected = net.denoise(before, 1.0, 0.3)
    torch.testing.assert_close(run(DEIS(k=4), refit, [*levels, 0.0]), expected)


def test_its_integrals_are_those_of_a_power():
    # VE: σ = √t, so that ∫ u dσ from t = 4 to 1 with u = (4 − σ²)/3 is [4σ − σ³/3]/3 from 2 to 1
    [first] = moments(VE(), 4.0, 1.0, 1.0, 1)
    assert first == pytest.approx(((4 - 1 / 3) - (8 - 8 / 3)) / 3, abs=1e-13)


def test_deis_is_finite_from_noise_alone_and_at_repeated_levels():
    out = run(DEIS(k=4), RectifiedFlow(), [math.inf, 50.0, 50.0, 3.0, 3.0, 0.4, 0.0])
    assert out.isfinite().all()


def test_what_was_evaluated_at_noise_alone_counts_on_the_second_step():
    levels = [math.inf, 9.0, 1.0]
    one, two = (run(DEIS(k=k), RectifiedFlow(), levels) for k in (1, 2))
    assert float((one - two).abs().max()) > 1e-3


def test_the_released_sum_does_not_add_up_to_the_step():
    whole, first = released_moments(VE(), 4.0, 1.0, 1)
    [exact] = moments(VE(), 4.0, 1.0, 1.0, 1)
    assert 1e-6 < abs(whole + 1) < 1e-3
    assert 1e-6 < abs(first - exact) < 1e-3
    assert DEIS(integral="released").order is None


@pytest.mark.parametrize("k", [2, 3, 4])
def test_ipndm_v_is_lms(k):
    levels = [80.0, 30.0, 9.0, 4.0, 1.0, 0.3, 0.0]
    one, other = (run(rule, Linear(), levels) for rule in (IPNDMv(k=k), LMS(k=k)))
    assert torch.equal(one, other)
    assert slope(IPNDMv(k=k), bent) == pytest.approx(k, abs=0.15)


def test_as_released_a_fourth_evaluation_makes_it_worse():
    assert slope(IPNDMv(k=3, weights="released"), bent) > 2.8
    assert slope(IPNDMv(k=4, weights="released"), bent) < 2.5
    assert IPNDMv(k=4, weights="released").order is None


def test_as_released_three_are_right_on_equal_steps_of_sigma_and_four_are_not():
    levels = [7.0, 6.0, 5.0, 4.0, 3.0, 2.0, 1.0]
    for k, is_right in ((3, True), (4, False)):
        one = run(IPNDMv(k=k, weights="released"), Linear(), levels)
        assert torch.allclose(one, run(LMS(k=k), Linear(), levels), rtol=1e-13) is is_right

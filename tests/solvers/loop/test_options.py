"""Wrappers of the denoiser: the analytical first step, dynamic thresholding."""

import math

import pytest
import torch

from sampler_bench.solvers.options import analytic_first_step, thresholded
from sampler_bench.solvers.schedules import Linear, RectifiedFlow, UnitVariance

Z = torch.tensor([[1.0, -2.0], [0.5, 4.0]], dtype=torch.float64)


def refused(z, at):
    raise AssertionError("the denoiser was called")


@pytest.mark.parametrize("schedule", [Linear(), UnitVariance(Linear()), RectifiedFlow()])
def test_the_first_slope_is_x_over_the_deviation_and_costs_nothing(schedule):
    at = schedule.level(3.0)
    D = analytic_first_step(refused)(Z, at)
    x = Z / at.s
    torch.testing.assert_close((x - D) / 3.0, x / math.sqrt(10.0), rtol=1e-13, atol=0)


def test_only_the_first_is_known_and_nothing_at_infinity():
    wrapped = analytic_first_step(lambda z, at: z + 7)
    assert torch.equal(wrapped(Z, RectifiedFlow().at(1.0)), torch.zeros_like(Z))
    assert torch.equal(wrapped(Z, Linear().level(1.0)), Z + 7)


def test_thresholding_is_of_each_sample_and_leaves_what_is_inside():
    D = torch.tensor([[0.5, -1.0, 0.25], [4.0, -2.0, 1.0]], dtype=torch.float64)
    before = D.clone()
    made = thresholded(lambda z, at: D, quantile=0.5)(D, Linear().level(1.0))
    expected = torch.tensor([[0.5, -1.0, 0.25], [1.0, -1.0, 0.5]], dtype=torch.float64)
    assert torch.equal(made, expected)
    assert torch.equal(D, before), "a model's own tensor was written into"


def test_a_larger_limit_clips_less():
    D = torch.tensor([[4.0, -2.0, 1.0]], dtype=torch.float64)
    made = thresholded(lambda z, at: D, quantile=0.5, limit=3.0)(D, Linear().level(1.0))
    assert torch.equal(made, torch.tensor([[3.0, -2.0, 1.0]], dtype=torch.float64))


@pytest.mark.parametrize("wrong", [{"quantile": 0.0}, {"quantile": 1.1}, {"limit": 0.0}])
def test_a_threshold_out_of_range_is_refused(wrong):
    with pytest.raises(ValueError, match=f"{next(iter(wrong))} = .* is not allowed"):
        thresholded(refused, **wrong)

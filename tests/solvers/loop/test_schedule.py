"""Schedules as floats: derivatives, inverses, and points that are finite at both ends."""

import math

import pytest
import torch

from sampler_bench.solvers import schedules as tensors
from sampler_bench.solvers.schedules import (
    VE,
    VP,
    Cosine,
    Geometric,
    Linear,
    RectifiedFlow,
    Schedule,
    UnitVariance,
)

EACH = {
    "linear": Linear(),
    "ve": VE(),
    "vp": VP(),
    "vp refit": VP.fit(0.002, 80.0),
    "cosine": Cosine(),
    "geometric": Geometric(),
    "flow": RectifiedFlow(),
    "linear, unit variance": UnitVariance(Linear()),
    "cosine, unit variance": UnitVariance(Cosine()),
    "vp, unit variance": UnitVariance(VP.fit(0.002, 80.0)),
}
LEVELS = (0.02, 0.3, 1.0, 7.0, 70.0)


@pytest.fixture(params=EACH.values(), ids=EACH)
def schedule(request) -> Schedule:
    return request.param


@pytest.mark.parametrize("sigma", LEVELS)
def test_a_point_is_where_it_says(schedule, sigma):
    point = schedule.level(sigma)
    assert point.sigma == sigma
    assert schedule.sigma(point.t) == pytest.approx(sigma, rel=1e-9)
    assert point.b == pytest.approx(point.s * sigma, rel=1e-12)


@pytest.mark.parametrize("sigma", LEVELS)
def test_p_and_q_are_the_derivatives(schedule, sigma):
    """p = ḃ/b and q = ṡ − s·ḃ/b, by central differences of b and s."""
    t = schedule.level(sigma).t
    h = 1e-6 * (t or 1.0)
    ahead, behind, at = schedule.at(t + h), schedule.at(t - h), schedule.at(t)
    b_dot, s_dot = (ahead.b - behind.b) / (2 * h), (ahead.s - behind.s) / (2 * h)
    assert at.p == pytest.approx(b_dot / at.b, rel=1e-5, abs=1e-9)
    assert at.q == pytest.approx(s_dot - at.s * b_dot / at.b, rel=1e-5, abs=1e-9)


def test_the_end_is_exactly_zero(schedule):
    if schedule.reaches_zero:
        assert schedule.level(0.0).t == 0.0
        assert schedule.level(0.0).b == 0.0


def test_a_flow_begins_at_infinity():
    start = RectifiedFlow().level(math.inf)
    assert (start.t, start.s, start.b, start.p, start.q) == (1.0, 0.0, 1.0, 1.0, -1.0)


@pytest.mark.parametrize("t", [-0.01, -0.0005])
def test_beyond_the_end_there_is_no_level(t):
    """VP's formula has another branch below 0; the step that lands there has to be seen."""
    for schedule in (VP.fit(0.002, 80.0), VE(), RectifiedFlow()):
        assert not schedule.at(t).sigma > 0


@pytest.mark.parametrize("sigma", LEVELS)
def test_they_are_the_tensors_formulas(sigma):
    """To the last bits: expm1 and log1p of PyTorch and of C may differ in the last place."""
    level = torch.tensor(sigma, dtype=torch.float64)
    for ours, theirs in (
        (VE(), tensors.VE()),
        (VP.fit(0.002, 80.0), tensors.VP.fit(0.002, 80.0)),
        (Geometric(), tensors.Geometric()),
    ):
        assert ours.time(sigma) == pytest.approx(float(theirs.time(level)), rel=1e-14)

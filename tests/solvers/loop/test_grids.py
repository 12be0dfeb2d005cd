"""Levels on floats: k-diffusion's tables, today's levels, and the ends."""

import itertools
import math

import pytest

from sampler_bench.solvers import discretizations, grids
from sampler_bench.solvers.schedules import VP, RectifiedFlow

# k-diffusion's get_sigmas_… @4601bf0, without the trailing 0
TABLES = {
    "karras": (
        grids.edm(6, 0.002, 80.0),
        (80.0, 24.4083417865801, 5.83894763101189, 0.965416926331895, 0.0850872026893902, 0.002),
    ),
    "karras, rho 5": (
        grids.edm(9, 0.03, 14.6, rho=5.0)[:4],
        (14.6, 9.17427033690995, 5.49668707895907, 3.10605265447652),
    ),
    "exponential": (
        grids.log_snr(6, 0.002, 80.0),
        (80.0, 9.60899547185145, 1.15415992472577, 0.138628968631029, 0.0166510641480375, 0.002),
    ),
    "polyexponential, rho 1.5": (
        grids.polyexponential(9, 0.03, 14.6, rho=1.5)[:4],
        (14.6, 4.7488327371282, 1.66928072630757, 0.638113895028832),
    ),
    "vp": (
        grids.vp(6, VP().sigma(1e-3), VP().sigma(1.0)),
        (
            152.166970283946,
            25.1488524045038,
            6.11166250604724,
            2.03442934017245,
            0.723806766681299,
            0.0104859927867064,
        ),
    ),
}


@pytest.mark.parametrize("name", TABLES)
def test_levels_are_k_diffusions(name: str) -> None:
    """A released table, to its printed digits (VP's betas are fitted back to 1e-12)."""
    ours, theirs = TABLES[name]
    assert ours == pytest.approx(theirs, rel=1e-12)


@pytest.mark.parametrize("name", ["edm", "vp", "ve", "log_snr", "iddpm"])
@pytest.mark.parametrize("n", [1, 2, 18, 40])
def test_levels_on_floats_are_those_on_tensors(name: str, n: int) -> None:
    """Nothing moves by more than the last digits."""
    ours = getattr(grids, name)(n, 0.002, 81.0)
    assert ours == pytest.approx(getattr(discretizations, name)(n, 0.002, 81.0).tolist(), rel=1e-14)


def test_uniform_t_has_equal_steps_in_time() -> None:
    """A flow's levels from t = 1, where σ = ∞, to t(low); both ends to the last bit."""
    levels = grids.uniform_t(5, 0.25, math.inf, schedule=RectifiedFlow())
    assert (levels[0], levels[-1]) == (math.inf, 0.25)
    times = [RectifiedFlow().time(sigma) for sigma in levels]
    steps = [a - b for a, b in itertools.pairwise(times)]
    assert steps == pytest.approx([0.2] * 4, rel=1e-12)


def test_levels_fall_and_end_where_they_should() -> None:
    """All of them, from the range's upper end to its lower one."""
    for f in (grids.edm, grids.polyexponential, grids.log_snr, grids.ve, grids.vp):
        levels = f(12, 0.01, 50.0)
        assert levels == sorted(levels, reverse=True)
        assert (levels[0], levels[-1]) == pytest.approx((50.0, 0.01), rel=1e-12)

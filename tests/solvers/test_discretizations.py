"""Noise levels against the paper's printed numbers, and what holds for every discretization."""

import math
from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from sampler_bench import solvers
from sampler_bench.models import Counted
from sampler_bench.solvers import DISCRETIZATIONS, SOLVERS, discretizations
from sampler_bench.solvers.context import Context
from sampler_bench.solvers.levels import iddpm_levels
from sampler_bench.solvers.rules.runge_kutta import Euler
from sampler_bench.solvers.schedules import VP, Linear
from tests.solvers.combinations import each, each_discretization, float64
from tests.solvers.mixtures import Recorder, gaussian

U = iddpm_levels()
CONTEXT = Context(Linear(), None, Euler())


def on_tensors(function):
    return lambda *numbers, **own: float64(*function(*numbers, **own))


edm, iddpm, log_snr, ve, vp = (
    on_tensors(getattr(discretizations, name)) for name in ("edm", "iddpm", "log_snr", "ve", "vp")
)


@each_discretization
@given(n=st.integers(1, 300))
def test_levels_fall_from_sigma_max_to_sigma_min(discretization, n):
    part = DISCRETIZATIONS[discretization]
    low, high = part.sigma_min, part.sigma_max
    levels = part.made(n, low, high, CONTEXT)
    assert levels.shape == (n,)
    assert levels.dtype == torch.float64
    assert (levels.diff() <= 0).all()
    if discretization == "iddpm":  # its levels are a table: those that lie within the range
        low, high = U[low <= U][-1].item(), U[high >= U][0].item()
    assert levels[0].item() == pytest.approx(high, rel=1e-12)
    if n > 1:
        assert levels[-1].item() == pytest.approx(low, rel=1e-9)


@each_discretization
@pytest.mark.parametrize("end", ["zero", "sigma-min"])
@pytest.mark.parametrize("steps", [1, 2, 17])
def test_a_sampler_has_as_many_steps_as_asked_for(discretization, end, steps):
    sampler = solvers.build(discretization=discretization, steps=steps, end=end)
    levels = sampler.levels(gaussian())
    low, high = sampler.sigma_range(gaussian())
    assert len(levels) == steps + 1
    assert low * (1 - 1e-9) <= levels[levels > 0].min()
    assert levels.max() <= high * (1 + 1e-9)
    assert (levels == 0).sum() == (end == "zero")
    assert (levels[-1] == 0) == (end == "zero")


def test_the_models_range_clamps_the_samplers():
    levels = solvers.build(steps=9).levels(Recorder(gaussian(), smin=0.02, smax=50.0))
    torch.testing.assert_close(levels[[0, -2]], float64(50.0, 0.02))


def test_edm_levels_are_the_papers():
    printed = """80 57.586 40.7856 28.3746 19.3524 12.9101 8.40094 5.31519 3.25682
        1.92334 1.08817 0.58535 0.29644 0.13952 0.05995 0.02293 0.00753 0.002 0"""
    expected = float64(*map(float, printed.split()))
    levels = solvers.build(steps=18).levels(gaussian())
    torch.testing.assert_close(levels, expected, rtol=0, atol=5.1e-4)
    torch.testing.assert_close(levels, expected, rtol=3e-4, atol=0)


def test_edm_with_rho_one_is_uniform_and_with_a_large_rho_geometric():
    uniform = edm(5, 1.0, 9.0, rho=1.0)
    torch.testing.assert_close(uniform, float64(9, 7, 5, 3, 1))
    torch.testing.assert_close(edm(5, 0.1, 9.0, rho=1e6), log_snr(5, 0.1, 9.0), rtol=1e-4, atol=0)


def test_log_snr_levels_are_uniform_in_log_snr():
    log_snr_differences = (-2 * log_snr(40, 0.002, 80.0).log()).diff()
    expected = torch.full((39,), 2 * math.log(80 / 0.002) / 39, dtype=torch.float64)
    torch.testing.assert_close(log_snr_differences, expected)


def test_ve_levels_have_geometric_variances():
    ratios = ve(40, 0.02, 100.0)[1:] ** 2 / ve(40, 0.02, 100.0)[:-1] ** 2
    expected = torch.full((39,), (0.02 / 100) ** (2 / 39), dtype=torch.float64)
    torch.testing.assert_close(ratios, expected)


@pytest.mark.parametrize("epsilon_s", [1e-3, 1e-5])
def test_vp_levels_are_uniform_in_vp_time(epsilon_s):
    levels = vp(40, 0.002, 80.0, epsilon_s=epsilon_s)
    times = each(VP.fit(0.002, 80.0, epsilon_s=epsilon_s).time, levels)
    expected = torch.linspace(1, epsilon_s, 40, dtype=torch.float64)
    torch.testing.assert_close(times, expected, rtol=1e-9, atol=0)


def test_vp_range_is_the_papers():
    part = DISCRETIZATIONS["vp"]
    assert (part.sigma_min, part.sigma_max) == pytest.approx((0.010486, 152.167), rel=1e-4)


def test_iddpm_table_is_the_papers():
    printed = """20291.17 641.66 320.83 213.89 160.41 128.33 106.94 91.66 80.204 71.291
        64.161 58.327 53.466 49.352"""
    expected = float64(*map(float, printed.split()))
    torch.testing.assert_close(U[:14], expected, rtol=3e-5, atol=0)
    assert U[999].item() == pytest.approx(0.006422, abs=5e-7)
    assert len(U) == 1001
    assert U[1000] == 0
    assert (U.diff() < 0).all()


def test_iddpm_table_follows_from_alpha_bar_where_nothing_is_clamped():
    """Unclamped, u_j² = 1/ᾱ'_j − 1 with ᾱ'_j = Π ratios, i.e. ᾱ_M/ᾱ_j·(u_j² + 1) is constant."""
    alpha_bar = (torch.arange(1, 1001).double() * math.pi / 2 / 1000 / 1.008).sin() ** 2
    closed_form = alpha_bar[-1] / alpha_bar - 1
    torch.testing.assert_close(U[1:1000] ** 2, closed_form[:-1], rtol=2e-3, atol=0)


def test_iddpm_clamps_the_ratio_of_the_first_level():
    # ᾱ_0 = 0: only C_1 keeps u_0 finite
    assert U[0].item() == pytest.approx(math.sqrt((U[1].item() ** 2 + 1) / 0.001 - 1))
    other = iddpm_levels(C_1=0.01)
    assert other[0].item() == pytest.approx(math.sqrt((other[1].item() ** 2 + 1) / 0.01 - 1))


def test_iddpm_starts_at_u_8_unless_asked_otherwise():
    default = iddpm(10, 0.002, 81.0)
    assert default[0].item() == pytest.approx(80.204, abs=5e-4)
    assert torch.equal(default, iddpm(10, 0.002, 81.0, j_0=8))
    assert torch.equal(iddpm(992, 0.002, 81.0), U[8:1000])
    assert iddpm(10, 0.002, 30000.0, j_0=0)[0] == U[0]
    assert torch.equal(iddpm(3, 0.002, 81.0, j_0=500), U[[500, 750, 999]])


def test_iddpm_s_range_includes_both_its_ends():
    low, high = U[900].item(), U[300].item()
    levels = iddpm(601, low, high)
    assert torch.equal(levels, U[300:901])


def test_iddpm_rounds_to_indices_as_table_1_says():
    for n in (7, 18, 250):
        indices = [math.floor(8 + (999 - 8) / (n - 1) * i + 0.5) for i in range(n)]
        assert torch.equal(iddpm(n, 0.002, 81.0), U[indices])


def test_iddpm_repeats_levels_when_there_are_more_steps_than_levels():
    levels = iddpm(2000, 0.002, 81.0)
    assert (levels.diff() <= 0).all()
    assert len(levels.unique()) == 992


@pytest.mark.parametrize(("steps", "unique"), [(12, 12), (40, 40), (64, 63), (128, 117)])
def test_a_model_that_rounds_sigma_makes_duplicate_levels(steps, unique):
    adm = Recorder(gaussian(), smin=U[999].item(), smax=U[0].item(), grid=U.tolist())
    levels = solvers.build(steps=steps).levels(adm)
    assert len(levels) == steps + 1
    assert len(levels[:-1].unique()) == unique
    assert torch.isin(levels, U).all()


RELEASED = {
    "karras": (
        discretizations.edm(6, 0.002, 80.0),
        (80.0, 24.4083417865801, 5.83894763101189, 0.965416926331895, 0.0850872026893902, 0.002),
    ),
    "karras, rho 5": (
        discretizations.edm(9, 0.03, 14.6, rho=5.0)[:4],
        (14.6, 9.17427033690995, 5.49668707895907, 3.10605265447652),
    ),
    "exponential": (
        discretizations.log_snr(6, 0.002, 80.0),
        (80.0, 9.60899547185145, 1.15415992472577, 0.138628968631029, 0.0166510641480375, 0.002),
    ),
    "polyexponential, rho 1.5": (
        discretizations.polyexponential(9, 0.03, 14.6, power=1.5)[:4],
        (14.6, 4.7488327371282, 1.66928072630757, 0.638113895028832),
    ),
    "vp": (
        discretizations.vp(6, VP().sigma(1e-3), VP().sigma(1.0)),
        (
            *(152.166970283946, 25.1488524045038, 6.11166250604724, 2.03442934017245),
            *(0.723806766681299, 0.0104859927867064),
        ),
    ),
}
"""k-diffusion's get_sigmas_… @4601bf0, without the trailing 0."""


@pytest.mark.parametrize("name", RELEASED)
def test_levels_are_k_diffusions(name):
    """A released table, to its printed digits (VP's betas are fitted back to 1e-12)."""
    ours, theirs = RELEASED[name]
    assert ours == pytest.approx(theirs, rel=1e-12)


@pytest.mark.parametrize("name", [n for n, row in DISCRETIZATIONS.items() if row.same_as])
def test_another_name_of_a_row_makes_its_levels(name):
    row = DISCRETIZATIONS[name]
    same = DISCRETIZATIONS[row.same_as]
    assert (row.sigma_min, row.sigma_max) == (same.sigma_min, same.sigma_max)
    assert row.defaults() == same.defaults()
    assert torch.equal(row.made(9, 0.002, 80.0, CONTEXT), same.made(9, 0.002, 80.0, CONTEXT))


@pytest.mark.parametrize("schedule", ["linear", "ve", "vp", "cosine", "geometric"])
def test_uniform_t_has_equal_steps_in_the_schedules_time(schedule):
    sampler = solvers.build(
        discretization="uniform-t", schedule=schedule, steps=12, sigma_min=0.03, end="sigma-min"
    )
    levels = sampler.levels(gaussian())
    assert (levels[0], levels[-1]) == (80.0, 0.03)
    steps = each(sampler.schedule_for(gaussian()).time, levels).diff()
    torch.testing.assert_close(steps, steps.mean().expand(12), rtol=1e-9, atol=0)


@dataclass(frozen=True, kw_only=True)
class Doubled(Euler):
    """A rule whose steps are asked for in pairs."""

    pairs: int = 0

    def planned(self, steps):
        return replace(self, pairs=steps), 2 * steps


def test_a_discretization_may_ask_what_its_levels_are_for(monkeypatch):
    """The schedule, what a wrapped model was trained at, and the solver as it was planned."""
    seen = []

    def noting(n, sigma_min, sigma_max, *, context, share=0.5):
        seen.append(context)
        return np.linspace(sigma_max, sigma_min, n)

    monkeypatch.setitem(DISCRETIZATIONS, "noting", solvers.Discretization(noting))
    monkeypatch.setitem(SOLVERS, "doubled", Doubled())
    sampler = solvers.build(solver="doubled", discretization="noting", schedule="vp", steps=4)
    model = gaussian()
    model.own_levels = (50.0, 2.0)
    assert len(sampler.levels(Counted(model))) == 2 * 4 + 1
    assert seen[-1].own_levels == (50.0, 2.0)
    assert seen[-1].schedule == VP.fit(0.002, 80.0)
    assert seen[-1].solver == Doubled(pairs=4)
    assert "context" not in sampler.declared(model).parts["grid"]
    assert sampler.declared(model).parts["schedule"]["name"] == "vp"  # it may see it
    with pytest.raises(ValueError, match="unknown key 'context'"):
        solvers.build(discretization="noting", context=None)


def even(n, sigma_min, sigma_max):
    return np.geomspace(sigma_max, sigma_min, n).clip(sigma_min, sigma_max)


@pytest.mark.parametrize("end", ["zero", "sigma-min", "denoise"])
@pytest.mark.parametrize("kind", [np.asarray, list, torch.from_numpy, lambda levels: levels * 1.0])
@pytest.mark.parametrize("count", [lambda n: n + 1, lambda n: n - 1, lambda n: 0, lambda n: 2 * n])
def test_another_number_of_levels_than_was_asked_for_is_refused(monkeypatch, count, kind, end):
    def other(n, sigma_min, sigma_max):
        return kind(np.resize(even(n, sigma_min, sigma_max), count(n)))

    def right(n, sigma_min, sigma_max):
        return kind(even(n, sigma_min, sigma_max))

    monkeypatch.setitem(DISCRETIZATIONS, "other", solvers.Discretization(other))
    monkeypatch.setitem(DISCRETIZATIONS, "right", solvers.Discretization(right))
    asked = 9 if end != "zero" else 8
    told = f"discretization 'other' makes {count(asked)} levels where {asked} noise levels are"
    with pytest.raises(ValueError, match=told):
        solvers.build(discretization="other", steps=8, end=end)
    assert solvers.build(discretization="right", steps=8, end=end).steps == 8


@pytest.mark.parametrize(
    "wrong",
    [
        None,
        "levels",
        7.0,
        {1.0, 2.0},
        ["80", "2"],
        [80.0, None],
        [[80.0, 2.0]],
        range(2),
        [80 + 1j, 2.0],
        (level for level in (80.0, 2.0)),
    ],
    ids=lambda one: type(one).__name__,
)
def test_what_is_no_row_of_levels_is_refused(monkeypatch, wrong):
    made = solvers.Discretization(lambda n, sigma_min, sigma_max: wrong)
    monkeypatch.setitem(DISCRETIZATIONS, "wrong", made)
    with pytest.raises(ValueError, match=r"^discretization 'wrong' makes .*levels") as refused:
        solvers.build(discretization="wrong", steps=2, sigma_min=2.0)
    assert len(str(refused.value)) < 300

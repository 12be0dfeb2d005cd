"""σ(t) and s(t): derivatives, inverses, the refit of VP's betas, and one ODE under all of them."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from sampler_bench import solvers
from sampler_bench.solvers import SCALINGS, SCHEDULES
from sampler_bench.solvers.schedules import VP, Cosine
from tests.solvers.combinations import each, each_flow, float64, normal, process
from tests.solvers.mixtures import gaussian

LOW, HIGH = 0.002, 80.0
LEVELS = torch.logspace(-2.6, 1.9, 200, dtype=torch.float64)


def made(schedule: str, scaling: str, low=LOW, high=HIGH) -> solvers.Schedule:
    return SCALINGS[scaling](SCHEDULES[schedule].fit(low, high))


def derivative(function, t, scale=None):
    """Return a central difference of sixth order: exact to about 1e-12 of the function here."""
    h = 2e-3 * (scale or t or 1.0)
    pairs = [(function(t + k * h) - function(t - k * h)) / (2 * k * h) for k in (1, 2, 3)]
    return (15 * pairs[0] - 6 * pairs[1] + pairs[2]) / 10


def stretch(schedule, t):
    """Return over how long σ(t) changes: like t, and like 1 − t as well where t = 1 is its pole."""
    return min(t, 1 - t) if schedule in {"cosine", "flow"} else t or 1.0


@each_flow
def test_derivatives_agree_with_differences(schedule, scaling):
    part = made(schedule, scaling)
    for t in map(part.time, LEVELS.tolist()):
        scale = stretch(schedule, t)
        for function, formula in [(part.sigma, part.sigma_deriv), (part.s, part.s_deriv)]:
            round_off = 1e-12 * function(t) / scale
            found = derivative(function, t, scale)
            assert formula(t) == pytest.approx(found, rel=1e-9, abs=round_off)


@each_flow
@given(low=st.floats(1e-4, 1.0), ratio=st.floats(1.1, 1e5))
def test_sigma_of_its_inverse_is_the_identity_on_any_range(schedule, scaling, low, ratio):
    part = made(schedule, scaling, low, low * ratio)
    levels = low * ratio ** torch.linspace(0, 1, 20, dtype=torch.float64)
    times = each(part.time, levels)
    torch.testing.assert_close(each(part.sigma, times), levels, rtol=1e-11, atol=0)
    assert (times.diff() > 0).all()


@each_flow
def test_time_is_zero_exactly_where_there_is_no_noise(schedule, scaling):
    part = made(schedule, scaling)
    assert part.level(0.0).t == 0
    assert [part.level(sigma).t for sigma in (HIGH, 1.0)] == [part.time(HIGH), part.time(1.0)]


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_scalings_are_what_they_are_called(schedule):
    own = SCHEDULES[schedule].fit(LOW, HIGH)
    assert SCALINGS["none"](own) is own
    unit = made(schedule, "unit-variance")
    s = each(unit.s, each(own.time, LEVELS))
    # s²·(σ² + 1) = 1: data of unit variance stay of unit variance
    torch.testing.assert_close(s**2 * (LEVELS**2 + 1), torch.ones_like(s))


@pytest.mark.parametrize("offset", [0.008, 0.3])
def test_the_cosine_of_unit_variance_scales_by_a_cosine(offset):
    """α(t) = cos(½π·(t + o)/(1 + o))/cos(½π·o/(1 + o)): Nichol and Dhariwal 2021, eq. 17."""
    part = SCALINGS["unit-variance"](SCHEDULES["cosine"].fit(LOW, HIGH, cosine_offset=offset))
    times = torch.linspace(0.001, 0.999, 50, dtype=torch.float64)
    angles = 0.5 * math.pi * (torch.cat([times, float64(0.0)]) + offset) / (1 + offset)
    alphas = angles.cos() / angles[-1].cos()
    torch.testing.assert_close(each(part.s, times), alphas[:-1], rtol=1e-12, atol=0)


def test_the_cosine_has_its_times_from_0_to_1():
    part = Cosine()
    assert math.isnan(part.sigma(-1e-3))
    assert [part.sigma(t) for t in (0.0, 1.0, 1.1)] == [0.0, math.inf, math.inf]
    for sigma in (1e-12, 1e12):
        assert part.sigma(part.time(sigma)) == pytest.approx(sigma, rel=1e-3)


@pytest.mark.parametrize("schedule", ["linear", "ve", "vp", "cosine", "geometric"])
def test_all_schedules_but_the_flow_do_not_scale_by_themselves(schedule):
    part = made(schedule, "none")
    times = [part.time(sigma) for sigma in LEVELS.tolist()]
    assert {(part.s(t), part.s_deriv(t)) for t in times} == {(1.0, 0.0)}


@pytest.mark.parametrize(
    ("discretization", "low", "betas"),
    [
        ("vp", None, (19.9, 0.1)),
        ("edm", None, (17.538, -0.004769)),
        ("edm", 0.02, (16.745, 0.3915)),
    ],
)
def test_betas_are_refit_to_the_range_as_in_the_released_code(discretization, low, betas):
    keys = {"discretization": discretization, "schedule": "vp"}
    schedule = solvers.build(sigma_min=low, **keys).schedule_for(gaussian())
    assert (schedule.beta_d, schedule.beta_min) == pytest.approx(betas, rel=2e-4)


@given(low=st.floats(1e-3, 1.0), ratio=st.floats(1.1, 1e5), epsilon_s=st.floats(1e-4, 0.1))
def test_the_refit_puts_the_range_at_epsilon_and_one(low, ratio, epsilon_s):
    schedule = VP.fit(low, low * ratio, epsilon_s=epsilon_s)
    ends = each(schedule.sigma, float64(epsilon_s, 1.0))
    torch.testing.assert_close(ends, float64(low, low * ratio), rtol=1e-8, atol=0)


def test_vp_has_no_noise_level_at_times_that_sampling_cannot_visit():
    positive, negative = VP(19.9, 0.1), VP.fit(LOW, HIGH)
    assert negative.beta_min < 0
    assert each(positive.sigma, float64(-1.0, -0.02, -0.005)).isnan().all()
    second_root = -2 * negative.beta_min / negative.beta_d
    assert each(negative.sigma, float64(-0.1, 0.5 * second_root)).isnan().all()
    assert negative.sigma(1.01 * second_root) > 0


@each_flow
def test_the_solution_is_the_same_under_every_schedule_and_scaling(schedule, scaling):
    data, latents, low, high = gaussian(), normal(4, 2), 0.02, 20.0
    keys = {"rtol": 1e-10, "atol": 1e-10, "sigma_min": low, "sigma_max": high, "end": "sigma-min"}
    sampler = solvers.build(solver="rk45", schedule=schedule, scaling=scaling, **keys)

    mean, c = data.means[0], data.covariances[0].sqrt()
    shrink = ((c**2 + low**2) / (c**2 + high**2)).sqrt()
    closed_form = mean + (latents * high - mean) * shrink
    torch.testing.assert_close(sampler(data, latents), closed_form, rtol=0, atol=1e-8)


@each_flow
def test_the_slope_is_that_of_the_scaled_closed_form(schedule, scaling):
    """x(t) = s(t)·(μ + (x_T − μ)·√(c² + σ(t)²)) solves the ODE for N(μ, c²): check dx/dt itself."""
    data, part, z = gaussian(), made(schedule, scaling), normal(4, 2)
    mean, c = data.means[0], data.covariances[0].sqrt()

    def trajectory(t):
        return part.s(t) * (mean + z * (c**2 + part.sigma(t) ** 2).sqrt())

    for sigma in (0.01, 0.3, 5.0, 60.0):
        at = part.level(sigma)
        slope = process(data, part).slope(trajectory(at.t), at)
        found = derivative(trajectory, at.t, stretch(schedule, at.t))
        torch.testing.assert_close(slope, found, rtol=1e-8, atol=1e-8)

"""Levels as other programs space them, against their own tables, and by their formulas."""

import json
import math
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import beta as beta_distribution
from scipy.stats import laplace as laplace_distribution

from sampler_bench import solvers
from sampler_bench.solvers import DISCRETIZATIONS, Incompatible
from sampler_bench.solvers.context import Context
from sampler_bench.solvers.rules.runge_kutta import Euler
from sampler_bench.solvers.schedules import VP, Linear
from tests.solvers.mixtures import Recorder, gaussian

GOLDEN = Path(__file__).parents[1] / "golden"
TABLES = json.loads((GOLDEN / "libraries.json").read_text("utf-8"))["schedules"]
ARRAYS = np.load(GOLDEN / "libraries.npz")
BETAS = {
    "linear": np.linspace(1e-4, 0.02, 1000),
    "scaled_linear": np.linspace(0.00085**0.5, 0.012**0.5, 1000) ** 2,
}
OWN = [name for name, row in DISCRETIZATIONS.items() if row.needs_levels]


def own_levels(schedule="linear"):
    """A model's own levels, the highest first."""
    alpha_bar = np.cumprod(1 - BETAS[schedule])
    return tuple(np.sqrt((1 - alpha_bar) / alpha_bar)[::-1].tolist())


class Levelled(Recorder):
    """A model that was trained at a linear β's levels, and notes what it is asked for."""

    own_levels = own_levels()


def levelled():
    return Levelled(gaussian())


def made(name, n, low, high, *, own=None, schedule=None, to_zero=True, **keys):
    context = Context(schedule or Linear(), own, Euler(), to_zero)
    return DISCRETIZATIONS[name].made(n, low, high, context, **keys).numpy()


def table(case):
    values = ARRAYS[f"table{case['id']}"]
    return values[values > 0]


def of(function, **said):
    """Golden tables of a function with these words in its configuration."""
    return [
        case
        for case in TABLES
        if case["function"] == function
        and said.items() <= {**case["args"], **case["args"].get("config", {})}.items()
    ]


def close(found, case):
    expected = table(case)[: len(found)]
    assert np.abs(found / expected - 1).max() < 1e-10


@pytest.mark.parametrize("spacing", ["leading", "trailing"])
@pytest.mark.parametrize("schedule", BETAS)
def test_ddims_levels_are_diffusers(spacing, schedule):
    [case] = of("DDIMScheduler", timestep_spacing=spacing, beta_schedule=schedule)
    own = own_levels(schedule)
    close(made(spacing, 12, own[-1], own[0], own=own), case)


@pytest.mark.parametrize(
    ("name", "published"),
    [
        ("ays-sd15", "StableDiffusionSigmas"),
        ("ays-sdxl", "StableDiffusionXLSigmas"),
        ("ays-svd", "StableDiffusionVideoSigmas"),
    ],
)
def test_ten_steps_of_ays_are_those_published(name, published):
    [case] = of("AysSchedules", name=published)
    row = DISCRETIZATIONS[name]
    close(made(name, 10, row.sigma_min, row.sigma_max), case)
    eleven = made(name, 11, row.sigma_min, row.sigma_max, to_zero=False)
    assert eleven[-1] == row.sigma_min and np.allclose(eleven[:-1], table(case), rtol=1e-12)


def test_a_sampler_takes_ten_steps_of_ays_to_zero():
    [case] = of("AysSchedules", name="StableDiffusionSigmas")
    levels = solvers.build(discretization="ays-sd15", steps=10).levels(gaussian())
    close(levels[:-1].numpy(), case)
    assert levels[-1] == 0


def test_ays_is_interpolated_in_the_logarithm_and_stretched_to_another_range():
    twenty = made("ays-sd15", 20, 0.029, 14.615)
    ten = made("ays-sd15", 10, 0.029, 14.615)
    assert np.allclose(twenty[::2], ten, rtol=1e-12)
    assert np.allclose(twenty[1:-1:2] ** 2, ten[1:] * ten[:-1], rtol=1e-12)
    assert twenty[-1] ** 2 == pytest.approx(ten[-1] * 0.029)
    stretch = math.log(80 / 0.002) / math.log(14.615 / 0.029)
    wide = made("ays-sd15", 11, 0.002, 80.0, to_zero=False)
    narrow = made("ays-sd15", 11, 0.029, 14.615, to_zero=False)
    assert np.allclose(np.log(wide / 80), stretch * np.log(narrow / 14.615))


@pytest.mark.parametrize("schedule", BETAS)
def test_beta_over_sigma_is_diffusers(schedule):
    for case in of("EulerDiscreteScheduler", use_beta_sigmas=True, beta_schedule=schedule):
        expected = table(case)
        close(made("beta", 12, expected[-1], expected[0], over="sigma"), case)


@pytest.mark.parametrize("n", [6, 12])
def test_time_quadratic_is_diff_samplers(n):
    [case] = of("get_schedule", schedule_type="time_uniform", schedule_rho=2, num_steps=n)
    close(made("time-quadratic", n, 0.002, 80.0, schedule=VP.fit(0.002, 80.0)), case)


@given(n=st.integers(3, 40), a=st.floats(0.3, 2), b=st.floats(0.3, 2))
def test_beta_levels_are_quantiles_of_time(n, a, b):
    schedule = VP.fit(0.002, 80.0)
    levels = made("beta", n, 0.002, 80.0, schedule=schedule, a=a, b=b)
    times = np.array([schedule.time(sigma) for sigma in levels])
    shares = beta_distribution.cdf((times - times[-1]) / (times[0] - times[-1]), a, b)
    assert np.allclose(shares, np.linspace(1, 0, n), atol=1e-6)


@given(n=st.integers(3, 40), mu=st.floats(-2, 2), b=st.floats(0.2, 2))
def test_laplace_levels_are_quantiles_within_the_range(n, mu, b):
    levels = made("laplace", n, 0.002, 80.0, mu=mu, b=b)
    shares = laplace_distribution.cdf(np.log(levels), mu, b)
    assert np.allclose(np.diff(shares), np.diff(shares).mean(), atol=1e-9)


@given(n=st.integers(3, 40), sigma_data=st.floats(0.1, 2))
def test_kl_optimal_levels_are_uniform_in_the_angle(n, sigma_data):
    angles = np.arctan(made("kl-optimal", n, 0.002, 80.0, sigma_data=sigma_data) / sigma_data)
    assert np.allclose(np.diff(angles), np.diff(angles).mean(), atol=1e-12)


@given(steps=st.integers(2, 60), share=st.floats(0.01, 0.3))
def test_linear_quadratic_has_a_straight_half_and_a_parabola_without_a_bend(steps, share):
    """Mochi's: u of the way in flow time; straight to the share, then third differences of 0."""
    levels = made("linear-quadratic", steps + 1, 0.002, 80.0, share=share)
    times = levels / (1 + levels)
    u = (times - times[0]) / (times[-1] - times[0])
    middle = steps // 2
    assert np.allclose(u[: middle + 1], share * np.arange(middle + 1) / middle, atol=1e-9)
    bend = np.diff(u[middle:], 2)
    assert np.allclose(bend, bend[:1], atol=1e-9)
    if steps - middle > 1:  # the parabola's slope at the middle is the line's: u' = Δu − Δ²u/2
        slope = np.diff(u[middle:])[0] - bend[0] / 2
        assert slope == pytest.approx(share / middle, abs=1e-9)


@pytest.mark.parametrize("name", OWN)
@given(n=st.integers(1, 400))
def test_a_models_own_levels_are_taken(name, n):
    own = own_levels()
    levels = made(name, n, own[-1], own[0], own=own)
    assert set(levels) <= set(own) and all(a > b for a, b in pairwise(levels))
    if name != "leading":
        assert levels[0] == own[0]
    if name != "trailing" and n > 1:
        assert levels[-1] == own[-1]


@pytest.mark.parametrize("name", OWN)
def test_who_has_no_levels_or_too_few_is_left_out(name):
    with pytest.raises(Incompatible, match="this model takes any"):
        solvers.build(discretization=name, steps=4).fit(gaussian())
    few = {"steps": 40, "sigma_max": 0.05}
    with pytest.raises(Incompatible, match="40 noise levels are asked for, and the model has"):
        solvers.build(discretization=name, **few).fit(levelled())


@pytest.mark.parametrize("name", OWN)
@pytest.mark.parametrize("path", ["", "ancestral"])
def test_ddim_and_ddpm_run_on_a_linear_betas_own_levels(name, path):
    """DDIM is Euler's rule, DDPM the ancestral path: every σ asked for is one of the model's."""
    keys = {"path": path} if path else {}
    sampler = solvers.build(solver="euler", discretization=name, steps=9, **keys)
    model, noise = levelled(), solvers.SeedNoise(range(3))
    samples = sampler(model, noise.latents((2,)), noise)
    assert torch.isfinite(samples).all() and len(model.sigmas) == 9
    assert set(model.sigmas) <= set(model.own_levels)
    assert (model.sigmas[0] == model.own_levels[0]) == (name != "leading")  # 157, beyond EDM's 80


def test_stable_diffusions_offset_is_one():
    own = own_levels()
    plain, moved = (made("leading", 10, own[-1], own[0], own=own, offset=k) for k in (0, 1))
    places = [own.index(x) for x in plain]
    assert [own[place - 1] for place in places] == moved.tolist()

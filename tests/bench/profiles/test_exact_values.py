"""Probes of denoisers whose flows are known in closed form."""

import math

import numpy as np
import pytest
import torch

from sampler_bench import models, solvers
from sampler_bench.bench.measure.profiles.curvature import Curvature
from sampler_bench.bench.measure.profiles.denoising_loss import DenoisingLoss
from sampler_bench.bench.measure.profiles.local_error import LocalError
from sampler_bench.bench.measure.profiles.probe import Drawn
from sampler_bench.models.exact import GaussianMixture

S = 0.5
LEVELS = (0.05, 0.2, 0.5, 2.0, 10.0)
GAUSSIAN = GaussianMixture.isotropic(torch.zeros(1, 3), [S], [1.0])


def drawn(n, seed=0):
    generator = torch.Generator().manual_seed(seed)
    clean = S * torch.randn(n, 3, generator=generator, dtype=torch.float64)
    return Drawn(torch.randn(n, 3, generator=generator), clean)


def solution(sigma, start):
    """Where the flow of N(0, S²) takes x at `start`, relative to it."""
    return math.sqrt((sigma**2 + S**2) / (start**2 + S**2))


def starts(rho, steps, levels=LEVELS):
    step = (80 ** (1 / rho) - 0.02 ** (1 / rho)) / (steps - 1)
    return [(level ** (1 / rho) + step) ** rho for level in levels]


def eulers(start, stop, schedule):
    """One Euler step for N(0, S²), relative to x: from the ODE in t, with σ = t or √t."""
    t, t_next = (start, stop) if schedule == "linear" else (start**2, stop**2)
    sigma_deriv = 1.0 if schedule == "linear" else 0.5 / start
    slope = sigma_deriv * start / (start**2 + S**2)  # (σ̇/σ)·(1 − S²/(σ² + S²))
    return 1 + (t_next - t) * slope


@pytest.mark.parametrize("schedule", ["linear", "ve"])
@pytest.mark.parametrize("rho", [1, 3, 7])
def test_the_local_error_of_eulers_step_is_the_exact_one(schedule, rho):
    sampler = solvers.build(
        solver="euler", schedule=schedule, steps=32, rho=rho, sigma_min=0.02, sigma_max=80
    )
    probe = LocalError(LEVELS, sampler, substeps=200, truth="rk4")
    given = drawn(20)
    found = probe(GAUSSIAN, given).numpy()
    for k, (start, stop) in enumerate(zip(starts(rho, 32), LEVELS, strict=True)):
        x = (given.clean + start * given.latents.double()).numpy()
        error = abs(eulers(start, stop, schedule) - solution(stop, start))
        expected = error * np.sqrt((x**2).mean(1))
        assert found[:, k] == pytest.approx(expected, rel=1e-4, abs=1e-9)


def test_errors_are_in_data_space_whatever_the_scaling():
    sampler = solvers.build(
        solver="euler", schedule="vp", scaling="unit-variance", steps=32, rho=3, sigma_min=0.02
    )
    given = drawn(10)
    found = LocalError(LEVELS, sampler, substeps=200, truth="rk4")(GAUSSIAN, given).numpy()
    made = sampler.schedule_for(GAUSSIAN)
    for k, (start, stop) in enumerate(zip(starts(3, 32), LEVELS, strict=True)):
        t, t_next = made.time(start), made.time(stop)
        s, s_next = made.s(t), made.s(t_next)
        slope = made.s_deriv(t) + s * made.sigma_deriv(t) * start / (start**2 + S**2)
        error = abs((s + (t_next - t) * slope) / s_next - solution(stop, start))
        x = (given.clean + start * given.latents.double()).numpy()
        expected = float(error) * np.sqrt((x**2).mean(1))
        assert found[:, k] == pytest.approx(expected, rel=1e-4, abs=1e-9)


def test_200_steps_of_euler_are_the_papers_truth():
    sampler = solvers.build(solver="euler", schedule="ve", steps=32, rho=2, sigma_min=0.02)
    papers = LocalError(LEVELS, sampler)
    exact = LocalError(LEVELS, sampler, truth="rk4")
    assert (papers.substeps, papers.truth) == (200, "euler")
    given = drawn(10)
    ratio = papers(GAUSSIAN, given) / exact(GAUSSIAN, given)
    assert ratio.min() > 0.985 and ratio.max() < 1.015
    assert (ratio - 1).abs().max() > 1e-4  # another truth: the test above would not see 200


def test_heuns_local_error_falls_by_eight_with_half_the_step():
    def errors(steps):
        sampler = solvers.build(solver="heun", steps=steps, rho=2, sigma_min=0.02)
        return LocalError((0.5, 1.0, 2.0), sampler, substeps=50, truth="rk4")(GAUSSIAN, drawn(10))

    order = torch.log2(errors(513) / errors(1025))
    assert ((order - 3).abs() < 0.1).all()


def bend(schedule, scaling, low, high):
    """κ of N(0, S²) in closed form but for a fine difference, [L], for |x| = √(σ² + S²)."""
    made = solvers.SCALINGS[scaling](solvers.SCHEDULES[schedule].fit(low, high))

    def tangent(sigma):
        t = made.time(sigma)
        s, s_deriv, sigma_deriv = made.s(t), made.s_deriv(t), made.sigma_deriv(t)
        length = math.hypot(sigma, S)
        return s_deriv * length + s * sigma_deriv * sigma / length

    def bent(sigma, h=1e-4):
        change = (tangent(sigma * math.exp(h)) - tangent(sigma * math.exp(-h))) / (2 * h)
        t = made.time(sigma)
        of_noise = made.s_deriv(t) * sigma + made.s(t) * made.sigma_deriv(t)
        return abs(change) / math.hypot(of_noise, made.s_deriv(t) * S)

    return torch.tensor([bent(sigma) for sigma in LEVELS], dtype=torch.float64)


@pytest.mark.parametrize(
    ("schedule", "scaling"),
    [("linear", "none"), ("ve", "none"), ("vp", "unit-variance"), ("linear", "unit-variance")],
)
def test_curvature_is_that_of_the_exact_trajectory(schedule, scaling):
    sampler = solvers.build(schedule=schedule, scaling=scaling, sigma_min=0.01, sigma_max=80)
    given = drawn(8)
    found = Curvature(LEVELS, sampler)(GAUSSIAN, given)
    size = given.latents.double().pow(2).mean(1).sqrt() * 80 / math.hypot(80, S)
    expected = size[:, None] * bend(schedule, scaling, 0.01, 80)
    assert found.numpy() == pytest.approx(expected.numpy(), rel=0.01, abs=1e-4)


def test_trajectories_of_one_number_are_kept_to_be_drawn():
    model = models.load("exact-two-points")
    sampler = solvers.build(schedule="vp", scaling="unit-variance", sigma_min=0.01)
    given = Drawn(torch.tensor([0.7, -0.2]).reshape(2, 1, 1, 1))
    kept = Curvature((0.02, 0.1, 1.0, 5.0), sampler).shown(model, given)
    assert kept["x"].shape == kept["slope"].shape == (2, 4)
    assert kept["x"][:, 0] == pytest.approx([1, -1], abs=0.03)
    assert kept["s"] == pytest.approx(1 / np.hypot(1, kept["sigma"]))
    assert (np.diff(kept["t"]) > 0).all()
    assert Curvature((0.02, 0.1, 1.0), sampler).shown(GAUSSIAN, drawn(2)) == {}


def test_the_loss_of_a_gaussians_own_denoiser_is_one_under_edms_weight():
    # λ·σ²S²/(σ² + S²) = 1 at every σ for S = σ_data
    found = DenoisingLoss(LEVELS)(GAUSSIAN, drawn(40_000))
    error = found.std(0) / math.sqrt(len(found))
    assert ((found.mean(0) - 1).abs() < 4 * error).all()
    assert DenoisingLoss(LEVELS).summary(np.ones(5)) == pytest.approx(1)


def test_the_mean_loss_is_that_over_p_train():
    levels = tuple(np.geomspace(1e-3, 300, 400))
    probe = DenoisingLoss(levels, P_mean=-0.7, P_std=0.9)
    assert probe.summary(np.log(levels)) == pytest.approx(-0.7, abs=1e-3)
    assert probe.summary((np.log(levels) + 0.7) ** 2) == pytest.approx(0.81, abs=1e-3)


def test_initial_weights_of_an_edm_network_leave_c_skip_alone():
    # F = 0 (nearly): D = c_skip·x, whatever the network
    model = models.load("fashion-edm-vp")
    own = model.preconditioning.sigma_data
    probe = DenoisingLoss((0.01, 0.5, 20.0), weights="initial", sigma_data=own)
    generator = torch.Generator().manual_seed(0)
    clean = torch.rand(2, *model.shape, generator=generator, dtype=torch.float64) * 2 - 1
    given = Drawn(torch.randn(2, *model.shape, generator=generator), clean)
    with torch.inference_mode():
        found = probe(probe.model(model), given)
    for k, sigma in enumerate(probe.levels):
        D = own**2 / (sigma**2 + own**2) * (clean + sigma * given.latents.double())
        weight = (sigma**2 + own**2) / (own * sigma) ** 2
        expected = weight * (D - clean).pow(2).flatten(1).mean(1)
        assert found[:, k].numpy() == pytest.approx(expected.numpy(), rel=1e-3)


class Elsewhere:
    """A denoiser on another device: tensors of several numbers must not meet the CPU's."""

    def __init__(self, shape):
        self.shape, self.sigma_min, self.sigma_max = shape, 0.0, math.inf

    def __call__(self, x, sigma):
        assert x.device.type == "meta"
        return 0.5 * x

    def round_sigma(self, sigma):
        return sigma


@pytest.mark.parametrize("probe", ["loss", "error", "curvature"])
def test_probes_run_where_the_model_is(probe):
    sampler = solvers.build(solver="heun", schedule="ve", steps=8, sigma_min=0.02)
    made = {
        "loss": DenoisingLoss(LEVELS),
        "error": LocalError(LEVELS, sampler, substeps=3),
        "curvature": Curvature(LEVELS, sampler),
    }[probe]
    latents = torch.empty(4, 1, 8, 8, device="meta")
    found = made(Elsewhere((1, 8, 8)), Drawn(latents, latents.double()))
    assert found.shape == (4, len(LEVELS)) and found.device.type == "meta"

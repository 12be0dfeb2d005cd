"""Churn: what it does to the distribution, when it acts, and how it draws its noise."""

import math

import pytest
import torch

from sampler_bench import solvers
from sampler_bench.solvers import Churn
from sampler_bench.solvers.loop import rise
from tests.solvers.combinations import build, each_fixed, each_flow, normal, points, process
from tests.solvers.mixtures import Recorder, gaussian, three_components

MAXIMUM = math.sqrt(2) - 1


class Draws:
    """A noise source that counts and keeps its draws."""

    def __init__(self, seed=1):
        self.generator = torch.Generator().manual_seed(seed)
        self.draws = []

    def __call__(self, x):
        draw = torch.randn(x.shape, generator=self.generator, dtype=torch.float64)
        self.draws.append(draw)
        return draw


@each_flow
@pytest.mark.parametrize("S_noise", [1.0, 1.3])
def test_one_churn_takes_the_marginal_at_sigma_to_the_one_at_sigma_hat(schedule, scaling, S_noise):
    """Of N(μ, c² + σ²), exactly, to N(μ, c² + σ² + S_noise²·(σ̂² − σ²))."""
    mean, c, sigma, n = 0.4, 0.5, 3.0, 200_000
    part = build(schedule=schedule, scaling=scaling).schedule_for(gaussian())
    grid = points(part, sigma, 2.0)
    x = grid[0].s * (mean + math.hypot(c, sigma) * normal(n, 1))

    (step,) = Churn(S_churn=0.2, S_noise=S_noise).steps(grid, part)
    draws = Draws()
    flow = process(gaussian(), part, lambda z, high, low: draws(z))
    x_hat = rise(flow, x, step.start, step.here, step.before)

    sigma_hat = step.here.sigma
    assert sigma_hat == pytest.approx(1.2 * 3.0)
    unscaled = x_hat / step.here.s
    expected = c**2 + sigma**2 + S_noise**2 * (sigma_hat**2 - sigma**2)
    z_variance = (unscaled.var() / expected - 1) / math.sqrt(2 / (n - 1))
    z_mean = (unscaled.mean() - mean) / math.sqrt(expected / n)
    assert abs(z_variance) < 4
    assert abs(z_mean) < 4


def test_the_whole_loop_tends_to_the_data_as_steps_grow():
    data, n = gaussian(), 20_000
    ratios = []
    for steps in (16, 64, 256):
        samples = solvers.build(steps=steps, S_churn=0.3 * steps)(data, normal(n, 2), Draws())
        ratios.append((samples.var(0).mean() / data.covariances[0]).item())
    bias = [abs(ratio - 1) for ratio in ratios]
    assert bias[0] > 2 * bias[1]
    assert bias[2] < 4 * math.sqrt(2 / (2 * n))


def test_gamma_is_spread_over_the_steps_and_clamped():
    assert Churn(S_churn=5.0).gamma(1.0, 50) == 0.1
    assert Churn(S_churn=1e9).gamma(1.0, 50) == MAXIMUM
    # at the clamp, as much noise is added as is there: σ̂² = 2σ²
    assert pytest.approx(2) == (1 + MAXIMUM) ** 2


def test_the_window_includes_both_ends():
    churn = Churn(S_churn=5.0, S_min=0.5, S_max=2.0)
    inside = [churn.gamma(sigma, 50) > 0 for sigma in (0.4999, 0.5, 1.0, 2.0, 2.0001)]
    assert inside == [False, True, True, True, False]


def test_noise_is_drawn_at_every_step_even_outside_the_window():
    closed = Draws()
    samples = solvers.build(steps=9, S_churn=5.0, S_min=1e9)(gaussian(), normal(4, 2), closed)
    assert len(closed.draws) == 9
    assert torch.equal(samples, solvers.build(steps=9)(gaussian(), normal(4, 2)))

    one_step = Draws()
    levels = solvers.build(steps=9).levels(gaussian())
    window = {"S_min": levels[5].item(), "S_max": levels[5].item()}
    solvers.build(steps=9, S_churn=5.0, **window)(gaussian(), normal(4, 2), one_step)
    assert all(map(torch.equal, closed.draws, one_step.draws))


@each_flow
@each_fixed
def test_without_churn_samples_are_bitwise_the_same_whatever_the_noise(solver, schedule, scaling):
    sampler = build(solver, schedule, scaling=scaling, steps=5, S_churn=0.0, S_noise=1.7)
    assert sampler.deterministic
    latents, untouched = normal(3, 2), Draws()
    silent = sampler(three_components(), latents)
    assert torch.equal(silent, sampler(three_components(), latents, untouched))
    assert torch.equal(silent, sampler(three_components(), latents, lambda x: x * torch.nan))
    assert untouched.draws == []


@each_flow
@each_fixed
def test_with_churn_the_noise_source_decides(solver, schedule, scaling):
    sampler = build(solver, schedule, scaling=scaling, steps=5, S_churn=2.0)
    assert not sampler.deterministic
    model, latents = three_components(), normal(3, 2)
    samples = sampler(model, latents, Draws(seed=1))
    assert torch.equal(samples, sampler(model, latents, Draws(seed=1)))
    assert not torch.allclose(samples, sampler(model, latents, Draws(seed=2)))
    with pytest.raises(ValueError, match="noise"):
        sampler(model, latents)


def algorithm_2(denoiser, latents, levels, S_churn, S_min, S_max, S_noise, noise):
    """EDM, Algorithm 2, line by line: σ(t) = t, s(t) = 1, Heun."""
    t, steps = levels, len(levels) - 1
    x = latents * t[0]
    for i in range(steps):
        gamma = min(S_churn / steps, MAXIMUM) if S_min <= t[i] <= S_max else 0
        epsilon = noise(x) * S_noise
        t_hat = t[i] + gamma * t[i]
        x_hat = x + (t_hat**2 - t[i] ** 2).sqrt() * epsilon
        d = (x_hat - denoiser(x_hat, t_hat)) / t_hat
        x = x_hat + (t[i + 1] - t_hat) * d
        if t[i + 1] != 0:
            d_prime = (x - denoiser(x, t[i + 1])) / t[i + 1]
            x = x_hat + (t[i + 1] - t_hat) * (d + d_prime) / 2
    return x


@pytest.mark.parametrize("S_churn", [0.0, 4.0, 40.0])
def test_algorithm_2_is_the_special_case_of_a_linear_schedule(S_churn):
    model, latents = three_components(), normal(5, 2)
    keys = {"S_churn": S_churn, "S_min": 0.05, "S_max": 50.0, "S_noise": 1.003}
    sampler = solvers.build(steps=18, **keys)
    expected = algorithm_2(model, latents, sampler.levels(model), noise=Draws(), **keys)
    torch.testing.assert_close(sampler(model, latents, Draws()), expected, rtol=1e-12, atol=1e-12)


def test_sigma_hat_is_a_level_that_the_model_supports():
    grid = [0.0, 0.05, 0.2, 0.5, 1.0, 1.3, 2.0, 5.0]
    model = Recorder(gaussian(), smin=0.05, smax=5.0, grid=grid)
    solvers.build(solver="euler", steps=6, S_churn=2.0)(model, normal(2, 2), Draws())
    assert all(min(abs(sigma - level) for level in grid) < 1e-12 for sigma in model.sigmas)
    assert 1.3 in model.sigmas  # 1.0, a third up: only churn leads there


@each_fixed
def test_the_step_after_churn_starts_at_t_hat(solver):
    model = Recorder(gaussian())
    solvers.build(solver=solver, steps=4, S_churn=0.4)(model, normal(2, 2), Draws())
    assert model.sigmas[0] == pytest.approx(80.0 * 1.1)

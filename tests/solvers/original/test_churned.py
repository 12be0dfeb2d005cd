"""Repeated churn at one σ: its distribution, what it costs, and at which levels it evaluates."""

import itertools
import math

import pytest
import torch

from sampler_bench import solvers
from sampler_bench.models import Counted, GaussianMixture
from tests.solvers.combinations import float64, normal
from tests.solvers.mixtures import Recorder, gaussian, three_components

MOST = math.sqrt(2) - 1
ABOVE_A_FIFTH = [80, 57.586, 40.7856, 28.3746, 19.3524, 12.9101, 8.40094, 5.31519, 3.25682]
ABOVE_A_FIFTH += [1.92334, 1.08817, 0.58535, 0.29644]  # of EDM's 18 levels


def sampled(model, latents, noise=torch.zeros_like, **keys):
    return solvers.build(solver="churned", **keys)(model, latents, noise)


class Draws:
    """One generator for all samples."""

    def __init__(self):
        self.generator = torch.Generator().manual_seed(0)

    def __call__(self, x):
        return torch.randn(x.shape, generator=self.generator, dtype=torch.float64)


def variance(steps, **keys):
    """Return the variance of x for data N(0, ½²), without sampling: each draw's weight, squared."""
    model = GaussianMixture.isotropic(torch.zeros(1, 1), [0.5], [1.0])
    rows = iter(range(1, steps + 1))

    def noise(x):
        z = torch.zeros_like(x)
        z[next(rows)] = 1
        return z

    latents = torch.zeros(steps + 1, 1, dtype=torch.float64)
    latents[0] = 1
    return sampled(model, latents, noise, steps=steps, denoised="no", **keys).square().sum().item()


@pytest.mark.parametrize("S_noise", [1.0, 1.3])
@pytest.mark.parametrize("gamma", [0.1, MOST])
def test_a_gaussian_s_variance_follows_its_closed_form(gamma, S_noise):
    """Each churn: V ← r²·(V + S_noise²·(σ̂² − σ²)), with r the factor of Heun's step from σ̂."""
    sigma, c2 = 0.7, 0.25
    up = (1 + gamma) * sigma
    first, second = up / (c2 + up**2), sigma / (c2 + sigma**2)  # slopes of x at σ̂ and at σ
    euler = 1 + (sigma - up) * first
    r = 1 + (sigma - up) * (first + second * euler) / 2

    expected = variance(0, sigma=sigma)
    assert expected == pytest.approx(c2 + sigma**2, rel=0.15)  # Heun's error on the way down
    for steps in range(1, 6):
        expected = r**2 * (expected + S_noise**2 * (up**2 - sigma**2))
        found = variance(steps, sigma=sigma, gamma=gamma, S_noise=S_noise)
        assert found == pytest.approx(expected, rel=1e-12)


def test_the_bias_of_a_step_is_of_third_order():
    """On a Gaussian, r²·(c² + σ̂²) − (c² + σ²) falls by 8 when γ is halved."""
    bias = [variance(1, sigma=0.7, gamma=g) - exact_step(g) for g in (0.2, 0.1, 0.05)]
    assert bias[0] / bias[1] == pytest.approx(8, rel=0.25)
    assert bias[1] / bias[2] == pytest.approx(8, rel=0.25)


def exact_step(gamma, sigma=0.7, c2=0.25):
    """Return the variance if the way back down were exact, from the same start."""
    up2 = ((1 + gamma) * sigma) ** 2
    return (variance(0, sigma=sigma) + up2 - sigma**2) * (c2 + sigma**2) / (c2 + up2)


def test_many_small_churns_keep_the_marginal_of_a_mixture():
    mixture, n, sigma = three_components(), 4000, 0.3
    mean, covariance = (torch.as_tensor(m) for m in mixture.true_moments())
    keys = {"sigma": sigma, "gamma": 0.05, "steps": 100, "denoised": "no"}
    x = sampled(mixture, normal(n, 2), Draws(), **keys)
    centred = x - mean
    products = centred[:, :, None] * centred[:, None, :]
    expected = covariance + sigma**2 * torch.eye(2)
    assert (centred.mean(0).abs() / (centred.std(0) / math.sqrt(n))).max() < 4
    assert ((products.mean(0) - expected).abs() / (products.std(0) / math.sqrt(n))).max() < 4
    start = sampled(mixture, normal(n, 2), **keys | {"steps": 0})
    assert abs(torch.corrcoef(torch.stack([x[:, 0], start[:, 0]]))[0, 1]) < 0.9  # it has moved


@pytest.mark.parametrize("steps", [0, 1, 7])
@pytest.mark.parametrize(("denoised", "more"), [("no", 0), ("yes", 1)])
def test_evaluations_two_for_each_step_down_and_each_churn(steps, denoised, more):
    counted = Counted(gaussian())
    noise = solvers.SeedNoise(range(3))
    sampled(counted, noise.latents((2,)), noise, steps=steps, sigma=0.2, denoised=denoised)
    assert counted.per_sample.tolist() == [2 * len(ABOVE_A_FIFTH) + 2 * steps + more] * 3


def test_it_evaluates_at_edm_s_levels_above_sigma_then_at_sigma_hat_and_sigma():
    model = Recorder(gaussian())
    sampled(model, normal(2, 2), steps=2, sigma=0.2)
    way = [*ABOVE_A_FIFTH, 0.2]
    down = [level for pair in itertools.pairwise(way) for level in pair]
    churns = [0.2 * math.sqrt(2), 0.2] * 2
    assert model.sigmas == pytest.approx([*down, *churns, 0.2], rel=1e-4)


def test_levels_are_those_that_the_model_supports():
    grid = [0.1, 0.25, 0.4, 1.0, 3.0, 10.0, 30.0, 80.0]
    model = Recorder(gaussian(), smin=0.1, smax=80.0, grid=grid)
    sampled(model, normal(2, 2), steps=1, sigma=0.3, gamma=0.4)
    assert set(model.sigmas) <= set(grid)
    assert model.sigmas[-3:] == [0.4, 0.25, 0.25]


def test_what_is_denoised_is_the_state_itself():
    model, keys = three_components(), {"steps": 3, "sigma": 0.4}
    x = sampled(model, normal(5, 2), Draws(), denoised="no", **keys)
    seen = sampled(model, normal(5, 2), Draws(), denoised="yes", **keys)
    torch.testing.assert_close(seen, model(x, float64(0.4)[0]), rtol=1e-12, atol=1e-12)


def test_at_sigma_0_it_is_edm_s_sampler():
    counted = Counted(three_components())
    samples = sampled(counted, normal(5, 2), steps=0, sigma=0.0)
    assert torch.equal(samples, solvers.build(steps=18)(three_components(), normal(5, 2)))
    assert counted.nfe == 35


def test_the_range_that_a_model_must_have():
    sampler = solvers.build(solver="churned", steps=1, sigma=70)
    assert sampler.sigma_range(gaussian()) == pytest.approx((70, 70 * math.sqrt(2)))
    with pytest.raises(ValueError, match=r"churned evaluates σ from 70 to 98.*supports \[0, 90\]"):
        sampler.declared(Recorder(gaussian(), smax=90.0))


@pytest.mark.parametrize("sigma", [0.0, 0.2, 50.0])
def test_noisy_states_are_looked_at_with_the_spread_of_data(sigma):
    sampler = solvers.build(solver="churned", steps=0, sigma=sigma, denoised="no")
    x = sampler(gaussian(), normal(4000, 2))
    assert (sampler.visible * x).std(0).tolist() == pytest.approx([0.5] * 2, rel=0.08)
    assert solvers.build(solver="churned", steps=0, sigma=sigma).visible == 1

"""The Gaussian mixture's denoiser, against its density and against the sum written out."""

import hashlib

import numpy as np
import pytest
import torch
from torch.distributions import MultivariateNormal

from sampler_bench.models import GaussianMixture, exact
from tests.models.hooks import largest_temporary
from tests.models.points import covariances_of, random_points

SHAPE = (2, 3)
D = 6
EYE = torch.eye(D, dtype=torch.float64)


def normal(*shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64)


def isotropic(**keys):
    variances = torch.tensor([0.09, 0.25, 0.01]).double()
    return GaussianMixture(normal(3, *SHAPE), variances, torch.tensor([1.0, 3.0, 2.0]), **keys)


def full(**keys):
    roots = normal(3, D, D, seed=1) / 3
    covariances = roots @ roots.mT + 0.01 * EYE
    return GaussianMixture(normal(3, *SHAPE), covariances, torch.tensor([1.0, 3.0, 2.0]), **keys)


each = pytest.mark.parametrize("make", [isotropic, full])


def log_densities(model, x, sigma):
    """Return log w_k + log N(x; μ_k, C_k + σ²I), [K, B], by torch.distributions."""
    total = covariances_of(model) + sigma**2 * EYE
    parts = zip(model.means, total, model.weights, strict=True)
    return torch.stack([MultivariateNormal(m, c).log_prob(x) + w.log() for m, c, w in parts])


@each
@pytest.mark.parametrize("level", [0.01, 0.3, 2.0, 80.0])
def test_it_is_the_score_of_the_smoothed_density(make, level):
    """D = x + σ²·∇log p(x; σ) (EDM, Eq. 3), by autograd."""
    model, sigma = make(), torch.tensor(level, dtype=torch.float64)
    x = (random_points(model, 5, seed=3).flatten(1) + level * normal(5, D)).requires_grad_()
    density = torch.logsumexp(log_densities(model, x, sigma), 0)
    (score,) = torch.autograd.grad(density.sum(), x)
    expected = (x.detach() + sigma**2 * score).reshape(5, *SHAPE)
    denoised = model(x.detach().reshape(5, *SHAPE), sigma)
    torch.testing.assert_close(denoised, expected, rtol=1e-9, atol=1e-9)


@each
def test_it_is_the_posterior_mean_written_out(make):
    model, sigma = make(), torch.tensor(0.4, dtype=torch.float64)
    x = random_points(model, 5, seed=3).flatten(1) + 0.4 * normal(5, D)
    shares = torch.softmax(log_densities(model, x, sigma), 0)
    expected = torch.zeros(5, D, dtype=torch.float64)
    for share, mean, c in zip(shares, model.means, covariances_of(model), strict=True):
        gain = c @ torch.linalg.inv(c + sigma**2 * EYE)
        expected += share[:, None] * (mean + (x - mean) @ gain.T)
    denoised = model(x.reshape(5, *SHAPE), sigma)
    torch.testing.assert_close(denoised.flatten(1), expected, rtol=1e-10, atol=1e-12)


def test_isotropic_components_are_a_special_case_of_full_ones():
    model = isotropic()
    same = GaussianMixture(normal(3, *SHAPE), covariances_of(model), model.weights)
    x = normal(5, *SHAPE)
    for level in (0.01, 1.0, 50.0):
        sigma = torch.tensor(level, dtype=torch.float64)
        torch.testing.assert_close(same(x, sigma), model(x, sigma), rtol=1e-12, atol=1e-12)
    deviations = model.covariances.sqrt().tolist()
    short = GaussianMixture.isotropic(normal(3, *SHAPE), deviations, model.weights.tolist())
    torch.testing.assert_close(short(x, sigma), model(x, sigma))


@each
def test_each_sample_can_have_its_own_sigma(make):
    x, levels = normal(3, *SHAPE), torch.tensor([0.2, 1.0, 30.0], dtype=torch.float64)
    alone = [make()(x[i : i + 1], levels[i]) for i in range(3)]
    torch.testing.assert_close(make()(x, levels), torch.cat(alone), rtol=1e-12, atol=1e-14)


@each
def test_little_noise_changes_nothing_and_much_noise_gives_the_mean(make):
    model = make()
    x = random_points(model, 4, seed=5)
    sigma = torch.tensor(1e-7, dtype=torch.float64)
    torch.testing.assert_close(model(x, sigma), x, rtol=0, atol=1e-10)
    sigma = torch.tensor(1e8, dtype=torch.float64)
    mean = torch.from_numpy(model.true_moments()[0]).reshape(SHAPE).expand(4, *SHAPE)
    torch.testing.assert_close(model(sigma * x, sigma), mean, rtol=0, atol=1e-6)


@each
@pytest.mark.parametrize("rows", [1, 2, 5])
def test_chunks_change_nothing(make, rows, monkeypatch):
    x, levels = normal(23, *SHAPE), torch.linspace(0.1, 9, 23, dtype=torch.float64)
    whole = make()(x, levels)
    monkeypatch.setattr(exact, "CHUNK_BYTES", rows * 3 * D * 8)
    denoise, sizes = GaussianMixture._denoise, []

    def noted(self, x, variance):
        sizes.append(len(x))
        return denoise(self, x, variance)

    monkeypatch.setattr(GaussianMixture, "_denoise", noted)
    torch.testing.assert_close(make()(x, levels), whole, rtol=1e-12, atol=1e-14)
    assert max(sizes) == rows
    assert sum(sizes) == 23


@each
def test_no_temporary_is_larger_than_the_bound(make, monkeypatch):
    monkeypatch.setattr(exact, "CHUNK_BYTES", 2**16)
    model, x = (
        make(),
        normal(1300, *SHAPE),
    )  # 62 kB; three components of all rows take three times that
    sigma = torch.tensor(1.0, dtype=torch.float64)
    assert largest_temporary(lambda: model(x, sigma)) <= 2**16


@each
def test_precision_is_the_models_and_the_dtype_the_callers(make):
    x, sigma = normal(4, *SHAPE), torch.tensor(0.7, dtype=torch.float64)
    reference = make()(x, sigma)
    single = make()(x.float(), sigma)
    assert single.dtype == torch.float32
    assert torch.equal(single, make()(x.float().double(), sigma).float())
    rough = make(dtype=torch.float32)(x, sigma)
    assert rough.dtype == torch.float64
    torch.testing.assert_close(rough, reference, rtol=0, atol=1e-4)
    assert not torch.equal(rough, reference)


@each
def test_true_moments_are_those_of_many_draws(make):
    model, n = make(), 200_000
    draws = random_points(model, n, seed=11).flatten(1).numpy()
    mean, covariance = model.true_moments()
    z = (draws.mean(0) - mean) / np.sqrt(np.diag(covariance) / n)
    assert np.abs(z).max() < 4
    centred = draws - mean
    products = centred[:, :, None] * centred[:, None, :]
    z = (products.mean(0) - covariance) / (products.std(0) / np.sqrt(n))
    assert np.abs(z).max() < 4.5


def test_the_digest_is_that_of_the_numbers():
    assert isotropic().digest == isotropic(dtype=torch.float32).digest
    others = {
        isotropic().digest,
        full().digest,
        GaussianMixture(normal(3, *SHAPE), torch.ones(3), torch.ones(3)).digest,
        GaussianMixture(normal(3, D), torch.ones(3), torch.ones(3)).digest,
        GaussianMixture(normal(3, D), torch.ones(3), torch.tensor([1.0, 1.0, 2.0])).digest,
        GaussianMixture(normal(3, D, seed=9), torch.ones(3), torch.ones(3)).digest,
    }
    assert len(others) == 6
    small = GaussianMixture.isotropic(torch.tensor([[0.5], [-1.0]]), [0.5, 2.0], [1.0, 3.0])
    written = "[[1], [[0.5], [-1.0]], [0.25, 4.0], [0.25, 0.75]]"
    assert small.digest == hashlib.sha256(written.encode()).hexdigest()


@pytest.mark.parametrize(
    ("covariances", "weights", "what"),
    [
        (torch.ones(2), torch.ones(3), "covariances have shape"),
        (torch.ones(3, 5, 5), torch.ones(3), "covariances have shape"),
        (torch.ones(3), torch.ones(2), "3 positive numbers"),
        (torch.ones(3), torch.tensor([1.0, 0.0, 1.0]), "3 positive numbers"),
        (torch.ones(3), torch.tensor([1.0, torch.nan, 1.0]), "3 positive numbers"),
        (torch.tensor([1.0, 0.0, 1.0]), torch.ones(3), "positive definite"),
        (-EYE.expand(3, D, D), torch.ones(3), "positive definite"),
        ((EYE + EYE.roll(1, 0) / 9).expand(3, D, D), torch.ones(3), "symmetric"),
        ((EYE * torch.nan).expand(3, D, D), torch.ones(3), "symmetric"),
    ],
)
def test_what_is_no_mixture_is_refused(covariances, weights, what):
    with pytest.raises(ValueError, match=what):
        GaussianMixture(normal(3, *SHAPE), covariances, weights)

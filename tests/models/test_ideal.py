"""The ideal denoiser of a finite data set, against the sum written out."""

import numpy as np
import pytest
import torch

from sampler_bench.models import IdealDenoiser, exact
from tests.models.hooks import largest_temporary

SHAPE = (1, 3, 3)


def images(n=7, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (n, *SHAPE), generator=generator, dtype=torch.uint8)


def normal(n, seed=1):
    return torch.randn(n, *SHAPE, generator=torch.Generator().manual_seed(seed)).double()


def model(**keys):
    return IdealDenoiser(images(), "digest", **keys)


def sigma(*values):
    return torch.tensor(values[0] if len(values) == 1 else values, dtype=torch.float64)


def brute_force(x, levels):
    """EDM, Eq. 57, one sample and one image at a time."""
    data = images().double() / 127.5 - 1
    rows = []
    for one, level in zip(x, levels.expand(len(x)), strict=True):
        logits = torch.stack([-((one - y) ** 2).sum() / (2 * level**2) for y in data])
        rows.append(sum(w * y for w, y in zip(torch.softmax(logits, 0), data, strict=True)))
    return torch.stack(rows)


@pytest.mark.parametrize("level", [0.01, 0.3, 2.0, 80.0])
def test_it_is_the_posterior_mean(level):
    x = normal(5) * level
    expected = brute_force(x, sigma(level))
    torch.testing.assert_close(model()(x, sigma(level)), expected, rtol=1e-10, atol=1e-12)


def test_it_is_the_score_of_the_smoothed_data():
    """D = x + σ²·∇log p(x; σ) (EDM, Eq. 3), by autograd of the density."""
    data = (images().double() / 127.5 - 1).flatten(1)
    for level in (0.5, 1.0, 20.0):
        x = (normal(5) * level).requires_grad_()
        exponent = -(torch.cdist(x.flatten(1), data) ** 2) / (2 * level**2)
        (score,) = torch.autograd.grad(torch.logsumexp(exponent, 1).sum(), x)
        denoised = model()(x.detach(), sigma(level))
        torch.testing.assert_close(denoised, x.detach() + level**2 * score, rtol=0, atol=1e-10)


def test_two_points_have_the_papers_closed_form():
    """Two Diracs at ±1: D = tanh(x/σ²)."""
    pair = IdealDenoiser(torch.tensor([[[[0]]], [[[255]]]], dtype=torch.uint8), "digest")
    x = torch.linspace(-2, 2, 9, dtype=torch.float64).reshape(-1, 1, 1, 1)
    for level in (0.5, 1.0, 5.0):
        torch.testing.assert_close(pair(x, sigma(level)), torch.tanh(x / level**2))


def test_each_sample_can_have_its_own_sigma():
    x, levels = normal(3), sigma(0.2, 1.0, 30.0)
    together = model()(x, levels)
    torch.testing.assert_close(together, brute_force(x, levels), rtol=1e-10, atol=1e-12)
    alone = [model()(x[i : i + 1], levels[i]) for i in range(3)]
    torch.testing.assert_close(together, torch.cat(alone), rtol=1e-12, atol=1e-14)


def test_little_noise_gives_the_nearest_image_and_much_noise_the_mean():
    data = images().double() / 127.5 - 1
    near = data[[3, 0]] + 0.01 * normal(2)
    torch.testing.assert_close(model()(near, sigma(1e-6)), data[[3, 0]], rtol=0, atol=1e-12)
    far = model()(normal(2) * 1e8, sigma(1e8))
    torch.testing.assert_close(far, data.mean(0).expand(2, *SHAPE), rtol=0, atol=1e-6)


def test_where_one_image_has_all_the_weight_it_is_returned_to_the_last_bit():
    data = images().double() / 127.5 - 1
    near = data[[3, 0, 3]] + 0.01 * normal(3)
    assert torch.equal(model()(near, sigma(0.02)), data[[3, 0, 3]])
    between = torch.cat([near, data[1:3].mean(0, keepdim=True)])  # two share it in one sample
    denoised = model()(between, sigma(0.02))
    assert torch.equal(denoised[:3], data[[3, 0, 3]])
    torch.testing.assert_close(denoised[3], between[3], rtol=0, atol=1e-12)


@pytest.mark.parametrize("count", [1, 2, 7])
def test_what_is_not_finite_stays_so(count):
    few = IdealDenoiser(images(count), "digest")
    x = normal(count)
    x[0, 0, 0, 0] = torch.nan
    assert few(x, sigma(1e-3))[0].isnan().all()


@pytest.mark.parametrize("rows", [1, 2, 5])
def test_chunks_change_nothing_and_bound_the_memory(rows, monkeypatch):
    x, levels = normal(23), torch.linspace(0.1, 9, 23, dtype=torch.float64)
    whole = model()(x, levels)
    limit = rows * 7 * 8  # bytes of one logit per image, for so many rows
    monkeypatch.setattr(exact, "CHUNK_BYTES", limit)
    denoise, sizes = IdealDenoiser._denoise, []

    def noted(self, x, variance):
        sizes.append(len(x))
        return denoise(self, x, variance)

    monkeypatch.setattr(IdealDenoiser, "_denoise", noted)
    torch.testing.assert_close(model()(x, levels), whole, rtol=1e-12, atol=1e-14)
    assert max(sizes) == rows
    assert sum(sizes) == 23


def test_no_temporary_is_larger_than_the_bound(monkeypatch):
    monkeypatch.setattr(exact, "CHUNK_BYTES", 2**16)
    many = IdealDenoiser(images(500), "digest")
    x = normal(700)  # a matrix of all logits would take 2.8 MB, the batch itself takes 50 kB
    assert largest_temporary(lambda: many(x, sigma(1.0))) <= 2**16


def test_precision_is_the_models_and_the_dtype_the_callers():
    x = normal(4)
    reference = model()(x, sigma(0.7))
    single = model()(x.float(), sigma(0.7))
    assert single.dtype == torch.float32
    assert torch.equal(single, model()(x.float().double(), sigma(0.7)).float())
    rough = model(dtype=torch.float32)(x, sigma(0.7))
    assert rough.dtype == torch.float64
    torch.testing.assert_close(rough, reference, rtol=0, atol=1e-4)
    assert not torch.equal(rough, reference)


def test_its_distribution_is_its_data_set():
    assert torch.equal(model().data_images(), images())
    mean, covariance = model().true_moments()
    data = (images().double() / 127.5 - 1).flatten(1).numpy()
    np.testing.assert_allclose(mean, data.mean(0), rtol=1e-12)
    np.testing.assert_allclose(covariance, (data.T @ data) / 7 - np.outer(mean, mean), atol=1e-12)
    assert model().shape == SHAPE

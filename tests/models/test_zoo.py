"""The models that ship: loaded by name, the same on every machine, and true to what they say."""

import math

import numpy as np
import pytest
import torch

from sampler_bench import models, solvers
from sampler_bench.models import MODELS
from sampler_bench.models.zoo.exact import fashion_images

# A digest is part of every cell's key: another value makes all stored results of the model void.
DIGESTS = {
    "exact-fashion": "d195c669f550cad2ecb98f793af2b090bd149e378c47c885f0f68fe876106d13",
    "exact-mixture-8x8": "8ce30659e934b42f506594243d0767fc6c0458c950e21152859069d1eef9c948",
    "exact-mixture-moons": "6e40a32595851cf661df752ce9b84a71415c74cdb2d6953be4fa2081f31f281b",
    "exact-two-points": "5177959c3568eb821b18c005069294dfec37681db14fd7413412f684ea92ea52",
}

each_model = pytest.mark.parametrize("name", MODELS)


@each_model
def test_digests_do_not_change(name):
    assert models.load(name).digest == DIGESTS[name]


@each_model
def test_a_model_is_a_denoiser(name):
    model, sigma = models.load(name), torch.tensor(2.0, dtype=torch.float64)
    assert model.round_sigma(sigma) == sigma
    assert 0 <= model.sigma_min < model.sigma_max
    assert model.device == torch.device("cpu")
    for batch, dtype in ((1, torch.float64), (3, torch.float32)):
        x = torch.ones(batch, *model.shape, dtype=dtype)
        denoised = model(x, sigma)
        assert denoised.shape == x.shape
        assert denoised.dtype == dtype
        assert denoised.isfinite().all()


@each_model
def test_true_moments_are_a_mean_and_a_covariance(name):
    model = models.load(name)
    mean, covariance = model.true_moments()
    d = math.prod(model.shape)
    assert (mean.shape, covariance.shape) == ((d,), (d, d))
    assert mean.dtype == covariance.dtype == np.float64
    np.testing.assert_allclose(covariance, covariance.T, atol=1e-15)
    # far from the data nothing is known but the mean
    sigma = torch.tensor(1e7, dtype=torch.float64)
    denoised = model(sigma * torch.ones(1, *model.shape, dtype=torch.float64), sigma)
    np.testing.assert_allclose(denoised.flatten().numpy(), mean, atol=1e-4)
    assert np.abs(mean).max() <= 1


@each_model
def test_many_steps_end_on_the_models_own_distribution(name):
    model, noise = models.load(name), solvers.SeedNoise(range(32))
    samples = solvers.build(steps=12)(model, noise.latents(model.shape), noise)
    mean, covariance = model.true_moments()
    n, d = len(samples), len(mean)
    distance = ((samples.flatten(1).mean(0).numpy() - mean) ** 2).sum()
    # E‖mean of n draws − mean‖² = tr(C)/n
    assert distance < 4 * np.trace(covariance) / n
    spread = ((samples.flatten(1).numpy() - mean) ** 2).sum(1).mean()
    assert spread == pytest.approx(np.trace(covariance), rel=0.5)
    assert samples.abs().max() < 2
    assert d == samples[0].numel()


def test_fashion_images_are_200_of_each_class():
    images, labels, _ = fashion_images()
    assert images.shape == (2000, 1, 28, 28)
    assert images.dtype == torch.uint8
    assert torch.equal(labels.bincount(), torch.full((10,), 200))
    assert torch.equal(models.load("exact-fashion").data_images(), images)


def test_exact_fashion_gives_back_its_images():
    model = models.load("exact-fashion")
    data = model.data_images()[[0, 700, 1999]].double() / 127.5 - 1
    sigma = torch.tensor(0.02, dtype=torch.float64)
    noise = solvers.SeedNoise(range(3))(data)
    denoised = model(data + sigma * noise, sigma)
    torch.testing.assert_close(denoised, data, rtol=0, atol=1e-12)


def test_two_points_are_denoised_as_in_figure_3():
    x, sigma = torch.linspace(-3, 3, 41, dtype=torch.float64).reshape(-1, 1, 1, 1), 0.8
    denoised = models.load("exact-two-points")(x, torch.tensor(sigma, dtype=torch.float64))
    torch.testing.assert_close(denoised, torch.tanh(x / sigma**2), rtol=0, atol=1e-12)


def test_the_8x8_mixture_has_the_moments_of_the_shipped_images():
    images, labels, _ = fashion_images()
    padded = torch.nn.functional.pad(images.double() / 127.5 - 1, (2, 2, 2, 2), value=-1)
    small = torch.nn.functional.avg_pool2d(padded, 4).flatten(1)
    mean, covariance = models.load("exact-mixture-8x8").true_moments()
    np.testing.assert_allclose(mean, small.mean(0).numpy(), atol=1e-12)
    within = [np.cov(small[labels == k].numpy(), rowvar=False) for k in range(10)]
    centres = np.stack([small[labels == k].mean(0).numpy() for k in range(10)]) - mean
    expected = np.mean(within, 0) + centres.T @ centres / 10 + 1e-4 * np.eye(64)
    np.testing.assert_allclose(covariance, expected, atol=1e-12)


@pytest.mark.parametrize("name", MODELS)
def test_a_misspelt_model_is_answered_with_the_nearest(name):
    with pytest.raises(ValueError, match=f"did you mean '{name}'") as caught:
        models.load(name[:-2] + name[-1])
    assert "\n" not in str(caught.value)
    assert all(known in str(caught.value) for known in MODELS)


def test_exact_fashon_is_exact_fashion():
    with pytest.raises(ValueError, match="unknown model 'exact-fashon'; did you mean 'exact-fash"):
        models.load("exact-fashon")

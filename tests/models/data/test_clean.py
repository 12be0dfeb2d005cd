"""True data by seed."""

import numpy as np
import pytest
import torch

from sampler_bench import models
from sampler_bench.models.data.clean import clean_data
from sampler_bench.models.exact import GaussianMixture
from sampler_bench.models.zoo.exact import fashion_images
from sampler_bench.solvers import SeedNoise


def drawn(model, n, first=0, source="model"):
    noise = SeedNoise(range(first, first + n))
    noise.latents(model.shape)
    return clean_data(model, source).draw(noise, n)


@pytest.mark.parametrize("full", [False, True])
def test_draws_of_a_mixture_have_its_mean_and_covariance(full):
    covariances = torch.tensor([0.1, 0.5], dtype=torch.float64)
    if full:
        covariances = torch.tensor([[[0.3, 0.2], [0.2, 0.4]], [[0.5, -0.3], [-0.3, 0.3]]])
    means, weights = torch.tensor([[1.0, 0.0], [-1.0, 2.0]]), torch.tensor([0.2, 0.8])
    model = GaussianMixture(means, covariances, weights)
    x = drawn(model, 20_000)[0].numpy()
    mean, covariance = model.true_moments()
    assert x.mean(0) == pytest.approx(mean, abs=4 * np.sqrt(covariance.max() / len(x)))
    assert np.cov(x.T) == pytest.approx(covariance, abs=0.06)


def test_images_are_the_models_own_with_their_classes():
    images, labels, _ = fashion_images()
    x, found = drawn(models.load("fashion-adm"), 50)
    rows = [int((images == row).flatten(1).all(1).nonzero()[0]) for row in _bytes(x)]
    assert len(set(rows)) > 40
    assert labels[rows].tolist() == found.tolist()
    assert (x.min(), x.max()) == (-1, 1)
    assert drawn(models.load("fashion-vp"), 50)[1] is None


def test_small_networks_get_small_images():
    x, _ = drawn(models.load("table2-f-vp"), 5)
    assert x.shape == (5, 1, 16, 16)


def test_a_seed_decides_its_data():
    model = models.load("exact-mixture-8x8")
    whole, part = drawn(model, 6)[0], drawn(model, 2, first=4)[0]
    assert torch.equal(whole[4:], part)


def test_data_with_more_classes_than_the_model_are_refused(tmp_path):
    images = np.zeros((12, 28, 28, 1), np.uint8)
    np.savez(tmp_path / "many.npz", images=images, labels=np.arange(12))
    with pytest.raises(ValueError, match="go up to 11, the model's to 9"):
        clean_data(models.load("fashion-adm"), str(tmp_path / "many.npz"))


def _bytes(x):
    return ((x + 1) * 127.5).round().to(torch.uint8)

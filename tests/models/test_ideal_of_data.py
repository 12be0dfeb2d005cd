"""The ideal denoiser of a data set on disk, by name."""

import numpy as np
import pytest
import torch

from sampler_bench import models
from sampler_bench.models.ideal import described_ideal
from sampler_bench.models.loading import name_of


def test_it_is_the_ideal_denoiser_of_the_files_images(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (5, 4, 4, 3), np.uint8)
    np.savez(tmp_path / "some.npz", images=images)
    model = models.load(f"ideal:{tmp_path}/some.npz")
    assert model.shape == (3, 4, 4)
    assert (model.data_images().permute(0, 2, 3, 1).numpy() == images).all()
    near = torch.from_numpy(images).permute(0, 3, 1, 2).double() / 127.5 - 1
    sigma = torch.tensor(0.01, dtype=torch.float64)
    torch.testing.assert_close(model(near + 0.01, sigma), near)


def test_its_name_says_nothing_of_the_place():
    assert name_of("ideal:/data/of/mine/cifar10.npz") == "ideal-cifar10"
    assert name_of("ideal:torchvision:CIFAR10?root=/data") == "ideal-CIFAR10"


def test_data_that_are_not_here_can_be_planned_if_their_shape_is_known(tmp_path):
    with pytest.raises(ValueError, match="CIFAR10"):
        models.load(f"ideal:torchvision:CIFAR10?root={tmp_path}")
    assert described_ideal(f"ideal:torchvision:CIFAR10?root={tmp_path}").shape == (3, 32, 32)
    assert described_ideal("ideal:none.npz") is None

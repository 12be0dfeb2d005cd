"""Losses and weights against Table 1, and the loss at initialisation (EDM, Figure 5a)."""

import numpy as np
import pytest
import torch

from sampler_bench.models.network import NetworkDenoiser
from sampler_bench.models.networks import NETWORKS
from sampler_bench.models.preconditioning import PRECONDITIONINGS
from sampler_bench.models.training.loss import WEIGHTINGS, denoising_loss, loss_over_sigma

SIGMAS = [0.002, 0.05, 0.5, 5.0, 80.0]
TINY = {
    "img_resolution": 8,
    "img_channels": 3,
    "model_channels": 16,
    "channel_mult": [1],
    "num_blocks": 1,
    "attn_resolutions": [],
    "dropout": 0.0,
}


def normal(*shape, seed=0, dtype=torch.float64):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


@pytest.mark.parametrize("sigma_data", [0.5, 0.7])
def test_the_edm_weight_flattens_the_loss(sigma_data):
    sigma = torch.logspace(-4, 4, 200, dtype=torch.float64)
    c_out = PRECONDITIONINGS["edm"](sigma_data=sigma_data).coefficients(sigma)[1]
    flat = WEIGHTINGS["edm"](sigma_data).weight(sigma) * c_out**2
    torch.testing.assert_close(flat, torch.ones_like(flat), rtol=1e-13, atol=0)


@pytest.mark.parametrize("name", ["vp", "ve", "iddpm"])
def test_the_inverse_weight_makes_it_the_error_of_the_noise(name):
    sigma = torch.logspace(-2, 1, 20, dtype=torch.float64)
    c_out = PRECONDITIONINGS[name]().coefficients(sigma)[1]
    flat = WEIGHTINGS["inverse"]().weight(sigma) * c_out**2
    torch.testing.assert_close(flat, torch.ones_like(flat), rtol=1e-13, atol=0)


@pytest.mark.parametrize(
    ("name", "weight"),
    [
        ("inverse", lambda s: 1 / s**2),
        ("edm", lambda s: (s**2 + 0.25) / (s * 0.5) ** 2),
    ],
)
def test_loss_is_the_weighted_squared_error(name, weight):
    y, n = normal(5, 2, 3, 3), normal(5, 2, 3, 3, seed=1)
    sigma = torch.tensor(SIGMAS, dtype=torch.float64)

    def denoiser(x, level):
        assert level is sigma
        return 0.3 * x

    loss = denoising_loss(denoiser, y, sigma, n, WEIGHTINGS[name]())
    s = np.array(SIGMAS).reshape(5, 1, 1, 1)
    error = 0.3 * (y.numpy() + s * n.numpy()) - y.numpy()
    np.testing.assert_allclose(loss.numpy(), weight(s) * error**2, rtol=1e-12)


def test_conditions_are_passed_on_only_where_given():
    seen = []

    def denoiser(x, sigma, **conditions):
        seen.append(conditions)
        return x

    y, sigma, weighting = torch.zeros(2, 1, 2, 2), torch.ones(2), WEIGHTINGS["inverse"]()
    labels, augment = torch.tensor([1, 0]), torch.zeros(2, 9)
    denoising_loss(denoiser, y, sigma, y, weighting)
    denoising_loss(denoiser, y, sigma, y, weighting, labels, augment)
    assert seen[0] == {}
    assert seen[1]["labels"] is labels
    assert seen[1]["augment_labels"] is augment


@pytest.mark.parametrize("network", ["SongUNet", "DhariwalUNet"])
def test_at_initialisation_the_edm_loss_is_1_at_every_sigma(network):
    torch.manual_seed(0)
    model = NETWORKS[network](**TINY)
    denoiser = NetworkDenoiser(model, PRECONDITIONINGS["edm"]()).eval()
    images = 0.5 * normal(512, 3, 8, 8, dtype=torch.float32)
    mean, _ = loss_over_sigma(denoiser, images, SIGMAS, 1, WEIGHTINGS["edm"]())
    assert (mean - 1).abs().max() < 0.02
    # and no other preconditioning has it so flat
    other = NetworkDenoiser(model, PRECONDITIONINGS["vp"]()).eval()
    mean, _ = loss_over_sigma(other, images, SIGMAS, 1, WEIGHTINGS["edm"]())
    assert (mean - 1).abs().max() > 0.5


def test_iddpm_ignores_the_learned_variance():
    torch.manual_seed(0)
    model = NETWORKS["DhariwalUNet"](**TINY, out_channels=6)
    torch.nn.init.normal_(model.out_conv.weight)
    denoiser = NetworkDenoiser(model, PRECONDITIONINGS["iddpm"]())
    y, n = normal(2, 3, 8, 8, dtype=torch.float32), normal(2, 3, 8, 8, seed=1, dtype=torch.float32)
    loss = denoising_loss(denoiser, y, torch.tensor([0.5, 3.0]), n, WEIGHTINGS["inverse"]())
    assert loss.shape == y.shape
    loss.sum().backward()
    gradient = model.out_conv.weight.grad
    assert (gradient[:3] != 0).any()
    assert (gradient[3:] == 0).all()


def test_loss_over_sigma_is_mean_and_deviation_over_images():
    y = normal(40, 1, 2, 2)
    mean, std = loss_over_sigma(lambda x, sigma: x, y, [0.1, 3.0], 7, WEIGHTINGS["inverse"]())
    # D = x leaves the error σn, so that the loss is n² whatever σ, and the noise is the same
    n = torch.randn(y.shape, generator=torch.Generator().manual_seed(7), dtype=y.dtype)
    per_image = (n**2).mean((1, 2, 3))
    torch.testing.assert_close(mean, per_image.mean().expand(2))
    torch.testing.assert_close(std, per_image.std().expand(2))


def test_loss_over_sigma_does_not_depend_on_the_batch_and_keeps_no_graph():
    y, scale = normal(10, 1, 2, 2), torch.ones((), requires_grad=True)

    def denoiser(x, sigma):
        assert sigma.shape == x.shape[:1]
        return scale * x / (1 + sigma.reshape(-1, 1, 1, 1) ** 2)

    whole, parts = (
        loss_over_sigma(denoiser, y, SIGMAS, 0, WEIGHTINGS["edm"](), batch=b) for b in (10, 3)
    )
    torch.testing.assert_close(whole, parts)
    assert not whole[0].requires_grad


@pytest.mark.parametrize("sigma_data", [0.0, -1.0, float("nan")])
def test_impossible_sigma_data(sigma_data):
    with pytest.raises(ValueError, match="sigma_data"):
        WEIGHTINGS["edm"](sigma_data)

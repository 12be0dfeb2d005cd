"""The size of the gradient: against a formula by hand, in any batch; weights are left alone."""

import numpy as np
import pytest
import torch
from torch import nn

from sampler_bench import models
from sampler_bench.bench.measure.profiles.gradient_size import GradientSize
from sampler_bench.bench.measure.profiles.probe import Drawn
from sampler_bench.models.network import NetworkDenoiser
from sampler_bench.models.preconditioning import precondition

LEVELS = (0.05, 0.3, 1.0, 6.0)
S = 0.7


class Scale(nn.Module):
    """F = w·x: D = c_skip·x + c_out·w·c_in·x."""

    img_channels, img_resolution, out_channels, label_dim = 1, 3, 1, 0

    def __init__(self):
        super().__init__()
        self.w = nn.Parameter(torch.tensor(0.3), requires_grad=False)

    def forward(self, x, noise, labels=None, augment=None):
        return self.w * x


@pytest.fixture
def toy():
    return NetworkDenoiser(Scale(), precondition("edm", {"sigma_data": S}))


def drawn(n):
    generator = torch.Generator().manual_seed(0)
    latents = torch.randn(n, 1, 3, 3, generator=generator)
    return Drawn(latents, S * torch.randn(n, 1, 3, 3, generator=generator, dtype=torch.float64))


def by_hand(given, loss):
    """|∂/∂w λ·‖D − y‖²/dim| = |λ·mean(2·(D − y)·c_out·c_in·x)|."""
    found = []
    for sigma in LEVELS:
        x = given.clean + sigma * given.latents.double()
        total = sigma**2 + S**2
        slope = sigma * S / total * x  # c_out·c_in·x
        D = S**2 / total * x + 0.3 * slope
        weight = total / (sigma * S) ** 2 if loss == "edm" else 1 / sigma**2
        found.append((weight * 2 * (D - given.clean) * slope).flatten(1).mean(1).abs())
    return torch.stack(found, 1).numpy()


@pytest.mark.parametrize("loss", ["edm", "inverse"])
def test_the_size_of_a_networks_gradient_is_the_one_by_hand(toy, loss):
    given = drawn(6)
    with torch.no_grad():  # as measurements are taken
        found = GradientSize(LEVELS, loss=loss, sigma_data=S)(toy, given).numpy()
    assert found == pytest.approx(by_hand(given, loss), rel=2e-5)
    assert not toy.model.w.requires_grad and toy.model.w.grad is None


def test_values_do_not_depend_on_the_batch():
    network = models.load("fashion-edm-vp")
    generator = torch.Generator().manual_seed(0)
    latents = torch.randn(3, 1, 28, 28, generator=generator)
    given = Drawn(latents, 0.5 * latents.flip(0).double())
    probe = GradientSize((0.1, 1.0, 5.0), sigma_data=0.8256)
    with torch.no_grad():
        whole = probe(network, given)
        parts = [
            probe(network, Drawn(latents[rows], given.clean[rows]))
            for rows in (slice(0, 1), slice(1, 3))
        ]
    assert torch.equal(whole, torch.cat(parts)) and bool((whole > 0).all())


def density(noise):
    levels = tuple(np.geomspace(0.001, 150, 200))
    probe = GradientSize(levels, noise=noise)
    return np.log(levels), np.array(probe.beside()["density"]), probe


def test_the_density_kept_beside_is_p_trains():
    at, found, probe = density("edm")
    expected = np.exp(-0.5 * ((at + 1.2) / 1.2) ** 2) / (1.2 * np.sqrt(2 * np.pi))
    assert found[1:-1] == pytest.approx(expected[1:-1], abs=1e-3)
    assert probe.summary(np.ones(200)) == pytest.approx(1)
    assert probe.summary(at) == pytest.approx(-1.2, abs=0.01)
    at, found, _ = density("ve")
    inside = (at > np.log(0.021)) & (at < np.log(95))
    assert found[inside] == pytest.approx(1 / np.log(100 / 0.02))
    at, found, _ = density("vp")
    sigma = np.exp(at)  # dt/dlnσ, with t from Table 1 and dσ/dt = ½·(β_min + β_d·t)·(σ + 1/σ)
    t = (np.sqrt(0.1**2 + 2 * 19.9 * np.log1p(sigma**2)) - 0.1) / 19.9
    expected = sigma / (0.5 * (0.1 + 19.9 * t) * (sigma + 1 / sigma))
    assert found[5:-5] == pytest.approx(expected[5:-5], rel=0.01)


@pytest.mark.parametrize(
    ("made", "message"),
    [
        (lambda: GradientSize(LEVELS, weights="first"), "weights"),
        (lambda: GradientSize((1e-9, 2e-9, 3e-9), noise="ve"), "levels"),
        (
            lambda: GradientSize(LEVELS).check(models.load("exact-mixture-8x8")),
            "needs a network",
        ),
    ],
)
def test_what_cannot_be_is_refused(made, message):
    with pytest.raises(ValueError, match=message) as error:
        made()
    assert "\n" not in str(error.value)

"""DDIM against what it is known to equal."""

import pytest
import torch

from sampler_bench import solvers
from sampler_bench.models import Counted
from sampler_bench.solvers.levels import iddpm_levels
from sampler_bench.solvers.original.ddim import levels_of, spaced
from tests.solvers.mixtures import three_components


def sampled(steps, noise=None, **keys):
    model = Counted(three_components())
    source = solvers.SeedNoise(range(5))
    latents = source.latents((2,))
    sampler = solvers.build(solver="ddim", steps=steps, **keys)
    return sampler(model, latents, noise or source), latents, model


def test_without_noise_it_is_euler_s_method_in_sigma():
    """In x/s and σ a DDIM step with η = 0 is Euler's of dx/dσ = (x − D)/σ (EDM, C.4)."""
    found, latents, model = sampled(25, clip="off")
    sigma = (1 / levels_of(1000, 0.001, 0.008) - 1).sqrt()[spaced(1000, 25, "even")].flip(0)
    # The original starts from N(0, I), where the marginal has s²(σ² + data's) ≈ 1.
    x = latents.double() * (1 + sigma[0] ** 2).sqrt()
    for now, then in zip(sigma, [*sigma[1:], torch.tensor(0.0)], strict=True):
        x = x + (then - now) * (x - three_components()(x, now)) / now
    torch.testing.assert_close(found, x, rtol=0, atol=1e-10)
    assert model.nfe == 25


def test_eta_one_is_ancestral_sampling():
    """DDPM's posterior of x_{t−1} given x_t and x̂_0, written out (Ho et al. 2020, Eq. 7)."""
    draws = torch.randn(30, 5, 2, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    feed = iter(draws)
    found, latents, _ = sampled(30, lambda x: next(feed), eta=1.0, clip="off")
    alpha_bar = levels_of(1000, 0.001, 0.008)[spaced(1000, 30, "even")]
    below = torch.cat([torch.ones(1, dtype=torch.float64), alpha_bar[:-1]])
    x, model = latents.double(), three_components()
    for i, z in zip(range(29, -1, -1), draws, strict=True):
        a, b = alpha_bar[i], below[i]
        beta = 1 - a / b
        clean = model(x / a.sqrt(), ((1 - a) / a).sqrt())
        mean = b.sqrt() * beta / (1 - a) * clean + (a / b).sqrt() * (1 - b) / (1 - a) * x
        x = mean + (beta * (1 - b) / (1 - a)).sqrt() * z
    torch.testing.assert_close(found, x, rtol=0, atol=1e-9)


@pytest.mark.parametrize("eta", [0.25, 0.5])
def test_noise_grows_with_eta(eta):
    """What one draw does to the state of the next step, over what it does at η = 1."""

    class Recording:
        shape, sigma_min, sigma_max = (2,), 0.0, float("inf")

        def __init__(self):
            self.states = []

        def __call__(self, x, sigma):
            self.states.append(x)
            return torch.zeros_like(x)

    def moved(eta):
        seen = []
        for z in (0.0, 1.0):
            model = Recording()
            sampler = solvers.build(solver="ddim", steps=2, eta=eta)
            sampler(model, torch.ones(1, 2), lambda x, z=z: torch.full_like(x, z))
            seen.append(model.states[1])
        return seen[1] - seen[0]

    torch.testing.assert_close(moved(eta), eta * moved(1.0))


def test_clipping_is_on_unless_told_otherwise():
    class Twice:
        """A denoiser of values beyond [−1, 1]."""

        shape, sigma_min, sigma_max = (2,), 0.0, float("inf")

        def __call__(self, x, sigma):
            return torch.full_like(x, 2.0)

    latents = torch.zeros(1, 2)
    for keys, expected in (({}, 1.0), ({"clip": "off"}, 2.0)):
        sampler = solvers.build(solver="ddim", steps=10, **keys)
        found = sampler(Twice(), latents, torch.zeros_like)
        torch.testing.assert_close(found, torch.full((1, 2), expected, dtype=torch.float64))


@pytest.mark.parametrize("eta", [0.0, 0.5, 1.0])
def test_samples_have_the_data_s_spread(eta):
    mixture, n = three_components(), 4000
    generator = torch.Generator().manual_seed(0)

    def noise(x):
        return torch.randn(x.shape, generator=generator, dtype=torch.float64)

    sampler = solvers.build(solver="ddim", steps=500, eta=eta, clip="off")
    samples = sampler(mixture, noise(torch.empty(n, 2)), noise)
    mean, covariance = (torch.as_tensor(m) for m in mixture.true_moments())
    assert ((samples.mean(0) - mean).abs() < 4 * (covariance.diagonal() / n).sqrt()).all()
    products = (samples - mean)[:, :, None] * (samples - mean)[:, None, :]
    assert ((products.mean(0) - covariance).abs() < 4 * products.std(0) / n**0.5).all()


def test_even_spacing_takes_both_ends_and_strides_begin_at_the_first():
    assert spaced(1000, 5, "even") == [0, 250, 500, 749, 999]
    assert spaced(1000, 1, "even") == [0]
    assert spaced(1000, 4, "stride") == [0, 250, 500, 750]
    assert spaced(1000, 1000, "even") == spaced(1000, 1000, "stride") == list(range(1000))


def test_levels_are_those_of_the_networks():
    alpha_bar = levels_of(1000, 0.001, 0.008)
    u = iddpm_levels()
    torch.testing.assert_close((1 / alpha_bar[-1] - 1).sqrt(), u[0])
    torch.testing.assert_close((1 / alpha_bar[0] - 1).sqrt(), u[999])

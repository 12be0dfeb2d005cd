"""iDDPM's ancestral sampling, and variances that a network has learned."""

import pytest
import torch

from sampler_bench import solvers
from sampler_bench.bench.measure.samples import InParts
from sampler_bench.models import Counted
from sampler_bench.models.labels import Condition
from sampler_bench.models.network import NetworkDenoiser
from sampler_bench.models.networks import NETWORKS
from sampler_bench.models.preconditioning import IDDPM
from sampler_bench.solvers.original.ddim import levels_of, spaced
from tests.solvers.mixtures import three_components

STEPS = 12


class Learned:
    """The mixture's denoiser, and a variance that depends on x."""

    shape, sigma_min, sigma_max = (2,), 0.0, float("inf")

    def __init__(self, v=None):
        self.mixture, self.v = three_components(), v

    def __call__(self, x, sigma):
        return self.mixture(x, sigma)

    def with_variance(self):
        def both(x, sigma):
            v = x.tanh() if self.v is None else torch.full_like(x, self.v)
            return torch.cat([self.mixture(x, sigma), v], 1)

        return both


def sampled(model, steps=STEPS, **keys):
    draws = iter(
        torch.randn(STEPS, 5, 2, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    )
    latents = solvers.SeedNoise(range(5)).latents((2,))
    sampler = solvers.build(steps=steps, clip="off", **keys)
    return sampler(model, latents, lambda x: next(draws))


@pytest.mark.parametrize("steps", [1, 2, STEPS])
def test_the_small_variance_is_ddim_s_at_eta_one(steps):
    ancestral = sampled(three_components(), steps, solver="ddpm", variance="small")
    ddim = sampled(three_components(), steps, solver="ddim", eta=1.0)
    torch.testing.assert_close(ancestral, ddim, rtol=0, atol=1e-9)


@pytest.mark.parametrize(("v", "variance"), [(-1.0, "small"), (1.0, "large")])
def test_learned_variances_reach_from_the_small_to_the_large(v, variance):
    learned = sampled(Learned(v), solver="ddpm")
    torch.testing.assert_close(
        learned, sampled(Learned(), solver="ddpm", variance=variance), rtol=0, atol=1e-12
    )


def test_learned_variances_are_interpolated_in_logarithms():
    """Two steps, written out: the noise of the first is all there is."""
    model = Learned()
    z = torch.tensor([[0.7, -1.1]], dtype=torch.float64)
    x = torch.tensor([[0.3, 0.8]], dtype=torch.float64)
    sampler = solvers.build(solver="ddpm", steps=2, clip="off")
    found = sampler(model, x, lambda x: z)
    low, high = levels_of(1000, 0.001, 0.008)[spaced(1000, 2, "even")]
    beta = 1 - high / low
    least = beta * (1 - low) / (1 - high)
    sigma = ((1 - high) / high).sqrt()
    clean, v = model.with_variance()(x / high.sqrt(), sigma).split(2, 1)
    mean = (low.sqrt() * beta * clean + (high / low).sqrt() * (1 - low) * x) / (1 - high)
    y = mean + (beta ** ((1 + v) / 4)) * (least ** ((1 - v) / 4)) * z
    expected = model(y / low.sqrt(), ((1 - low) / low).sqrt())
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-9)


def test_a_model_that_has_learned_none_is_refused_before_it_is_evaluated():
    counted = Counted(three_components())
    with pytest.raises(ValueError, match="has not learned a variance: use variance = 'small'"):
        solvers.build(solver="ddpm", steps=5)(counted, torch.zeros(1, 2))
    assert counted.evaluations == 0


def test_an_unknown_variance_is_refused():
    with pytest.raises(ValueError, match="did you mean 'learned'"):
        solvers.build(solver="ddpm", steps=5, variance="learnt")


def network(out_channels, label_dim=0):
    torch.manual_seed(0)
    made = NETWORKS["DhariwalUNet"](
        img_resolution=8,
        img_channels=1,
        out_channels=out_channels,
        label_dim=label_dim,
        model_channels=8,
        channel_mult=[1, 2],
        num_blocks=1,
        attn_resolutions=[],
        channels_per_head=8,
        dropout=0.0,
    )
    torch.nn.init.normal_(made.out_conv.weight, std=0.1)
    return NetworkDenoiser(made, IDDPM()).eval().requires_grad_(False)


@pytest.mark.parametrize(("label_dim", "guidance"), [(0, None), (3, None), (3, 1.5)])
def test_a_network_s_variance_comes_through_labels_parts_and_counts(label_dim, guidance):
    model = network(2, label_dim)
    counted = Counted(InParts(model, 2))
    condition = Condition(guidance=guidance)
    labels = torch.arange(5) % 3
    bound = condition.bind(counted, label_dim, lambda classes: labels, range(5))
    counted.begin(5)
    x = torch.randn(5, 1, 8, 8, generator=torch.Generator().manual_seed(1))
    sigma = torch.tensor(2.0)
    both = bound.with_variance()(x, sigma)
    assert both.shape == (5, 2, 8, 8)
    torch.testing.assert_close(both[:, :1], bound(x, sigma))
    assert both[:, 1:].std() > 0
    each = 1 if guidance is None else 2
    assert counted.per_sample.tolist() == [2 * each] * 5


def test_a_network_without_a_variance_says_so():
    with pytest.raises(ValueError, match="has not learned a variance"):
        network(1).with_variance()

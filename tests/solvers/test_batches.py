"""A sample depends on its seed, not on the batch it is made in."""

import pytest
import torch

from sampler_bench import solvers
from tests.solvers.combinations import build, each_fixed, each_flow, normal
from tests.solvers.mixtures import three_components


def in_batches(sampler, seeds, size):
    parts = []
    for start in range(0, len(seeds), size):
        noise = solvers.SeedNoise(seeds[start : start + size])
        parts.append(sampler(three_components(), noise.latents((2,)), noise))
    return torch.cat(parts)


@each_flow
@pytest.mark.parametrize("S_churn", [0.0, 3.0])
@each_fixed
def test_a_batch_equals_its_samples_made_alone(solver, S_churn, schedule, scaling):
    """To round-off only: vectorised sums may associate differently for another batch size."""
    sampler, seeds = build(solver, schedule, scaling=scaling, S_churn=S_churn, steps=6), range(7)
    together = in_batches(sampler, seeds, 7)
    for size in (1, 2):
        alone = in_batches(sampler, seeds, size)
        torch.testing.assert_close(alone, together, rtol=1e-12, atol=1e-12)


def test_rk45_couples_the_samples_of_a_group_and_no_others():
    seeds = range(6)
    grouped = solvers.build(solver="rk45", group=3, rtol=1e-3)
    together = in_batches(grouped, seeds, 6)
    torch.testing.assert_close(in_batches(grouped, seeds, 3), together, rtol=1e-12, atol=1e-12)
    # Alone, each sample has its own error norm: other steps, other round-off of the method.
    alone = in_batches(solvers.build(solver="rk45", group=1, rtol=1e-3), seeds, 6)
    assert 1e-9 < (alone - together).abs().max() < 0.05
    assert (grouped.group, solvers.build().group) == (3, None)


def test_a_seed_decides_latent_label_and_noise_in_this_order():
    generator = torch.Generator().manual_seed(5)
    latent = torch.randn(3, 4, generator=generator)
    label = torch.randint(10, (), generator=generator)
    step = torch.randn(3, 4, generator=generator, dtype=torch.float64)

    noise = solvers.SeedNoise([3, 5])
    latents = noise.latents((3, 4))
    assert latents.dtype == torch.float32
    labels, draws = noise.labels(10), noise(normal(2, 3, 4))
    assert draws.dtype == torch.float64
    assert torch.equal(latents[1], latent)
    assert labels[1] == label
    assert torch.equal(draws[1], step)


def test_every_seed_that_is_taken_is_another():
    edges = [0, 1, 5, 2**31 - 1, 2**31, 2**32 - 1]
    latents = solvers.SeedNoise(edges).latents((4,))
    assert len(latents.unique(dim=0)) == len(edges)


@pytest.mark.parametrize("seed", [-1, 2**32, 2**32 + 5, 2**33, 2**64, -(2**40), 10**400])
def test_a_seed_that_would_repeat_another_is_refused(seed):
    with pytest.raises(ValueError, match=r"seeds are from 0 to 4294967295"):
        solvers.SeedNoise([3, seed])


def test_noise_for_another_number_of_samples_is_refused():
    with pytest.raises(ValueError, match="2 samples for 3 seeds"):
        solvers.SeedNoise(range(3))(normal(2, 4))


def test_draws_are_made_where_their_generators_are(monkeypatch):
    """On the CPU, then moved: a GPU's generator gives other numbers, and takes no CPU generator."""
    draw, places = torch.Tensor.normal_, []

    def normal_(self, *args, generator):
        places.append((self.device, generator.device))
        return draw(self, *args, generator=generator)

    monkeypatch.setattr(torch.Tensor, "normal_", normal_)
    noise = solvers.SeedNoise(range(3), "meta")
    assert noise.latents((2,)).device.type == "meta"
    assert noise(torch.empty(3, 2, device="meta")).device.type == "meta"
    assert all(tensor == generator for tensor, generator in places)

"""One generator per sample, beside one for all: the price of results that ignore the batch."""

import pytest
import torch

from sampler_bench.solvers import SeedNoise

SAMPLES = 256


@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 32, 32)])
def test_seed_noise(benchmark, shape):
    benchmark.group = f"{SAMPLES} latents {shape}"
    assert benchmark(lambda: SeedNoise(range(SAMPLES)).latents(shape)).shape == (SAMPLES, *shape)


@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 32, 32)])
def test_randn(benchmark, shape):
    benchmark.group = f"{SAMPLES} latents {shape}"
    generator = torch.Generator().manual_seed(0)
    drawn = benchmark(lambda: torch.randn(SAMPLES, *shape, generator=generator))
    assert drawn.shape == (SAMPLES, *shape)

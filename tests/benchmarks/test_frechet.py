"""At Inception's width: our distance with 20 leave-one-out values, beside torch-fidelity's one."""

import numpy as np
import pytest
from torch_fidelity.metric_fid import fid_statistics_to_metric

from sampler_bench.bench.features.frechet import Reference, jackknife
from sampler_bench.bench.features.moments import Moments

INCEPTION = 2048
# Fewer vectors than dimensions and many more: the two ways of leaving out (see trace_sqrt).
VECTORS_PER_DIMENSION = [0.5, 10]


def statistics(n: int, dim: int, seed: int) -> Moments:
    """Moments of n Gaussian vectors with a spectrum that decays as image features' does."""
    rng = np.random.default_rng(seed)
    scale = np.arange(1, dim + 1) ** -0.6
    return Moments.from_features(rng.standard_normal((n, dim)) * scale + 0.5)


@pytest.fixture(scope="module")
def dim(request) -> int:
    return INCEPTION if request.config.getoption("benchmark_enable") else 64


@pytest.fixture(scope="module")
def reference(dim) -> Reference:
    made = Reference.from_moments(statistics(5 * dim, dim, seed=0), "made up", "")
    _ = made.root  # once per reference, however many cells are measured against it
    return made


@pytest.fixture(scope="module", params=VECTORS_PER_DIMENSION)
def shards(request, dim) -> list[Moments]:
    n = int(request.param * dim) // 20
    return [statistics(n, dim, seed) for seed in range(1, 21)]


def test_ours_with_leave_one_out(benchmark, shards, reference):
    benchmark.group = f"d = {reference.dim}, n = {20 * shards[0].n}"
    value, loo = benchmark.pedantic(jackknife, (shards, reference), rounds=2)
    assert value > 0 and len(loo) == 20


def test_torch_fidelity_value_alone(benchmark, shards, reference):
    benchmark.group = f"d = {reference.dim}, n = {20 * shards[0].n}"
    total = sum(shards[1:], shards[0])
    ours = {"mu": total.mean, "sigma": total.cov}
    theirs = {"mu": reference.mu, "sigma": reference.sigma}
    assert benchmark.pedantic(fid_statistics_to_metric, (ours, theirs, False), rounds=2)

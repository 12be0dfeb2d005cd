"""KID, precision and recall: torch-fidelity's numbers, and their errors."""

import numpy as np
import pytest
import torch
from torch_fidelity.metric_kid import kid_features_to_metric
from torch_fidelity.metric_prc import prc_features_to_metric

from sampler_bench.bench.features import distances
from sampler_bench.bench.features.distances import kid, precision, recall
from sampler_bench.bench.features.kernel_sums import kernel_sums
from sampler_bench.bench.features.neighbours import Coverage
from tests.soak import distance_errors as soak

DISTANCES = {"kid": kid, "precision": precision, "recall": recall}


def features(n: int, seed: int, scale: float = 1.0) -> np.ndarray:
    return scale * np.random.default_rng(seed).standard_normal((n, 6))


def test_kid_is_torch_fidelitys():
    generated, real = features(300, 1, 1.1), features(400, 2)
    expected = kid_features_to_metric(
        torch.from_numpy(generated).float(),
        torch.from_numpy(real).float(),
        kid_subset_size=300,
        verbose=False,
    )["kernel_inception_distance_mean"]
    value, _ = kid(np.array_split(generated, 4), real)
    assert value == pytest.approx(expected, rel=1e-12)


def test_precision_and_recall_are_torch_fidelitys_the_right_way_round():
    generated, real = features(200, 1, 0.5), features(300, 2)
    expected = prc_features_to_metric(
        torch.from_numpy(generated).float(), torch.from_numpy(real).float(), verbose=False
    )
    found_precision, _ = precision([generated], real)
    found_recall, _ = recall([generated], real)
    assert found_precision == pytest.approx(expected["precision"])
    assert found_recall == pytest.approx(expected["recall"])
    assert found_precision > found_recall + 0.2


def test_precision_without_a_shard_is_that_of_the_rest():
    shards, real = np.array_split(features(60, 1), 3), features(80, 2)
    value, loo = precision(shards, real)
    rest = precision([np.concatenate([shards[0], shards[2]])], real)[0]
    assert len(loo) == 3
    assert loo[1] == pytest.approx(rest, abs=1e-6)
    assert value == precision([np.concatenate(shards)], real)[0]


@pytest.mark.parametrize("seed", range(4))
def test_coverage_without_shards_is_recall_of_the_rest(seed):
    shards = [torch.from_numpy(part).float() for part in np.array_split(features(60, seed), 9)]
    real = torch.from_numpy(features(80, 20 + seed, 1.2)).float()
    kept = [np.arange(9) % step < 1 for step in (1, 2, 3, 4)]
    found = Coverage.of(shards, real, 3, kept).recalls()
    for chosen, value in zip(kept, found, strict=True):
        rest = [part for part, here in zip(shards, chosen, strict=True) if here]
        assert value == pytest.approx(recall([torch.cat(rest)], real)[0], abs=1e-6)


def test_kernel_sums_are_torch_fidelitys_subsets():
    parts, real = np.array_split(features(90, 1, 1.3).astype(np.float32), 4), features(70, 2)
    sums = kernel_sums(parts, real.astype(np.float32), 100, 40, 2020)
    value = kid_features_to_metric(
        torch.from_numpy(np.concatenate(parts)),
        torch.from_numpy(real).float(),
        kid_subset_size=40,
        verbose=False,
    )["kernel_inception_distance_mean"]
    assert sums.distance(np.ones(4)) == pytest.approx(value, rel=1e-4)


def test_kernel_sums_without_shards_are_of_what_is_left_of_each_subset():
    parts, real = np.array_split(features(12, 1, 1.3).astype(np.float32), 4), features(9, 2)
    real = real.astype(np.float32)
    x = np.concatenate(parts[1:3]).astype(float)  # one subset, of all samples
    sums = kernel_sums(parts, np.concatenate([real, real[:3]]), 1, 12, 2020)
    y = np.concatenate([real, real[:3]]).astype(float)

    def kernel(a, b):
        return (a @ b.T / 6 + 1) ** 3

    own, rest, cross = kernel(x, x), kernel(y, y), kernel(x, y).mean()
    expected = (own.sum() - np.trace(own)) / 30 + (rest.sum() - np.trace(rest)) / 132 - 2 * cross
    assert sums.distance(np.array([0, 1, 1, 0])) == pytest.approx(expected, rel=1e-4)


def test_one_shard_has_no_error_and_many_vectors_have_one(monkeypatch):
    monkeypatch.setattr(distances, "MOST_FOR_LEAVE_ONE_OUT", 49)
    for distance in DISTANCES.values():
        assert distance([features(50, 1)], features(50, 2))[1] == []
        assert len(distance(np.array_split(features(50, 1), 5), features(50, 2))[1]) == 5


def test_a_distance_of_a_users_own_has_values_without_each_shard_up_to_so_many(monkeypatch):
    shards, real = np.array_split(features(50, 1), 5), features(50, 2)

    def distance(x, y):
        return float(x.mean() - y.mean())

    monkeypatch.setattr(distances, "MOST_FOR_LEAVE_ONE_OUT", 50)
    value, loo = distances.left_out(distance, shards, real)
    rest = distances.left_out(distance, [np.concatenate(shards[1:])], real)[0]
    assert (value, loo[0]) == (
        distances.left_out(distance, [np.concatenate(shards)], real)[0],
        rest,
    )
    monkeypatch.setattr(distances, "MOST_FOR_LEAVE_ONE_OUT", 49)
    assert distances.left_out(distance, shards, real)[1] == []


@pytest.mark.parametrize("distance", DISTANCES.values(), ids=DISTANCES)
@pytest.mark.parametrize("collapsed", [1, 30, 100])
def test_collapsed_samples_have_an_error(distance, collapsed):
    samples = features(100, 1)
    samples[:collapsed] = samples[0]
    value, loo = distance(np.array_split(samples, 20), features(150, 2))
    assert np.isfinite([value, *loo]).all()
    assert len(loo) == 20


@pytest.mark.parametrize(
    ("metric", "case"),
    [
        ("kid", soak.Case("all in each subset", 60, 200, 64, subsets=8)),
        ("kid", soak.Case("small subsets", 100, 100, 8, subset=20, subsets=8)),
        ("kid", soak.Case("far", 60, 60, 8, 0.8, 0.5, subsets=8)),
        ("precision", soak.Case("perfect", 100, 100, 8)),
        ("recall", soak.Case("few real ones", 120, 40, 8, splits=8)),
        ("recall", soak.Case("shifted", 80, 120, 8, 0.8, 0.3, splits=8)),
    ],
    ids=lambda one: getattr(one, "name", one),
)
def test_the_error_is_the_spread_over_seeds(metric, case):
    found = soak.measured(case, metric, sets=40)
    assert found.is_right, str(found)


@pytest.mark.parametrize("distance", DISTANCES.values(), ids=DISTANCES)
def test_features_that_do_not_fit(distance):
    with pytest.raises(ValueError, match=r"of one width, got \[5, 6\]"):
        distance([features(9, 1)], features(9, 2)[:, :5])
    with pytest.raises(ValueError, match=r"expected \[n, d\]"):
        distance([np.zeros(9)], features(9, 2))
    with pytest.raises(ValueError, match="0 shards"):
        distance([], features(9, 2))
    with pytest.raises(ValueError, match="feature vectors on each side, got 1"):
        distance([features(1, 1)], features(9, 2))

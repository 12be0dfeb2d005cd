"""KID, precision and recall: torch-fidelity's numbers, and their leave-one-out values."""

import numpy as np
import pytest
import torch
from torch_fidelity.metric_kid import kid_features_to_metric
from torch_fidelity.metric_prc import prc_features_to_metric

from sampler_bench.bench.features import distances
from sampler_bench.bench.features.distances import kid, precision, recall

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


@pytest.mark.parametrize("distance", DISTANCES.values(), ids=DISTANCES)
def test_leave_one_out_values_are_those_of_the_rest(distance):
    shards, real = np.array_split(features(60, 1), 3), features(80, 2)
    value, loo = distance(shards, real)
    assert value == distance([np.concatenate(shards)], real)[0]
    assert loo[1] == distance([np.concatenate([shards[0], shards[2]])], real)[0]
    assert len(loo) == 3


def test_no_leave_one_out_values_for_one_shard_or_too_many_vectors(monkeypatch):
    assert precision([features(50, 1)], features(50, 2))[1] == []
    monkeypatch.setattr(distances, "MOST_FOR_LEAVE_ONE_OUT", 50)
    assert len(precision(np.array_split(features(50, 1), 5), features(50, 2))[1]) == 5
    monkeypatch.setattr(distances, "MOST_FOR_LEAVE_ONE_OUT", 49)
    assert precision(np.array_split(features(50, 1), 5), features(50, 2))[1] == []


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

"""The distance against torch-fidelity end to end; its leave-one-out values against exact ones."""

from functools import reduce
from operator import add
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.utils.data import Dataset

from sampler_bench.bench.features.extractors import build_extractor
from sampler_bench.bench.features.frechet import Reference, frechet, jackknife
from sampler_bench.bench.features.moments import Moments

DATA = Path(__file__).parents[3] / "models/zoo/fashion/fashion-2000.npz"


class Images(Dataset):
    def __init__(self, images: torch.Tensor) -> None:
        self.images = images

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> torch.Tensor:
        return self.images[index].expand(3, -1, -1)


def shards(features: np.ndarray, count: int = 20) -> list[Moments]:
    return [Moments.from_features(part) for part in np.array_split(features, count)]


def standard_error(leave_one_out) -> float:
    values = np.asarray(leave_one_out)
    return float(np.sqrt((len(values) - 1) * values.var()))


def gaussian(n: int, d: int, seed: int, decay: float = 1.0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    heavy = np.sqrt(rng.gamma(4, 1 / 4, size=(n, 1)))
    return rng.standard_normal((n, d)) * heavy * np.arange(1, d + 1) ** -decay + 2


def reference(features: np.ndarray) -> Reference:
    return Reference.from_moments(Moments.from_features(features), "test", "")


# torch-fidelity asks for more loader processes than small machines have.
@pytest.mark.filterwarnings("ignore:This DataLoader will create")
def test_equals_torch_fidelity_end_to_end():
    images = torch.from_numpy(np.load(DATA)["images"][:600])[:, None]
    images[:300] = images[:300] // 2 + 20
    one, two = images[:300], images[300:]
    extractor = build_extractor("fashion")

    from torch_fidelity import calculate_metrics

    expected = calculate_metrics(
        input1=Images(one),
        input2=Images(two),
        feature_extractor="fashion",
        feature_layer_fid="96",
        fid=True,
        cuda=False,
        cache=False,
        verbose=False,
    )["frechet_inception_distance"]
    target = reference(extractor(two).numpy())
    value, _ = jackknife(shards(extractor(one).numpy()), target)
    assert expected > 1
    assert value == pytest.approx(expected, rel=1e-5)


def test_known_distance_of_two_gaussians():
    mean, variances = np.array([1.0, 2.0]), np.diag([4.0, 9.0])
    moments = Moments(3, 3 * mean, 2 * variances + 3 * np.outer(mean, mean))
    target = Reference(np.array([0.0, 0.0]), np.diag([1.0, 1.0]), None, "exact", "")
    assert frechet(moments, target) == pytest.approx(1 + 4 + (2 - 1) ** 2 + (3 - 1) ** 2)


@pytest.mark.parametrize("decay", [0.5, 1.5])
@pytest.mark.parametrize("n", [30, 60, 64, 66, 100, 300, 500, 520, 1000, 3000])
def test_leave_one_out_values_against_recomputation(n, decay):
    parts = shards(gaussian(n, 64, seed=n, decay=decay))
    target = reference(gaussian(5000, 64, seed=0, decay=decay))
    _, found = jackknife(parts, target)
    total = reduce(add, parts)
    exact = [frechet(total - part, target) for part in parts]
    error = standard_error(exact)
    assert np.abs(np.subtract(found, exact)).max() < 0.03 * error
    assert standard_error(found) == pytest.approx(error, rel=0.01)


@pytest.mark.parametrize("n", [30, 100, 1000])
def test_leave_one_out_values_with_singular_covariances(n):
    features, real = gaussian(n, 64, seed=n), gaussian(40, 64, seed=0)
    features[:, :8] = real[:, 4:12] = -1.0
    parts, target = shards(features), reference(real)
    _, found = jackknife(parts, target)
    total = reduce(add, parts)
    exact = [frechet(total - part, target) for part in parts]
    assert np.abs(np.subtract(found, exact)).max() < 0.03 * standard_error(exact)


def test_a_sampler_that_repeats_one_image():
    parts = shards(np.tile(gaussian(1, 8, seed=1), (100, 1)))
    value, found = jackknife(parts, reference(gaussian(50, 8, seed=0)))
    np.testing.assert_allclose(found, value, rtol=1e-6)


def test_a_reference_that_is_one_point():
    parts = shards(gaussian(100, 8, seed=1))
    target = Reference(np.zeros(8), np.zeros((8, 8)), None, "point", "")
    _, found = jackknife(parts, target)
    total = reduce(add, parts)
    np.testing.assert_allclose(found, [frechet(total - part, target) for part in parts])


def test_paired_differences_of_two_nearly_equal_samplers():
    """What the gate compares: the jackknife of a difference on the same seeds."""
    base = gaussian(1000, 64, seed=1)
    moved = base * (1 + 1e-3 * np.sin(np.arange(64)))
    target = reference(gaussian(5000, 64, seed=0))
    (value, loo), (moved_value, moved_loo) = (jackknife(shards(f), target) for f in (base, moved))
    exact = []
    for features in (base, moved):
        parts = shards(features)
        total = reduce(add, parts)
        exact.append(np.array([frechet(total - part, target) for part in parts]))
    paired = standard_error(np.subtract(moved_loo, loo))
    assert paired == pytest.approx(standard_error(exact[1] - exact[0]), rel=0.02)
    assert paired < standard_error(loo) / 10
    assert moved_value != value


def spread_and_jackknife_error(stretch: float) -> tuple[float, float]:
    target = reference(gaussian(20_000, 16, seed=0))
    runs = [
        jackknife(shards(stretch * gaussian(400, 16, seed=seed)), target) for seed in range(1, 31)
    ]
    spread = float(np.std([value for value, _ in runs], ddof=1))
    return spread, float(np.sqrt(np.mean([standard_error(loo) ** 2 for _, loo in runs])))


def test_jackknife_error_is_the_spread_over_independent_samples():
    spread, error = spread_and_jackknife_error(stretch=1.05)
    assert error == pytest.approx(spread, rel=0.3)


def test_jackknife_error_is_too_wide_never_too_narrow_for_a_perfect_sampler():
    spread, error = spread_and_jackknife_error(stretch=1.0)
    assert spread < error < 2.5 * spread


@pytest.mark.parametrize("count", [2, 3, 7])
def test_any_number_of_shards_of_unequal_sizes(count):
    parts = shards(gaussian(200, 24, seed=5), count)
    target = reference(gaussian(5000, 24, seed=0))
    value, found = jackknife(parts, target)
    total = reduce(add, parts)
    assert value == frechet(total, target)
    exact = [frechet(total - part, target) for part in parts]
    np.testing.assert_allclose(found, exact, rtol=1e-3)


def test_one_shard_has_no_leave_one_out_values():
    parts = shards(gaussian(50, 8, seed=5), 1)
    target = reference(gaussian(50, 8, seed=0))
    assert jackknife(parts, target) == (frechet(parts[0], target), [])


def test_sides_of_different_dimensions():
    with pytest.raises(ValueError, match=r"reference test: its statistics have dimension 8, .* 9"):
        frechet(shards(gaussian(50, 9, seed=5), 1)[0], reference(gaussian(50, 8, seed=0)))


def test_too_few_vectors():
    target = reference(gaussian(50, 8, seed=0))
    with pytest.raises(ValueError, match="at least one shard"):
        jackknife([], target)
    with pytest.raises(ValueError, match="must leave at least 2"):
        jackknife(shards(gaussian(2, 8, seed=5), 2), target)


def test_float32_statistics_are_cast():
    """torch-fidelity fails a bare assertion when the two sides have different types."""
    exact = reference(gaussian(50, 8, seed=0))
    single = Reference(exact.mu.astype("f4"), exact.sigma.astype("f4"), None, "single", "")
    moments = shards(gaussian(50, 8, seed=5), 1)[0]
    assert frechet(moments, single) == pytest.approx(frechet(moments, exact), rel=1e-4)

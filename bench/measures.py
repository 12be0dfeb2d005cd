"""From finished shards to a value and its leave-one-shard-out values, metric by metric."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from threadpoolctl import threadpool_limits

from sampler_bench.bench.metrics import distances, frechet
from sampler_bench.bench.metrics.moments import Moments
from sampler_bench.bench.references import ReferenceSource
from sampler_bench.results import Shard

Value = tuple[float, list[float]]

WIDE = 512
"""Features from here on are worth a second thread."""


@dataclass(frozen=True)
class Measure:
    """A metric.

    Attributes:
        needs: What a shard must hold: ``"moments"``, ``"features"`` or ``"errors"``.
        merge: ``(shards, reference source) -> (value, leave-one-out values)``.
        description: One line for ``bench list``.
    """

    needs: str
    merge: Callable[[Sequence[Shard], ReferenceSource], Value]
    description: str


def _fid(shards: Sequence[Shard], source: ReferenceSource) -> Value:
    parts = [Moments.unpack(shard.arrays) for shard in shards]
    # At d = 128 threads are no help, and on busy cores they wait for each other: 120 ms for 1 ms.
    with threadpool_limits(None if len(parts[0].sum) >= WIDE else 1, user_api="blas"):
        return frechet.jackknife(parts, source.statistics())


def _from_features(distance: Callable[..., Value]) -> Callable[..., Value]:
    def merge(shards: Sequence[Shard], source: ReferenceSource) -> Value:
        return distance([shard.arrays["features"] for shard in shards], source.features())

    return merge


def _truncation_error(shards: Sequence[Shard], source: ReferenceSource) -> Value:
    """RMS over samples and dimensions; without shard k: √(Σ_{i ≠ k} e_i / Σ_{i ≠ k} n_i)."""
    squares = np.array([shard.arrays["squared_error"].sum() for shard in shards])
    counts = np.array([len(shard.arrays["squared_error"]) for shard in shards])
    rest = np.sqrt((squares.sum() - squares) / (counts.sum() - counts))
    return float(np.sqrt(squares.sum() / counts.sum())), rest.tolist()


METRICS: dict[str, Measure] = {
    "fid": Measure("moments", _fid, "Fréchet distance of features; FID with Inception and 50,000"),
    "kid": Measure("features", _from_features(distances.kid), "kernel distance of features"),
    "precision": Measure(
        "features", _from_features(distances.precision), "share of samples near real ones"
    ),
    "recall": Measure(
        "features", _from_features(distances.recall), "share of real images near samples"
    ),
    "truncation-error": Measure(
        "errors", _truncation_error, "RMS distance to the exact ODE solution, same latents"
    ),
}

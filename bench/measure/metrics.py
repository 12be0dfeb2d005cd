"""From finished shards to a value and its leave-one-shard-out values, metric by metric."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from threadpoolctl import threadpool_limits

from sampler_bench.bench.features import distances, frechet, infinity
from sampler_bench.bench.features.moments import Moments
from sampler_bench.bench.features.references import ReferenceSource
from sampler_bench.bench.measure.registry import METRICS
from sampler_bench.kit import own_files
from sampler_bench.results import Shard
from sampler_bench.results.metric import Metric

Value = tuple[float, list[float]]

WIDE = 512
"""Features from here on are worth a second thread."""


ARRAYS = {"moments": "outer", "features": "features", "errors": "squared_error"}
"""The array by which a shard is known to hold what a metric needs."""


@dataclass(frozen=True)
class Measure:
    """How a metric is computed.

    Attributes:
        merge: ``(shards, reference source) -> (value, leave-one-out values)``; the first line of
            its docstring is what ``bench list`` says.
        metric: What it is.
        most_for_error: Up to how many samples it has a standard error; ``None`` for any number.
        text: The digest of its text, if it is a user's own; its files by path, with SHA-256.
    """

    merge: Callable[[Sequence[Shard], ReferenceSource], Value]
    metric: Metric
    most_for_error: int | None = None
    text: str = ""
    files: Mapping[str, str] = field(default_factory=dict)

    @property
    def array(self) -> str:
        """The array that a shard must hold."""
        return ARRAYS.get(self.metric.needs, self.metric.needs)


def fid(shards: Sequence[Shard], source: ReferenceSource) -> Value:
    """Return the Fréchet distance of features; FID with Inception and 50,000."""
    parts = [Moments.unpack(shard.arrays) for shard in shards]
    # At d = 128 threads are no help, and on busy cores they wait for each other: 120 ms for 1 ms.
    with threadpool_limits(None if len(parts[0].sum) >= WIDE else 1, user_api="blas"):
        return frechet.jackknife(parts, source.statistics())


def fid_infinity(shards: Sequence[Shard], source: ReferenceSource) -> Value:
    """Return the Fréchet distance of infinitely many samples, extrapolated; may be negative."""
    parts = [Moments.unpack(shard.arrays) for shard in shards]
    with threadpool_limits(None if len(parts[0].sum) >= WIDE else 1, user_api="blas"):
        return infinity.infinity(parts, source.statistics())


def kid(shards: Sequence[Shard], source: ReferenceSource) -> Value:
    """Return the kernel distance of features."""
    return distances.kid(features_of(shards), source.features())


def precision(shards: Sequence[Shard], source: ReferenceSource) -> Value:
    """Return the share of samples near real ones."""
    return distances.precision(features_of(shards), source.features())


def recall(shards: Sequence[Shard], source: ReferenceSource) -> Value:
    """Return the share of real images near samples."""
    return distances.recall(features_of(shards), source.features())


def truncation_error(shards: Sequence[Shard], source: ReferenceSource) -> Value:
    """Return the RMS distance to the exact ODE solution, same latents.

    Over samples and dimensions; without shard k: √(Σ_{i ≠ k} e_i / Σ_{i ≠ k} n_i).
    """
    squares = np.array([shard.arrays["squared_error"].sum() for shard in shards])
    counts = np.array([len(shard.arrays["squared_error"]) for shard in shards])
    rest = np.sqrt((squares.sum() - squares) / (counts.sum() - counts))
    return float(np.sqrt(squares.sum() / counts.sum())), rest.tolist()


def features_of(shards: Sequence[Shard]) -> list[np.ndarray]:
    """Return the features that shards hold, float32 [n, d] each."""
    return [shard.arrays["features"] for shard in shards]


def measures_of(names: Iterable[str]) -> dict[str, Measure]:
    """Return metrics by what cells call them; those of a user's own files with their text.

    Raises:
        ValueError: If one is unknown, cannot be loaded, or two would be called the same; one line.
    """
    found: dict[str, tuple[str, Measure]] = {}
    for name in names:
        spec = METRICS.pinned(name)
        measure, called, own = METRICS.lookup(spec), name, METRICS.is_own(spec)
        if own and (parsed := own_files.parsed(spec)):
            called = own_files.shown(spec)
            measure = replace(measure, text=parsed.digest, files=own_files.files(spec))
        other, _ = found.setdefault(called, (spec, measure))
        if other != spec:
            raise ValueError(f"metrics {other!r} and {spec!r} are both called {called!r}")
    return {called: measure for called, (_, measure) in found.items()}

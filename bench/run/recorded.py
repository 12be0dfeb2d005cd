"""From the finished shards of a job to its records."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from sampler_bench.bench.measure.work import Work
from sampler_bench.results import Cell, Record, Shard
from sampler_bench.results.estimate import Estimate
from sampler_bench.results.schema import Code

LARGEST = float(np.finfo(np.float32).max)
"""What is further off is nothing that a sampler could be judged by, and overflows when squared."""


def record(work: Work, cell: Cell, found: Estimate, shards: Sequence[Shard], code: Code) -> Record:
    """Return the record of a cell, from all shards of its job, in order.

    Raises:
        FloatingPointError: If the samples diverged, or a value is not finite.
    """
    columns = work.measurement.profile(shards)
    for number in (found.value, *found.loo, *columns.get("mean", ())):
        if not math.isfinite(number):
            raise FloatingPointError(f"not finite: value {number}")
        if abs(number) > LARGEST:
            told = f"{number:.3g}".replace("e+", "e")
            raise FloatingPointError(f"the samples diverged: value {told}")
    nfe = np.concatenate([shard.arrays["nfe"] for shard in shards])
    return Record(
        cell=cell,
        label=work.label,
        model=work.name,
        settings=work.settings,
        value=found.value,
        loo=found.loo,
        nfe=float(nfe.mean()),
        nfe_min=float(nfe.min()),
        nfe_max=float(nfe.max()),
        seconds=sum(shard.meta["seconds"] for shard in shards),
        provenance=origin(shards),
        profile=columns,
        metric=work.measurement.metrics[cell.metric],
        code=code,
        shards=tuple(_receipt(shard) for shard in shards),
    )


def origin(shards: Sequence[Shard]) -> dict[str, str]:
    """Return where shards come from: each name once, with all that they say under it.

    What they differ in is listed with how many say so, most first: ``"2.14.1 (16 shards), 2.13.0
    (4 shards)"``. The date is that of the last one, the error of a reference the largest.
    """
    each = [shard.meta["provenance"] for shard in shards]
    told = {name: _united(name, each) for name in dict.fromkeys(n for one in each for n in one)}
    errors = [shard.meta["reference_error"] for shard in shards]
    if any(error is not None for error in errors):
        told["reference_error"] = repr(max(error for error in errors if error is not None))
    return told


def _united(name: str, each: Sequence[Mapping[str, str]]) -> str:
    said = [one.get(name, "not said") for one in each]
    if name == "created":
        return max(one[name] for one in each if name in one)
    counts = sorted(Counter(said).items(), key=lambda item: (-item[1], item[0]))
    if len(counts) == 1:
        return said[0]
    return ", ".join(f"{text} ({n} {'shard' if n == 1 else 'shards'})" for text, n in counts)


def checks(arrays: Mapping[str, np.ndarray]) -> dict[str, float]:
    """Return a few sums by which two shards can be told apart when their arrays are gone."""
    return {name: float(np.abs(array).sum()) for name, array in arrays.items()}


def _receipt(shard: Shard) -> dict[str, Any]:
    return {
        "index": shard.index,
        "digest": shard.digest,
        "n": len(shard.arrays["nfe"]),
        "nfe_total": float(shard.arrays["nfe"].sum()),
        "seconds": shard.meta["seconds"],
        "checks": shard.meta["checks"],
    }

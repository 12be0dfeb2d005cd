"""A record: one measurement of one cell."""

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sampler_bench.kit.canonical import hash_of
from sampler_bench.results.cell import Cell

FORMAT = 1
Receipt = Mapping[str, Any]


@dataclass(frozen=True)
class Record:
    """One measurement of one cell, never an aggregate.

    value     the metric over all samples
    loo       the metric with one shard left out, one value per shard; may be empty
    nfe       denoiser evaluations per sample, counted: mean, lowest and highest
    seconds   time spent on sampling, without features and metric
    provenance  flat text: versions, commit, device, TF32 flag, batch, date
    shards    receipts of the merged shards: {index, digest, n, nfe_total, seconds, checks}
    profile   what the metric is over σ, as equally long columns (σ among them); {} for most

    Raises ValueError if the value, a left-out value or the profile is not finite, or the columns
    of the profile are not equally long.
    """

    cell: Cell
    label: str
    value: float
    nfe: float
    nfe_min: float
    nfe_max: float
    seconds: float
    loo: tuple[float, ...] = ()
    provenance: Mapping[str, str] = field(default_factory=dict)
    shards: tuple[Receipt, ...] = ()
    profile: Mapping[str, Sequence[float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        numbers = (self.value, self.nfe, self.nfe_min, self.nfe_max, self.seconds, *self.loo)
        of_profile = itertools.chain(*self.profile.values())
        if not all(math.isfinite(number) for number in (*numbers, *of_profile)):
            raise ValueError(f"record of {self.label!r} ({self.cell.key}) holds a value not finite")
        if len({len(column) for column in self.profile.values()}) > 1:
            lengths = ", ".join(f"{name} {len(column)}" for name, column in self.profile.items())
            raise ValueError(
                f"record of {self.label!r} ({self.cell.key}) has a profile with columns of "
                f"different lengths: {lengths}"
            )

    def __hash__(self) -> int:
        return hash((self.cell, self.value))

    @property
    def se(self) -> float:
        """Jackknife standard error over left-out shards (Efron & Stein 1981); nan without loo."""
        if len(self.loo) < 2:
            return math.nan
        try:
            return _spread(self.loo)
        except OverflowError:  # of squares, from 1e154 on
            largest = max(map(abs, self.loo))
            return _spread([value / largest for value in self.loo]) * largest

    @property
    def metric_name(self) -> str:
        """What figures and tables call the metric; only the true FID is called FID."""
        return self.cell.metric_name

    @property
    def digest(self) -> str:
        """12 hex digits of what was measured: not of label, seconds or provenance."""
        counts = [self.nfe, self.nfe_min, self.nfe_max]
        measured = {"value": self.value, "loo": self.loo, "nfe": counts}
        return hash_of({**measured, **self._profile_if_any()}, 12)

    def to_json(self) -> dict[str, Any]:
        """The record as a dict that JSON can hold."""
        return {
            "format": FORMAT,
            "cell": self.cell.to_json(),
            "label": self.label,
            "metric_name": self.metric_name,
            "value": self.value,
            "loo": list(self.loo),
            "nfe": self.nfe,
            "nfe_min": self.nfe_min,
            "nfe_max": self.nfe_max,
            "seconds": self.seconds,
            "provenance": dict(self.provenance),
            "shards": [dict(receipt) for receipt in self.shards],
            **self._profile_if_any(),
        }

    def _profile_if_any(self) -> dict[str, Any]:
        """Most records have none, and those older than the field keep their bytes and digests."""
        columns = {name: list(column) for name, column in self.profile.items()}
        return {"profile": columns} if columns else {}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Record":
        """Undo `to_json`. Raises ValueError on another format or missing fields."""
        if data.get("format") != FORMAT:
            raise ValueError(f"record: format {data.get('format')!r} is unknown, expected {FORMAT}")
        try:
            return cls(
                cell=Cell.from_json(data["cell"]),
                label=data["label"],
                value=data["value"],
                loo=tuple(data["loo"]),
                nfe=data["nfe"],
                nfe_min=data["nfe_min"],
                nfe_max=data["nfe_max"],
                seconds=data["seconds"],
                provenance=data["provenance"],
                shards=tuple(data["shards"]),
                profile=data.get("profile", {}),
            )
        except (KeyError, TypeError, AttributeError) as wrong:
            raise ValueError(f"record: field missing or of the wrong kind: {wrong}") from None


def _spread(loo: Sequence[float]) -> float:
    groups = len(loo)
    mean = math.fsum(loo) / groups
    return math.sqrt((groups - 1) / groups * math.fsum((x - mean) ** 2 for x in loo))

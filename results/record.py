"""A record: one measurement of one cell."""

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from sampler_bench.kit import files
from sampler_bench.kit.canonical import faithful, hash_of, restored
from sampler_bench.results import sealed
from sampler_bench.results.cell import Cell
from sampler_bench.results.estimate import Estimate
from sampler_bench.results.metric import Metric
from sampler_bench.results.schema import Code, RecordFile, Rung, fitting

FORMAT = 2
Receipt = Mapping[str, Any]
UNKNOWN = "unknown"


@dataclass(frozen=True)
class Record:
    """One measurement of one cell, never an aggregate.

    label     the curve that it was measured for
    model     what the model was called; its digest is in the cell
    settings  "sampler" and "measurement": every name and number of theirs, resolved
    value     the metric over all samples
    loo       the metric with one shard left out, one value per shard; may be empty
    nfe       denoiser evaluations per sample, counted: mean, lowest and highest
    seconds   time spent on sampling, without features and metric
    provenance  flat text: versions, commit, device, TF32 flag, batch, date
    code      what it was made by: see `schema.Code`; "unknown" of what has no source
    kept      whether it was kept although the code has changed since
    shards    receipts of the merged shards: {index, digest, n, nfe_total, seconds, checks}
    profile   what the metric is over σ, as equally long columns (σ among them); {} for most
    metric    what the metric is; the one of its name that ships, unless given
    rung      its place in a search, if a plan says so: no part of its file
    nfe_asked  the evaluations per sample that plans ask for it by, if not by its steps: likewise

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
    model: str = ""
    settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    code: Code = field(default_factory=Code)
    kept: bool = False
    metric: Metric = None  # type: ignore[assignment]  # until it is made
    rung: Rung | None = None
    nfe_asked: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if self.metric is None:
            object.__setattr__(self, "metric", Metric.of(self.cell.metric))
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
        return self.estimate.se

    @property
    def estimate(self) -> Estimate:
        """The value with its error; pairs with that of the same cell by other code."""
        return Estimate.of(self.value, self.loo, seeds=self.cell.key)

    @property
    def metric_name(self) -> str:
        """What figures and tables call the metric; only the true FID is called FID."""
        return self.metric.called(self.cell.extractor, self.cell.samples)

    @property
    def metric_better(self) -> str:
        """Which values are better: "lower" or "higher"."""
        return self.metric.better

    @property
    def metric_of(self) -> str:
        """What the metric is taken of: "samples", "trajectory", "levels" or "truth"."""
        return self.metric.taken_of

    @property
    def digest(self) -> str:
        """12 hex digits of what was measured: not of label, seconds or provenance."""
        counts = [self.nfe, self.nfe_min, self.nfe_max]
        measured = {"value": self.value, "loo": self.loo, "nfe": counts}
        return hash_of({**measured, **self._profile_if_any()}, 12)

    @property
    def file_name(self) -> str:
        """What its file is called: key and digest of what was measured."""
        return f"{self.cell.key}-{self.digest}.json"

    def of(
        self,
        label: str,
        model: str,
        settings: Mapping[str, Mapping[str, Any]],
        rung: Rung | None = None,
        nfe_asked: Sequence[int] = (),
    ) -> "Record":
        """The same measurement as a point of another curve."""
        return replace(
            self,
            label=label,
            model=model,
            settings=settings,
            rung=rung,
            nfe_asked=tuple(nfe_asked),
        )

    def text(self) -> str:
        """The text of its file."""
        return sealed.text(self.to_json())

    def to_json(self) -> dict[str, Any]:
        """The record as a dict that JSON can hold."""
        return {
            "format": FORMAT,
            "cell": self.cell.to_json(),
            "label": self.label,
            "model": self.model,
            "settings": faithful(self.settings, "settings"),
            "metric_name": self.metric_name,
            "value": self.value,
            "loo": list(self.loo),
            "nfe": self.nfe,
            "nfe_min": self.nfe_min,
            "nfe_max": self.nfe_max,
            "seconds": self.seconds,
            "provenance": dict(self.provenance),
            "code": self.code.model_dump(),
            **({"kept": True} if self.kept else {}),
            "shards": [dict(receipt) for receipt in self.shards],
            **self._profile_if_any(),
            **({} if self.metric.ships else {"metric": self.metric.to_json()}),
        }

    def _profile_if_any(self) -> dict[str, Any]:
        """Most records have none."""
        columns = {name: list(column) for name, column in self.profile.items()}
        return {"profile": columns} if columns else {}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Record":
        """Undo `to_json`. Raises ValueError on another format, missing or unknown fields."""
        told = fitting(data, RecordFile, "record")
        return cls(
            cell=Cell.from_json(told.cell),
            label=told.label,
            model=told.model,
            settings=restored(told.settings),
            value=told.value,
            loo=tuple(told.loo),
            nfe=told.nfe,
            nfe_min=told.nfe_min,
            nfe_max=told.nfe_max,
            seconds=told.seconds,
            provenance=told.provenance,
            code=told.code,
            kept=told.kept,
            shards=tuple(receipt.model_dump() for receipt in told.shards),
            profile=told.profile,
            metric=Metric.from_json(told.metric) if told.metric else None,  # type: ignore[arg-type]
        )


def read(path: Path) -> Record:
    """Read a record's file.

    Raises ValueError, one line that names it, if it is damaged, not a record, or not the one that
    its name says; OSError where it cannot be read: that says nothing of what is in it.
    """
    content = files.read(path)
    try:
        record = Record.from_json(sealed.opened(content))
    except (ValueError, TypeError) as wrong:
        raise ValueError(f"{path}: not a readable record ({wrong})") from None
    if path.name != record.file_name:
        raise ValueError(f"{path}: holds another record, {record.file_name}")
    return record

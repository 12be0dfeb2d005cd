"""What the files of a run must look like: everything that is read is held against these."""

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from sampler_bench.kit import files
from sampler_bench.kit.toml import validated
from sampler_bench.results import sealed

Hex = Annotated[str, Field(pattern=r"^[0-9a-f]+$")]
Key = Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]
Text = Annotated[str, Field(max_length=100_000)]
Number = Annotated[float, Field(allow_inf_nan=False)]
FORMAT = 2
Scalar = bool | str | int | float | None
Settings = dict[str, dict[str, Scalar]]
"""Names and numbers, resolved, of "sampler" and "measurement"."""


class Told(BaseModel):
    """A table of which no key is unknown, and no value of another kind."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Code(Told):
    """The code that something was made by: definitions by name, and the digest over all of them."""

    digest: str = "unknown"
    names: dict[str, str] = Field(default_factory=dict)


class Receipt(Told):
    """What is left of a shard that was merged."""

    index: Annotated[int, Field(ge=0)]
    digest: Hex
    n: Annotated[int, Field(ge=1)]
    nfe_total: Number
    seconds: Number
    checks: dict[str, float]


class RecordFile(Told):
    """A record's file, the digest of its own bytes aside."""

    format: Literal[2]
    cell: dict[str, Any]
    label: Text
    model: Text
    settings: Settings
    metric_name: Text
    value: Number
    loo: list[Number]
    nfe: Number
    nfe_min: Number
    nfe_max: Number
    seconds: Number
    provenance: dict[str, str]
    code: Code
    kept: bool = False
    shards: list[Receipt]
    profile: dict[str, list[Number]] = Field(default_factory=dict)
    metric: dict[str, Any] | None = None


class ShardMeta(Told):
    """What a shard's file says besides its arrays."""

    checks: dict[str, float]
    seconds: Number
    provenance: dict[str, str]
    reference_error: Number | None = None
    code: Code = Field(default_factory=Code)


class FailureFile(Told):
    """Work that raised: a shard of it, or, of no index, its record."""

    work_key: Key
    index: Annotated[int, Field(ge=0)] | None
    text: str


class Rung(Told):
    """The place of a cell in a search: the search's name, and the rung; the last is "fresh".

    `over`: whether settings of churn are searched, or any keys of samplers.
    """

    search: Text
    rung: int | Literal["fresh"]
    over: Literal["churn", "samplers"] = "churn"


class Line(Told):
    """A point of a curve: a cell under the label, the model's name and the settings asked for.

    `nfe_asked`: the evaluations per sample that it was asked for by, if not by its steps.
    """

    label: Text
    model: Text
    key: Key
    work_key: Key
    settings: Settings
    samples: Annotated[int, Field(ge=0)] = 0
    shards: Annotated[int, Field(ge=1)] = 20
    nfe: Number | None = None
    nfe_asked: list[Annotated[int, Field(ge=1)]] = Field(default_factory=list)
    rung: Rung | None = None


@dataclass(frozen=True)
class Job:
    """A sampling job: what the cells of one `work_key` are measured from.

    first  the line of one of its cells
    cells  the keys of all of them
    apart  what tells it from other jobs of its label and steps: its model, or its key
    """

    first: Line
    cells: tuple[str, ...]
    apart: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """Of its shards."""
        return self.first.work_key

    def __str__(self) -> str:
        return ", ".join([_job_name(self.first), *self.apart])


def _job_name(line: Line) -> str:
    steps = line.settings.get("sampler", {}).get("steps")
    return line.label if steps is None else f"{line.label}, {steps} steps"


class SkippedLine(Told):
    """A combination that was not run, and why."""

    entry: Text
    combination: Text
    reason: Text


class PlanFile(Told):
    """What was asked for: `plan.json`.

    lines        points of curves, in the order of the grid
    skipped      combinations that were left out, with reasons
    remarks      what is done otherwise than asked, and else should be known, a line each
    files        the SHA-256 of each of a user's own files, by path
    grid_folder  where the grid's file lay, which paths in it are relative to
    batch        most samples in one call of the denoiser, for all who work on it
    """

    format: Literal[2] = 2
    lines: list[Line] = Field(default_factory=list)
    skipped: list[SkippedLine] = Field(default_factory=list)
    remarks: list[Text] = Field(default_factory=list)
    files: dict[str, str] = Field(default_factory=dict)
    grid_folder: str = ""
    batch: Annotated[int, Field(ge=1)] | None = None

    @property
    def jobs(self) -> list["Job"]:
        """What is measured together, in the order of the grid; each once."""
        found: dict[str, list[Line]] = {}
        for line in self.lines:
            found.setdefault(line.work_key, []).append(line)
        firsts = [lines[0] for lines in found.values()]
        several = len({line.model for line in firsts}) > 1
        named = Counter((_job_name(line), line.model) for line in firsts)
        return [
            Job(
                first := lines[0],
                tuple({line.key: None for line in lines}),
                (
                    *([first.model] if several else []),
                    *([first.work_key] if named[_job_name(first), first.model] > 1 else []),
                ),
            )
            for lines in found.values()
        ]

    def text(self) -> str:
        """The text of its file."""
        told = self.model_dump(mode="json", exclude_defaults=True)
        return sealed.text({"format": self.format, **told})


Made = TypeVar("Made", bound=Told)


def read_json(path: Path, kind: type[Made]) -> Made:
    """Read a JSON file, sealed unless somebody wrote it by hand.

    Raises ValueError, one line that names it, if it does not fit, OSError where it cannot be read.
    """
    content = files.read(path)
    try:
        data = json.loads(content)
        if isinstance(data, dict) and "sha256" in data:
            data = sealed.opened(content)
    except RecursionError:
        raise ValueError(f"{path}: nested too deeply") from None
    except ValueError as wrong:
        raise ValueError(f"{path}: not readable ({' '.join(str(wrong).split())})") from None
    return fitting(data, kind, str(path))


def fitting(data: Any, kind: type[Made], where: str) -> Made:
    """Hold JSON data against a schema.

    Raises ValueError, one line: the first thing wrong; OSError for what a newer version wrote,
    which is not damaged.
    """
    if not isinstance(data, dict):
        raise ValueError(f"{where}: a table was expected, not {type(data).__name__}")
    number = data.get("format", FORMAT)
    if type(number) is int and number > FORMAT:
        raise OSError(f"{where}: of format {number}, by a newer version of sampler-bench than this")
    return validated(data, kind, where)


def columns(settings: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Settings as a table's columns: `sampler.steps`, `measurement.levels`."""
    return {
        f"{part}.{name}": value for part, told in settings.items() for name, value in told.items()
    }

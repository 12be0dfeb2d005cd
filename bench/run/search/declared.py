"""Search files: TOML, validated; what is searched, with how much, and how it is measured."""

import contextlib
import math
from pathlib import Path
from typing import Annotated, Any, Self

import numpy as np
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PrivateAttr,
    StrictBool,
    StrictInt,
    StrictStr,
    field_validator,
    model_validator,
)

from sampler_bench.bench.plan.grid import (
    LEAST_SAMPLES,
    Grid,
    Names,
    SamplerEntry,
    folder_of,
)
from sampler_bench.bench.plan.shipped import SEARCHES
from sampler_bench.kit.names import unknown
from sampler_bench.kit.toml import parse, text_of, toml_files, validated
from sampler_bench.results.metric import SHIPPED, Metric
from sampler_bench.solvers.sampler import CHURN_FIELDS

DETERMINISTIC, CHURNED = "Deterministic", "With churn (search)"
"""The two labels of a search's records."""

RANGE = {"from", "to", "count", "scale"}
MOST_VALUES = 1000

Number = Annotated[int, Field(strict=True, ge=0)] | Annotated[float, Field(strict=True, ge=0)]
Values = Annotated[list[Number], Field(min_length=1)]


def _can_be_searched(row: Metric) -> bool:
    return row.taken_of == "samples" and row.better == "lower"


class Candidates(BaseModel):
    """The values each parameter may take; those of EDM's Table 5 unless given.

    S_churn = 0, the deterministic sampler, takes part in every search, listed or not.
    """

    model_config = ConfigDict(extra="forbid")

    S_churn: Values = list(range(0, 101, 10))
    S_min: Values = [0, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10]
    S_max: Values = [0.2, 0.5, 1, 2, 5, 10, 20, 50, 80]
    S_noise: Values = [round(1 + i / 1000, 3) for i in range(11)]

    @field_validator("*")
    @classmethod
    def _are_values(cls, values: list[float], info: Any) -> list[float]:
        """Sort the values, without repetitions; only S_max may be infinite."""
        for value in values:
            if not value >= 0 or (math.isinf(value) and info.field_name != "S_max"):
                raise ValueError(f"{value} is not a finite number ≥ 0")
        return sorted(set(values))


def _values(key: str, value: Any) -> Any:
    """Return what a key may be: of a range, ``{from, to, count, scale}``, its values as a list.

    Raises:
        ValueError: If the range is none; one line.
    """
    if not isinstance(value, dict):
        return value
    for name in value:
        if name not in RANGE:
            raise ValueError(f"{key}: {unknown(name, sorted(RANGE), 'key of a range')}")
    low, high = value.get("from"), value.get("to")
    count, scale = value.get("count", 10), value.get("scale", "linear")
    if low is None or high is None or not (_is_number(low) and _is_number(high) and low < high):
        raise ValueError(f"{key}: a range needs numbers from < to, as {{from = 3, to = 12}}")
    if type(count) is not int or not 2 <= count <= MOST_VALUES:
        raise ValueError(f"{key}: count = {count!r} is not a whole number from 2 to {MOST_VALUES}")
    if scale not in ("linear", "log") or (scale == "log" and low <= 0):
        raise ValueError(f"{key}: scale is 'linear', or 'log' of numbers above 0")
    made = (np.linspace if scale == "linear" else np.geomspace)(low, high, count)
    found = [float(f"{one:.6g}") for one in made]
    whole = type(low) is type(high) is int and all(one.is_integer() for one in found)
    return [int(one) for one in found] if whole else found


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and math.isfinite(value)


class Search(BaseModel):
    """A declared search: samplers to choose among, and a budget.

    One sampler whose churn is searched (``[sampler]`` of one value each, and ``[candidates]``), or
    any keys of one table or of several: those that have a list or a range of values. The first
    setting of the first table is then the baseline, which all are compared with.

    Attributes:
        name: Names the run's folder.
        models: Model names; each is searched by itself.
        budget: Denoiser evaluations, of all samples together, that one model may cost. Of tables
            what it costs to compare all settings once, if absent.
        finalists: How many of the best are measured on fresh seeds, of tables.
        samples: Samples of the last, fresh measurement, with seeds from first_seed on.
        first_samples: Samples by which candidates are first compared.
        first_seed: The first seed; those that candidates are compared on follow ``samples``.
        draw: Seed of the choice of candidates.
        metric: One of samples, of which less is better: ``fid``, ``kid``.
        extractor, reference, unchecked: As in a grid.
        sampler: The sampler without churn: keys of a grid's ``[[sampler]]``, one value each; or
            with lists or ranges, ``rho = {from = 3, to = 12, count = 10}``, ``scale = "log"``.
        candidates: The values each of the four parameters may take.
    """

    model_config = ConfigDict(extra="forbid")

    name: Annotated[StrictStr, Field(pattern=r"^[\w][\w.-]*$", max_length=100)]
    models: Names
    budget: Annotated[StrictInt, Field(ge=1)] | None = None
    finalists: Annotated[StrictInt, Field(ge=1, le=100)] = 1
    samples: Annotated[StrictInt, Field(ge=LEAST_SAMPLES)]
    first_samples: Annotated[StrictInt, Field(ge=LEAST_SAMPLES)]
    first_seed: Annotated[StrictInt, Field(ge=0)] = 0
    draw: Annotated[StrictInt, Field(ge=0)] = 0
    metric: StrictStr = "fid"
    extractor: StrictStr = "inception"
    reference: StrictStr = "model"
    unchecked: StrictBool = False
    sampler: dict[StrictStr, Any] | list[dict[StrictStr, Any]]
    candidates: Candidates = Candidates()
    _folder: Path = PrivateAttr(default_factory=Path)
    _where: str = PrivateAttr(default="")

    @field_validator("metric")
    @classmethod
    def _falls(cls, metric: str) -> str:
        known = [row.name for row in SHIPPED.values() if _can_be_searched(row)]
        if metric not in known:
            raise ValueError(unknown(metric, known, "metric of searches"))
        return metric

    @field_validator("sampler")
    @classmethod
    def _has_values(cls, sampler: Any) -> Any:
        tables = sampler if isinstance(sampler, list) else [sampler]
        made = [{key: _values(key, value) for key, value in one.items()} for one in tables]
        if not made:
            raise ValueError("a search needs a [sampler] or [[sampler]] table")
        return made if isinstance(sampler, list) else made[0]

    @model_validator(mode="after")
    def _is_of_one_kind(self) -> Self:
        if not self.is_over_churn:
            if "candidates" in self.model_fields_set:
                raise ValueError(
                    "candidates are of one sampler's churn: give its keys in [sampler]"
                )
            return self
        if self.budget is None:
            raise ValueError("budget: a search over churn needs one")
        if self.finalists != 1:
            raise ValueError("finalists are of a search over sampler tables")
        sampler = self.sampler
        for key in (*CHURN_FIELDS, "label", "models"):
            if key in sampler:
                where = "candidates" if key in CHURN_FIELDS else "the search"
                raise ValueError(f"{key!r} is no key of a searched sampler: it belongs to {where}")
        return self

    @property
    def where(self) -> str:
        """What its file is called in messages; empty for one of no file."""
        return self._where

    @property
    def is_over_churn(self) -> bool:
        """Whether the four numbers of churn are searched, and not keys of tables."""
        several = (list, dict)
        return isinstance(self.sampler, dict) and not any(
            isinstance(value, several) for value in self.sampler.values()
        )

    @property
    def grid(self) -> Grid:
        """The last measurement of the baseline, or of all settings of tables, as a grid."""
        tables = self.sampler if isinstance(self.sampler, list) else [self.sampler]
        if self.is_over_churn:
            tables = [{**tables[0], "label": DETERMINISTIC}]
        grid = Grid(
            name=self.name,
            models=self.models,
            samples=self.samples,
            first_seed=self.first_seed,
            metrics=[self.metric],
            extractor=self.extractor,
            reference=self.reference,
            unchecked=self.unchecked,
            sampler=[SamplerEntry.model_validate(one) for one in tables],
        )
        grid.place(self._folder)
        if self._folder not in {Path(), SEARCHES}:
            grid._folder = str(self._folder.resolve())
        return grid


def is_search(text: str) -> bool:
    """Return whether a text is a search's, and not a grid's."""
    with contextlib.suppress(ValueError):
        return bool({"budget", "first_samples"} & set(parse(text, "text")))
    return False


def parsed(text: str, where: str, folder: Path | None = None) -> Search:
    """Return the search that a run was asked for, from the text that its folder keeps.

    Args:
        text: The text.
        where: Its file, in messages.
        folder: Where the search's file lay; nowhere, and paths are relative to the working
            directory, if absent.

    Raises:
        ValueError: If it is not a valid one; one line.
    """
    found = validated(parse(text, where), Search, where)
    found._folder = folder or found._folder
    return found


def read(name_or_path: str, budget: int | None = None) -> tuple[Search, str]:
    """Return a search, shipped (by name) or from a file, and its TOML text.

    Args:
        name_or_path: A shipped search's name, or a path.
        budget: Evaluations for each model instead of the file's; noted in the text.

    Raises:
        ValueError: If there is no such search or its text is not a valid one; one line that names
            the file, the key and the value.
    """
    where, text = text_of(name_or_path, toml_files(SEARCHES), "search")
    changed = {} if budget is None else {"budget": budget}
    found = validated(parse(text, where) | changed, Search, where)
    found._folder, found._where = folder_of(name_or_path, SEARCHES), where
    notes = "".join(f"# run with {key} = {value}\n" for key, value in changed.items())
    return found, notes + text

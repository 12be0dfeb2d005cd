"""Search files: TOML, validated; what is searched, with how much, and how it is measured."""

import contextlib
import math
from pathlib import Path
from typing import Annotated, Any

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PrivateAttr,
    StrictBool,
    StrictInt,
    StrictStr,
    field_validator,
)

from sampler_bench.bench.plan.grid import (
    LEAST_SAMPLES,
    Grid,
    Names,
    SamplerEntry,
    Scalar,
    folder_of,
)
from sampler_bench.bench.plan.shipped import SEARCHES
from sampler_bench.kit.names import unknown
from sampler_bench.kit.toml import parse, text_of, toml_files, validated
from sampler_bench.results.metric import SHIPPED, Metric
from sampler_bench.solvers.sampler import CHURN_FIELDS

DETERMINISTIC, CHURNED = "Deterministic", "With churn (search)"
"""The two labels of a search's records."""

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


class Search(BaseModel):
    """A declared search: one sampler, the values its churn may have, and a budget.

    Attributes:
        name: Names the run's folder.
        models: Model names; each is searched by itself.
        budget: Denoiser evaluations, of all samples together, that one model may cost.
        samples: Samples of the last, fresh measurement, with seeds from first_seed on.
        first_samples: Samples by which candidates are first compared.
        first_seed: The first seed; those that candidates are compared on follow ``samples``.
        draw: Seed of the choice of candidates.
        metric: One of samples, of which less is better: ``fid``, ``kid``.
        extractor, reference, unchecked: As in a grid.
        sampler: The sampler without churn: keys of a grid's ``[[sampler]]``, one value each.
        candidates: The values each of the four parameters may take.
    """

    model_config = ConfigDict(extra="forbid")

    name: Annotated[StrictStr, Field(pattern=r"^[\w][\w.-]*$", max_length=100)]
    models: Names
    budget: Annotated[StrictInt, Field(ge=1)]
    samples: Annotated[StrictInt, Field(ge=LEAST_SAMPLES)]
    first_samples: Annotated[StrictInt, Field(ge=LEAST_SAMPLES)]
    first_seed: Annotated[StrictInt, Field(ge=0)] = 0
    draw: Annotated[StrictInt, Field(ge=0)] = 0
    metric: StrictStr = "fid"
    extractor: StrictStr = "inception"
    reference: StrictStr = "model"
    unchecked: StrictBool = False
    sampler: dict[StrictStr, Scalar]
    candidates: Candidates = Candidates()
    _folder: Path = PrivateAttr(default_factory=Path)

    @field_validator("metric")
    @classmethod
    def _falls(cls, metric: str) -> str:
        known = [row.name for row in SHIPPED.values() if _can_be_searched(row)]
        if metric not in known:
            raise ValueError(unknown(metric, known, "metric of searches"))
        return metric

    @field_validator("sampler")
    @classmethod
    def _has_no_churn(cls, sampler: dict[str, Any]) -> dict[str, Any]:
        for key in (*CHURN_FIELDS, "label", "models"):
            if key in sampler:
                where = "candidates" if key in CHURN_FIELDS else "the search"
                raise ValueError(f"{key!r} is no key of a searched sampler: it belongs to {where}")
        return sampler

    @property
    def grid(self) -> Grid:
        """The last measurement of the deterministic sampler, as a grid: checks all but churn."""
        entry = SamplerEntry.model_validate({**self.sampler, "label": DETERMINISTIC})
        grid = Grid(
            name=self.name,
            models=self.models,
            samples=self.samples,
            first_seed=self.first_seed,
            metrics=[self.metric],
            extractor=self.extractor,
            reference=self.reference,
            unchecked=self.unchecked,
            sampler=[entry],
        )
        grid.place(self._folder)
        return grid


def is_search(text: str) -> bool:
    """Return whether a text is a search's, and not a grid's."""
    with contextlib.suppress(ValueError):
        return "budget" in parse(text, "text")
    return False


def parsed(text: str, where: str) -> Search:
    """Return the search that a run was asked for, from the text that its folder keeps.

    Raises:
        ValueError: If it is not a valid one; one line.
    """
    return validated(parse(text, where), Search, where)


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
    found._folder = folder_of(name_or_path, SEARCHES)
    notes = "".join(f"# run with {key} = {value}\n" for key, value in changed.items())
    return found, notes + text

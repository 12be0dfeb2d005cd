"""Grid files: TOML, validated, every list an axis."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PrivateAttr,
    StrictBool,
    StrictInt,
    StrictStr,
    WithJsonSchema,
    field_validator,
    model_validator,
)

from sampler_bench.bench.features import references
from sampler_bench.bench.plan.shipped import GRIDS
from sampler_bench.kit import own_files, paths
from sampler_bench.kit.names import LONGEST_RUN, RUN, RUN_IN_WORDS, shown
from sampler_bench.kit.paths import expanded
from sampler_bench.kit.toml import parse, text_of, toml_files, validated
from sampler_bench.models import loading
from sampler_bench.models.data import clean
from sampler_bench.models.data import loading as data
from sampler_bench.results import Store
from sampler_bench.solvers.listed import Listed
from sampler_bench.solvers.noise import SEEDS

LEAST_SAMPLES = 20  # one per shard
MOST_CELLS = 100_000
MOST_TABLES = 1000
"""Of each kind."""

Scalar = Annotated[
    StrictStr | Annotated[int, Field(strict=True)] | Annotated[float, Field(strict=True)],
    Field(description="a number or a word"),
]
Weight = Annotated[float, Field(ge=0, le=1000, strict=True)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Names = Annotated[list[StrictStr], Field(min_length=1, max_length=1000)]
Evaluations = Annotated[StrictInt, Field(ge=1, le=100_000)]
Nfe = Evaluations | Annotated[list[Evaluations], Field(min_length=1)]
"""Evaluations per sample that a sampler may cost: one number, or several."""
_ITEM = Field(description="a number, a word or a list of these")
Item = Annotated[Scalar | list[Scalar] | list[list[Scalar]], _ITEM]
Axis = Annotated[Scalar | Annotated[list[Item], Field(min_length=1)], _ITEM]
"""A value, a list of values; a value may be a list itself, or a list of those."""


RunName = Annotated[
    StrictStr, Field(pattern=f"^{RUN}$", max_length=LONGEST_RUN, description=RUN_IN_WORDS)
]
PARTS = ("solver", "path", "schedule", "scaling", "discretization")
"""Keys of sampler tables whose values are names of parts, which may be in files of one's own."""


def _levels_axis(given: Any) -> list[Listed | str]:
    """Return the values of the axis: a list of numbers is one of them, as is a file's name."""
    several = isinstance(given, list) and any(isinstance(one, list | str) for one in given)
    each = given if several else [given]
    return [one if isinstance(one, str) else Listed.of(one) for one in each]


_NUMBERS = {"type": "array", "items": {"type": "number"}, "minItems": 1}
_ONE = [{"type": "string"}, _NUMBERS]
LevelsAxis = Annotated[
    Any,
    BeforeValidator(_levels_axis),
    WithJsonSchema({"anyOf": [*_ONE, {"type": "array", "items": {"anyOf": _ONE}}]}),
]


class SamplerEntry(BaseModel):
    """One ``[[sampler]]`` table.

    Attributes:
        label: What its curve is called.
        models: The models it is for; all of the grid's if absent.
        levels: Noise levels one by one, instead of a discretization: a list of numbers, or a file
            of them beside the grid; several of these are an axis.
        nfe: Evaluations per sample, guidance included, instead of steps: each sampler takes the
            most steps that cost no more. A number, or a list; the grid's if absent.
        Every other key is one of ``solvers.build``'s: a value, or a list of them.
    """

    model_config = ConfigDict(extra="allow")

    __pydantic_extra__: dict[str, Axis]
    label: StrictStr = ""
    models: Names | None = None
    levels: LevelsAxis = None
    nfe: Nfe | None = None
    _folder: Path = PrivateAttr(default_factory=Path)

    @model_validator(mode="after")
    def _says_one_length(self) -> Self:
        for key in ("steps", "levels"):
            if self.nfe is not None and key in self.axes:
                raise ValueError(f"nfe and {key}: give one of the two")
        return self

    @property
    def asked(self) -> list[int | None]:
        """The evaluations per sample that are asked for; one ``None`` where steps are."""
        nfe = self.nfe if isinstance(self.nfe, list) else [self.nfe]
        return list(dict.fromkeys(nfe))

    @property
    def folder(self) -> Path:
        """What paths in it are relative to: the grid file's folder, or the working directory."""
        return self._folder

    def place(self, folder: Path) -> None:
        """Note where the table stands: names of one's own files no longer depend on it."""
        self._folder = folder
        for key, value in (self.__pydantic_extra__ or {}).items():
            if key in PARTS:
                self.__pydantic_extra__[key] = _placed(value, folder)

    def named(self) -> Iterator[tuple[str, str]]:
        """Yield what kind of part each name in it is of, and the name."""
        for key, values in self.axes.items():
            names = (value for value in values if isinstance(value, str))
            yield from ((key, name) for name in names if key in PARTS or own_files.parsed(name))

    @property
    def axes(self) -> dict[str, list[Any]]:
        """Every key as a list of values."""
        return self._others if self.levels is None else {"levels": self.levels} | self._others

    @property
    def _others(self) -> dict[str, list[Any]]:
        extra = self.__pydantic_extra__ or {}
        return {key: value if isinstance(value, list) else [value] for key, value in extra.items()}

    def read_levels(self, folder: Path) -> None:
        """Read the files that levels are in, which lie beside the grid's.

        Raises:
            ValueError: If one cannot be read; one line.
        """
        if self.levels is not None:
            self.levels = [Listed.of(one, folder) for one in self.levels]


class ProfileEntry(SamplerEntry):
    """One ``[[profile]]`` table: a quantity over σ.

    Attributes:
        metric: One of bench list metrics, or from a file beside the grid: "mine.py:NAME".
        levels: The noise levels it is measured at, ascending; never an axis.
        label, models: As of samplers. Every other key is the metric's own, or of the sampler it is
            about: a value, or a list of them.
    """

    metric: StrictStr
    levels: Annotated[list[Positive], Field(min_length=3, max_length=10_000)]
    nfe: None = None  # it is no curve over NFE

    @property
    def axes(self) -> dict[str, list[Any]]:
        """Every other key as a list of values."""
        return self._others

    def place(self, folder: Path) -> None:
        """Note where the table stands, as of samplers."""
        super().place(folder)
        self.metric = _placed(self.metric, folder)

    @field_validator("levels")
    @classmethod
    def _ascending(cls, levels: list[float]) -> list[float]:
        if sorted(set(levels)) != levels:
            raise ValueError("levels must ascend, each once")
        return levels


class MeasurementEntry(SamplerEntry):
    """One ``[[measurement]]`` table: a kind of measurement that does not ship.

    Attributes:
        kind: From a file beside the grid, "mine.py:NAME", or of a package that is installed.
        label, models: As of samplers. Every other key is the kind's own: a value, or a list.
    """

    kind: StrictStr

    def place(self, folder: Path) -> None:
        """Note where the table stands, as of samplers."""
        super().place(folder)
        self.kind = _placed(self.kind, folder)

    @property
    def axes(self) -> dict[str, list[Any]]:
        """Every other key as a list of values; ``nfe`` is one of a kind's own, if it has that."""
        return self._others if self.nfe is None else self._others | {"nfe": self.asked}


class Grid(BaseModel):
    """A declared grid: models × samplers × repeats × metrics, and profiles.

    Attributes:
        name: Names the run's folder.
        models: Model names.
        nfe: Evaluations per sample that each sampler may cost, of whose table neither says nfe nor
            steps nor levels.
        samples: Samples per cell, seeds first_seed … first_seed + samples − 1; at least 20. All
            seeds of all repeats lie below 2³².
        repeats: How many seed ranges, one after the other.
        first_seed: The first seed of the first repeat.
        metrics: Some of bench list metrics, or from a file beside the grid: "mine.py:NAME".
        extractor: Feature extractor of the distances; it may be from such a file, too.
        extractor_weights: Path to its weights, instead of its own.
        reference: ``"model"``, the model's own true data, or a statistics file.
        truncation_samples: Samples per cell of the truncation error; at least 20.
        class_label: The class of every sample, for conditional models; drawn per sample if absent.
        labels: Of samples without class_label: ``"uniform"``, drawn for each, or ``"balanced"``,
            s mod K for seed s: the same noise, and each class as often as any other.
        guidance: Weights of classifier-free guidance, for conditional models; none if absent.
        guidance_untrained: Whether networks are guided that never saw an image without a class.
        null_class: Which class of its networks means no class, where their files do not say.
        data: True data that profiles start from: ``"model"``, the model's own, or a folder, file or
            torchvision data set (``bench train --data``). All paths belong to the file's folder.
        unchecked: Whether networks whose first samples look broken are run all the same: where bad
            ones are what is to be measured.
        floor: Whether what a perfect sampler reaches is measured beside the samplers; ``"only"``,
            without any table, for that alone.
        sampler: The samplers.
        profile: Quantities over σ; each is measured of each of the models.
        measurement: Measurements of other kinds, likewise.
    """

    model_config = ConfigDict(extra="forbid")

    name: RunName
    models: Names
    nfe: Nfe | None = None
    samples: Annotated[StrictInt, Field(ge=LEAST_SAMPLES)]
    repeats: Annotated[StrictInt, Field(ge=1)] = 1
    first_seed: Annotated[StrictInt, Field(ge=0)] = 0
    metrics: Names = ["fid"]
    extractor: StrictStr = "inception"
    extractor_weights: StrictStr | None = None
    reference: StrictStr = "model"
    truncation_samples: Annotated[StrictInt, Field(ge=LEAST_SAMPLES)] = 100
    class_label: Annotated[StrictInt, Field(ge=0)] | None = None
    labels: Literal["uniform", "balanced"] = "uniform"
    guidance: Annotated[list[Weight], Field(min_length=1)] | Weight | None = None
    guidance_untrained: StrictBool = False
    null_class: Annotated[StrictInt, Field(ge=0)] | None = None
    data: StrictStr = "model"
    unchecked: StrictBool = False
    floor: StrictBool | Literal["only"] = True
    sampler: Annotated[list[SamplerEntry], Field(max_length=MOST_TABLES)] = []
    profile: Annotated[list[ProfileEntry], Field(max_length=MOST_TABLES)] = []
    measurement: Annotated[list[MeasurementEntry], Field(max_length=MOST_TABLES)] = []
    _folder: str = PrivateAttr(default="")
    _where: str = PrivateAttr(default="")

    @property
    def floor_alone(self) -> bool:
        """Whether the floor is all that it asks for."""
        return self.floor == "only"

    @property
    def folder(self) -> str:
        """Where its file lies; empty for one that ships, or of no file."""
        return self._folder

    @property
    def where(self) -> str:
        """What its file is called in messages; empty for one of no file."""
        return self._where

    def place(self, folder: Path, where: str = "grid") -> None:
        """Note where the grid stands: what lies beside it no longer depends on that.

        Raises:
            ValueError: If parts of two files have one name, which records could not tell apart, or
                levels cannot be read; one line.
        """
        models = {spec: loading.placed(spec, folder) for spec in self.models}
        self.models = list(models.values())
        self.metrics = _placed(self.metrics, folder)
        self.extractor = _placed(self.extractor, folder)
        self.reference = references.placed(self.reference, folder)
        if self.extractor_weights is not None:
            self.extractor_weights = paths.placed(self.extractor_weights, folder)
        if self.data != clean.OWN:
            self.data = data.placed(self.data, folder)
        for number, entry in enumerate(self.sampler):
            try:
                entry.read_levels(folder)
            except ValueError as error:
                raise ValueError(f"{where}: sampler[{number}]: {error}") from None
        named: dict[tuple[str, str], str] = {}
        for entry in (*self.sampler, *self.profile, *self.measurement):
            if entry.models is not None:
                entry.models = [models.get(spec, spec) for spec in entry.models]
            entry.place(folder)
            for part, name in entry.named():
                called = own_files.shown(name)
                other = named.setdefault((part, called), name)
                if other != name:
                    raise ValueError(
                        f"{where}: {part}s {other!r} and {name!r} are both called {called!r}: "
                        "rename one"
                    )

    @model_validator(mode="after")
    def _has_seeds(self) -> Self:
        check_seeds(self.first_seed, self.repeats, self.samples)
        return self

    @model_validator(mode="after")
    def _tables_share_nfe(self) -> Self:
        if self.nfe is not None and not self.sampler:
            raise ValueError("nfe is for [[sampler]] tables, and there is none")
        for entry in self.sampler:
            if entry.nfe is None and not {"steps", "levels"} & set(entry.axes):
                entry.nfe = self.nfe
        return self

    @model_validator(mode="after")
    def _has_entries(self) -> Self:
        tables = self.sampler or self.profile or self.measurement
        if tables and self.floor_alone:
            raise ValueError('floor = "only" goes with no table: it is all that is measured')
        if not (tables or self.floor_alone):
            raise ValueError("there is no [[sampler]] and no [[profile]] table")
        return self


def check_seeds(first_seed: int, repeats: int, samples: int) -> None:
    """Raise ValueError, one line, where there are not so many seeds: none may be used twice."""
    if first_seed + repeats * samples > SEEDS:
        several = "" if repeats == 1 else f"repeats = {shown(repeats)}, "
        times = "" if repeats == 1 else "repeats × "
        raise ValueError(
            f"first_seed = {shown(first_seed)}, {several}samples = {shown(samples)}: there are "
            f"2³² = {SEEDS:,} seeds, and first_seed + {times}samples may be no more"
        )


def _placed(names: Any, folder: Path) -> Any:
    """Return a name, or a list of them, with paths that do not depend on where they stand."""
    if isinstance(names, list):
        return [_placed(name, folder) for name in names]
    return own_files.absolute(names, folder) if isinstance(names, str) else names


def folder_of(name_or_path: str, shipped: Path) -> Path:
    """Return the folder that a file stands in: that of those that ship, if it is one of them.

    Of the copy that a run's folder keeps it is the one where the run's file stood.
    """
    if name_or_path in toml_files(shipped):
        return shipped
    folder = expanded(name_or_path).parent
    plan = Store(folder).plan() if (folder / "plan.json").is_file() else None
    return Path(plan.grid_folder) if plan and plan.grid_folder else folder


def shipped() -> list[str]:
    """Return the names of the grids that ship."""
    return list(toml_files(GRIDS))


_NOTE = re.compile(r"# run with (\w+) = (\d+)\n")


def again(text: str, where: str, folder: Path) -> Grid:
    """Return the grid that a run was asked for, from the text that its folder keeps.

    Args:
        text: The text; what was set to other values is noted in it.
        where: Its file, in messages.
        folder: Where the grid's file lay.

    Raises:
        ValueError: As :func:`read`.
    """
    changed = {key: int(value) for key, value in _NOTE.findall(text)}
    grid = validated(parse(text, where) | changed, Grid, where)
    grid.place(folder, where)
    return grid


def read(name_or_path: str, **instead: int | None) -> tuple[Grid, str]:
    """Return a grid, shipped (by name) or from a file, and its TOML text.

    Args:
        name_or_path: A shipped grid's name, or a path.
        instead: Keys to set to other values than the file's, if not ``None``; noted in the text.

    Raises:
        ValueError: If there is no such grid or its text is not a valid one; one line that names the
            file, the key and the value.
    """
    where, text = text_of(name_or_path, toml_files(GRIDS), "grid")
    changed = {key: value for key, value in instead.items() if value is not None}
    grid = validated(parse(text, where) | changed, Grid, where)
    grid.place(folder_of(name_or_path, GRIDS), where)
    grid._where = where
    if name_or_path not in toml_files(GRIDS):
        grid._folder = str(folder_of(name_or_path, GRIDS).resolve())
    notes = "".join(f"# run with {key} = {value}\n" for key, value in changed.items())
    return grid, notes + text

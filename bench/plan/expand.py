"""From a grid's sampler tables to samplers, one per combination that makes sense."""

import itertools
import math
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence, Sized
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from sampler_bench import solvers
from sampler_bench.bench.plan.curves import AXES as CURVE_AXES
from sampler_bench.bench.plan.grid import MOST_CELLS, PARTS, Grid, SamplerEntry
from sampler_bench.kit import own_files
from sampler_bench.kit.file_parameters import file
from sampler_bench.kit.names import unknown
from sampler_bench.kit.own_files import shown
from sampler_bench.solvers import (
    DISCRETIZATIONS,
    EVERY_SOLVER,
    PATHS,
    SCHEDULES,
    AnySampler,
    Incompatible,
)
from sampler_bench.solvers.assembly import (
    file_parameters,
    function_parameters,
    nestings,
    own_parameters,
)
from sampler_bench.solvers.building import DEFAULTS, keys_of
from sampler_bench.solvers.listed import REPLACED

Table = TypeVar("Table", bound=SamplerEntry)

MOST_COMBINATIONS = 10_000
MOST_STEPS = 2_000_000
"""Of all samplers of a grid together; each level of each is made when it is planned, in 25 µs."""


@dataclass(frozen=True)
class Labelled:
    """A sampler or a probe, the name of its curve, and the models it is for (all if none).

    ``table`` says which of the grid's tables it is from, ``is_named`` whether somebody chose the
    label; ``nfe`` is how many evaluations it may cost, instead of steps; ``spec`` is what a table
    calls a probe, pinned if it is from a user's own file.
    """

    label: str
    sampler: Any
    models: tuple[str, ...] | None = None
    spec: str = ""
    table: str = ""
    is_named: bool = True
    nfe: int | None = None

    def is_for(self, model: str) -> bool:
        """Return whether it is to be run with this model."""
        return self.models is None or model in self.models


@dataclass(frozen=True)
class Skipped:
    """A combination that is not run, and why."""

    entry: str
    combination: str
    reason: str


def expand(grid: Grid) -> tuple[list[Labelled], list[Skipped]]:
    """Return the samplers of a grid, and the combinations that were left out, with reasons.

    Raises:
        ValueError: For keys or values that are wrong in every combination, and for a sampler table
            of which nothing is left.
    """
    _check_size(grid.sampler)
    return expand_tables("sampler", grid.sampler, grid.models, expand_entry)


def expand_tables(
    kind: str,
    tables: Sequence[Table],
    models: Sequence[str],
    expand_one: Callable[[Table], tuple[list[Labelled], list[Skipped]]],
) -> tuple[list[Labelled], list[Skipped]]:
    """Return what all tables of a kind stand for, and the combinations that were left out.

    Raises:
        ValueError: As ``expand_one``, with the table's place and label; and for a table that is for
            a model the grid has not, or of which nothing is left.
    """
    kept: list[Labelled] = []
    skipped: list[Skipped] = []
    for number, entry in enumerate(tables):
        for model in entry.models or []:
            if model not in models:
                raise ValueError(f"{kind}[{number}]: {unknown(model, models, 'model')}")
        where = f"{kind}[{number}]" + (f" ({entry.label})" if entry.label else "")
        try:
            found, left_out = expand_one(entry)
        except ValueError as error:
            raise ValueError(f"{where}: {error}") from None
        if not found:
            raise ValueError(f"{where}: no combination can run: {left_out[0].reason}")
        kept += [replace(item, table=f"{kind}[{number}]") for item in found]
        skipped += left_out
        check_cells(len(kept))
    return kept, skipped


def check_cells(count: int) -> None:
    """Raise ValueError, one line, where a grid has more cells than anybody could run."""
    if count > MOST_CELLS:
        raise ValueError(f"{count:,} cells: a grid has at most {MOST_CELLS:,}")


def expand_entry(entry: SamplerEntry) -> tuple[list[Labelled], list[Skipped]]:
    """Return the samplers of one table, and the combinations that make no sense.

    Raises:
        ValueError: For keys or values that are wrong in every combination.
    """
    axes = axes_of(entry)
    kept: dict[str, Labelled] = {}
    skipped = []
    for combination in combinations(axes):
        label = _label(entry, combination, axes)
        try:
            # Where a cost is asked for, any number of steps will do until there is a model.
            steps = {} if entry.nfe is None else {"steps": 1}
            sampler = solvers.build(**located(applicable(combination | steps), entry.folder))
        except Incompatible as error:
            skipped.append(Skipped(entry.label or label, _text(combination), str(error)))
        else:
            _check_parameters(sampler)
            models = None if entry.models is None else tuple(entry.models)
            made = Labelled(label, sampler, models, is_named=bool(entry.label))
            for nfe in entry.asked:
                kept.setdefault(repr((label, sampler, nfe)), replace(made, nfe=nfe))
    return list(kept.values()), skipped


def axes_of(entry: SamplerEntry) -> dict[str, list[Any]]:
    """Return a table's keys as lists of values; where a value is a list itself, not of that.

    Raises:
        ValueError: For a key that no part named in the entry knows.
    """
    axes = entry.axes
    known = _check_keys(axes)
    for name, values in axes.items():
        depth = known[name]
        if 0 < depth == _nesting(values):  # one value, and no axis of what is in it
            axes[name] = [values]
    check_combinations([*axes.values(), entry.asked])
    return axes


def _check_size(entries: Iterable[SamplerEntry]) -> None:
    """Refuse tables of more samplers, or steps of all samplers together, than can be planned."""
    samplers, taken = 0, 0
    for entry in entries:
        try:
            axes = axes_of(entry)
        except ValueError:  # which is said in its turn
            continue
        count = math.prod(map(len, [*axes.values(), entry.asked]))
        steps = [n for n in axes.get("steps", []) if isinstance(n, int) and n <= MOST_STEPS]
        samplers += count
        taken += sum(steps) * (count // len(steps)) if steps else 0
    check_cells(samplers)
    if taken > MOST_STEPS:
        raise ValueError(
            f"steps of all samplers together are {taken:,}: a grid has at most {MOST_STEPS:,}"
        )


def _nesting(value: Any) -> int:
    return 1 + max(map(_nesting, value), default=0) if isinstance(value, list) else 0


def _check_parameters(sampler: AnySampler) -> None:
    """Refuse a parameter of a user's own that no key can hold."""
    for name, value in sampler.parameters.items() if sampler.files else ():
        if isinstance(value, bool) or not isinstance(
            value, str | int | float | tuple | Path | None
        ):
            raise ValueError(
                f"{name} = {value!r}: in a grid, a parameter of one's own is a word, a number, "
                "a list of them or a file"
            )


def check_combinations(axes: Iterable[Sized]) -> None:
    """Raise ValueError, one line, where axes have more combinations than a table may have."""
    total = math.prod(map(len, axes))
    if total > MOST_COMBINATIONS:
        raise ValueError(f"{total:,} combinations; at most {MOST_COMBINATIONS:,} are allowed")


def combinations(axes: Mapping[str, list[Any]]) -> Iterator[dict[str, Any]]:
    """Yield one value for each axis, in all ways."""
    for chosen in itertools.product(*axes.values()):
        yield dict(zip(axes, chosen, strict=True))


def _check_keys(axes: dict[str, list[Any]]) -> dict[str, int]:
    """Refuse keys that no part named in the entry knows; return how deep their values are lists."""
    for name in REPLACED if "levels" in axes else ():
        if name in axes:
            raise ValueError(f"levels replaces {name!r}: give one of the two")
    made = [None] if "levels" in axes else _names(axes, "discretization", DISCRETIZATIONS)
    chosen = (
        _names(axes, "solver", EVERY_SOLVER),
        made,
        _names(axes, "schedule", SCHEDULES),
        _names(axes, "path", PATHS),
    )
    check_combinations(chosen)
    allowed: dict[str, int] = {}
    for parts in itertools.product(*chosen):
        names = (*keys_of(parts[0]), *own_parameters(*parts))
        allowed |= dict.fromkeys(names, 0) | nestings(*parts)
    for key in axes:
        if key not in allowed:
            raise ValueError(unknown(key, [*allowed, "label", "nfe"], "key"))
    return allowed


def _names(axes: dict[str, list[Any]], key: str, known: Collection[str]) -> list[str]:
    names = axes.get(key, [DEFAULTS[key]])
    for name in names:
        neutral = name == DEFAULTS[key]  # no path is ""
        if not isinstance(name, str) or (name not in known and not neutral):
            raise ValueError(unknown(name, known, key))
    return list(dict.fromkeys(names))


def applicable(combination: dict[str, Any]) -> dict[str, Any]:
    """Leave out what the chosen parts have no use for: another value on the same axis has."""
    solver = combination.get("solver", "heun")
    own = own_parameters(
        solver,
        None if "levels" in combination else combination.get("discretization", "edm"),
        combination.get("schedule", "linear"),
        combination.get("path", ""),
    )
    keys = {*own, *keys_of(solver)}
    used = {key: value for key, value in combination.items() if key in keys}
    if not EVERY_SOLVER[solver].takes_steps:
        used.pop("steps", None)
    return used


def located(used: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Return keys whose files, where they are some, do not depend on where the grid stands."""
    parts = ("solver", "discretization", "schedule", "path")
    chosen = [used.get(part, DEFAULTS[part]) for part in parts]
    files, functions = file_parameters(*chosen), function_parameters(*chosen)
    located = {k: file(v, folder, k) for k, v in used.items() if k in files and v is not None}
    named = {k: own_files.absolute(v, folder) for k, v in used.items() if k in functions}
    return used | located | named


def _label(entry: SamplerEntry, combination: dict[str, Any], axes: dict[str, list[Any]]) -> str:
    solver = combination.get("solver", "heun")
    made = "listed" if "levels" in combination else combination.get("discretization", "edm")
    steps = f", {shown(made)} steps" if EVERY_SOLVER[solver].takes_parts else ""
    label = entry.label or f"{shown(solver)}{steps}"
    said = () if entry.label else ("solver", "discretization")
    used = applicable(combination)
    several = [key for key, values in axes.items() if len(values) > 1 and key in used]
    along = [key for key in CURVE_AXES if key in several][:1]  # of two the other makes curves
    varied = [f"{key} = {_told(key, used[key])}" for key in several if key not in (*along, *said)]
    return ", ".join([label, *varied])


def _text(combination: dict[str, Any]) -> str:
    return ", ".join(f"{key} = {_told(key, value)}" for key, value in combination.items())


def _told(key: str, value: Any) -> Any:
    spec = own_files.parsed(value)
    return shown(value) if spec and (key in PARTS or spec.is_file) else value

"""Records as claims see them: the points of one model and metric, with their errors."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from sampler_bench.reports.swept import called
from sampler_bench.results.estimate import Estimate, mean
from sampler_bench.results.floor import Floor, floor_of
from sampler_bench.results.load import COLUMNS, SETTING

CONDITION = ("class_label", "guidance")
_METRIC = ("metric", "metric_name")
_COMPARABLE = (
    *("extractor", "extractor_digest", "samples", "reference", "reference_digest"),
    *("precision", "quantizer", *CONDITION),
)
_NEEDED = ("model", "metric", "value", "nfe")
_ALONG = ("steps", "rtol", "atol", "abstol", "reltol")


@dataclass(frozen=True)
class Point:
    """One measured point, its repeats put together.

    value     with its error
    nfe       mean evaluations per sample
    row       everything else that its first record says, by column
    profile   columns of numbers, equally long; empty for scalar metrics
    """

    value: Estimate
    nfe: float
    row: Mapping[str, Any]
    profile: Mapping[str, np.ndarray]

    @property
    def steps(self) -> float:
        """Number of steps; NaN where the solver chose its own."""
        return number_of(self.row.get("steps"))

    def has(self, **settings: Any) -> bool:
        """Whether its settings are these: a name, a number, or a condition on a number."""
        for name, wanted in settings.items():
            value = self.row.get(name)
            if value != wanted if isinstance(wanted, str) else not _agrees(value, wanted):
                return False
        return True


@dataclass(frozen=True)
class Panel:
    """The points of one model under one metric, measured on as many samples in the same space.

    comparable  what another model's panel must share, so that their values can be compared
    extractor   the space of the features
    samples     so many were drawn; NaN where that is unknown
    floor       what a perfect sampler reaches with them; None where that is unknown
    printed     whether these are published values, exact as they stand
    """

    model: str
    metric: str
    metric_name: str
    comparable: tuple[Any, ...]
    points: tuple[Point, ...]
    extractor: str = ""
    samples: float = math.nan
    floor: Floor | None = field(default=None, compare=False)
    printed: bool = False

    def where(self, **settings: Any) -> list[Point]:
        """The points with these settings, by NFE."""
        return [point for point in self.points if point.has(**settings)]


def panels(records: pd.DataFrame) -> list[Panel]:
    """All panels of a table of records, in an order that does not depend on theirs.

    Records without a finite value, and what a record holds twice, are left out; columns may be
    missing. Nothing is raised.
    """
    if not set(_NEEDED) <= set(records.columns):
        return []
    rows = [_bare(row) for row in records.to_dict("records") if _usable(row)]
    rows.sort(key=lambda row: (str(row.get("key")), repr(row["value"])))
    unique = {(row.get("key", i), row.get("point", i)): row for i, row in enumerate(rows)}
    grouped: dict[tuple[Any, ...], list[dict[Any, Any]]] = {}
    for row in unique.values():
        place = tuple(plain(row.get(c)) for c in ("model", "model_digest", *_METRIC, *_COMPARABLE))
        grouped.setdefault(place, []).append(row)
    floors: dict[tuple[Any, ...], Floor | None] = {}  # one object each: its error cancels in pairs
    made = []
    for place, own in sorted(grouped.items(), key=lambda item: repr(item[0])):
        space = (place[2], *place[4:])
        if space not in floors:
            floors[space] = _floor(records, own[0])
        extractor, samples = str(own[0].get("extractor")), number_of(own[0].get("samples"))
        told = (str(place[0]), str(place[2]), str(place[3]), place[4:], _points(own))
        made.append(Panel(*told, extractor, samples, floors[space]))
    return made


def _floor(records: pd.DataFrame, row: Mapping[Any, Any]) -> Floor | None:
    """The floor of a row; None as well where the table lacks the columns that would tell."""
    try:
        return floor_of(records, row)
    except (KeyError, TypeError, ValueError):
        return None


def curve(points: Sequence[Point]) -> list[Point]:
    """The longest curve among points: equal in all settings but steps or tolerances, by NFE.

    Of equally long ones the first in the order of their settings.
    """
    curves: dict[str, list[Point]] = {}
    for point in points:
        curves.setdefault(repr(_others(point.row)), []).append(point)
    if not curves:
        return []
    _, longest = min(curves.items(), key=lambda item: (-len(item[1]), item[0]))
    return sorted(longest, key=lambda point: point.nfe)


def above(bound: float) -> Callable[[float], bool]:
    """The condition that a number is larger."""
    return lambda value: value > bound


def number_of(value: Any) -> float:
    """A setting as a number; NaN if it is none."""
    return float(value) if isinstance(value, int | float | np.number) else math.nan


def _points(rows: list[dict[Any, Any]]) -> tuple[Point, ...]:
    repeats: dict[Any, list[dict[Any, Any]]] = {}
    for i, row in enumerate(rows):
        repeats.setdefault(row.get("point", i), []).append(row)
    points = [_point(sorted(one, key=_seed)) for one in repeats.values()]
    return tuple(sorted(points, key=lambda p: (p.nfe, repr(_others(p.row)), str(p.row.get("key")))))


def _point(rows: list[dict[Any, Any]]) -> Point:
    profile = rows[0].get("profile")
    columns = profile if isinstance(profile, Mapping) else {}
    return Point(
        mean([_estimate(row) for row in rows]),
        math.fsum(row["nfe"] for row in rows) / len(rows),
        rows[0],
        {name: np.asarray(values, dtype=float) for name, values in columns.items()},
    )


def _estimate(row: Mapping[Any, Any]) -> Estimate:
    loo = row.get("loo")
    seeds = (_seed(row), number_of(row.get("samples")))
    left_out = loo if isinstance(loo, list | tuple) else ()
    return Estimate.of(row["value"], left_out, seeds, number_of(row.get("se")))


def _bare(row: Mapping[Any, Any]) -> dict[str, Any]:
    """A row with its settings by their own names, as claims ask for them."""
    named = {str(name): value for name, value in row.items()}
    settings = {called(name): value for name, value in named.items() if name.startswith(SETTING)}
    return settings | {k: v for k, v in named.items() if not k.startswith(SETTING)}


def _usable(row: Mapping[Any, Any]) -> bool:
    return math.isfinite(number_of(row["value"])) and math.isfinite(number_of(row["nfe"]))


def _seed(row: Mapping[Any, Any]) -> float:
    first = number_of(row.get("seed_start"))
    return -1.0 if math.isnan(first) else first


def _others(row: Mapping[Any, Any]) -> list[tuple[str, Any]]:
    """The settings that are the same along a curve."""
    names = [str(name) for name in row if name not in {*COLUMNS, *_ALONG, "profile"}]
    return [(name, plain(row[name])) for name in sorted(names) if not name.startswith("prov_")]


def plain(value: Any) -> Any:
    """NaN and None alike; numbers as floats, so that 1 and 1.0 are the same setting."""
    found = number_of(value)
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    return value if math.isnan(found) else found


def _agrees(value: Any, wanted: Any) -> bool:
    if isinstance(wanted, tuple):
        return any(value == one for one in wanted)
    found = number_of(value)
    if callable(wanted):
        return not math.isnan(found) and wanted(found)
    return found == wanted or math.isclose(found, wanted, rel_tol=1e-6)

"""What claims are asked of: networks, exact models, pairs of trainings, columns of Table 2."""

import math
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from sampler_bench.reports.claims.claim import Scope, Subject
from sampler_bench.reports.claims.panel import Panel, Point, number_of
from sampler_bench.reports.claims.quantities import churn_of
from sampler_bench.results.estimate import Estimate, mean

FID = "fid"
SUFFIXES = {"-vp": "VP", "-ve": "VE", "-adm": "ADM"}
_EDM_TRAINED = re.compile(r"(fashion-edm|edm-.+|table2-[ef])-(vp|ve|adm)")
_EDM_PRECONDITIONED = re.compile(r"(fashion-edm|edm-.+|table2-[def])-(vp|ve|adm)")
_SIMPLE = re.compile(r"(fashion|table2|(edm|baseline)-cifar10)-.*")
_TABLE_2 = re.compile(r"table2-([a-f])-(vp|ve)")


def is_exact(model: str) -> bool:
    """Whether it is an exact denoiser, without any network."""
    return model.startswith("exact-")


def family_of(model: str) -> str:
    """The family that a network's name ends with; "" if none."""
    return next((f for suffix, f in SUFFIXES.items() if model.endswith(suffix)), "")


def baselines(panels: Sequence[Panel]) -> list[Subject]:
    """Networks that the paper's recipe did not train, by family."""
    return _networks(panels, lambda model: not _EDM_TRAINED.fullmatch(model))


def networks(panels: Sequence[Panel]) -> list[Subject]:
    """Every network, whatever its training."""
    return _networks(panels, lambda model: True)


def exact(panels: Sequence[Panel]) -> list[Subject]:
    """Exact denoisers; their unit is the lowest excess of any network in the same space."""
    found = [one for one in panels if one.metric == FID and is_exact(one.model)]
    return [
        Subject(name, _sorted(own), unit=_unit(panels, own[0])) for name, own in _by_model(found)
    ]


def measured_by(metric: str, only: Callable[[str], bool] = lambda model: True) -> Scope:
    """Models under another metric than FID."""

    def scope(panels: Sequence[Panel]) -> list[Subject]:
        found = [one for one in panels if one.metric == metric and only(one.model)]
        return [Subject(name, _sorted(own)) for name, own in _by_model(found)]

    return scope


def by_solver(metric: str, *solvers: str) -> Scope:
    """Models under a metric, once for each solver that was measured."""

    def scope(panels: Sequence[Panel]) -> list[Subject]:
        return [
            replace(one, name=f"{one.name}, {solver}", family=solver, tags=frozenset({solver}))
            for one in measured_by(metric)(panels)
            for solver in solvers
            if any(panel.where(solver=solver) for panel in one.panels)
        ]

    return scope


def edm_preconditioned(model: str) -> bool:
    """Whether its network is preconditioned as the paper does (configurations D to F)."""
    return _EDM_PRECONDITIONED.fullmatch(model) is not None


def pairs(panels: Sequence[Panel]) -> list[Subject]:
    """A network that the paper's recipe trained beside one that it did not, of one kind."""
    fid = [one for one in panels if one.metric == FID and not is_exact(one.model)]
    olds = [p for p in fid if not _EDM_TRAINED.fullmatch(p.model) and _plain_name(p)]
    news = [p for p in fid if _EDM_TRAINED.fullmatch(p.model) and _plain_name(p)]
    found: dict[tuple[str, str], list[Panel]] = {}
    for new in news:
        for old in olds:
            if family_of(old.model) == family_of(new.model) and old.comparable == new.comparable:
                points = _marked(old, training="old") + _marked(new, training="new")
                both = replace(new, model=f"{new.model} and {old.model}", points=points)
                found.setdefault((new.model, old.model), []).append(both)
    return [
        Subject(f"{new} and {old}", _sorted(own), tags=_data_of(new), lowest=_lowest(fid, new, old))
        for (new, old), own in sorted(found.items())
    ]


def columns(panels: Sequence[Panel]) -> list[Subject]:
    """Columns of Table 2: configurations A to F, each of as many trainings as there are."""
    found: dict[str, dict[tuple[Any, ...], list[tuple[str, Panel]]]] = {}
    for panel in (one for one in panels if one.metric == FID):
        named = _TABLE_2.fullmatch(panel.model)
        if named:
            config, kind = named.groups()
            spaces = found.setdefault(kind.upper(), {})
            spaces.setdefault(panel.comparable, []).append((config, panel))
    return [
        Subject(
            f"table2, {kind}",
            _sorted([_column(own) for own in spaces.values()]),
            kind,
            frozenset({kind, "32", f"{kind}32u"}),
        )
        for kind, spaces in sorted(found.items())
    ]


def twins(panels: Sequence[Panel]) -> list[Subject]:
    """Both columns of Table 2 together: VP beside VE."""
    both: dict[tuple[Any, ...], list[Panel]] = {}
    for column in columns(panels):
        for panel in column.panels:
            marked = replace(panel, points=_marked(panel, kind=column.family.lower()))
            both.setdefault(panel.comparable, []).append(marked)
    made = [
        replace(own[0], model="table2", points=tuple(p for one in own for p in one.points))
        for own in both.values()
    ]
    return [Subject("table2", _sorted(made), tags=frozenset({"32"}))] if made else []


def _networks(panels: Sequence[Panel], which: Callable[[str], bool]) -> list[Subject]:
    fid = [one for one in panels if one.metric == FID and not is_exact(one.model)]
    return [
        Subject(
            name,
            _sorted(own),
            family_of(name),
            frozenset({family_of(name)}) | _data_of(name),
            _lowest(fid, name),
            searched_on(own),
        )
        for name, own in _by_model(one for one in fid if which(one.model))
    ]


def searched_on(panels: Iterable[Panel]) -> frozenset[tuple[float, ...]]:
    """Settings of churn that won a search: those that it measured on fresh seeds."""
    points = [point for panel in panels for point in panel.points]
    fresh = [p for p in points if p.row.get("rung") == "fresh"]
    return frozenset(churn_of(p) for p in fresh if number_of(p.row.get("S_churn")) > 0)


def _by_model(panels: Iterable[Panel]) -> list[tuple[str, list[Panel]]]:
    found: dict[str, list[Panel]] = {}
    for panel in panels:
        found.setdefault(panel.model, []).append(panel)
    return sorted(found.items())


def _sorted(panels: Sequence[Panel]) -> tuple[Panel, ...]:
    """The most samples first; of equals the order that they came in, which is that of contents."""
    return tuple(sorted(panels, key=lambda one: -one.samples if one.samples > 0 else 0.0))


def _lowest(panels: Iterable[Panel], *models: str) -> dict[str, float]:
    """The lowest value of the worse of some models, by any sampler, by extractor."""
    best: dict[tuple[str, str], float] = {}
    for panel in panels:
        if panel.model in models and panel.points:
            key = (panel.extractor, panel.model)
            values = [point.value.value for point in panel.points]
            best[key] = min(best.get(key, math.inf), *values)
    return {e: max(v for (f, _), v in best.items() if f == e) for e, _ in best}


def _unit(panels: Sequence[Panel], like: Panel) -> Estimate | None:
    """The lowest excess of a network at the most samples, surely above the floor."""
    own = [
        one
        for one in panels
        if one.metric == FID
        and not is_exact(one.model)
        and one.extractor == like.extractor
        and one.floor is not None
    ]
    most = max((one.samples for one in own), default=0.0)
    found = [
        over
        for one in own
        if one.samples == most and one.floor
        for point in one.points
        if (over := point.value - one.floor.mean).value > 3 * over.se
    ]
    return min(found, key=lambda over: over.value, default=None)


def _plain_name(panel: Panel) -> bool:
    return not _TABLE_2.fullmatch(panel.model)


def _data_of(model: str) -> frozenset[str]:
    return frozenset({"simple"} if _SIMPLE.fullmatch(model) else {"rich"})


def _marked(panel: Panel, **marks: str) -> tuple[Point, ...]:
    return tuple(replace(point, row={**point.row, **marks}) for point in panel.points)


def _column(own: Sequence[tuple[str, Panel]]) -> Panel:
    """One panel of all configurations; several trainings of one are one point each."""
    points: list[Point] = []
    for config in sorted({config for config, _ in own}):
        same = [panel for letter, panel in own if letter == config]
        for first in same[0].points:
            each = [p for panel in same for p in panel.points if _settings(p) == _settings(first)]
            points.append(_trained(each, config))
    return replace(own[0][1], model="table2", points=tuple(points))


def _trained(each: Sequence[Point], config: str) -> Point:
    """Trainings of one configuration: with several their spread is the error, and nobody else's."""
    seen = [_images(point) for point in each]
    row = {**each[0].row, "config": config, "trainings": len(each), "images": min(seen)}
    values = np.array([point.value.value for point in each])
    if len(each) < 2:
        return replace(each[0], row=row)
    rest = (values.sum() - values) / (len(values) - 1)
    value = Estimate.of(mean([p.value for p in each]).value, rest)
    return replace(each[0], row=row, value=value)


def _images(point: Point) -> float:
    try:
        return float(point.row.get("prov_checkpoint_images", math.nan))
    except (TypeError, ValueError):
        return math.nan


def _settings(point: Point) -> str:
    names = ("solver", "steps", "schedule", "scaling", "discretization", *("S_churn", "S_noise"))
    return repr([point.row.get(name) for name in names])

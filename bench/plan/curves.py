"""Curves by their labels: a label names exactly one."""

import itertools
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from typing import Any

from sampler_bench.bench.measure.work import Work

AXES = ("steps", "rtol", "atol", "abstol", "reltol")
"""What varies along one curve; every other axis with several values makes curves of its own.

Of several of these one alone does; the others may follow it, as an atol that is the rtol.
"""


def apart(work: Work, first: Work) -> Work:
    """Return work under a label that says in what it differs from the first curve of its label.

    For labels that nobody chose; of one that somebody did :func:`check` says so.
    """
    mine, theirs = _flat(_fixed(work)), _flat(_fixed(first))
    names = [name for name in mine if mine[name] != theirs.get(name)]
    if not names:
        return work
    told = ", ".join(f"{name} = {_shown(mine[name])}" for name in names)
    return replace(work, label=f"{work.label}, {told}")


def check(works: Iterable[Work]) -> None:
    """Refuse two samplers that have one label on one model, and curves along two axes at once.

    Raises:
        ValueError: If there are; one line that names what they differ in.
    """
    known: dict[tuple[str, str, str], Work] = {}
    along: dict[tuple[str, str, str], set[tuple[Any, ...]]] = {}
    for work in works:
        curve = (work.label, work.name, work.cell.metric)
        first = known.setdefault(curve, work)
        settings = _flat(work.settings)
        along.setdefault(curve, set()).add(tuple(settings.get(name) for name in AXES))
        if differing := unseen(_fixed(first), _fixed(work)):
            raise ValueError(
                f"two samplers are called {work.label!r}, and differ in {', '.join(differing)}: "
                "give each a label of its own"
            )
    for (label, *_), points in along.items():
        if two := _two_axes(points):
            raise ValueError(
                f"samplers called {label!r} differ in {' and in '.join(two)}, and a curve goes "
                f"along one of them: give each {two[1]} a label of its own"
            )


def _two_axes(points: Collection[tuple[Any, ...]]) -> tuple[str, str] | None:
    """Return two axes of which neither follows from the other; ``None`` if there are none."""
    for one, two in itertools.combinations(range(len(AXES)), 2):
        each = {point[one] for point in points}, {point[two] for point in points}
        if len({(point[one], point[two]) for point in points}) > max(map(len, each)):
            return AXES[one], AXES[two]
    return None


def unseen(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
    """Return in what two samplers' settings differ, as texts: ``"rho = 7 or 1"``."""
    flat = [_flat(one), _flat(other)]
    names = dict.fromkeys((*flat[0], *flat[1]))
    return [
        f"{name} = {_shown(flat[0].get(name))} or {_shown(flat[1].get(name))}"
        for name in names
        if flat[0].get(name) != flat[1].get(name)
    ]


def _flat(settings: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for part in settings.values() for name, value in part.items()}


def _fixed(work: Work) -> dict[str, Any]:
    return {
        part: {name: value for name, value in told.items() if name not in AXES}
        for part, told in work.settings.items()
    }


def _shown(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)

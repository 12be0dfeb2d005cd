"""The one engine: from a claim and its subjects to an answer."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from sampler_bench.reports.claims.claim import (
    FAILS,
    HOLDS,
    NOTHING,
    UNDECIDED,
    Answer,
    Asked,
    Comparison,
    Outcome,
    Subject,
    Theta,
    UndecidedError,
    Verdict,
)
from sampler_bench.reports.claims.decide import LEVEL, POWER, Relation, alone, largest
from sampler_bench.results.estimate import Estimate


@dataclass(frozen=True)
class _Found:
    """Numbers of one comparison on one subject, or why there are none."""

    asked: Asked
    thetas: Sequence[Theta] = ()
    reason: str = ""
    no_failure: str = ""


def judge(
    subjects: Sequence[Subject],
    comparisons: Sequence[Comparison],
    families: Sequence[str] = (),
    lifted: frozenset[str] = NOTHING,
) -> Verdict:
    """The answer to comparisons, all of which must hold, on subjects.

    It fails if any subject fails any comparison. It holds if none fails and each named family has a
    subject of which all comparisons hold; without named families all subjects must. Conjunctions
    cost nothing; a failure somewhere among many is paid for (Bonferroni), and so is a subject that
    may be chosen within a family.
    """
    asked = [(one, _all_found(one, comparisons, lifted)) for one in subjects]
    cases = [(one, found) for one, found in asked if any(f.thetas or f.reason for f in found)]
    if not cases:
        return Verdict(UNDECIDED, reason=_one_sided(asked, "") or "no records of it")
    judged = sum(bool(f.thetas) for _, found in cases for f in found)
    shared = Counter(one.family for one, _ in cases)
    outcomes: list[tuple[Outcome, ...]] = []
    for one, found in cases:
        level = LEVEL / (shared[one.family] if families else 1)
        outcomes.append(tuple(_outcome(f, level, LEVEL / max(judged, 1)) for f in found))
    flat = tuple(outcome for case in outcomes for outcome in case)
    if any(one.answer == FAILS for one in flat):
        return Verdict(FAILS, flat)
    whole = [all(one.answer == HOLDS for one in case) and bool(case) for case in outcomes]
    held = {one.family for (one, _), holds in zip(cases, whole, strict=True) if holds}
    if families:
        lacking = [one for one in families if one not in shared]
        absent = "; ".join(
            _one_sided(asked, one) or f"no records of it for {one}" for one in lacking
        )
        answer = HOLDS if set(families) <= held else UNDECIDED
        return Verdict(answer, flat, absent)
    return Verdict(HOLDS if all(whole) else UNDECIDED, flat)


def _all_found(
    subject: Subject, comparisons: Sequence[Comparison], lifted: frozenset[str]
) -> list[_Found]:
    """What each comparison finds; nothing at all where no side of any was measured."""
    asked = [one for one in comparisons if one.concerns(subject)]
    found = [_found(subject, one, lifted) for one in asked]
    if any(f.thetas or f.reason or _sides_of(f.asked) == 2 for f in found):
        return [f if f.thetas or f.reason else replace(f, reason=_why_none(f)) for f in found]
    return found


def _why_none(found: _Found) -> str:
    """Why there are no numbers, though there are of another comparison."""
    return _unmet(found.asked) or _absent(found.asked)


def _one_sided(asked: Sequence[tuple[Subject, Sequence[_Found]]], family: str) -> str:
    """What was not run, of subjects (of a family) of which the other side was."""
    told = [
        f"{subject.name}: {_absent(f.asked)}"
        for subject, found in asked
        for f in found
        if family in ("", subject.family) and _sides_of(f.asked) == 1
    ]
    return "; ".join(dict.fromkeys(told))


def _sides_of(asked: Asked) -> int:
    """How many sides a panel has, though perhaps nowhere alike."""
    return sum(bool(asked.points(one)) for one in (asked.comparison.one, asked.comparison.other))


def _found(subject: Subject, comparison: Comparison, lifted: frozenset[str]) -> _Found:
    """The numbers of the panel with the most samples that has both sides."""
    each = [Asked(subject, panel, comparison, lifted) for panel in subject.panels]
    for asked in each:
        try:
            thetas = comparison.quantity(asked)
        except UndecidedError as undecided:
            return _Found(asked, reason=_unmet(asked) or str(undecided))
        if not thetas:
            continue
        unmet = _unmet(asked) or _unknown(thetas)
        if unmet:
            return _Found(asked, reason=unmet)
        return _Found(asked, thetas, no_failure=_unmet(asked, to_fail=True))
    return _Found(max(each, key=_sides_of))


def _unmet(asked: Asked, to_fail: bool = False) -> str:
    """The first premise that is not met, as its sentence."""
    comparison = asked.comparison
    for premise in comparison.to_fail if to_fail else comparison.premises:
        if premise.name not in asked.lifted:
            try:
                reason = premise.why_not(asked)
            except UndecidedError as undecided:
                reason = str(undecided)
            if reason:
                return reason
    return ""


def _unknown(thetas: Sequence[Theta]) -> str:
    return "its error is not known" if any(math.isnan(one.value.se) for one in thetas) else ""


def _absent(asked: Asked) -> str:
    """Which side was not run."""
    sides = (asked.comparison.one, asked.comparison.other)
    family = asked.subject.family
    for side in sides:
        settings = side.of(family)
        if settings is None or not any(panel.where(**settings) for panel in asked.subject.panels):
            return f"{side.words} was not run"
    return f"{sides[0].words} and {sides[1].words} share no NFE or setting to compare at"


def _outcome(found: _Found, level: float, fail_level: float) -> Outcome:
    asked, thetas = found.asked, found.thetas
    comparison, samples = asked.comparison, asked.panel.samples
    told = (asked.subject.name, asked.subject.family, comparison)
    if found.reason:
        return Outcome(*told, UNDECIDED, found.reason, samples=samples)
    answer, at, needed = _decided(thetas, comparison, level, fail_level, found.no_failure)
    reason = ""
    if answer == UNDECIDED:
        bound = "its curve is not finished" if thetas[at].bound else ""
        reason = _would_decide(asked, needed, found.no_failure or bound)
    return Outcome(*told, answer, reason, thetas[at], len(thetas), samples)


def _decided(
    thetas: Sequence[Theta], comparison: Comparison, level: float, fail_level: float, no_fail: str
) -> tuple[Answer, int, float]:
    """The answer, which number it hangs on, and how many times the samples would decide it."""
    relation, any_of = comparison.relation, comparison.over == "any"
    values = [one.value for one in thetas]
    c_holds = largest(values, level) if any_of else max(alone(one, level) for one in values)
    holds = [relation.holds(one.value, c_holds * one.se) for one in values]
    may = [not one.bound and not no_fail for one in thetas]
    fails = _failing(values, may, relation, max(alone(one, fail_level) for one in values))
    if any(fails) and not any_of:  # a failure somewhere among several is paid for
        fails = _failing(values, may, relation, largest(values, fail_level))
    rooms = [relation.room(one.value) for one in values]
    times = [_times(one.se, room, c_holds) for one, room in zip(values, rooms, strict=True)]
    inside = [relation.holds(one.value, 0.0) for one in values]
    order = range(len(values))
    if any_of:
        best = min(order, key=lambda i: (not holds[i], not inside[i], times[i], -rooms[i]))
        if any(holds):
            return HOLDS, best, 0.0
        return (FAILS if all(fails) else UNDECIDED), best, times[best]
    worst = max(order, key=lambda i: (fails[i], not holds[i], times[i], -rooms[i]))
    if all(holds):
        return HOLDS, worst, 0.0
    return (FAILS if any(fails) else UNDECIDED), worst, times[worst]


def _failing(
    values: Sequence[Estimate], may: Sequence[bool], relation: Relation, level: float
) -> list[bool]:
    return [
        ok and relation.fails(one.value, level * one.se)
        for ok, one in zip(may, values, strict=True)
    ]


def _times(se: float, room: float, level: float) -> float:
    """How many times as many samples decide it with 80 % power, if the value is the true one."""
    return math.inf if room <= 0 else ((level + POWER) * se / room) ** 2


def _would_decide(asked: Asked, times: float, otherwise: str) -> str:
    if otherwise and times <= 1:
        return otherwise
    trainings = [point.row.get("trainings") for point in asked.panel.points]
    if any(isinstance(one, int) for one in trainings):
        now, what = float(max(one for one in trainings if isinstance(one, int))), "trainings each"
    else:
        now, what = asked.panel.samples, "samples"
    if not math.isfinite(times * now) or times * now > _TOO_MANY:
        return f"its value lies at the limit: no number of {what} decides"
    most = math.ceil(times * now)
    rounded = most if most < 100 else int(float(f"{most:.2g}"))
    more = f"about {max(rounded, 2):,} {what} would decide"
    return f"{otherwise}, {more}" if otherwise else f"within error: {more}"


_TOO_MANY = 1e7

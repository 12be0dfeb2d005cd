"""What is said of a statement, model by model and in all."""

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal

from sampler_bench.reports.statements.estimate import lowest
from sampler_bench.reports.statements.panel import Panel
from sampler_bench.reports.tables import with_error
from sampler_bench.results.estimate import EQUAL, Estimate

Answer = Literal["holds", "fails", "undecided here"]
HOLDS: Answer = "holds"
FAILS: Answer = "fails"
UNDECIDED: Answer = "undecided here"


@dataclass(frozen=True)
class Verdict:
    """The answer, a sentence with the numbers and their errors, and a reason.

    reason  of a failure: the most likely one, where the records allow to name it;
            of an undecided one: what is missing
    """

    answer: Answer
    numbers: str = ""
    reason: str = ""


@dataclass(frozen=True)
class Case:
    """What the records of one model say.

    where   the model
    what    its metric, as figures call it
    family  of several that a statement speaks of ("VP", "VE"), which one; may be empty
    """

    where: str
    what: str
    answer: Answer
    numbers: str
    reason: str = ""
    family: str = ""


def together(cases: Sequence[Case], wanted: str, families: Collection[str] = ()) -> Verdict:
    """The verdict on a statement from its cases.

    A statement is meant of every model: it fails if it fails for any, beyond error. It holds if it
    fails for none and holds for some; if it names several families, for some of each. Else it is
    undecided.

    wanted  the records that a case needs, said where there are none
    """
    found = {answer: [c for c in cases if c.answer == answer] for answer in _ORDER}
    numbers = _numbers(found)
    if found[FAILS]:
        return Verdict(FAILS, numbers, _reasons(found[FAILS]))
    missing = [f for f in families if f not in {c.family for c in found[HOLDS]}]
    if found[HOLDS] and not missing:
        return Verdict(HOLDS, numbers)
    if not cases:
        return Verdict(UNDECIDED, reason=f"no records of {wanted}")
    unclear = _reasons(found[UNDECIDED])
    lacking = [f for f in missing if f not in {c.family for c in cases}]
    absent = f"no records of {' and '.join(lacking)}: {wanted}" if lacking else ""
    return Verdict(UNDECIDED, numbers, "; ".join(part for part in (unclear, absent) if part))


def helps(differences: Sequence[Estimate], chosen: int = 1) -> Answer:
    """Whether something lowers a value: holds if it does somewhere and raises it nowhere.

    Fails where it raises it, or where lowering it by more than 3 % is ruled out everywhere. Of
    many differences the surest must be surer than one alone (see `estimate.lowest`).
    """
    if not differences or raises(differences) == HOLDS:
        return FAILS if differences else UNDECIDED
    _, found = lowest(differences, chosen=chosen)
    return {"lower": HOLDS, "not lower": FAILS}.get(found, UNDECIDED)


def raises(differences: Sequence[Estimate], margin: float = EQUAL) -> Answer:
    """Whether something raises a value anywhere; fails if that can be ruled out everywhere."""
    if not differences:
        return UNDECIDED
    _, found = lowest([one * -1.0 for one in differences], margin)
    return {"lower": HOLDS, "not lower": FAILS}.get(found, UNDECIDED)


def opposite(answer: Answer) -> Answer:
    """The answer to the contrary."""
    return {HOLDS: FAILS, FAILS: HOLDS}.get(answer, UNDECIDED)


def case(panel: Panel, answer: Answer, told: str, why: str = "", family: str = "") -> Case:
    """What one panel says; `why` it fails is dropped where it does not."""
    reasons = {FAILS: why, UNDECIDED: _WITHIN}
    return Case(panel.model, panel.metric_name, answer, told, reasons.get(answer, ""), family)


def all_of(answers: Collection[Answer]) -> Answer:
    """Fails if any of a statement's parts fails, holds if all hold."""
    if FAILS in answers:
        return FAILS
    return HOLDS if answers and all(one == HOLDS for one in answers) else UNDECIDED


def percent(difference: Estimate) -> str:
    """A relative difference in percent, signed, with its error.

    >>> percent(Estimate(-0.0412))
    '−4.1 %'
    """
    value, se = 100 * difference.value, 100 * difference.se
    text = with_error(abs(value), se) if se > 0 else f"{abs(value):.1f}"
    sign = "−" if value < 0 else "+"
    return f"{sign}{text} %"


def number(estimate: Estimate) -> str:
    """A value with its error."""
    return with_error(estimate.value, estimate.se)


def factor(value: float) -> str:
    """A ratio, short; "∞" if it has no bound."""
    return f"{value:.2g}" if math.isfinite(value) else "∞"


_WITHIN = "the differences are within their errors, or too little was measured to tell"
_ORDER = (FAILS, HOLDS, UNDECIDED)
_HEADS = {FAILS: "Fails for", HOLDS: "Holds for", UNDECIDED: "Undecided for"}


def _numbers(found: dict[Answer, list[Case]]) -> str:
    """The cases by answer; each metric is named once, before the cases that share it."""
    sentences = []
    for answer, cases in found.items():
        by_metric: dict[str, list[Case]] = {}
        for case in sorted(cases, key=lambda c: (c.what, c.where, c.family, c.numbers)):
            by_metric.setdefault(case.what, []).append(case)
        for what, same in by_metric.items():
            told = "; ".join(f"{case.where}, {case.numbers}" for case in same)
            sentences.append(f"{_HEADS[answer]} {told} ({what}).")
    return " ".join(sentences)


def _reasons(cases: Sequence[Case]) -> str:
    return "; ".join(sorted({case.reason for case in cases if case.reason}))

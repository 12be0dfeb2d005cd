"""Claims and answers in words: numbers with intervals, reasons, sources of limits."""

import math
import textwrap
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any

from sampler_bench.reports.claims.claim import (
    FAILS,
    HOLDS,
    UNDECIDED,
    Claim,
    Outcome,
    Verdict,
)
from sampler_bench.reports.claims.decide import alone

NOT_PRINTED = "not in tables"
WIDTH = 100


def row_of(claim: Claim, verdict: Verdict, printed: Verdict | None) -> dict[str, object]:
    """One row of the table of answers."""
    return {
        "Model": "EDM's statements",
        "Metric": "what the records say",
        "Number": claim.number,
        "Statement": claim.text,
        "Where": claim.where,
        "Answer": verdict.answer,
        "Numbers": _numbers(verdict.outcomes),
        "Reason": _why(claim, verdict),
        "Limits": "; ".join(dict.fromkeys(one.source for one in claim.comparisons)),
        "Paper's own numbers": _as_printed(printed),
    }


def counted(answers: Sequence[str]) -> str:
    """How many of each.

    >>> counted(["holds", "undecided here", "holds"])
    '2 hold, 0 fail, 1 undecided'
    """
    found = [sum(one == answer for one in answers) for answer in (HOLDS, FAILS, UNDECIDED)]
    return f"{found[0]} hold, {found[1]} fail, {found[2]} undecided"


def paragraph(row: Mapping[Hashable, Any]) -> str:
    """One row as lines for a terminal: what is empty is left out."""
    lines = [f"{row['Number']:>2}  {row['Answer']}: {row['Statement']} [{row['Where']}]"]
    for name in ("Numbers", "Reason", "Limits", "Paper's own numbers"):
        lines += [f"    {name}: {row[name]}"] if row[name] else []
    return "\n".join(
        textwrap.fill(one, WIDTH, subsequent_indent=" " * 6, break_on_hyphens=False)
        for one in lines
    )


def interval(outcome: Outcome) -> str:
    """The number that an outcome hangs on, with its 95 % interval.

    Intervals are of the log, and so asymmetric: no decrease passes 100 %.
    """
    if outcome.theta is None:
        return ""
    value = outcome.theta.value
    reach = alone(value) * value.se
    show = _SHOWN[outcome.comparison.unit]
    ends = "" if not reach > 0 else f" ({show(value.value - reach)} to {show(value.value + reach)})"
    return show(value.value) + ends


def _percent(value: float) -> str:
    return f"{100 * math.expm1(value):+.3g} %".replace("-", "−")


def _share(value: float) -> str:
    return f"{100 * value:+.3g} %".replace("-", "−")


def _times(value: float) -> str:
    return f"{math.exp(value):.3g}×"


def _plain(value: float) -> str:
    return f"{value:.3g}".replace("-", "−")


_SHOWN: dict[str, Callable[[float], str]] = {
    "percent": _percent,
    "share": _share,
    "times": _times,
    "plain": _plain,
}


def _numbers(outcomes: Sequence[Outcome]) -> str:
    """Every number by answer: what decides comes first."""
    parts = []
    for answer, head in ((FAILS, "Fails"), (HOLDS, "Holds"), (UNDECIDED, "Undecided")):
        told = [_number(one) for one in outcomes if one.answer == answer and one.theta]
        if told:
            parts.append(f"{head}: {'; '.join(told)}.")
    return " ".join(parts)


def _number(outcome: Outcome) -> str:
    theta = outcome.theta
    of = f", of {outcome.of} the deciding one" if outcome.of > 1 else ""
    samples = f", {outcome.samples:,.0f} samples" if outcome.samples > 0 else ""
    told = f" ({theta.told}{of}{samples})" if theta and theta.told else f" ({samples[2:]})"
    return f"{outcome.subject}: {outcome.comparison.words} {interval(outcome)}{told}"


def _why(claim: Claim, verdict: Verdict) -> str:
    """Why it is undecided and what would decide it; each reason once, before whom it is of."""
    by_reason: dict[str, list[str]] = {}
    for one in verdict.outcomes:
        if one.reason and verdict.answer == UNDECIDED:
            by_reason.setdefault(one.reason, []).append(one.subject)
    parts = [f"{', '.join(dict.fromkeys(who))}: {reason}" for reason, who in by_reason.items()]
    if verdict.reason:
        parts.append(verdict.reason)
    if claim.unmeasured:
        parts.append(f"of {claim.unmeasured} there is no measure here")
    return "; ".join(parts)


def _as_printed(verdict: Verdict | None) -> str:
    """What the same engine says of the numbers that the paper prints."""
    if verdict is None:
        return NOT_PRINTED
    found = [f"{one.subject}, {one.comparison.words}: {interval(one)}" for one in verdict.outcomes]
    return f"{verdict.answer} ({len(found)} comparisons): {'; '.join(found)}"

"""What the last comparison of a search says, in words: on fresh seeds, the best chosen by them."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sampler_bench.results import Record
from sampler_bench.results.best import LEVEL, gap, may_be_best, two_sided
from sampler_bench.results.estimate import Estimate

if TYPE_CHECKING:
    from sampler_bench.bench.run.search.run import Outcome


def best(outcome: "Outcome") -> Record:
    """Return the record of the one to take: the lowest on fresh seeds.

    Of those that are equal but for rounding the first: the baseline, where it is one of them.
    """
    records = [outcome.deterministic, *outcome.finalists]
    return records[_top([_estimate(record) for record in records])]


def ranked(outcome: "Outcome") -> list[Record]:
    """Return the records of the last comparison, the one to take first, then by value."""
    records = [outcome.deterministic, *outcome.finalists]
    top = best(outcome)
    return sorted(records, key=lambda record: (record is not top, record.value))


def told(outcome: "Outcome") -> list[str]:
    """Return the verdict on an outcome, and a line for each sampler that came to the end."""
    records = [outcome.deterministic, *outcome.finalists]
    numbers = [_estimate(record) for record in records]
    top = _top(numbers)
    may = may_be_best(numbers)
    lines = [_verdict(records, numbers, top, may), f"{records[top].metric_name}, fresh seeds:"]
    width = max(len(record.label) for record in records)
    for i in sorted(range(len(records)), key=lambda i: (records[i].value, i)):
        record, less = records[i], gap(numbers[i], numbers[top])
        more = "" if i == top else f", higher by {with_error(less.value, less.se)}"
        mark = "°" if may[i] else ""
        value = with_error(record.value, record.se)
        lines.append(f"  {record.label:{width}}  NFE {record.nfe:g}  {value}{mark}{more}")
    return [*lines, "°: cannot be told from the best of these (95 %, all at once)"]


def _verdict(
    records: Sequence[Record], numbers: Sequence[Estimate], best: int, may: Sequence[bool]
) -> str:
    """The sentence: whom to take, against the baseline, and who else may be the best."""
    text = (
        f"On {records[0].model} at {records[best].nfe:g} evaluations take “{records[best].label}”"
    )
    if best:
        less = gap(numbers[0], numbers[best])
        chance = "" if two_sided(less) <= LEVEL else ", which may be chance"
        error = with_error(less.value, less.se)
        text += f": lower than “{records[0].label}” by {error}{chance}"
    same = [f"“{r.label}”" for i, r in enumerate(records) if may[i] and i != best]
    others = f"{', '.join(same)} cannot be told from it" if same else "no other may be the best"
    return f"{text}; {others}."


def _top(numbers: Sequence[Estimate]) -> int:
    """The place of the lowest number, the first of those that only rounding tells apart."""
    lowest = min(numbers, key=lambda one: one.value)
    return next(i for i, one in enumerate(numbers) if gap(one, lowest).value == 0)


def _estimate(record: Record) -> Estimate:
    return Estimate.of(record.value, record.loo, seeds="fresh")


def with_error(value: float, se: float) -> str:
    """Return a value and its error, as the tables of reports have it."""
    from sampler_bench.reports.tables import with_error as said  # draws in matplotlib: not for help

    return said(value, se)

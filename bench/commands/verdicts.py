"""What ``bench check`` prints."""

import math
from collections import Counter
from collections.abc import Callable, Sequence

from rich.console import Console
from rich.table import Table

from sampler_bench.bench.commands.gate import Comparison, Verdict
from sampler_bench.kit.code import changed
from sampler_bench.kit.text import one_line
from sampler_bench.results import Record

NAMED = 5
"""So many definitions in which the code differs are named."""
ORDER: tuple[Verdict, ...] = ("regressed", "inconclusive", "passed")


def show(comparisons: Sequence[Comparison], console: Console) -> None:
    """Print one row per comparison, the worst first, and a line that sums up."""
    called = _called([one.difference.record for one in comparisons])
    names = ("verdict", *called, "NFE", "compared", "baseline", "now", "worse by", "± SE", "seeds")
    table = Table(*names, box=None)
    for column in table.columns:
        column.overflow = "fold"
    for one in sorted(comparisons, key=_worst_first):
        difference = one.difference
        table.add_row(
            one.verdict,
            *(one_line(name(difference.record)) for name in called.values()),
            f"{difference.baseline.nfe:g}",
            difference.what,
            f"{difference.before:.4g}",
            f"{difference.now:.4g}",
            f"{difference.delta:+.2g}",
            f"{difference.se:.1g}",
            "same" if difference.paired else "other",
        )
    console.print(table)
    if unsure := _without_error(comparisons):
        console.print(unsure, markup=False, soft_wrap=True)
    if other := _other_code(comparisons):
        console.print(other, markup=False, soft_wrap=True)
    counts = Counter(one.verdict for one in comparisons)
    console.print(", ".join(f"{counts[verdict]} {verdict}" for verdict in ORDER))


def _called(records: Sequence[Record]) -> dict[str, Callable[[Record], str]]:
    """Return the columns that say which record a row is of: those that tell some apart."""
    columns: dict[str, Callable[[Record], str]] = {"sampler": lambda record: record.label}
    if len({record.model for record in records}) > 1:
        columns["model"] = lambda record: record.model
    points = {(record.cell.point, record.cell.seed_start) for record in records}
    if len({point for point, _ in points}) < len(points):
        columns["from seed"] = lambda record: str(record.cell.seed_start)
    return columns


def _worst_first(one: Comparison) -> tuple[int, float, float]:
    return ORDER.index(one.verdict), one.difference.p, -one.difference.delta


def _without_error(comparisons: Sequence[Comparison]) -> str:
    """Say of what no standard error is known, and so nothing can be decided."""
    found = (one.difference for one in comparisons if one.verdict == "inconclusive")
    names = dict.fromkeys(one.what for one in found if math.isnan(one.se))
    if not names:
        return ""
    return f"no standard error is known of {', '.join(names)}: neither verdict can be given"


def _other_code(comparisons: Sequence[Comparison]) -> str:
    """Say between which codes it is compared, where they are two; that is what a gate is for."""
    pairs = [(one.difference.record.code, one.difference.baseline.code) for one in comparisons]
    differing = [(now, before) for now, before in pairs if now.digest != before.digest]
    if not differing:
        return ""
    names = dict.fromkeys(
        name
        for now, before in differing
        for name in (changed(before.names, now.names) if now.names and before.names else ())
    )
    told = f": {', '.join([*names][:NAMED])}" if names else ""
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    now, before = differing[0]
    return f"code {now.digest} against the baseline's {before.digest}{told}{more}"

"""What ``bench check`` prints."""

from collections import Counter
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from sampler_bench.bench.commands.gate import Comparison, Verdict

ORDER: tuple[Verdict, ...] = ("regressed", "inconclusive", "passed")


def show(comparisons: Sequence[Comparison], console: Console) -> None:
    """Print one row per comparison, the worst first, and a line that sums up."""
    names = (
        "verdict",
        "sampler",
        "NFE",
        "compared",
        "baseline",
        "now",
        "worse by",
        "± SE",
        "seeds",
    )
    table = Table(*names, box=None)
    for column in table.columns:
        column.overflow = "fold"
    for one in sorted(comparisons, key=_worst_first):
        difference = one.difference
        table.add_row(
            one.verdict,
            difference.record.label,
            f"{difference.baseline.nfe:g}",
            difference.what,
            f"{difference.before:.4g}",
            f"{difference.now:.4g}",
            f"{difference.delta:+.2g}",
            f"{difference.se:.1g}",
            "same" if difference.paired else "other",
        )
    console.print(table)
    counts = Counter(one.verdict for one in comparisons)
    console.print(", ".join(f"{counts[verdict]} {verdict}" for verdict in ORDER))


def _worst_first(one: Comparison) -> tuple[int, float, float]:
    return ORDER.index(one.verdict), one.difference.p, -one.difference.delta

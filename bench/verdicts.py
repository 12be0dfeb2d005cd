"""What ``bench check`` prints."""

from collections import Counter
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from bench.check import Comparison


def show(comparisons: Sequence[Comparison], console: Console) -> None:
    """Print one row per cell, the worst first, and a line that sums up."""
    order = {"regressed": 0, "inconclusive": 1, "passed": 2}
    table = Table(
        "verdict",
        "sampler",
        "NFE",
        "metric",
        "baseline",
        "now",
        "worse by",
        "± SE",
        "pairs",
        box=None,
    )
    for one in sorted(comparisons, key=lambda c: (order[c.verdict], c.p, -c.delta)):
        nfe = f"{one.record.nfe:g}"
        if one.record.nfe != one.baseline.nfe:
            nfe = f"{one.baseline.nfe:g} → {nfe}"
        table.add_row(
            one.verdict,
            one.record.label,
            nfe,
            one.record.cell.metric,
            f"{one.baseline.value:.4g}",
            f"{one.record.value:.4g}",
            f"{one.delta:+.2g}",
            f"{one.se:.1g}",
            "same seeds" if one.paired else "other seeds",
        )
    console.print(table)
    counts = Counter(one.verdict for one in comparisons)
    console.print(", ".join(f"{counts[verdict]} {verdict}" for verdict in order))

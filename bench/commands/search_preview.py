"""What ``bench search --plan`` prints."""

from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.table import Table

from sampler_bench.bench.run.search.prepared import Prepared
from sampler_bench.bench.run.search.tables import Tables


def show(
    searches: Sequence[Prepared | Tables],
    missing: Mapping[str, str],
    budget: int | None,
    console: Console,
) -> None:
    """Print each model's candidates, rungs and costs, and what has to be fetched first."""
    table = Table("model", "settings", "first drawn", "samples", "fresh", "NFE", box=None)
    for one in searches:
        table.add_row(
            one.model,
            f"{len(one.space):,}",
            f"{one.drawn:,}",
            " → ".join(f"{rung.samples:,}" for rung in one.ladder.rungs),
            f"{one.ladder.final.samples:,}",
            f"{one.nfe:g}",
        )
    console.print(table)
    for name, what_to_do in missing.items():
        console.print(f"not on this machine: {name}; {what_to_do}", markup=False)
    if budget is None:
        total = sum((one.samples + one.ladder.reference) * one.nfe for one in searches)
        total += sum((one.finalists - 1) * one.ladder.final.samples * one.nfe for one in searches)
        console.print(f"at most {total:,} denoiser evaluations in all; nothing was run")
        return
    console.print(
        f"at most {budget:,} denoiser evaluations for each model, {budget * len(searches):,} in "
        "all (a look at networks' first samples, features and distances come on top; nothing was "
        "run)",
        soft_wrap=True,
    )

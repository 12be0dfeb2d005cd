"""``bench search``: what settings of samplers are best, within a budget (EDM, Table 5)."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sampler_bench.bench.commands import completion
from sampler_bench.bench.commands.app import FAILED, command, console, errors, refused, stop

if TYPE_CHECKING:  # PyTorch takes seconds to import: not for --help
    from sampler_bench.bench.run.search.run import Outcome


@command(
    panel="Measure",
    examples=["bench search table5-fashion --plan", "bench search mine.toml --budget 1000000"],
)
def search(
    search: Annotated[
        str,
        typer.Argument(
            help="A shipped search's name, or a TOML file.", autocompletion=completion.searches
        ),
    ],
    budget: Annotated[
        int | None,
        typer.Option(min=1, help="Denoiser evaluations for each model, instead of the file's."),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Folder; runs/NAME unless given.")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1, …")] = "auto",
    batch: Annotated[
        int, typer.Option(min=1, help="Most samples per call; changes no result.")
    ] = 256,
    again: Annotated[
        bool,
        typer.Option("--again", help="Measure anew what the folder holds by other code."),
    ] = False,
    keep: Annotated[
        bool, typer.Option("--keep", help="Keep it, and say so in the records.")
    ] = False,
    plan: Annotated[bool, typer.Option("--plan", help="Print what would run, and stop.")] = False,
) -> None:
    """Search churn, or any keys of sampler tables, within a budget; or go on with a search."""
    from sampler_bench.bench.commands import verdict
    from sampler_bench.bench.commands.search_preview import show
    from sampler_bench.bench.measure.plugins import load_plugins
    from sampler_bench.bench.run.devices import choose
    from sampler_bench.bench.run.search import declared
    from sampler_bench.bench.run.search.prepared import prepare
    from sampler_bench.bench.run.search.run import Searcher
    from sampler_bench.results import Store

    if again and keep:
        stop("--again and --keep: give one of the two")
    with refused():
        load_plugins()
        chosen = choose(device)
        wanted, text = declared.read(search, budget)
        prepared, missing = prepare(wanted, chosen, dry=plan)
        if plan:
            show(prepared, missing, wanted.budget, console)
            return
        folder = out or Path("runs") / wanted.name
        store = Store(folder)
        outcomes = [
            Searcher(one, store, text, chosen, batch, console, wanted.unchecked, again, keep).run(
                wanted.draw
            )
            for one in prepared
        ]
    for outcome in outcomes:
        _print(outcome, wanted.budget, wanted.is_over_churn)
        if not wanted.is_over_churn:
            for line in verdict.told(outcome):
                console.print(line, markup=False, soft_wrap=True)
    what = "Table 5" if wanted.is_over_churn else "the table"
    told = f"records in {folder}; {what}: bench report {folder}"
    console.print(told, markup=False, soft_wrap=True)
    if failed := sum(len(outcome.failed) for outcome in outcomes):
        told = f"bench: {failed} jobs failed; tracebacks in {folder / 'failures'}"
        errors.print(told, markup=False, soft_wrap=True)
        raise typer.Exit(FAILED)


def _print(outcome: "Outcome", budget: int | None, over_churn: bool) -> None:
    of = "" if budget is None else f"of {budget:,} "
    others = "settings that churn, and the deterministic one"
    what = others if over_churn else "settings, and the first one"
    console.print(
        f"{outcome.model}: {outcome.spent:,} {of}evaluations spent on {outcome.settings} {what}",
        markup=False,
        soft_wrap=True,
    )

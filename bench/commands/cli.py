"""The command line: ``bench run | report | check | search | list | train | fetch | …``."""

import json
import os
import sys
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sampler_bench.bench.commands import (
    compare_command,
    completion,
    model_commands,
    recommend_command,
    search_commands,
)
from sampler_bench.bench.commands.app import (
    CRASHED,
    FAILED,
    FOLDED,
    INTERRUPTED,
    UNREAD,
    Interruption,
    address,
    app,
    command,
    console,
    errors,
    loading,
    refused,
    shown,
    stop,
    tell,
    tell_interrupted,
)
from sampler_bench.bench.commands.terminal import write_what_can_be_shown
from sampler_bench.kit import environment

if TYPE_CHECKING:  # PyTorch takes seconds to import: not for --help
    from sampler_bench.bench.plan.planning import Plan
    from sampler_bench.bench.run.runner import Runner

RunPath = Annotated[Path, typer.Argument(metavar="RUN", help="A run's folder.")]
HOW = "How it is computed"


def _version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        typer.echo(f"sampler-bench {version('sampler-bench')}")
        raise typer.Exit


@app.callback()
def bench(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print it.")
    ] = False,
) -> None:
    """The benchmark that diffusion samplers are judged by."""
    warnings.showwarning = shown


@command(
    panel="Measure",
    examples=[
        "bench run quick --report",
        "bench run mine.toml --plan",
        "bench run figure2a --device cuda --out runs/figure2a",
    ],
)
def run(
    grid: Annotated[
        str | None,
        typer.Argument(
            metavar="GRID",
            help="A shipped grid's name, or a TOML file.",
            autocompletion=completion.grids,
        ),
    ] = None,
    grid_option: Annotated[
        str | None,
        typer.Option("--grid", metavar="GRID", help="The same.", autocompletion=completion.grids),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Folder; runs/NAME unless given.")] = None,
    samples: Annotated[
        int | None, typer.Option(help="Samples per cell, instead of the grid's.")
    ] = None,
    first_seed: Annotated[
        int | None, typer.Option(help="First seed, instead of the grid's.")
    ] = None,
    device: Annotated[
        str, typer.Option(help="auto, cpu, cuda, cuda:1, …", rich_help_panel=HOW)
    ] = "auto",
    batch: Annotated[
        int,
        typer.Option(min=1, help="Most samples per call; changes no result.", rich_help_panel=HOW),
    ] = 256,
    precision: Annotated[
        str,
        typer.Option(help="Of networks: float32, bfloat16 or float16.", rich_help_panel=HOW),
    ] = "float32",
    compile_: Annotated[
        bool,
        typer.Option("--compile", help="Compile networks by torch.compile.", rich_help_panel=HOW),
    ] = False,
    channels_last: Annotated[
        bool,
        typer.Option(
            "--channels-last", help="Lay images out with channels last.", rich_help_panel=HOW
        ),
    ] = False,
    unchecked: Annotated[
        bool,
        typer.Option(
            "--unchecked",
            help="Do not look at networks' first samples first.",
            rich_help_panel=HOW,
        ),
    ] = False,
    again: Annotated[
        bool,
        typer.Option("--again", help="Measure anew what the folder holds by other code."),
    ] = False,
    keep: Annotated[
        bool, typer.Option("--keep", help="Keep it, and say so in the records.")
    ] = False,
    plan: Annotated[bool, typer.Option("--plan", help="Print what would run, and stop.")] = False,
    report: Annotated[
        bool, typer.Option("--report", help="Draw RUN/report/ as it goes, and at the end.")
    ] = False,
) -> None:
    """Run a grid, or what is missing of it."""
    if (grid is None) == (grid_option is None):
        twice = "the grid is given twice" if grid else "no grid is given"
        stop(f"{twice}: bench run GRID, a name of bench list grids or a TOML file")
    if again and keep:
        stop("--again and --keep: give one of the two")
    loading(errors if plan else console)
    from sampler_bench.bench.measure.plugins import load_plugins
    from sampler_bench.bench.plan import grid as grids
    from sampler_bench.bench.plan import planning as plans
    from sampler_bench.bench.run.devices import choose
    from sampler_bench.bench.run.runner import Runner
    from sampler_bench.models.network import Execution
    from sampler_bench.results import Store

    with refused():
        load_plugins()
        chosen = choose(device)
        execution = Execution(precision, compile_, channels_last)
        declared, text = grids.read(
            grid or grid_option or "", samples=samples, first_seed=first_seed
        )
        planned = plans.make(declared, chosen, execution, dry=plan)
        if declared.floor:
            planned = plans.with_floors(planned)
    if plan:
        from sampler_bench.bench.commands.preview import show

        show(planned, chosen, batch, console)
        return
    folder = out or Path("runs") / declared.name
    labels = len(dict.fromkeys(work.label for work in planned.work))
    console.print(
        f"{declared.name}: {planned.cells} cells under {labels} labels, on {chosen}; in {folder}",
        markup=False,
        soft_wrap=True,
    )
    runner = partial(
        Runner,
        Store(folder),
        chosen,
        batch,
        unchecked=unchecked or declared.unchecked,
        again=again,
        keep=keep,
    )
    _run(planned, text, folder, runner, report)


def _run(
    planned: "Plan", text: str, folder: Path, runner: Callable[..., "Runner"], report: bool
) -> None:
    from sampler_bench.bench.commands.drawing import Drawing
    from sampler_bench.bench.run.names import Names
    from sampler_bench.bench.run.progress import Watcher

    for remark in planned.remarks:
        console.print(f"note: {remark}", markup=False, soft_wrap=True)
    for item in planned.skipped:
        console.print(f"skipped: {item.entry} ({item.combination}): {item.reason}", soft_wrap=True)
    drawing = Drawing(folder, console) if report else None
    offer = drawing.offer if drawing else None
    try:
        with refused(), Watcher(planned, console, offer) as watcher:
            failed = runner(observer=watcher).run(planned, text)
    except KeyboardInterrupt:
        if drawing:
            drawing.last()
        raise
    if report:
        _report(folder)
    else:
        console.print(f"records in {folder}; figures: bench report {folder}", markup=False)
    if failed:
        names = ", ".join(dict.fromkeys(map(Names(planned.work), failed)))
        tell(f"{len(failed)} jobs failed ({names}); tracebacks in {folder / 'failures'}")
        raise typer.Exit(FAILED)


@command("status", panel="Look", examples=["bench status runs/quick"])
def status_command(run: RunPath) -> None:
    """Say what of a run is done, running, failed and left, and how long it still takes."""
    from sampler_bench.bench.commands.status import show
    from sampler_bench.bench.run.status import look

    with refused():
        found = look(run)
    show(found, run, console)


@command(
    panel="Measure",
    examples=["bench merge here/quick there/quick --out runs/quick"],
)
def merge(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN…", help="Folders of one grid's runs.")],
    out: Annotated[Path, typer.Option(help="Folder to write; it may hold a part already.")],
) -> None:
    """Put together what several machines made of one grid."""
    from sampler_bench.bench.commands.merge import show
    from sampler_bench.bench.run.folders import merge as merged

    with refused():
        done = merged(runs, out)
    show(done, out, console, errors)


@command(
    "report",
    panel="Look",
    examples=[
        "bench report runs/quick",
        "bench report runs/mine runs/quick --together",
        "bench report --paper runs/* --out page",
        "bench report --statements runs/*",
    ],
)
def report_command(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN…", help="Folders of runs.")],
    together: Annotated[
        bool, typer.Option("--together", help="One report of all runs, as if they were one.")
    ] = False,
    paper: Annotated[
        bool,
        typer.Option("--paper", help="One page of the paper's figures and tables, item by item."),
    ] = False,
    everything: Annotated[bool, typer.Option("--all", hidden=True)] = False,
    statements: Annotated[
        bool, typer.Option("--statements", help="Print what the runs say of the paper's claims.")
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(help="Folder to write; RUN/report, runs/together or runs/paper unless given."),
    ] = None,
    figure: Annotated[
        list[str] | None, typer.Option(help="Draw one of your own, too: mine.py:NAME.")
    ] = None,
    format_: Annotated[
        list[str] | None,
        typer.Option("--format", help="Write this, and no other: json, mine.py:NAME, …"),
    ] = None,
) -> None:
    """Write figures and tables: of each run to RUN/report/, or of several runs as one page."""
    paper |= everything
    if (statements or paper) and (figure or format_):
        stop(f"{'--figure' if figure else '--format'} is for reports of runs, not for the paper's")
    if sum((statements, paper, together)) > 1:
        stop("--together, --paper and --statements: give one of them")
    if statements:
        if out:
            stop("--out is for pages, --statements prints")
        _statements(runs)
    elif paper:
        _paper(runs, out or Path("runs/paper"))
    elif together:
        _report(runs, out, figure, format_)
    elif out and len(runs) > 1:
        stop(f"--out is one folder, and {len(runs)} runs have a report each: add --together")
    else:
        for run in runs:
            _report(run, out, figure, format_)


def _statements(runs: list[Path]) -> None:
    from sampler_bench.reports.claims import listing
    from sampler_bench.reports.runs import gather, merged

    with refused():
        text = listing(merged(gather(runs)).records)
    console.print(text, markup=False, soft_wrap=True, highlight=False)


def _paper(runs: list[Path], out: Path) -> None:
    from sampler_bench import reports
    from sampler_bench.bench.measure.plugins import load_plugins

    with refused():
        load_plugins(figures=True)
        page = reports.write_everything(runs, out)
    console.print(f"report: {address(page)}", markup=False, soft_wrap=True)


def _report(
    run: Path | list[Path],
    out: Path | None = None,
    figures: list[str] | None = None,
    formats: list[str] | None = None,
) -> None:
    from sampler_bench import reports
    from sampler_bench.bench.measure.plugins import load_plugins

    with refused():
        load_plugins(figures=True)
        wanted = figures or (), formats or reports.USUAL
        if isinstance(run, Path):
            page = reports.write(run, out, *wanted)
        else:
            page = reports.write_together(run, out or Path("runs/together"), *wanted)
    console.print(f"report: {address(page)}", markup=False, soft_wrap=True)


@command(
    panel="Measure",
    examples=[
        "bench check runs/mine --baseline runs/before",
        "bench check runs/quick --baseline quick",
    ],
)
def check(
    run: RunPath,
    baseline: Annotated[
        str,
        typer.Option(
            help="A run's folder, or a shipped baseline's name.",
            autocompletion=completion.baselines,
        ),
    ],
    effect: Annotated[
        float, typer.Option(min=0, help="Smallest relative worsening that matters.")
    ] = 0.02,
    level: Annotated[
        float, typer.Option(min=1e-9, max=0.5, help="False-discovery rate over the grid.")
    ] = 0.01,
    recorded: Annotated[
        bool,
        typer.Option("--recorded", help="Compare what was recorded, by whatever code."),
    ] = False,
) -> None:
    """Compare a run with a baseline.

    Exit codes: 0 passed, 1 regressed, 2 could not run, 3 inconclusive.
    """
    from sampler_bench.bench.commands import gate as gate
    from sampler_bench.bench.commands.baselines import locate
    from sampler_bench.bench.commands.verdicts import show
    from sampler_bench.bench.measure.plugins import load_plugins
    from sampler_bench.bench.run.freshness import check_fresh, check_whole
    from sampler_bench.results import Store, load
    from sampler_bench.results.damaged import Damaged
    from sampler_bench.results.lines import lines

    with refused():
        load_plugins()
        baseline_path = locate(baseline)
        with warnings.catch_warnings():
            warnings.simplefilter("error", Damaged)
            for path in (run, baseline_path):
                load(path)  # says what is wrong with a folder that is no run
        check_whole(baseline_path)
        if not recorded:
            check_fresh(run)
        comparisons = gate.compare(
            lines([Store(run)]), lines([Store(baseline_path)]), effect, level
        )
    show(comparisons, console)
    raise typer.Exit(gate.exit_code(comparisons))


@command(
    "list",
    panel="Look",
    examples=["bench list", "bench list solvers", "bench list solvers mine.py"],
)
def list_command(
    kind: Annotated[
        str | None,
        typer.Argument(
            help="One of the kinds that bench list alone prints.", autocompletion=completion.kinds
        ),
    ] = None,
    file: Annotated[
        str | None, typer.Argument(help="A file of your own, or FILE.py:NAME, instead of ours.")
    ] = None,
) -> None:
    """List what can be named in a grid or on the command line."""
    from sampler_bench.bench.commands.catalogue import CATALOGUE, own
    from sampler_bench.bench.commands.catalogue import kind as found
    from sampler_bench.bench.commands.listing import show
    from sampler_bench.bench.measure.plugins import load_plugins

    if kind is None:
        show([(name, one.about) for name, one in CATALOGUE.items()], console, FOLDED)
        return
    with refused():
        chosen = found(kind)
        if file is not None:
            show(own(kind, file), console, FOLDED)
            return
        load_plugins()
        load_plugins(figures=kind == "figures")
        rows = chosen.rows()
    show(rows, console, FOLDED)
    if chosen.after:
        console.print(f"\n{chosen.after}", markup=False)


@command(
    panel="Look", examples=["bench explain runs/quick 3f1c", "bench explain runs/quick 3f1c 8a20"]
)
def explain(
    run: RunPath,
    key: Annotated[str, typer.Argument(help="A record's key, or its beginning.")],
    other: Annotated[str | None, typer.Argument(help="Another one, to compare with.")] = None,
) -> None:
    """Show what a key stands for, or which fields make two keys differ."""
    from sampler_bench.bench.commands.explain import cell_text, differences

    with refused():
        lines = cell_text(run, key) if other is None else differences(run, key, other)
    for line in lines:
        console.print(line, markup=False, soft_wrap=True)


@command(
    panel="Measure", examples=["bench reference images/ --out stats.npz --extractor inception"]
)
def reference(
    source: Annotated[Path, typer.Argument(help="Image folder, zip, .npz of images, or IDX file.")],
    out: Annotated[Path, typer.Option(help="The statistics file to write (.npz).")],
    extractor: Annotated[
        str,
        typer.Option(help="inception, fashion or pixels.", autocompletion=completion.extractors),
    ] = "inception",
    weights: Annotated[Path | None, typer.Option(help="The extractor's weights.")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, …")] = "auto",
    floor: Annotated[
        bool,
        typer.Option(
            "--floor/--no-floor",
            help="Keep beside it what a perfect sampler reaches; minutes of 2,048 features.",
        ),
    ] = True,
) -> None:
    """Make reference statistics from images."""
    from sampler_bench.bench.features import floor as floors
    from sampler_bench.bench.features import reference_files as references
    from sampler_bench.bench.features.extractors import build_extractor
    from sampler_bench.bench.run.devices import choose

    with refused():
        chosen = build_extractor(extractor, choose(device), weights)
        made = references.make(source, chosen, out, floor)
        told = floors.told(out)
    console.print(
        f"{out}: {made.n} images, {made.dim} features, sha256 {made.digest[:16]}", markup=False
    )
    console.print(told, markup=False)


@command(panel="Look", examples=["bench schema > grid.schema.json"])
def schema() -> None:
    """Print the JSON schema of grid files: for editors, and programs that write grids."""
    from sampler_bench.bench.plan.grid import Grid

    typer.echo(json.dumps(Grid.model_json_schema(), indent=2))


__all__ = [
    "app",
    "compare_command",
    "main",
    "model_commands",
    "recommend_command",
    "search_commands",
]


def main() -> None:
    """Run the command line; the entry point of ``bench``."""
    environment.prepare()
    write_what_can_be_shown()
    interruption = Interruption()
    try:
        app()
    except SystemExit as end:
        if not isinstance(end.__context__, BrokenPipeError):
            raise
        # bench list grids | head -1: what is still written goes nowhere, the last flush included.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(UNREAD)
    except Exception as error:
        if interruption.happened:
            tell_interrupted(sys.argv[1] if len(sys.argv) > 1 else None)
            sys.exit(INTERRUPTED)
        from sampler_bench.bench.commands import crash

        tell(crash.told(error))
        sys.exit(CRASHED)


if __name__ == "__main__":
    main()

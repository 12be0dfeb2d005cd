"""``bench compare``: is one sampler better than another at equal cost, and which may be best?"""

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sampler_bench.bench.commands.app import command, console, refused

if TYPE_CHECKING:  # pandas takes a second to import: not for --help
    import pandas as pd

    from sampler_bench.reports.comparison import Block


@command(
    panel="Look",
    examples=[
        "bench compare runs/mine --against Heun",
        "bench compare runs/mine runs/field --against Heun --nfe 12 --out comparison",
    ],
)
def compare(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN…", help="Folders of runs.")],
    against: Annotated[str, typer.Option(help="The sampler to compare with: its label.")],
    nfe: Annotated[
        list[float] | None,
        typer.Option(min=1, help="Evaluations per sample; those of that sampler unless given."),
    ] = None,
    metric: Annotated[str | None, typer.Option(help="One metric, instead of all.")] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder to write compare.md, .csv and .tex to.")
    ] = None,
) -> None:
    """Say at equal cost which samplers are better than one, and which may be the best."""
    with refused():
        from sampler_bench.reports.comparison import compare as compared
        from sampler_bench.results import load

        records = load(runs)
        blocks = compared(records, against, nfe or (), metric)
        if out is not None:
            _write(blocks, records, out)
    _print(blocks)
    if out is not None:
        console.print(f"written: {out}/compare.md, .csv, .tex", markup=False, soft_wrap=True)


def _write(blocks: "list[Block]", records: "pd.DataFrame", out: Path) -> None:
    from sampler_bench.kit.files import write_whole
    from sampler_bench.reports import compared, comparison, tables

    table = comparison.table(blocks)
    typed = shlex.join(["bench", *sys.argv[1:]])
    made = tables.signed(table, records, typed).attrs["made"]
    files = {
        "compare.md": compared.markdown(blocks),
        "compare.csv": tables.csv(table),
        "compare.tex": compared.tex(blocks, made),
    }
    for name, text in files.items():
        write_whole(out / name, text.encode())


def _print(blocks: "list[Block]") -> None:
    from rich.table import Table
    from rich.text import Text

    from sampler_bench.reports.compared import beside, note, title
    from sampler_bench.reports.comparison import answers

    for one in answers(blocks):
        console.print(one, markup=False, soft_wrap=True)
    for block in blocks:
        console.print(f"\n{title(block)}", markup=False)
        for heads, rows in beside(block):
            table = Table(box=None)
            for place, head in enumerate(heads):
                table.add_column(head, justify="right" if place else "left", overflow="fold")
            for row in rows:
                table.add_row(*(Text(text, style="bold" if bold else "") for text, bold in row))
            console.print(table)
    console.print(f"\n{note(blocks[0])}", markup=False, soft_wrap=True)

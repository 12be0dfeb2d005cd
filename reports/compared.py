"""A comparison as text: Markdown, LaTeX, and rows for a terminal."""

from collections.abc import Iterator, Sequence

import pandas as pd

from sampler_bench.reports import latex
from sampler_bench.reports.comparison import NOTE, Block, Column, answers, cell
from sampler_bench.reports.markdown import plain

Row = list[tuple[str, bool]]
"""Cells of a row: a text, and whether it is bold."""
BESIDE = 3
"""Costs beside each other on a page or in a terminal."""


def grid(block: Block, columns: Sequence[Column]) -> tuple[list[str], list[Row]]:
    """Heads and rows of a block, for some of its columns."""
    heads = ["Sampler"]
    for column in columns:
        heads += [f"NFE {column.nfe:g}", "q"]
    rows: list[Row] = []
    for label in block.labels:
        entries = [column.of(label) for column in columns]
        row: Row = [(label, False)]
        for column, one in zip(columns, entries, strict=True):
            value, q = cell(one, column.nfe)
            row += [(value, one is not None and one.best), (q, False)]
        if any(entries):
            rows.append(row)
    return heads, rows


def beside(block: Block) -> Iterator[tuple[list[str], list[Row]]]:
    """Yield heads and rows of a block, for as many of its columns as fit beside each other."""
    for start in range(0, len(block.columns), BESIDE):
        yield grid(block, block.columns[start : start + BESIDE])


def title(block: Block) -> str:
    """What a block is of."""
    better = "higher" if block.upward else "lower"
    return f"{block.model}: {block.metric} ({better} is better)"


def note(block: Block) -> str:
    """How to read it."""
    return NOTE.format(against=block.against)


def markdown(blocks: Sequence[Block]) -> str:
    """The answers, and a table for each block."""
    parts = ["\n".join(f"- {plain(one)}" for one in answers(blocks))]
    for block in blocks:
        heads, rows = grid(block, block.columns)
        told = [
            [f"**{plain(text)}**" if bold else plain(text) for text, bold in row] for row in rows
        ]
        frame = pd.DataFrame(told, columns=range(len(heads)))
        sides = ["left", *["right"] * (len(heads) - 1)]
        body = frame.to_markdown(
            index=False, headers=[*map(plain, heads)], disable_numparse=True, colalign=sides
        )
        parts.append(f"**{plain(title(block))}**\n\n{body}\n\n{plain(note(block))}")
    return "\n\n".join(parts) + "\n"


def tex(blocks: Sequence[Block], made: str) -> str:
    """The same as LaTeX in ASCII, a float per block; `made` is a comment at the top."""
    parts = [latex.comment(made), "% needs \\usepackage{booktabs}\n"]
    parts += [latex.comment(one) for one in answers(blocks)]
    for block in blocks:
        body = "\n\\medskip\n\n".join(_ruled(heads, rows) for heads, rows in beside(block))
        parts.append("\n" + latex.floating(body, _caption(block), title(block)))
    return "".join(parts)


def _caption(block: Block) -> str:
    return f"{title(block)}. {note(block)}"


def _bold(text: str) -> str:
    return f"\\textbf{{\\boldmath {latex.text(text)}}}"


def _ruled(heads: Sequence[str], rows: Sequence[Row]) -> str:
    lines = [" & ".join(map(latex.text, heads))]
    lines += [
        " & ".join(_bold(text) if bold else latex.text(text) for text, bold in row) for row in rows
    ]
    head, *body = (f"{line} \\\\\n" for line in lines)
    columns = f"l{'r' * (len(heads) - 1)}"
    return (
        f"\\begin{{tabular}}{{{columns}}}\n\\toprule\n{head}\\midrule\n"
        f"{''.join(body)}\\bottomrule\n\\end{{tabular}}\n"
    )

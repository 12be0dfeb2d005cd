"""Names and descriptions beside each other: folded on a terminal, a line each anywhere else."""

import textwrap
from collections.abc import Sequence

from rich.console import Console

LONGEST = 24
"""Longer names have a line of their own where lines are folded."""
_GAP = 2


def show(rows: Sequence[tuple[str, str]], console: Console, folded: bool) -> None:
    """Print names, always whole, and what they are.

    Args:
        rows: The names and their descriptions.
        console: Where to.
        folded: Whether descriptions are wrapped at the console's width.
    """
    longest = max((len(name) for name, _ in rows), default=0)
    beside = min(longest, LONGEST) if folded else longest
    width = console.width - beside - _GAP
    for name, text in rows:
        lines = _wrapped(text, width) if folded else [text]
        above = [""] if len(name) > beside else []
        for i, line in enumerate([*above, *lines] or [""]):
            told = f"{'' if i else name:{beside + _GAP}}{line}".rstrip()
            console.print(told, markup=False, highlight=False, soft_wrap=True)


def _wrapped(text: str, width: int) -> list[str]:
    """Fold at spaces, but not within ``name = value``."""
    lines = textwrap.wrap(text.replace(" = ", "\u00a0=\u00a0"), width, break_on_hyphens=False)
    return [line.replace("\u00a0", " ") for line in lines]

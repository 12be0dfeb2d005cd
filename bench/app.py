"""The command line's frame: where commands are added, and how errors are told."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

import typer
from rich.console import Console

app = typer.Typer(
    name="bench",
    help="The benchmark that diffusion samplers are judged by.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
# Lines that are not read on a terminal are not folded at 80 columns, unless that is asked for.
FOLDED = sys.stdout.isatty() or "COLUMNS" in os.environ
console = Console(highlight=False, width=None if FOLDED else 160)
errors = Console(stderr=True, highlight=False)

FAILED, COULD_NOT_RUN = 1, 2


@contextmanager
def refused() -> Iterator[None]:
    """Turn an error of the input into one line and exit code 2."""
    try:
        yield
    except (ValueError, OSError) as error:
        stop(str(error))
    except KeyboardInterrupt:  # here, because Typer has its own way with it further out
        stop("interrupted; the same command goes on where it stopped")


def stop(message: str) -> NoReturn:
    """Print one line and leave with exit code 2."""
    line = " ".join(message.split())
    errors.print(f"bench: {line}", markup=False, soft_wrap=True)
    raise typer.Exit(COULD_NOT_RUN)

"""The command line's frame: where commands are added, how errors are told, and exit codes."""

import signal
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

import typer
from rich.console import Console
from rich.markup import escape
from typer.core import TyperCommand, TyperGroup

from sampler_bench.bench.commands.terminal import Terminal
from sampler_bench.kit import environment
from sampler_bench.kit.paths import expanded
from sampler_bench.kit.text import cut, one_line

FAILED, COULD_NOT_RUN, CRASHED, INTERRUPTED, UNREAD = 1, 2, 70, 130, 141
"""Exit codes besides 0, done, and 3, inconclusive: see README."""
ORDER = (
    *("run", "check", "recommend", "search", "merge", "reference"),
    *("compare", "report", "list", "status", "explain", "schema"),
    *("fetch", "convert"),
    *("train",),
)
"""Of commands in the help."""
_PYTHONS = warnings.showwarning
NOT_SHOWN = {"NotShown", "Damaged", "LeftOut"}
"""Warnings that are told in one line: see results/damaged.py, models/data/walk.py."""
GOES_ON = {"run", "search", "fetch", "train"}
"""Commands that find what an interrupted one left behind."""


class Commands(TyperGroup):
    """All commands: Ctrl-C or SIGTERM ends each of them with one line."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Return their names, those of most use first."""
        return sorted(super().list_commands(ctx), key=ORDER.index)

    def invoke(self, ctx: Any) -> Any:
        """Run what was typed."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            tell_interrupted(ctx.invoked_subcommand)
            raise typer.Exit(INTERRUPTED) from None


class Command(TyperCommand):
    """A command that refuses an option which would be dropped: the first of two."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse what was typed."""
        args = [_with_home(word) for word in args]
        _, _, given = self.make_parser(ctx).parse_args(args=list(args))
        for param in given:
            # --floor twice is --floor; --floor --no-floor is two answers.
            agrees = getattr(param, "is_flag", False) and not param.secondary_opts
            single = not getattr(param, "multiple", False) and not agrees
            if param.param_type_name == "option" and single and given.count(param) > 1:
                stop(f"{param.opts[0]} is given {given.count(param)} times: give it once")
        return super().parse_args(ctx, args)


def _with_home(word: str) -> str:
    """Return a word of a command line with ``~`` as the home it stands for.

    Shells do not see it in ``--out=~/run``.
    """
    option, equals, value = word.partition("=")
    if word.startswith("--") and equals:
        return f"{option}={_with_home(value)}"
    return str(expanded(word)) if word.startswith("~/") else word


app = typer.Typer(
    name="bench",
    cls=Commands,
    help="The benchmark that diffusion samplers are judged by.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 0 done; 1 the measured thing failed; 2 could not run; 3 inconclusive; "
    "70 a fault of the program itself; 130 interrupted.",
)
# Lines that are not read on a terminal are not folded at 80 columns, unless that is asked for.
FOLDED = sys.stdout.isatty() or environment.says_width()
console = Terminal(width=None if FOLDED else 160)
errors = Terminal(stderr=True)


def command(
    name: str | None = None, *, panel: str, examples: list[str]
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Return a decorator that adds a command.

    Args:
        name: What it is called; by its function unless given.
        panel: The heading it stands under in ``bench --help``.
        examples: What may be typed, at the end of its own help.
    """
    epilog = "\n\n".join(["Examples:", *map(escape, examples)])
    return app.command(name, cls=Command, rich_help_panel=panel, epilog=epilog)


@contextmanager
def refused() -> Iterator[None]:
    """Turn an error of the input into one line and exit code 2."""
    try:
        yield
    except BrokenPipeError:  # who reads has gone: see main
        raise
    except (ValueError, OSError, Warning) as error:  # warnings where they are asked for as errors
        stop(str(error))
    except SystemExit as end:  # a plug-in, while it was imported or looked at
        stop(f"code of another package, or a file of one's own, ended the program ({end.code!r})")


def shown(message: Warning | str, category: type[Warning], *where: Any, **more: Any) -> None:
    """Print what a table leaves out of a folder in one line; other warnings as Python does."""
    if category.__name__ in NOT_SHOWN:  # by name: their room takes Pandas to import
        tell(str(message))
    else:
        _PYTHONS(message, category, *where, **more)


def tell(message: str) -> None:
    """Print one line where errors go."""
    line = cut(one_line(f"bench: {' '.join(message.split())}"))
    errors.print(line, soft_wrap=True)


def tell_interrupted(name: str | None) -> None:
    """Print the line that an interrupted command ends with."""
    again = "; the same command goes on where it stopped"
    tell(f"interrupted{again if name in GOES_ON else ''}")


def loading(where: Console) -> None:
    """Say what takes the first seconds, before anything is imported that takes them."""
    if "torch" not in sys.modules:
        where.print("loading PyTorch …", highlight=False)


def address(page: Path) -> str:
    """Return a page's address: terminals open it by a click."""
    return page.resolve().as_uri()


class Interruption:
    """Ctrl-C or SIGTERM, remembered: a library that is being imported may make another error of it.

    SIGTERM, with which schedulers and containers end what runs in them, is as Ctrl-C.
    """

    def __init__(self) -> None:
        self.happened = False
        # A shell's background jobs begin with Ctrl-C ignored: they stay so.
        usual = {signal.SIGINT: signal.default_int_handler, signal.SIGTERM: signal.SIG_DFL}
        for number, handler in usual.items():
            if signal.getsignal(number) is handler:
                signal.signal(number, self._note)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.happened = True
        raise KeyboardInterrupt


def stop(message: str) -> NoReturn:
    """Print one line and leave with exit code 2."""
    tell(message)
    raise typer.Exit(COULD_NOT_RUN)

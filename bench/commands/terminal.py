"""Where everything is printed: texts of others do nothing to a terminal, whatever it can show."""

import io
import sys
from typing import Any

from rich.console import Console
from rich.text import Text

from sampler_bench.kit.text import harmless


class Terminal(Console):
    """A console that takes texts as they are.

    Nothing in them is markup, a name of a sign or a command to the terminal: labels, messages and
    files' names are others'.
    """

    def __init__(self, **how: Any) -> None:
        super().__init__(highlight=False, **how)

    def render_str(self, text: str, **how: Any) -> Text:
        """Make of a text, in a line or a table, what is printed of it."""
        return super().render_str(harmless(text), **{**how, "markup": False, "emoji": False})

    @property
    def is_terminal(self) -> bool:
        """Whether somebody looks: no log is, whatever FORCE_COLOR and the like say of it."""
        try:
            return super().is_terminal and self.file.isatty()
        except ValueError:  # it is closed
            return False


def write_what_can_be_shown() -> None:
    """Have what a terminal's encoding lacks written by its number: no line fails for a sign."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")

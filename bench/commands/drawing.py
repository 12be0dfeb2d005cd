"""The report of a run that goes on, drawn when that costs little."""

import time
import warnings
from collections.abc import Callable
from pathlib import Path

from rich.console import Console

from sampler_bench.bench.commands.app import address, tell

SHARE = 0.05
"""Largest share of a run's time that goes into pictures of it, the first one apart."""
MINUTE = 60.0
"""Seconds after which a cell is as good a reason for a picture as the last of its label."""


class Drawing:
    """Draws RUN/report/index.html as cells come; what cannot be drawn never hurts the run.

    Whoever finished the last cell of a label draws, of several processes on one folder; files are
    written whole, so that two at once do no harm.

    Args:
        folder: The run's.
        console: Where the page's address is printed, once.
        draw: Writes the page, live or for good, and returns its path.
        clock: Seconds; they may begin anywhere.
    """

    def __init__(
        self,
        folder: Path,
        console: Console,
        draw: Callable[[Path, bool], Path] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._folder, self._console, self._clock = folder, console, clock
        self._draw = draw
        self._ended = clock()  # when the last picture was drawn, or the run began
        self._cost: float | None = None
        self._due = False  # a label was finished that no picture shows yet
        self._anything = False
        self._told: set[str] = set()

    def offer(self, label_done: bool) -> float:
        """Draw, if it is time to; return the seconds of the last picture, 0 before any.

        The first is drawn when the first label is done, or a minute has passed.
        """
        self._anything = True
        self._due |= label_done
        since = self._clock() - self._ended
        wanted = self._due or since >= MINUTE
        if wanted and (self._cost is None or self._cost <= SHARE * since):
            self._try("report, drawn as it goes", live=True)
        return self._cost or 0.0

    def last(self) -> None:
        """Draw what there is, whole, at the end of a run that was interrupted."""
        if self._anything:
            self._print("drawing what is done; Ctrl-C again leaves at once")
            self._try("report of what is done", live=False)

    def _try(self, what: str, live: bool) -> None:
        started = self._clock()
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # the final report tells them
                draw = self._draw = self._draw or _imported()
                started = self._clock()
                page = draw(self._folder, live)
        except (Exception, SystemExit) as error:  # a figure of a user's own, a full disk, …
            self._tell_once(f"no report yet: {type(error).__name__}: {error}", tell)
        else:
            self._tell_once(f"{what}: {address(page)}", self._print)
        self._ended = self._clock()
        self._cost, self._due = self._ended - started, False

    def _tell_once(self, told: str, where: Callable[[str], None]) -> None:
        if told not in self._told:
            where(told)
        self._told.add(told)

    def _print(self, line: str) -> None:
        self._console.print(line, markup=False, soft_wrap=True)


def _imported() -> Callable[[Path, bool], Path]:
    """Return what draws; importing it takes a second or two, once."""
    from sampler_bench import reports
    from sampler_bench.bench.measure.plugins import load_plugins

    load_plugins(figures=True)
    return lambda folder, live: reports.write(folder, live=live)

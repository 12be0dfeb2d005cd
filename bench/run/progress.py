"""What a run shows while it goes on: a live bar in a terminal, plain lines elsewhere."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from sampler_bench.bench.measure.work import Work
from sampler_bench.bench.plan.planning import Plan
from sampler_bench.bench.run.duration import duration, roughly
from sampler_bench.bench.run.leases import Holder
from sampler_bench.bench.run.names import Names
from sampler_bench.bench.run.pace import Left, Pace
from sampler_bench.kit.text import cut, one_line
from sampler_bench.results import Record

QUIET = 30.0
"""Seconds without a line, after which a log is told that the run goes on."""
LOOK = 5.0
"""Seconds between looks at whether that long has passed."""

WIDTH = 35
"""Letters of a job's name beside the bar, on 80 columns."""

Draw = Callable[[bool], float]
"""Told that a job was finished here, and whether it was the last of its label; says how many
seconds it spent."""


class Watcher:
    """Cells done, the current one, and the time left.

    Args:
        plan: What is run.
        console: Where to write; live if it is a terminal.
        draw: Draws what there is, or does not, whenever something was finished here.
        clock: Seconds; they may begin anywhere.
    """

    def __init__(
        self,
        plan: Plan,
        console: Console,
        draw: Draw | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._console, self._draw, self._clock = console, draw, clock
        self._cells, self._done = plan.cells, 0
        self._called = Names(plan.work)
        self._pace = Pace(plan.work)
        self._of_label = Counter(work.label for work in plan.work)  # jobs not settled yet
        self._spent = 0.0
        self._drawing = 0.0  # seconds that the last picture took: another one is drawn at the end
        self._started = self._told = self._since = clock()
        self.left = ""
        """The time left, by this process alone: "about 2 min left"; "" while nothing tells it."""
        self._work: Work | None = None
        self._metric = ""  # the last that was named
        self._live = console.is_terminal and not console.is_dumb_terminal
        self._single = all(len(work.cells) == 1 for work in plan.work)
        self._bar = Progress(
            TextColumn("{task.fields[cells]}"),
            BarColumn(bar_width=10),
            TextColumn("{task.description}", markup=False),
            TextColumn("{task.fields[left]}"),
            TimeElapsedColumn(),
            console=console,
            disable=not self._live,
            transient=True,
        )
        self._task = self._bar.add_task("", total=1, cells="", left="")
        self._heart = _Heart(self.beat)

    def __enter__(self) -> Self:
        """Start the display."""
        self._bar.start()
        if not self._live:
            self._heart.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Leave the screen as it was."""
        self._heart.stop()
        self._bar.stop()

    def begin(self, work: Work) -> None:
        """Name the current job."""
        self._work, self._since = work, self._clock()
        self._update(description=_cut(self._called.of_job(work)))

    def sampled(self, samples: int, evaluations: int) -> None:
        """Count what a batch took."""
        work = self._work
        if work is not None:
            counted = min(samples, self._pace.samples_left(work))
            self._pace.sampled(work, samples, evaluations, self._clock() - self._since)
            self._spent += evaluations if work.nfe is None else work.nfe * counted
        self._update()

    def measured(self, work: Work, samples: int, seconds: float) -> None:
        """Learn what a group of shards took, on samples and beside them."""
        now = self._clock()
        self._pace.measured(work, seconds, max(0.0, now - self._since - seconds))
        self._since = now
        self._update()

    def finished(self, work: Work, records: Sequence[Record], resumed: bool) -> None:
        """Print one line per record."""
        self._settle(work, max(0.0, self._clock() - self._since))
        name = self._called(work)
        for record in records:
            self._done += 1
            before = " (done before)" if resumed else f", {record.seconds:.1f} s"
            self._print(f"{name}, NFE {record.nfe:g}: {self._value(record)}{before}")
        if not resumed:
            self._drawn(work)

    def failed(self, work: Work, reason: str) -> None:
        """Print the reason."""
        self._settle(work, None)
        self._done += len(work.cells)
        self._print(f"FAILED {self._called.of_job(work)}: {reason}")
        self._drawn(work)

    def waiting(self, others: Sequence[Holder]) -> None:
        """Say who works on what is left."""
        if not others:
            return
        told = f"waiting for {'; '.join(map(str, others))}"
        self._update(description=one_line(told))
        if not self._live:
            self._say(told)

    def beat(self) -> None:
        """Say that the run goes on, if that was not to be seen for long."""
        now, work = self._clock(), self._work
        if work is None or now - self._told < QUIET:
            return
        all_of_it = work.cell.samples
        made = all_of_it - self._pace.samples_left(work)
        since = duration(now - self._started)
        self._say(
            f"… {since} so far, at {self._called.of_job(work)}: {made:,} of {all_of_it:,} samples"
            f"{self._and_left}"
        )

    def _settle(self, work: Work, beside: float | None) -> None:
        """Take off what is left of a job: all of it if it was done before, or by others."""
        self._spent += (work.nfe or 0) * self._pace.samples_left(work)
        self._pace.settled(work, beside)
        self._of_label[work.label] -= 1
        self._update()

    def _drawn(self, work: Work) -> None:
        if self._draw is not None:
            self._drawing = self._draw(self._of_label[work.label] == 0) or self._drawing

    def _value(self, record: Record) -> str:
        """A value, and what it is of where the line before did not say it."""
        told = f"{record.value:.4g} ± {record.se:.2g}"
        if self._single and record.metric_name == self._metric:
            return told
        self._metric = record.metric_name
        return f"{record.metric_name} {told}"

    def _print(self, line: str) -> None:
        self._update()
        left = "" if self._live or self._done == self._cells else self._and_left
        self._say(f"[{self._done}/{self._cells}] {line}{left}")

    def _say(self, line: str) -> None:
        self._told = self._clock()
        line = cut(one_line(line))
        self._console.print(line, markup=False, highlight=False, soft_wrap=True)

    @property
    def _and_left(self) -> str:
        return f"; {self.left}" if self.left else ""

    def _told_left(self, left: Left | None) -> str:
        if left is None:
            return ""
        others = _labels(left.uncounted)
        if others and left.seconds == 0:
            return f"{others} left, for how long is not known yet"
        told = roughly(left.seconds + self._drawing)
        least = "about" if left.sure else "at least"
        return f"{least} {told} left" + (f", not counting {others}" if others else "")

    def _update(self, description: str | None = None) -> None:
        left, time_left = self._pace.evaluations_left, self._pace.left
        self.left = self._told_left(time_left)
        short = time_left and Left(time_left.seconds, time_left.sure and not time_left.uncounted)
        self._bar.update(
            self._task,
            completed=self._spent,
            total=max(self._spent + left, 1),
            description=description,  # None leaves it as it is
            cells=f"{self._done}/{self._cells}",
            left=self._told_left(short),
        )


class _Heart:
    """Calls something every few seconds, in a thread of its own."""

    def __init__(self, beat: Callable[[], None]) -> None:
        self._beat, self._stopped = beat, threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()

    def _run(self) -> None:
        while not self._stopped.wait(LOOK):
            self._beat()


def _labels(labels: Sequence[str]) -> str:
    return f"{len(labels)} labels" if len(labels) > 1 else "".join(labels)


def _cut(text: str) -> str:
    text = one_line(text)
    return text if len(text) <= WIDTH else f"{text[: WIDTH - 1]}…"

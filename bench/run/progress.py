"""What a run shows while it goes on: a live bar in a terminal, plain lines elsewhere."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from sampler_bench.bench.measure.work import Work
from sampler_bench.bench.plan.planning import Plan
from sampler_bench.bench.run.duration import duration
from sampler_bench.bench.run.leases import Holder
from sampler_bench.results import Record


class Watcher:
    """Cells done, the current one, denoiser evaluations per second, and the time left.

    Args:
        plan: What is run.
        console: Where to write; live if it is a terminal.
    """

    def __init__(self, plan: Plan, console: Console) -> None:
        self._console = console
        self._cells, self._done, self._failed = plan.cells, 0, 0
        self._left = plan.evaluations
        self._undeclared = _Undeclared(sum(work.cell.samples for work in plan.undeclared))
        self._spent = 0
        self._evaluated = 0
        self._started = time.monotonic()
        self._jobs_left: dict[str, int] = {}  # samples by key: of several at work, each may be left
        self._work: Work | None = None
        self._bar = Progress(
            TextColumn("{task.fields[cells]}"),
            BarColumn(),
            TextColumn("{task.description}"),
            TextColumn("{task.fields[rate]}"),
            TimeElapsedColumn(),
            console=console,
            disable=not console.is_terminal,
            transient=True,
        )
        self._task = self._bar.add_task("", total=1, cells="", rate="")

    def __enter__(self) -> Self:
        """Start the display."""
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Leave the screen as it was."""
        self._bar.stop()

    def begin(self, work: Work) -> None:
        """Name the current job."""
        self._work = work
        self._jobs_left.setdefault(work.key, work.cell.samples)
        self._update(description=self._name(work))

    def sampled(self, samples: int, evaluations: int) -> None:
        """Count what a batch took."""
        self._evaluated += evaluations
        if self._work is not None:
            if self._work.nfe is None:
                self._undeclared.learn(samples, evaluations)
                self._spent += evaluations
            self._take(self._work, min(samples, self._jobs_left.get(self._work.key, 0)))
        self._update()

    def finished(self, work: Work, records: Sequence[Record], resumed: bool) -> None:
        """Print one line per record."""
        self._settle(work)
        for record in records:
            self._done += 1
            before = " (done before)" if resumed else f", {record.seconds:.1f} s"
            self._print(
                f"{record.label}: NFE {record.nfe:g}, {record.metric_name} "
                f"{record.value:.4g} ± {record.se:.2g}{before}"
            )

    def failed(self, work: Work, reason: str) -> None:
        """Print the reason."""
        self._settle(work)
        self._done += len(work.cells)
        self._failed += len(work.cells)
        self._print(f"FAILED {self._name(work)}: {reason}")

    def waiting(self, others: Sequence[Holder]) -> None:
        """Say who works on what is left."""
        if not others:
            return
        told = f"waiting for {'; '.join(map(str, others))}"
        self._update(description=told)
        if not self._console.is_terminal:
            self._console.print(told, markup=False, highlight=False, soft_wrap=True)

    def _settle(self, work: Work) -> None:
        """Take off what is left of a job: all of it if it was done before, or by others."""
        self._take(work, self._jobs_left.get(work.key, work.cell.samples))
        self._jobs_left[work.key] = 0

    def _take(self, work: Work, samples: int) -> None:
        """Take so many samples of a job off what is left."""
        self._jobs_left[work.key] = self._jobs_left.get(work.key, work.cell.samples) - samples
        if work.nfe is None:
            self._undeclared.left -= samples
        else:
            self._left -= work.nfe * samples
            self._spent += work.nfe * samples

    def _name(self, work: Work) -> str:
        count = work.measurement.steps
        steps = "" if count is None else f", {count} steps"
        return f"{work.label}{steps}"

    def _print(self, line: str) -> None:
        self._update()
        self._console.print(
            f"[{self._done}/{self._cells}] {line}", markup=False, highlight=False, soft_wrap=True
        )

    def _update(self, description: str | None = None) -> None:
        elapsed = time.monotonic() - self._started
        rate = self._evaluated / elapsed if elapsed > 0 else 0.0
        left = self._left + self._undeclared.evaluations
        shown = ""
        if rate > 0:
            shown = (
                f"{rate:,.0f} evaluations/s, {self._undeclared.least}{duration(left / rate)} left"
            )
        self._bar.update(
            self._task,
            completed=self._spent,
            total=max(self._spent + left, 1),
            description=description,  # None leaves it as it is
            cells=f"{self._done}/{self._cells} cells",
            rate=shown,
        )


@dataclass
class _Undeclared:
    """Samples of jobs that say no number of evaluations: what they take is learned from others.

    Attributes:
        left: How many are still to be made.
        samples, taken: How many were made, and the evaluations they took.
    """

    left: int
    samples: int = 0
    taken: int = 0

    def learn(self, samples: int, evaluations: int) -> None:
        """Note what a batch took; shards that were there already took nothing."""
        if evaluations > 0:
            self.samples += samples
            self.taken += evaluations

    @property
    def evaluations(self) -> float:
        """Return what is left to evaluate, as far as it can be told."""
        return self.left * self.taken / self.samples if self.samples else 0.0

    @property
    def least(self) -> str:
        """Return how a time left is qualified while nothing was learned."""
        return "at least " if self.left and not self.samples else ""

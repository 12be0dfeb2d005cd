"""What a run shows while it goes on: a live bar in a terminal, plain lines elsewhere."""

import time
from collections.abc import Sequence
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
        self._evaluated = 0
        self._started = time.monotonic()
        self._jobs_left: dict[str, float] = {}  # by key: of several at work, each may be left
        self._job = ""  # the current one's
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
        self._task = self._bar.add_task("", total=max(plan.evaluations, 1), cells="", rate="")

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
        self._job = work.key
        self._jobs_left.setdefault(work.key, work.nfe * work.cell.samples)
        self._update(description=self._name(work))

    def sampled(self, samples: int, evaluations: int) -> None:
        """Count what a batch took."""
        self._evaluated += evaluations
        spent = min(evaluations, self._jobs_left.get(self._job, 0.0))
        self._jobs_left[self._job] = self._jobs_left.get(self._job, 0.0) - spent
        self._left -= spent
        self._bar.advance(self._task, spent)
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
        """Take off what a job was expected to cost and did not, here."""
        spared = self._jobs_left.pop(work.key, work.nfe * work.cell.samples)
        self._left -= spared
        self._bar.advance(self._task, spared)

    def _name(self, work: Work) -> str:
        steps = "" if work.steps is None else f", {work.steps} steps"
        return f"{work.label}{steps}"

    def _print(self, line: str) -> None:
        self._update()
        self._console.print(
            f"[{self._done}/{self._cells}] {line}", markup=False, highlight=False, soft_wrap=True
        )

    def _update(self, description: str | None = None) -> None:
        elapsed = time.monotonic() - self._started
        rate = self._evaluated / elapsed if elapsed > 0 else 0.0
        shown = ""
        if rate > 0:
            shown = f"{rate:,.0f} evaluations/s, {duration(max(self._left, 0) / rate)} left"
        self._bar.update(
            self._task,
            description=description,  # None leaves it as it is
            cells=f"{self._done}/{self._cells} cells",
            rate=shown,
        )

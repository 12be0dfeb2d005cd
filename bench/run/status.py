"""What a run's folder holds now, whoever may be filling it."""

import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from sampler_bench.bench.run.leases import PROCESS, SILENT, Holder, Leases
from sampler_bench.results import Record, Store
from sampler_bench.results.schema import Job, PlanFile


@dataclass(frozen=True)
class Running:
    """A process at work: who, on what, and for how many seconds it gave no sign (0 if it does)."""

    holder: Holder
    on: tuple[str, ...]
    silent: float


@dataclass(frozen=True)
class Status:
    """How far a run is.

    Attributes:
        cells, done, cells_failed: How many records are planned, are there, and will not come.
        running: Who works on it.
        failed: Jobs that failed, each with the reason.
        unplanned: How many jobs failed that no plan asks for any more.
        left: Jobs that are neither done nor failed, each with its number of finished shards.
        evaluations: What these still take, predicted.
        seconds: What an evaluation took so far, sampling alone; None if nothing was measured.
        seconds_left: How long the rest takes at that, shared by those who run (or one); None if
            nothing was measured, or the plan does not say.
    """

    cells: int
    done: int
    cells_failed: int
    running: tuple[Running, ...]
    failed: tuple[tuple[Job, str], ...]
    unplanned: int
    left: tuple[tuple[Job, int], ...]
    evaluations: float
    seconds: float | None
    seconds_left: float | None

    @property
    def cells_left(self) -> int:
        """How many records are still to come."""
        return self.cells - self.done - self.cells_failed


def look(folder: Path) -> Status:
    """Look at a run's folder once; others may be writing it.

    Raises:
        ValueError: If it is no run.
    """
    store = Store(folder)
    plan = _plan(store)
    records = [record for _, record in store.found()]
    keys = {record.cell.key for record in records}
    planned = {line.key for line in plan.lines}
    open_jobs = [job for job in plan.jobs if not keys.issuperset(job.cells)]
    failures = store.failures()
    reasons = {f.work_key: _last_line(f.text) for f in failures if f.planned}
    failed = [job for job in open_jobs if job.key in reasons]
    left = [(job, store.lying(job.key)) for job in open_jobs if job.key not in reasons]
    running = tuple(_running(folder, plan))
    spent = _spent(store, records, open_jobs)
    todo: dict[str, float] = defaultdict(float)  # evaluations by model
    for job, lying in left:
        line = job.first
        todo[line.model] += (line.nfe or 0) * line.samples * (1 - len(lying) / line.shards)
    seconds = _rate(spent.values())
    seconds_left = None
    if seconds is not None and plan.jobs:
        rates = {model: _rate([spent[model]]) or seconds for model in todo}
        total = sum(rates[model] * evaluations for model, evaluations in todo.items())
        seconds_left = total / max(1, len(running))
    return Status(
        cells=len(planned),
        done=len(keys & planned),
        cells_failed=len({key for job in failed for key in job.cells} - keys),
        running=running,
        failed=tuple((job, reasons[job.key]) for job in failed),
        unplanned=len({f.work_key for f in failures if not f.planned}),
        left=tuple((job, len(lying)) for job, lying in left),
        evaluations=sum(todo.values()),
        seconds=seconds,
        seconds_left=seconds_left,
    )


def _plan(store: Store) -> PlanFile:
    """Return the plan of a run's folder. Raises ValueError, one line, if it has none."""
    plan = store.plan() if store.root.is_dir() else None
    if plan is None:
        there = store.root.is_dir()
        missing = "not a run: no plan.json in it" if there else "no such run directory"
        raise ValueError(f"{store.root}: {missing}")
    return plan


def _running(folder: Path, plan: PlanFile) -> Iterable[Running]:
    leases = Leases(folder / "leases")
    living = leases.living()
    jobs = {job.key: job for job in plan.jobs}
    for name, holder in living:
        if not name.startswith(PROCESS):
            continue
        held = [other for other, its in living if its == holder and other != name]
        silent = 0.0
        with suppress(OSError):
            silent = time.time() - (leases.folder / name).stat().st_mtime
        on = tuple(text for other in held if (text := _doing(other, jobs, plan.batch)))
        yield Running(holder, on, silent if silent > SILENT else 0.0)


def _doing(lease: str, jobs: dict[str, Job], batch: int | None) -> str:
    """Return what a lease is for: "Heun, 12 steps: shards 4 to 7 of 20"."""
    key, _, what = lease.rpartition("-")
    job = jobs.get(key)
    if job is None or not what.isdigit():
        return f"{job}: its record" if job else ""
    first = int(what)
    last = (
        min(job.first.shards, first + max(1, (batch or 1) * job.first.shards // job.first.samples))
        - 1
    )
    which = f"shard {first}" if last == first else f"shards {first} to {last}"
    return f"{job}: {which} of {job.first.shards}"


def _spent(
    store: Store, records: Iterable[Record], open_jobs: Sequence[Job]
) -> dict[str, tuple[float, float]]:
    """Return seconds of sampling and evaluations of all that is measured, by model."""
    found: dict[str, tuple[float, float]] = defaultdict(lambda: (0.0, 0.0))

    def add(model: str, seconds: float, evaluations: float) -> None:
        before = found[model]
        found[model] = before[0] + seconds, before[1] + evaluations

    seen = set()
    for record in records:
        if record.cell.work_key not in seen:  # several metrics of the same samples
            add(record.model, record.seconds, record.nfe * record.cell.samples)
        seen.add(record.cell.work_key)
    for job in open_jobs:
        with suppress(ValueError):
            for path in store.shards(job.key).values():
                shard = store.read_shard(path)
                add(job.first.model, shard.told.seconds, shard.evaluations)
    return found


def _rate(spent: Iterable[tuple[float, float]]) -> float | None:
    """Return seconds per evaluation; None without any."""
    pairs = list(spent)
    evaluations = sum(evaluations for _, evaluations in pairs)
    return sum(seconds for seconds, _ in pairs) / evaluations if evaluations > 0 else None


def _last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1] if lines else "no reason was kept"

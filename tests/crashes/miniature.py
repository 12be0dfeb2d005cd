"""A run so small that it can be run once for every disk that a crash may leave, and its judge."""

import contextlib
import itertools
import os
import re
import shutil
import tempfile
import time
import traceback
import uuid
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

import torch

from sampler_bench import results
from sampler_bench.bench.measure import metrics, samples
from sampler_bench.bench.plan import grid as grids
from sampler_bench.bench.plan import jobs as jobs
from sampler_bench.bench.plan import planning as plans
from sampler_bench.bench.run import leases, provenance
from sampler_bench.bench.run import runner as running
from sampler_bench.bench.run.codes import Codes
from sampler_bench.bench.run.runner import Runner
from sampler_bench.kit import files
from sampler_bench.results import Store
from sampler_bench.results.damaged import NotShown
from tests.crashes.disks import EMPTY, Change, Disk, Recorder, Wrong

SAMPLES = 20
"""Of a cell: the fewest that a grid may have."""
PID = 7
OWN = {"run/.writing-notes": b"a user's own", "run/mine.txt": b"another"}
"""Files of a user's, a few days old: nobody may touch them."""

MINIATURE = """
name = "miniature"
models = ["exact-mixture-moons"]
metrics = ["fid"]
extractor = "pixels"
samples = {samples}
"""
THREE = """
[[sampler]]
solver = "euler"
steps = 2
[[sampler]]
solver = "heun"
steps = 2
[[sampler]]
S_churn = 1
steps = 3
"""
SHARED = """
[[sampler]]
solver = "euler"
steps = 2
"""
SAMPLERS = {"three": THREE, "shared": SHARED}


@dataclass(frozen=True)
class Grid:
    """A miniature: three cells of one metric, or two cells measured from one job's shards."""

    samplers: str
    shards: int

    @property
    def text(self) -> str:
        """The grid's file."""
        return MINIATURE.format(samples=SAMPLES) + SAMPLERS[self.samplers]


@dataclass
class Watcher:
    """Counts samples that were made, and keeps the reasons of jobs that failed."""

    made: int = 0
    reasons: list[str] = field(default_factory=list)

    def begin(self, work: Any) -> None: ...

    def sampled(self, samples: int, evaluations: int) -> None:
        self.made += samples if evaluations else 0

    def measured(self, work: Any, samples: int, seconds: float) -> None: ...

    def finished(self, work: Any, records: Any, resumed: bool) -> None: ...

    def failed(self, work: Any, reason: str) -> None:
        self.reasons.append(reason)

    def waiting(self, others: Any) -> None:
        pass


class Waits(BaseException):
    """A run waits for longer than a lease lasts."""


@dataclass(frozen=True)
class Kept:
    """Something that was on disk when a method of the store returned, after so many changes."""

    after: int
    shard: tuple[str, int] | None = None
    text: str = ""


@dataclass
class Look:
    """What a reader sees of a run: rows by key, or the line he is refused with, or a traceback."""

    rows: dict[str, tuple[Any, ...]] = field(default_factory=dict)
    refused: str = ""
    fault: str = ""


@dataclass
class Ran:
    """What one run did.

    changes, calls  of the disk; `at` which change something went wrong
    kept            what the store said it has
    before, after   what a reader sees
    left            what is on the disk
    made            samples
    waited          seconds, for others
    refused         the line it ended with, if it did
    failed          reasons of the jobs that failed
    fault           a traceback, if anything else came out of it
    """

    changes: list[Change]
    kept: list[Kept]
    before: Look
    after: Look = field(default_factory=Look)
    left: Disk = EMPTY
    calls: int = 0
    at: int | None = None
    made: int = 0
    waited: float = 0.0
    refused: str = ""
    failed: list[str] = field(default_factory=list)
    fault: str = ""


@contextlib.contextmanager
def no_clocks() -> Iterator[None]:
    """Let equal work give equal bytes: no times in shards, records and names."""
    numbers = itertools.count(1)
    told = provenance.collect

    def collect(*given: Any) -> Any:
        return {**told(*given), "created": "2026-11-30T00:00:00+00:00"}

    with (
        mock.patch.object(time, "perf_counter", lambda: 0.0),
        mock.patch.object(provenance, "collect", collect),
        mock.patch.object(uuid, "uuid4", lambda: SimpleNamespace(hex=f"{next(numbers):032x}")),
    ):
        yield


@dataclass
class Process:
    """Who runs: always under the same process id, as in a container; nobody else is there.

    number  of the process: 1, 2, … on one disk
    killed  whether the one before was killed, and the system it ran on is still up
    waited  seconds
    """

    number: int
    killed: bool
    waited: float = 0.0

    @classmethod
    def after(cls, disk: Disk, killed: bool) -> "Process":
        """The next one, by what those before left on the disk."""
        names = [re.search(r"/leases/process-([0-9]+)$", path) for path in disk.files]
        return cls(1 + max([int(name[1]) for name in names if name], default=0), killed)

    def myself(self) -> leases.Holder:
        """Say who it is."""
        return leases.Holder(
            host="here",
            machine="it",
            boot=self._here(0)[2],
            namespace="pids",
            pid=PID,
            start=self._started(PID),
            token=f"{self.number:032d}",
            since="2026-11-30T00:00:00+00:00",
        )

    def _here(self, _: int) -> tuple[str, str, str, str]:
        boot = self.number - 1 if self.killed else self.number
        return "here", "it", f"boot {boot}", "pids"

    def _started(self, _: int) -> str:
        return f"{100 + self.number}" if self.killed else "100"

    def _wait(self, seconds: float) -> None:
        self.waited += seconds
        if self.waited > 2 * leases.SILENT:
            raise Waits

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Let `leases` see this process, and no other."""
        seen = {"_here": self._here, "_started": self._started, "_exists": lambda pid: pid == PID}
        own = partial(leases.Leases, myself=self.myself(), clock=lambda: self.waited)
        with (
            mock.patch.object(os, "getpid", lambda: PID),
            mock.patch.multiple(leases, **seen),
            mock.patch.object(running, "Leases", own),
            mock.patch.object(running, "time", SimpleNamespace(sleep=self._wait)),
        ):
            yield


@contextlib.contextmanager
def no_looking_for_libraries() -> Iterator[None]:
    """Let NumPy's threads be: to find them in every call takes longer than these calls do."""
    none = {"threadpool_limits": lambda *_, **__: contextlib.nullcontext()}
    with mock.patch.multiple(samples, **none), mock.patch.multiple(metrics, **none):
        yield


class Miniature:
    """A plan, and a folder in memory to run it in, again and again."""

    def __init__(self, grid: Grid) -> None:
        with (
            mock.patch.object(jobs, "SHARDS", grid.shards),
            tempfile.TemporaryDirectory() as folder,
        ):
            path = Path(folder) / "grid.toml"
            path.write_text(grid.text)
            declared, self.text = grids.read(str(path))
            self.plan = replace(plans.make(declared), folder="")
        if grid.samplers == "shared":
            (work,) = self.plan.work
            work.cells.append(replace(work.cell, reference_digest="another"))
        self.batch = SAMPLES // grid.shards  # each shard is measured by itself
        self.all = sum(work.cell.samples for work in self.plan.work)
        self.shards = {(work.key, at) for work in self.plan.work for at in range(grid.shards)}
        self.jobs = {work.key: {cell.key for cell in work.cells} for work in self.plan.work}
        assert all(work.cell.shards == grid.shards for work in self.plan.work)
        self.codes = Codes()
        self.verdicts: dict[str, Any] = {}
        self._looks: dict[Any, Look] = {}
        self.whole = self.run(EMPTY)
        assert not (self.whole.refused or self.whole.failed or self.whole.fault), self.whole
        assert self.whole.made == self.all
        self.rows = self.whole.after.rows

    def run(
        self,
        disk: Disk,
        wrong: Wrong | None = None,
        before: Sequence[Change] | None = None,
        text: str = "",
    ) -> Ran:
        """Run the plan on a disk.

        Args:
            disk: What is there.
            wrong: What goes wrong.
            before: The changes that made the disk, if the process was killed and the machine was
                not: none of them is lost, and those that were not synced are not synced yet.
            text: Of the grid's file, if another.
        """
        place = Path("/dev/shm")
        with tempfile.TemporaryDirectory(dir=place if place.is_dir() else None) as folder:
            root = Path(folder)
            disk.write(root)
            for name in OWN.keys() & disk.files.keys():
                os.utime(root / name, (0, 0))
            start = disk if before is None else EMPTY
            process = Process.after(disk, killed=before is not None)
            return self._run(root, Recorder(root, start, wrong, [*(before or ())]), process, text)

    def _run(self, root: Path, recorder: Recorder, process: Process, text: str) -> Ran:
        watcher, kept = Watcher(), []
        ran = Ran(recorder.changes, kept, before=self._look(root))
        with (
            mock.patch.object(files, "system", recorder),
            no_clocks(),
            no_looking_for_libraries(),
            process.running(),
            _telling(kept, recorder.changes),
            warnings.catch_warnings(action="ignore", category=NotShown),
        ):
            store, cpu = Store(root / "run"), torch.device("cpu")
            runner = Runner(store, cpu, self.batch, watcher, _codes=self.codes)
            try:
                runner.run(self.plan, text or self.text)
            except (ValueError, OSError) as refused:
                ran.refused = f"{type(refused).__name__}: {refused}".replace(str(root), "")
            except Waits:
                ran.refused = "waits without end"
            except Exception:
                ran.fault = traceback.format_exc()
        ran.at, ran.waited = recorder.at, process.waited
        ran.calls, ran.made, ran.failed = recorder.calls, watcher.made, watcher.reasons
        ran.after, ran.left = self._look(root), _what_is(root)
        return ran

    def _look(self, root: Path) -> Look:
        """What `results.load` makes of the run's folder; looked at once for equal files."""
        paths = [*(root / "run").glob("*.*"), *(root / "run/records").glob("*")]
        seen = frozenset((path.name, path.read_bytes()) for path in paths if path.is_file())
        if seen not in self._looks:
            self._looks[seen] = _loaded(root / "run")
        return self._looks[seen]


def _loaded(run: Path) -> Look:
    """What a reader sees, who may set files aside: of a copy."""
    with tempfile.TemporaryDirectory(dir=run.parent.parent) as folder:
        copy = shutil.copytree(run, Path(folder) / "run") if run.is_dir() else run
        with warnings.catch_warnings(action="ignore", category=NotShown):
            return _read(copy)


def _read(run: Path) -> Look:
    if not (run / "records").is_dir() and not (run / "grid.toml").is_file():
        return Look()
    try:
        table = results.load(run)
    except ValueError as refused:
        return Look(refused=str(refused).replace(str(run.parent), ""))
    except Exception:
        return Look(fault=traceback.format_exc())
    names = ["value", "loo", "nfe", "nfe_min", "nfe_max", "label", "metric", "model", "samples"]
    return Look(
        {row.key: tuple(getattr(row, name) for name in names) for row in table.itertuples()}
    )


def _what_is(root: Path) -> Disk:
    inside = [path for path in sorted(root.rglob("*")) if not files.is_temporary(path)]
    names = {str(path.relative_to(root)): path for path in inside}
    return Disk(
        {name: path.read_bytes() for name, path in names.items() if path.is_file()},
        frozenset(name for name, path in names.items() if path.is_dir()),
    )


@contextlib.contextmanager
def _telling(kept: list[Kept], changes: list[Change]) -> Iterator[None]:
    """Keep what the store says is done: from then on it must not be lost."""
    write_shard, write_text = Store.write_shard, Store.write_text

    def shard(store: Store, work_key: str, index: int, *rest: Any, **more: Any) -> Any:
        path = write_shard(store, work_key, index, *rest, **more)
        kept.append(Kept(len(changes), shard=(work_key, index)))
        return path

    def text(store: Store, name: str, *rest: Any, **more: Any) -> Any:
        path = write_text(store, name, *rest, **more)
        if "/" not in name:
            kept.append(Kept(len(changes), text=f"run/{name}"))
        return path

    with mock.patch.multiple(Store, write_shard=shard, write_text=text):
        yield

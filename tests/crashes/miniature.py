"""A run so small that it can be run once for every disk that a crash may leave, and its judge."""

import contextlib
import itertools
import os
import tempfile
import time
import traceback
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

import torch

from sampler_bench import results
from sampler_bench.bench.measure import samples
from sampler_bench.bench.measure import work as works
from sampler_bench.bench.plan import grid as grids
from sampler_bench.bench.plan import planning as plans
from sampler_bench.bench.plan import profile_work
from sampler_bench.bench.run import provenance
from sampler_bench.bench.run.runner import Runner
from sampler_bench.kit import files
from sampler_bench.results import Store
from tests.crashes.disks import EMPTY, Change, Disk, Recorder, Wrong

SAMPLES = 20
"""Of a cell: the fewest that a grid may have."""
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

    def finished(self, work: Any, records: Any, resumed: bool) -> None: ...

    def failed(self, work: Any, reason: str) -> None:
        self.reasons.append(reason)


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


@contextlib.contextmanager
def no_looking_for_libraries() -> Iterator[None]:
    """Let NumPy's threads be: to find them in every call takes longer than these calls do."""
    with mock.patch.object(samples, "threadpool_limits", lambda *_, **__: contextlib.nullcontext()):
        yield


class Miniature:
    """A plan, and a folder in memory to run it in, again and again."""

    def __init__(self, grid: Grid) -> None:
        modules = [module for module in (works, plans, profile_work) if hasattr(module, "SHARDS")]
        with contextlib.ExitStack() as stack:
            for module in modules:
                stack.enter_context(mock.patch.object(module, "SHARDS", grid.shards))
            path = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "grid.toml"
            path.write_text(grid.text)
            declared, self.text = grids.read(str(path))
            self.plan = plans.make(declared)
        if grid.samplers == "shared":
            (work,) = self.plan.work
            work.cells.append(replace(work.cell, reference_digest="another"))
        self.batch = SAMPLES // grid.shards  # each shard is measured by itself
        self.all = sum(work.cell.samples for work in self.plan.work)
        self.shards = {(work.key, at) for work in self.plan.work for at in range(grid.shards)}
        self.jobs = {work.key: {cell.key for cell in work.cells} for work in self.plan.work}
        assert all(work.cell.shards == grid.shards for work in self.plan.work)
        self.verdicts: dict[str, Any] = {}
        self._looks: dict[Any, Look] = {}
        self.whole = self.run(EMPTY)
        assert not (self.whole.refused or self.whole.failed or self.whole.fault), self.whole
        assert self.whole.made == self.all
        self.rows = self.whole.after.rows

    def run(
        self, disk: Disk, wrong: Wrong | None = None, before: Sequence[Change] | None = None
    ) -> Ran:
        """Run the plan on a disk.

        Args:
            disk: What is there.
            wrong: What goes wrong.
            before: The changes that made the disk, if the process was killed and the machine was
                not: none of them is lost, and those that were not synced are not synced yet.
        """
        place = Path("/dev/shm")
        with tempfile.TemporaryDirectory(dir=place if place.is_dir() else None) as folder:
            root = Path(folder)
            disk.write(root)
            for name in OWN.keys() & disk.files.keys():
                os.utime(root / name, (0, 0))
            start = disk if before is None else EMPTY
            return self._run(root, Recorder(root, start, wrong, [*(before or ())]))

    def _run(self, root: Path, recorder: Recorder) -> Ran:
        watcher, kept = Watcher(), []
        ran = Ran(recorder.changes, kept, before=self._look(root))
        with (
            mock.patch.object(files, "system", recorder),
            no_clocks(),
            no_looking_for_libraries(),
            _telling(kept, recorder.changes),
        ):
            runner = Runner(Store(root / "run"), torch.device("cpu"), self.batch, watcher)
            try:
                runner.run(self.plan, self.text)
            except (ValueError, OSError) as refused:
                ran.refused = f"{type(refused).__name__}: {refused}".replace(str(root), "")
            except Exception:
                ran.fault = traceback.format_exc()
        ran.at = recorder.at
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

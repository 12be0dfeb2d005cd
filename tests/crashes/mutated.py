"""What each command makes of a run's folder that something happened to."""

import contextlib
import random
import signal
import tempfile
import traceback
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any, Literal
from unittest import mock

import torch
from typer import testing
from typer.main import get_command

from sampler_bench import results
from sampler_bench.bench.commands.cli import app
from sampler_bench.bench.plan import jobs
from sampler_bench.bench.run.runner import Runner
from sampler_bench.reports import report
from sampler_bench.reports.runs import Run
from sampler_bench.results import Record, Store
from sampler_bench.results.damaged import NotShown
from sampler_bench.results.lines import lines
from tests.crashes import cases
from tests.crashes.disks import Disk
from tests.crashes.judge import NOISE
from tests.crashes.miniature import (
    Grid,
    Miniature,
    Process,
    Watcher,
    no_clocks,
    no_looking_for_libraries,
)
from tests.crashes.mutations import Mutated, mutated, of_format_1

LIMIT, PATIENCE = 20.0, 200.0
"""Seconds of work that a command may take, and of anything at all."""


Pages = Literal["none", "tables", "figures"]
"""What a report has besides the page."""


class Hangs(BaseException):
    """It takes longer than LIMIT."""


@dataclass
class Found:
    """What was found of one folder.

    wrong   one line for each thing
    forged  numbers shown that somebody wrote there, digests and all
    numbers  those shown that were not measured
    ends    how each command ended: "done", or "refused"
    """

    wrong: list[str] = field(default_factory=list)
    forged: int = 0
    numbers: list[str] = field(default_factory=list)
    ends: dict[str, str] = field(default_factory=dict)


class Mutations:
    """Folders of a miniature: finished, half-way with a failure and leases, and of format 1."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.mini = Miniature(Grid("three", 2))
        self.shared = Miniature(Grid("shared", 2))
        whole = cases.whole("three-2", self.mini)
        done = self.mini.whole.left
        half = cases.halfway(whole, self.mini).disk
        half = Disk({**done.files, **half.files}, done.folders | half.folders)
        job = next(path.split("/")[2] for path in half.files if "/shards/" in path)
        with tempfile.TemporaryDirectory() as folder:
            made = Store(Path(folder)).write_failure(job, 1, "Traceback\nValueError: why")
            half.files[f"run/failures/{made.name}"] = made.read_bytes()
        half = replace(half, folders=half.folders | {"run/failures", "run/leases"})
        self.done = done
        self.bases = [done, half, of_format_1(done)]
        self.others = [*self.bases, self.shared.whole.left]
        rows = (row for mini in (self.mini, self.shared) for row in mini.rows.items())
        self.right = [(key, *row[:5], row[8], row[6]) for key, row in rows]

    def folder(self, number: int) -> Mutated:
        """The folder of this number."""
        draw = random.Random(f"{self.seed} {number}")
        found = mutated(draw.choice(self.bases), self.others, draw)
        return found

    def judge(self, number: int, pages: Pages = "none", count: int | None = None) -> Found:
        """Let every command, or so many, have it, in some order, and say what is wrong."""
        store, found = self.folder(number), Found()
        ways: dict[str, Callable[[Path], str]] = {
            "load": partial(self._load, found),
            "run": self._run,
            "status": partial(_command, ["status", "RUN"]),
            "report": partial(_report, pages),
            "check": partial(
                _command, ["check", "RUN", "--baseline", "BASE", *RECORDED[number % 2]]
            ),
            "merge": partial(_command, ["merge", "RUN", "--out", "OUT"]),
        }
        names = list(ways)
        random.Random(f"order {self.seed} {number}").shuffle(names)
        place = Path("/dev/shm")
        with tempfile.TemporaryDirectory(dir=place if place.is_dir() else None) as folder:
            root = Path(folder)
            write(store, root)
            self.done.write(_made(root / "base"))
            for name in names[:count]:
                with _calm(), mock.patch.object(jobs, "SHARDS", 2):
                    try:
                        with limited():
                            found.ends[name] = ways[name](root)
                    except Hangs:
                        found.wrong.append(f"{name} hangs")
                    except Exception:
                        last = traceback.format_exc().strip().splitlines()
                        found.wrong.append(f"{name}: traceback: {last[-1]}  {_where(last)}")
            for run in (root / "run", root / "out/run"):
                with _calm():
                    rows = [_told(record.cell, record) for record in _records(run)]
                found.numbers += self._wrong(rows)
        if store.forged:
            found.forged, found.numbers = len(found.numbers), []
        found.wrong += found.numbers
        return found

    def _load(self, found: Found, root: Path) -> str:
        try:
            table = results.load(root / "run")
        except (ValueError, OSError) as refused:
            assert "\n" not in str(refused), f"not one line: {refused}"
            return "refused"
        found.numbers += self._wrong([_told(row, row) for row in table.itertuples()])
        return "done"

    def _wrong(self, rows: list[tuple[Any, ...]]) -> list[str]:
        wrong = [row for row in rows if not any(_same(row, right) for right in self.right)]
        return [f"wrong numbers: {row}" for row in wrong]

    def _run(self, root: Path) -> str:
        process, watcher = Process(9, killed=False), Watcher()
        with no_clocks(), no_looking_for_libraries(), process.running():
            cpu = torch.device("cpu")
            store = Store(root / "run")
            runner = Runner(store, cpu, self.mini.batch, watcher, _codes=self.mini.codes)
            try:
                runner.run(self.mini.plan, self.mini.text)
            except (ValueError, OSError) as refused:
                assert "\n" not in str(refused), f"not one line: {refused}"
                return "refused"
        return "failed" if watcher.reasons else "done"


JSON = ("--format", "json")
RECORDED = ((), ("--recorded",))
CLI, COMMAND = testing.CliRunner(), get_command(app)


def _report(pages: Pages, root: Path) -> str:
    """Have a report: tables and figures take 50 times as long as all the rest."""
    left_out: dict[str, Any] = {"_write_figures": _only_samples, "_tables": lambda *_: {}}
    if pages != "none":
        del left_out["_tables"]
    if pages == "figures":
        del left_out["_write_figures"]
    with contextlib.ExitStack() as stack:
        for name, way in left_out.items():
            stack.enter_context(mock.patch.object(report, name, way))
        return _command(["report", "RUN", *(JSON if pages == "none" else ())], root)


def _only_samples(run: Run, *_: object) -> list[object]:
    for key in run.records["work_key"]:
        run.samples(key)
    return []


def _command(words: list[str], root: Path) -> str:
    places = {"RUN": root / "run", "BASE": root / "base/run", "OUT": root / "out/run"}
    # typer makes the command anew for each call: it takes longer than most calls.
    with mock.patch.object(testing, "_get_command", lambda _: COMMAND):
        ran = CLI.invoke(app, [str(places.get(word, word)) for word in words])
    if ran.exception is not None and not isinstance(ran.exception, SystemExit):
        raise ran.exception
    assert "Traceback" not in ran.output, ran.output
    if ran.exit_code == 2:
        lines = ran.stderr.strip().splitlines()
        assert all(line.startswith("bench: ") for line in lines), lines
        return "refused"
    assert ran.exit_code in {0, 1, 3}, ran.exit_code
    return "done" if ran.exit_code == 0 else f"exit {ran.exit_code}"


def _told(cell: Any, measured: Any) -> tuple[Any, ...]:
    counts = (measured.nfe, measured.nfe_min, measured.nfe_max)
    return (cell.key, measured.value, list(measured.loo), *counts, cell.samples, cell.metric)


def _records(run: Path) -> list[Record]:
    try:
        return lines([Store(run)])
    except (ValueError, OSError):
        return []


def _same(one: tuple[Any, ...], other: tuple[Any, ...]) -> bool:
    if one[2] is None or len(one[2]) != len(other[2]) or one[3:] != other[3:]:
        return False
    pairs = zip([one[1], *one[2]], [other[1], *other[2]], strict=True)
    return all(abs(a - b) <= NOISE * abs(b) for a, b in pairs)


def write(store: Mutated, root: Path) -> None:
    """Make it, below an empty folder."""
    for folder in sorted(store.folders):
        (root / folder).mkdir(parents=True, exist_ok=True)
    for path, data in sorted(store.files.items()):
        with contextlib.suppress(OSError):  # a folder lies there, or a name that none can have
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_bytes(data)
    for path, target in store.links.items():
        with contextlib.suppress(OSError):
            (root / path).symlink_to(target)


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def _where(lines: list[str]) -> str:
    ours = [line.strip() for line in lines if "File" in line and "site-packages" not in line]
    return ours[-1].replace(str(Path.cwd()), "") if ours else ""


@contextlib.contextmanager
def limited() -> Iterator[None]:
    def stop(number: int, frame: FrameType | None) -> None:
        raise Hangs

    clocks = {
        signal.ITIMER_PROF: (signal.SIGPROF, LIMIT),
        signal.ITIMER_REAL: (signal.SIGALRM, PATIENCE),
    }
    before = {number: signal.signal(number, stop) for number, _ in clocks.values()}
    for clock, (_, seconds) in clocks.items():
        signal.setitimer(clock, seconds)
    try:
        yield
    finally:
        for clock in clocks:
            signal.setitimer(clock, 0)
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def _calm() -> Iterator[None]:
    with warnings.catch_warnings(action="ignore", category=NotShown):
        yield

"""Two processes at one lease: the one stopped at each of its calls while the other does all of his.

A lease that both hold at once is work done twice; one that nobody can take is work that waits.
"""

import contextlib
import itertools
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

from sampler_bench.bench.run import leases
from sampler_bench.bench.run.leases import Holder, Leases
from sampler_bench.kit import files

NAME = "work-000"


class Stopped(files.System):
    """Counts calls, and lets another do something before one of them."""

    def __init__(self, at: int, meanwhile: Callable[[], None]) -> None:
        self.at, self.meanwhile, self.calls = at, meanwhile, 0

    def __getattribute__(self, name: str) -> Any:
        found = super().__getattribute__(name)
        if name in {"at", "meanwhile", "calls"} or name.startswith("_"):
            return found
        self.calls += 1
        if self.calls == self.at:
            with mock.patch.object(files, "system", files.System()):
                self.meanwhile()
        return found


def holder(pid: int, **changed: str) -> Holder:
    """A process of this machine."""
    told = {"host": "here", "machine": "it", "boot": "now", "namespace": "pids", "start": "100"}
    return Holder(
        **{**told, "token": f"{pid:032d}", "since": "2026-11-30T00:00:00+00:00", **changed}, pid=pid
    )


LIVING = {1, 2}
DEAD = {
    "one that has ended": holder(3),
    "one whose number another has now": holder(2, start="50", token="a"),
    "one of the system before": holder(1, boot="before", token="b"),
}
BEFORE = {"nobody": None, **DEAD}


@contextlib.contextmanager
def _machine() -> Iterator[None]:
    seen = {
        "_here": lambda _: ("here", "it", "now", "pids"),
        "_started": lambda pid: "100" if pid in LIVING else None,
        "_exists": lambda pid: pid in LIVING,
    }
    with mock.patch.multiple(leases, **seen):
        yield


def taken_by_both() -> Iterator[str]:
    """Yield what is wrong, wherever the first is stopped, and whoever held the lease before."""
    for before, gone in BEFORE.items():
        for at in itertools.count(1):
            with _machine(), tempfile.TemporaryDirectory() as folder:
                first, second = (_at_work(Path(folder), holder(pid)) for pid in (1, 2))
                if gone is not None:
                    _left(Path(folder), gone)
                his: list[bool] = []
                stopped = Stopped(at, lambda: his.append(second.take(NAME)))  # noqa: B023
                with mock.patch.object(files, "system", stopped):
                    mine = first.take(NAME)
                if stopped.calls < at:
                    break
                where = f"before it was held by {before}; stopped at call {at}"
                if mine and his[0]:
                    yield f"{where}: both hold it"
                if not (mine or his[0] or first.take(NAME) or second.take(NAME)):
                    yield f"{where}: nobody can take it"


def lost_to_the_first() -> Iterator[str]:
    """Yield whether one who was taken for gone takes the other's lease away as he comes back."""
    with _machine(), tempfile.TemporaryDirectory() as folder:
        first, second = (_at_work(Path(folder), holder(pid)) for pid in (1, 2))
        first.take(NAME)
        files.remove(Path(folder) / NAME)
        assert second.take(NAME)
        first.drop(NAME)
        if not (Path(folder) / NAME).exists():
            yield "who was taken for gone frees a lease that another took over"


def _at_work(folder: Path, myself: Holder) -> Leases:
    found = Leases(folder, myself=myself, clock=lambda: 0.0)
    found._write_own()
    return found


def _left(folder: Path, gone: Holder) -> None:
    own = folder / f"{leases.PROCESS}{gone.token}"
    own.write_text(gone.model_dump_json())
    (folder / NAME).hardlink_to(own)


def wrong() -> list[str]:
    """Say all that is wrong with leases."""
    return [*taken_by_both(), *lost_to_the_first()]

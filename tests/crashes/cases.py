"""All that can happen to a miniature, each case with the name by which it can be run alone."""

import errno
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

from tests.crashes.disks import EMPTY, Change, Disk, State, Wrong, flips, states, unsynced
from tests.crashes.judge import judge, made_again
from tests.crashes.miniature import Kept, Miniature, Ran

SOON = 12
"""Changes after a call that went wrong, after each of which the machine stops, too."""


@dataclass(frozen=True)
class Case:
    """One disk, or one run on a disk that fails.

    trace, number  its name
    what           in words
    disk           what a run finds
    kept           what had been said to be on disk
    damaged        the file that was damaged, if one was
    """

    trace: str
    number: int
    what: str
    disk: Disk
    kept: tuple[Kept, ...] = ()
    damaged: str = ""

    def wrong(self, mini: Miniature) -> list[str]:
        """Run it and say what is wrong."""
        return judge(mini, self.disk, self.kept, self.damaged)


@dataclass
class Trace:
    """A recorded run, and where it started from.

    name     "three-2"; "three-2/17" is the run that goes on from its state 17 after a power cut,
             "three-2!17" the one after its 17th change, where only the process was killed
    start    the disk it found
    since    how many of the changes were made before it started
    kept     what was said to be on disk, before it and by it
    """

    name: str
    changes: list[Change]
    start: Disk
    kept: list[Kept]
    since: int = 0
    raw: int = 0

    def states(self, until: int | None = None, leases: bool = True) -> list[Case]:
        """One case for each disk, named by the last state that leaves it: by when most is kept.

        Without `leases` disks that differ in no other file are one, with all the leases there are.
        """
        found: dict[str, State] = {}
        for state in states(self.changes, self.start, self.since, until):
            self.raw += 1
            disk = state.disk if leases else state.disk.without_leases
            before = found.get(disk.digest)
            if not before or len(state.disk.files) >= len(before.disk.files):
                found[disk.digest] = state
        return [self._case(state) for state in found.values()]

    def state(self, number: int) -> Case:
        """One state, by its number."""
        for state in states(self.changes, self.start, self.since):
            if state.number == number:
                return self._case(state)
        raise ValueError(f"{self.name} has no state {number}")

    def _case(self, state: State) -> Case:
        what = f"after change {state.after}, {state.mode}"
        return Case(self.name, state.number, what, state.disk, self._kept(state.after))

    def _kept(self, after: int) -> tuple[Kept, ...]:
        return tuple(one for one in self.kept if one.after <= after)


def whole(name: str, mini: Miniature) -> Trace:
    """The run that nothing happens to."""
    return Trace(name, mini.whole.changes, EMPTY, mini.whole.kept)


def after_power_cut(case: Case, ran: Ran) -> Trace:
    """The run that goes on from a case."""
    before = [Kept(0, one.shard, one.text) for one in case.kept]
    name = f"{case.trace}/{case.number}"
    return Trace(name, ran.changes, case.disk, before + ran.kept)


def after_kill(trace: Trace, after: int, mini: Miniature) -> Trace:
    """The run that goes on where another was killed: what was not synced still is not."""
    before = trace.changes[:after]
    disk = next(state.disk for state in states(before, trace.start, after - 1))
    ran = mini.run(disk, before=before)
    kept = [one for one in trace.kept if one.after <= after]
    return Trace(f"{trace.name}!{after}", ran.changes, EMPTY, kept + ran.kept, after)


def moments(trace: Trace) -> Iterator[int]:
    """Yield after how many changes a kill leaves what is not synced, each such disk once."""
    seen = set()
    for after, disk, pending in unsynced(trace.changes, trace.start):
        if pending and (key := (disk.digest, pending)) not in seen:
            seen.add(key)
            yield after


def damaged(trace: Trace, each: int) -> Iterator[Case]:
    """Every distinct disk of a trace, unharmed but for one bit of one file."""
    seen: set[str] = set()
    number = 0
    for state in states(trace.changes, trace.start, trace.since):
        digest = state.disk.digest
        if state.mode != "clean" or digest in seen:
            continue
        seen.add(digest)
        draw = _Draw(digest)
        for path, what, disk in flips(state.disk, each, draw):
            kept = trace._kept(state.after)
            what = f"after change {state.after}, {what}"
            yield Case(f"{trace.name}~", number, what, disk, kept, path)
            number += 1


@dataclass
class _Draw:
    seed: str
    count: int = 0

    def __call__(self, below: int) -> int:
        self.count += 1
        text = f"{self.seed} {self.count}".encode()
        return int(hashlib.sha256(text).hexdigest(), 16) % below


def halfway(trace: Trace, mini: Miniature) -> Case:
    """The last state with shards of a job that has no record yet: a run has all to do there."""
    found = None
    for state in states(trace.changes, trace.start, trace.since):
        text = " ".join(state.disk.files)
        begun = [cells for job, cells in mini.jobs.items() if f"shards/{job}/" in text]
        if state.mode == "clean" and any(not any(cell in text for cell in job) for job in begun):
            found = trace._case(state)
    assert found is not None
    return found


@dataclass
class Failing:
    """Runs on a disk that fails: at each call of the system, once or from there on.

    start    what is there before
    raw      states of the disk soon after, and how many runs were tried
    """

    name: str
    mini: Miniature
    start: Case
    raw: int = 0

    def wrongs(self) -> Iterator[tuple[int, Wrong]]:
        """What can go wrong, and its number."""
        calls = self.mini.run(self.start.disk).calls
        kinds = [(code, good) for code in (errno.EIO, errno.ENOSPC) for good in (False, True)]
        for call in range(1, calls + 1):
            for place, (code, good) in enumerate(kinds):
                yield 4 * (call - 1) + place, Wrong(call, code, good)

    def wrong(self, number: int, wrong: Wrong) -> list[str]:
        """Let it go wrong, run again, and say what is wrong."""
        self.raw += 1
        ran = self.mini.run(self.start.disk, wrong)
        if ran.fault:
            return [f"{wrong}: traceback: {ran.fault.splitlines()[-1]}"]
        kept = [Kept(0, one.shard, one.text) for one in self.start.kept] + ran.kept
        cases = [Case(self.name, number, str(wrong), ran.left, tuple(kept))]
        if not wrong.for_good and ran.at is not None:
            trace = Trace(self.name, ran.changes, self.start.disk, kept, max(0, ran.at - 1))
            cases += trace.states(ran.at + SOON)
            self.raw += trace.raw
        found = []
        if again := made_again(self.mini, ran.made, self.start.kept):
            found.append(f"{wrong}: lost: {again} samples that were on disk are made again")
        for case in cases:
            found += [f"{case.what}: {line}" for line in case.wrong(self.mini)]
        return found

"""Every state that a crash can leave a run in, and every call of the disk that fails.

    python -m tests.soak.crash_states                        # three cells of 2 shards: all of it
    python -m tests.soak.crash_states three-20 --only states # three cells of 20 shards
    python -m tests.soak.crash_states --planted              # faults that have to be caught
    python -m tests.soak.crash_states --one three-2/17 40    # one state alone, by its name

A run is recorded and replayed at every prefix of its changes of the disk, with what no sync covers
kept, torn, zeroed or lost (states); so are the runs that go on from each disk after a power cut
(recovery) and after a kill (kills). Every bit drawn is flipped (flips), and every call fails, once
or for good, with EIO and ENOSPC (failing). Of two processes at one lease the one is stopped at each
of its calls while the other does all of his (leases). States that leave equal files are one disk,
and each disk is run once; after another crash disks that differ in leases alone are one, with all
the leases there are. It fails if anything is wrong: a number, a traceback, something lost that had
been synced, a run that is refused.
"""

import argparse
import re
import sys
import time
from collections import Counter
from collections.abc import Iterator

import torch

from tests.crashes import cases, planted, two
from tests.crashes.cases import Case, Failing, Trace
from tests.crashes.disks import states
from tests.crashes.judge import own_files
from tests.crashes.miniature import Grid, Miniature

GRIDS = {
    f"{name}-{shards}": Grid(name, shards) for name in ("three", "shared") for shards in (2, 20)
}
PARTS = ("own_files", "leases", "changed", "states", "flips", "failing", "kills", "recovery")


class Session:
    """All that is tried with one miniature.

    Args:
        name: Of the miniature.
        flips: Bits of each file that are flipped.
        show: Whether each thing wrong is printed.
    """

    def __init__(self, name: str, flips: int = 1, show: bool = True) -> None:
        self.name, self.each, self.show = name, flips, show
        self.mini = Miniature(GRIDS[name])
        self.whole = cases.whole(name, self.mini)
        self.wrong: Counter[str] = Counter()
        self.raw = 0

    def part(self, part: str) -> tuple[int, int, int]:
        """Try one part; return how many states, disks, and states with something wrong there are.

        A disk of several parts is one of the first.
        """
        self.raw = bad = 0
        before = len(self.mini.verdicts)
        for name, found in getattr(self, part)():
            bad += bool(found)
            for line in found:
                self.wrong[_kind(line)] += 1
                if self.show:
                    print(f"    {name}: {line}", flush=True)
        return self.raw, len(self.mini.verdicts) - before, bad

    def states(self) -> Iterator[tuple[str, list[str]]]:
        """Yield what is wrong with each disk that a crash of the whole run leaves."""
        yield from self._all(self.whole, leases=True)

    def flips(self) -> Iterator[tuple[str, list[str]]]:
        """Yield the same of disks with one bit of one file turned over."""
        for case in cases.damaged(self.whole, self.each):
            self.raw += 1
            yield f"{case.trace} {case.number}, {case.what}", case.wrong(self.mini)

    def failing(self) -> Iterator[tuple[str, list[str]]]:
        """Yield the same of runs on a disk that fails, and of the runs after them."""
        for failing in self.failings():
            for number, wrong in failing.wrongs():
                yield f"{failing.name} {number}, {wrong}", failing.wrong(number, wrong)
            self.raw += failing.raw

    def failings(self) -> list[Failing]:
        """A run from the beginning, and one that goes on from halfway."""
        nothing, half = self.whole.state(0), cases.halfway(self.whole, self.mini)
        return [Failing(f"{self.name}^{one.number}", self.mini, one) for one in (half, nothing)]

    def kills(self) -> Iterator[tuple[str, list[str]]]:
        """Yield the same of power cuts in runs after one that was killed."""
        for after in cases.moments(self.whole):
            yield from self._all(cases.after_kill(self.whole, after, self.mini))

    def recovery(self) -> Iterator[tuple[str, list[str]]]:
        """Yield the same of power cuts in runs after a power cut."""
        for case in self.whole.states(leases=False):
            ran = self.mini.run(case.disk)
            yield from self._all(cases.after_power_cut(case, ran))

    def changed(self) -> Iterator[tuple[str, list[str]]]:
        """Yield texts that are neither the old nor the new one, of a run whose grid was changed."""
        before, text = self.mini.whole.left, f"{self.mini.text}# a remark\n" * 2
        whole = {before.files["run/grid.toml"], text.encode()}
        for state in states(self.mini.run(before, text=text).changes, before):
            self.raw += 1
            torn = state.disk.files.get("run/grid.toml") not in whole
            yield f"{self.name}, changed, {state.number}", ["torn: run/grid.toml"] * torn

    def own_files(self) -> Iterator[tuple[str, list[str]]]:
        """Yield a user's own files that are gone."""
        yield "own files", own_files(self.mini)

    def leases(self) -> Iterator[tuple[str, list[str]]]:
        """Yield what is wrong where two processes are at one lease."""
        yield "two processes", two.wrong()

    def _all(self, trace: Trace, leases: bool = False) -> Iterator[tuple[str, list[str]]]:
        for case in trace.states(leases=leases):
            yield f"{case.trace} {case.number}, {case.what}", case.wrong(self.mini)
        self.raw += trace.raw

    def one(self, name: str, number: int) -> Case | None:
        """The case of this name; None for a run on a failing disk, which is run and told."""
        _, kind, at = re.fullmatch(r"([\w-]+)(?:([/!~^])(\d*))?", name).groups()  # type: ignore[union-attr]
        if kind == "~":
            return next(c for c in cases.damaged(self.whole, self.each) if c.number == number)
        if kind == "!":
            return cases.after_kill(self.whole, int(at), self.mini).state(number)
        if kind == "/":
            case = self.whole.state(int(at))
            return cases.after_power_cut(case, self.mini.run(case.disk)).state(number)
        return None if kind == "^" else self.whole.state(number)


def _kind(line: str) -> str:
    return re.sub(r"[0-9a-f]{12,}|\d+(\.\d+)?", "…", line)[:100]


def one(name: str, number: int, flips: int) -> int:
    """Run one case alone and say everything about it."""
    session = Session(re.split(r"[/!~^]", name)[0], flips)
    case = session.one(name, number)
    if case is None:
        failing = next(one for one in session.failings() if one.name == name)
        wrong = dict(failing.wrongs())[number]
        found = failing.wrong(number, wrong)
        print(f"{name} {number}: {wrong}")
    else:
        print(f"{name} {number}: {case.what}; {len(case.kept)} kept before")
        for path, data in sorted(case.disk.files.items()):
            print(f"    {len(data):7d} {path}")
        ran = session.mini.run(case.disk)
        print(ran.fault or f"{ran.made} samples made")
        found = case.wrong(session.mini)
    print("\n".join(found) or "nothing wrong")
    return bool(found)


def caught(fault: str) -> str:
    """By what a planted fault is caught, where it should be; empty if by nothing."""
    one = planted.FAULTS[fault]
    with one.fault():
        session = Session(one.grid, flips=8, show=False)
        for case, lines in getattr(session, one.part)():
            if lines:
                return f"{case}: {lines[0][:100]}"
    return ""


def plant() -> int:
    """Plant every fault; return how many are not caught."""
    missed = 0
    for fault in planted.FAULTS:
        by = caught(fault)
        missed += not by
        print(f"{fault:52s} {by or 'NOT CAUGHT'}", flush=True)
    return missed


def main() -> int:
    """Run what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("grid", nargs="?", choices=GRIDS, default="three-2")
    parser.add_argument("--only", choices=PARTS, action="append", help="a part, instead of all")
    parser.add_argument("--flips", type=int, default=1, help="bits of each file")
    parser.add_argument("--one", nargs=2, metavar=("TRACE", "NUMBER"), help="one state alone")
    parser.add_argument("--planted", action="store_true", help="faults that have to be caught")
    given = parser.parse_args()
    torch.set_num_threads(1)
    if given.one:
        if not re.fullmatch(rf"({'|'.join(GRIDS)})([/!~^]\d*)?", given.one[0]):
            parser.error(f"--one {given.one[0]}: no trace; three-2, three-2/17, three-2!17, …")
        return one(given.one[0], int(given.one[1]), given.flips)
    if given.planted:
        return plant()
    session = Session(given.grid, given.flips)
    wrong = 0
    print(f"{given.grid}: {len(session.whole.changes)} changes in {session.mini.whole.calls} calls")
    for part in given.only or PARTS:
        started = time.perf_counter()
        states, disks, bad = session.part(part)
        wrong += bad
        took = time.perf_counter() - started
        print(
            f"{part:10s} {states:7d} states  {disks:6d} disks  {bad:5d} wrong  "
            f"{took:6.1f} s, {disks / took:.0f} a second",
            flush=True,
        )
    for line, count in session.wrong.most_common():
        print(f"{count:6d} × {line}")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())

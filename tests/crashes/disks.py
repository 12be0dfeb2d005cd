"""What a disk can hold after a crash: a record of all changes, replayed at every prefix of them.

A disk keeps what was synced. Of the rest anything may be lost: the bytes of a file that was never
synced, a name in a folder that was never synced (made, given by a rename, or taken away).
"""

import errno
import hashlib
import io
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from sampler_bench.kit import files
from sampler_bench.kit.files import is_temporary

NEWEST = 3
"""How many of the removals that are not synced are lost, or kept, one by one."""


@dataclass(frozen=True)
class Change:
    """One change of the disk, below the folder that is recorded; paths are relative to it.

    what    "mkdir", "create", "write", "fsync", "rename", "link" or "unlink"
    path    of the file or folder
    number  the file's own number, which it keeps under all its names; 0 for folders
    data    what is written, from `offset` on
    new     the name it gets, if it gets one
    """

    what: str
    path: str
    number: int = 0
    offset: int = 0
    data: bytes = b""
    new: str = ""

    @property
    def folders(self) -> set[str]:
        """The folders whose names it changes; each of them, synced, has it on disk."""
        if self.what in {"write", "fsync"}:
            return set()
        return {_above(path) for path in (self.path, self.new) if path}


@dataclass(frozen=True)
class Disk:
    """Files below a folder, by path, and the folders; unfinished writes are left out."""

    files: dict[str, bytes]
    folders: frozenset[str]

    @property
    def digest(self) -> str:
        """Equal for equal disks."""
        sha = hashlib.sha256(repr(sorted(self.folders)).encode())
        for path, data in sorted(self.files.items()):
            sha.update(f"{path} {len(data)}\n".encode() + data)
        return sha.hexdigest()

    @property
    def without_leases(self) -> "Disk":
        """The same, had nobody been at work."""
        kept = {path: data for path, data in self.files.items() if "/leases/" not in path}
        return Disk(kept, self.folders)

    def write(self, root: Path) -> None:
        """Make it, below an empty folder."""
        for folder in sorted(self.folders):
            (root / folder).mkdir()
        for path, data in self.files.items():
            (root / path).write_bytes(data)

    def flipped(self, path: str, bit: int) -> "Disk":
        """The same with one bit of one file turned over."""
        data = bytearray(self.files[path])
        data[bit // 8] ^= 1 << bit % 8
        return Disk({**self.files, path: bytes(data)}, self.folders)


EMPTY = Disk({}, frozenset())


@dataclass(frozen=True)
class Wrong:
    """A call of the system that goes wrong: the `call`-th, or all of its kind from there on."""

    call: int
    number: int
    for_good: bool

    def __str__(self) -> str:
        name, how = errno.errorcode[self.number], "from" if self.for_good else "at"
        return f"{name} {how} call {self.call}"


@dataclass
class Recorder(files.System):
    """Does what the system does, but for waiting for the disk, and keeps every change.

    Attributes:
        root: Only what lies below it is recorded, or goes wrong.
        disk: What lies there already.
        wrong: What goes wrong.
        at: How many changes were made when it first went wrong.
        changes: Those that were made; the first may be of a process that was killed.
    """

    root: Path
    disk: Disk = EMPTY
    wrong: Wrong | None = None
    changes: list[Change] = field(default_factory=list)
    calls: int = 0
    at: int | None = None
    numbers: dict[str, int] = field(init=False)

    def __post_init__(self) -> None:
        self.numbers = {path: place for place, path in enumerate(sorted(self.disk.files), 1)}
        _rename(self.numbers, set(), self.changes)  # those of a process that was killed
        self._last = len(self.disk.files) + sum(one.what == "create" for one in self.changes)

    def mkdir(self, folder: Path) -> None:
        self._called(folder, writes=True)
        super().mkdir(folder)
        self._changed("mkdir", folder)

    def create(self, path: Path) -> None:
        self._called(path, writes=True)
        super().create(path)
        self._last += 1
        self.numbers[self._name(path)] = self._last
        self._changed("create", path, self._last)

    def open(self, path: Path, mode: str) -> IO[Any]:
        if mode == "rb" or not self._inside(path):
            self._called(path)
            return super().open(path, mode)
        if mode == "ab" and not path.exists():
            self.create(path)
        raw = _Recorded(path, mode, self)
        return io.BufferedRandom(raw) if mode == "r+b" else io.BufferedWriter(raw)

    def fsync(self, path: Path) -> None:
        self._called(path, writes=True)
        if not path.exists():
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))
        self._changed("fsync", path, self.numbers.get(self._name(path), 0))

    def rename(self, old: Path, new: Path) -> None:
        self._called(old, writes=True)
        super().rename(old, new)
        number = self.numbers.pop(self._name(old), 0)
        self.numbers[self._name(new)] = number
        self._changed("rename", old, number, new=new)

    def link(self, path: Path, new: Path) -> None:
        self._called(path, writes=True)
        super().link(path, new)
        number = self.numbers[self._name(new)] = self.numbers.get(self._name(path), 0)
        self._changed("link", path, number, new=new)

    def unlink(self, path: Path) -> None:
        if not self._inside(path) or path.exists():
            self._called(path, writes=True)
        super().unlink(path)
        self._changed("unlink", path, self.numbers.pop(self._name(path), 0))

    def utime(self, path: Path) -> None:
        self._called(path, writes=True)
        super().utime(path)

    def names(self, folder: Path) -> list[str]:
        self._called(folder)
        return super().names(folder)

    def wrote(self, path: Path, offset: int, data: bytes) -> None:
        """Keep what was written into an open file."""
        self._changed("write", path, self.numbers[self._name(path)], offset, data)

    def _changed(
        self,
        what: str,
        path: Path,
        number: int = 0,
        offset: int = 0,
        data: bytes = b"",
        new: Path | None = None,
    ) -> None:
        if self._inside(path):
            name = self._name(new) if new else ""
            self.changes.append(Change(what, self._name(path), number, offset, data, name))

    def _called(self, path: Path, writes: bool = False) -> None:
        """Count a call, and let it go wrong: a full disk only where something is written."""
        if not self._inside(path):
            return
        self.calls += 1
        wrong = self.wrong
        if wrong is None or (wrong.number == errno.ENOSPC and not writes):
            return
        if self.calls == wrong.call or (wrong.for_good and self.calls > wrong.call):
            self.at = len(self.changes) if self.at is None else self.at
            raise OSError(wrong.number, os.strerror(wrong.number), str(path))

    def _inside(self, path: Path) -> bool:
        return f"{path}/".startswith(f"{self.root}/")

    def _name(self, path: Path) -> str:
        return str(path).removeprefix(str(self.root)).removeprefix("/")


class _Recorded(io.FileIO):
    """An open file whose writes are kept: where, and which bytes."""

    def __init__(self, path: Path, mode: str, recorder: Recorder) -> None:
        super().__init__(path, mode)
        self.path, self.recorder = path, recorder

    def write(self, data: Any) -> int:
        self.recorder._called(self.path, writes=True)
        if "a" in self.mode:
            self.seek(0, io.SEEK_END)
        offset, content = self.tell(), bytes(data)
        super().write(content)
        self.recorder.wrote(self.path, offset, content)
        return len(content)


@dataclass(frozen=True)
class State:
    """What is on disk if the machine stops after so many changes.

    number  its place among all states of its trace
    after   how many changes were made
    mode    what became of those that no sync covers
    disk    what is found afterwards
    """

    number: int
    after: int
    mode: str
    disk: Disk


@dataclass
class _Files:
    """The files and folders of one moment, and which of them are on disk."""

    start: Disk
    now: dict[int, bytes] = field(default_factory=dict)
    synced: dict[int, bytes] = field(default_factory=dict)
    zeroed: dict[int, bytes] = field(default_factory=dict)
    torn: dict[int, bytes] = field(default_factory=dict)
    pending: list[Change] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.names = {path: place for place, path in enumerate(sorted(self.start.files), 1)}
        self.folders = set(self.start.folders)
        self.now = {number: self.start.files[path] for path, number in self.names.items()}
        self.synced = dict(self.now)

    def change(self, change: Change) -> None:
        self.torn = {}
        if change.what == "write":
            self._write(change)
        elif change.what == "fsync" and change.number:
            self.synced[change.number] = self.now[change.number]
            self.zeroed.pop(change.number, None)
        elif change.what == "fsync":
            covered = [one for one in self.pending if change.path in one.folders]
            _rename(self.names, self.folders, covered)
            self.pending = [one for one in self.pending if one not in covered]
        else:
            if change.what == "create":
                self.now[change.number] = self.synced[change.number] = b""
            self.pending.append(change)

    def _write(self, change: Change) -> None:
        number, before = change.number, self.now[change.number]
        self.now[number] = _overwritten(before, change.offset, change.data)
        zeros = bytes(len(change.data))
        started = self.zeroed.get(number, self.synced[number])
        self.zeroed[number] = _overwritten(started, change.offset, zeros)
        half = change.data[: len(change.data) // 2]
        self.torn = {number: _overwritten(before, change.offset, half)}

    def seen(self, data: dict[int, bytes], kept: list[Change]) -> Disk:
        """The disk with these contents and, of the names not synced, these."""
        names, folders = dict(self.names), set(self.folders)
        _rename(names, folders, kept)
        there = {""}
        for folder in sorted(folders):
            if _above(folder) in there:
                there.add(folder)
        found = {
            path: data[number]
            for path, number in names.items()
            if _above(path) in there and not is_temporary(Path(path))
        }
        return Disk(found, frozenset(there - {""}))

    def disks(self) -> Iterator[tuple[str, Disk]]:
        """All that may be found after a crash in this moment."""
        names = self.pending
        yield "clean", self.seen(self.now, names)
        if self.torn:
            yield "last write torn", self.seen(self.now | self.torn, names)
        unsynced = [number for number in self.zeroed if self.now[number] != self.synced[number]]
        if unsynced:
            yield "unsynced data zeroed", self.seen(self.now | self.zeroed, names)
            lost = self.now | {number: self.synced[number] for number in unsynced}
            yield "unsynced data lost", self.seen(lost, names)
        if names:
            yield "names lost", self.seen(self.now, [])
        if len(names) > 1:
            # Removals are never synced: of those that pile up, the newest stand for all.
            old = [place for place, one in enumerate(names) if one.what == "unlink"][:-NEWEST]
            for place, one in enumerate(names):
                if place in old:
                    continue
                others = names[:place] + names[place + 1 :]
                yield f"name {place} lost", self.seen(self.now, others)
                yield f"name {place} kept", self.seen(self.now, [one])
        if names and unsynced:
            yield "names and data lost", self.seen(lost, [])


def _rename(names: dict[str, int], folders: set[str], changes: list[Change]) -> None:
    for change in changes:
        if change.what == "mkdir":
            folders.add(change.path)
        elif change.what == "create":
            names[change.path] = change.number
        elif change.what in {"rename", "link", "unlink"}:
            if change.what != "link" and names.get(change.path) == change.number:
                del names[change.path]
            if change.new:
                names[change.new] = change.number


def _above(path: str) -> str:
    return path.rpartition("/")[0]


def _overwritten(data: bytes, offset: int, new: bytes) -> bytes:
    padded = data.ljust(offset, b"\0")
    return padded[:offset] + new + padded[offset + len(new) :]


def states(
    changes: list[Change], start: Disk = EMPTY, since: int = 0, until: int | None = None
) -> Iterator[State]:
    """Yield what a crash after each prefix of `changes` may leave.

    Only prefixes of more than `since` and at most `until` changes are stopped at, or, of 0, the
    empty one too.
    """
    at, number = _Files(start), 0
    last = len(changes) if until is None else min(until, len(changes))
    for after in range(last + 1):
        if after:
            at.change(changes[after - 1])
        if after > since or since == 0:
            for mode, disk in at.disks():
                yield State(number, after, mode, disk)
                number += 1


def unsynced(
    changes: list[Change], start: Disk = EMPTY
) -> Iterator[tuple[int, Disk, tuple[Change, ...]]]:
    """Yield, after each change, the disk and the names that no sync covers, those of writes aside.

    An unfinished write's name does not count, but the name that it gets does.
    """
    at = _Files(start)
    for after, change in enumerate(changes, 1):
        at.change(change)
        names = [one for one in at.pending if not is_temporary(Path(one.new or one.path))]
        yield after, at.seen(at.now, at.pending), tuple(names)


def flips(disk: Disk, each: int, draw: Callable[[int], int]) -> Iterator[tuple[str, str, Disk]]:
    """Yield the disk with a bit of one file turned over, `each` bits of every file."""
    for path, data in sorted(disk.files.items()):
        for _ in range(each if data else 0):
            bit = draw(8 * len(data))
            yield path, f"bit {bit} of {path} flipped", disk.flipped(path, bit)

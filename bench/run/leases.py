"""Who works on what in a run's folder, so that several processes can share the work.

Nothing that is measured hangs on a lease: shards are immutable, and equal results meet in one file.
Where a lease fails, work is done twice.
"""

import contextlib
import errno
import os
import platform
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError

from sampler_bench.kit import files

RENEWED = 20.0
"""Seconds after which a holder says again that it is there."""
SILENT = 60.0
"""Seconds without a change after which a lease belongs to nobody, by the watcher's own clock."""
LOOK_AGAIN = 0.5
"""Seconds between two looks at what others hold."""
PROCESS = "process-"
"""How the file of a process begins, of which its leases are further names."""

_NO_LINKS = {errno.EPERM, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EMLINK}
_HERE: set[str] = set()  # tokens of this process that are in use


def _time(text: str) -> str:
    if datetime.fromisoformat(text).tzinfo is None:
        raise ValueError("without a time zone")
    return text


class Holder(BaseModel):
    """A process that works on a run: what a lease holds.

    Attributes:
        host, machine: The computer's name, and its number (``/etc/machine-id``).
        boot, namespace: The start of its system, and the process namespace (containers); a process
            number means nothing elsewhere. Empty where a system does not say.
        pid, start: The process, and when it began, in ticks since ``boot``.
        token: What tells this holder from all others, the same process later on included.
        since: When it began to work on the run, ISO 8601.
    """

    model_config = ConfigDict(frozen=True, strict=True)

    host: str
    machine: str
    boot: str
    namespace: str
    pid: int
    start: str
    token: str
    since: Annotated[str, AfterValidator(_time)]

    @classmethod
    def myself(cls) -> "Holder":
        """Return this process, under a new token."""
        host, machine, boot, namespace = _here(os.getpid())
        now = datetime.now(UTC).isoformat(timespec="seconds")
        return cls(
            host=host,
            machine=machine,
            boot=boot,
            namespace=namespace,
            pid=os.getpid(),
            start=_started(os.getpid()) or "",
            token=uuid.uuid4().hex,
            since=now,
        )

    @property
    def is_dead(self) -> bool:
        """Whether it has surely ended; what cannot be known from here is false."""
        host, machine, boot, namespace = _here(os.getpid())
        if not (boot and self.boot) or (self.host, self.machine) != (host, machine):
            return False
        if self.boot != boot:
            return True
        if self.namespace != namespace or not self.start:
            return False
        if self.pid == os.getpid() and self.start == _started(self.pid):
            return self.token not in _HERE
        started = _started(self.pid)
        return started != self.start and (started is not None or not _exists(self.pid))

    def __str__(self) -> str:
        return f"{self.host}, pid {self.pid}"


@cache  # by process: one that is forked may be in another namespace
def _here(pid: int) -> tuple[str, str, str, str]:
    try:
        namespace = os.readlink("/proc/self/ns/pid")  # noqa: PTH115 - not the name of a file
    except OSError:
        namespace = ""
    boot = _text("/proc/sys/kernel/random/boot_id")
    return platform.node(), _text("/etc/machine-id"), boot if namespace else "", namespace


def _text(path: str) -> str:
    try:
        return Path(path).read_text("ascii").strip()
    except (OSError, ValueError):
        return ""


def _started(pid: int) -> str | None:
    """Return when a process began, in ticks since boot; None of one that has ended, or is hidden.

    A process that has ended and that nobody waited for is still listed, as a zombie.
    """
    told = _text(f"/proc/{pid}/stat").rpartition(")")[2].split()  # names may hold any character
    return told[19] if len(told) > 19 and told[0] not in {"Z", "X", "x"} else None


def _exists(pid: int) -> bool:
    """Return whether there may be such a process: others' can be hidden from us."""
    if _text(f"/proc/{pid}/stat"):
        return False  # a zombie
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


@dataclass(frozen=True)
class _Seen:
    """A lease at one look: what it said, and what shows that its holder was there since."""

    holder: Holder | None
    content: bytes
    changed: int


def _look(path: Path) -> _Seen | None:
    """Return what a lease says, of no holder if that cannot be read; None if it is gone."""
    try:
        # Opened, not only asked for: shared disks remember a file's time for a minute otherwise.
        with path.open("rb") as file:
            content, changed = file.read(), os.fstat(file.fileno()).st_mtime_ns
    except OSError:
        return None
    try:
        return _Seen(Holder.model_validate_json(content), content, changed)
    except ValidationError:
        return _Seen(None, content, changed)


@dataclass
class Leases:
    """The leases of a folder, held and watched by one process; a context: left, all are free.

    A process writes one file, and a lease is a further name of it: a name is given whole and at
    once, and one touch renews all. A holder is gone if its process has ended, where that can be
    seen from here, or if its lease did not change for ``silent`` seconds of our own clock.

    Attributes:
        folder: Where they lie.
        renewed, silent: Seconds.
        clock: Our own, monotonic: two machines' clocks are never compared.
    """

    folder: Path
    renewed: float = RENEWED
    silent: float = SILENT
    clock: Callable[[], float] = time.monotonic
    myself: Holder = field(default_factory=Holder.myself)
    _held: set[str] = field(default_factory=set)
    _watched: dict[str, tuple[_Seen, float]] = field(default_factory=dict)
    _ended: threading.Event = field(default_factory=threading.Event)
    _renewing: threading.Thread | None = None

    @property
    def _own(self) -> Path:
        return self.folder / f"{PROCESS}{self.myself.token}"

    def __enter__(self) -> Self:
        """Say that this process is there, and go on saying so. Raises Unwritable."""
        _HERE.add(self.myself.token)
        self._write_own()
        # In a thread: one call of a large network may take minutes.
        self._renewing = threading.Thread(target=self._renew, daemon=True)
        self._renewing.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Free what is held, and clear away what processes that are gone left behind."""
        self._ended.set()
        if self._renewing:
            self._renewing.join()
        with contextlib.suppress(OSError, files.Unwritable):
            for name in sorted(self._held):
                self.drop(name)
            files.remove(self._own)
            for path in self._files():
                if (seen := _look(path)) and self._is_gone(path, seen):
                    self._clear(path, seen)
        _HERE.discard(self.myself.token)

    def take(self, name: str) -> bool:
        """Take a lease that nobody living holds; return whether it is ours.

        On a disk without hard links everything is everybody's.

        Raises:
            Unwritable: If the folder cannot be written.
        """
        path = self.folder / name
        try:
            try:
                taken = self._link(path)
            except FileNotFoundError:  # we were stopped for long, and others cleared us away
                self._write_own()
                taken = self._link(path)
        except OSError as wrong:
            if wrong.errno in _NO_LINKS:
                return True
            raise files.Unwritable(path, wrong) from wrong
        if taken:
            self._held.add(name)
        return taken

    def drop(self, name: str) -> None:
        """Free a lease, unless somebody else has taken it over meanwhile. Raises Unwritable."""
        self._held.discard(name)
        path = self.folder / name
        seen = _look(path)
        if seen and seen.holder == self.myself:
            files.remove(path)

    @contextlib.contextmanager
    def holding(self, name: str) -> Iterator[bool]:
        """Hold a lease for the length of the block; says whether it is ours."""
        taken = self.take(name)
        try:
            yield taken
        finally:
            if taken:
                self.drop(name)

    def others(self) -> list[Holder]:
        """Return the processes that are at work in this folder, but for this one."""
        return [holder for name, holder in self.living() if name.startswith(PROCESS)]

    def living(self) -> list[tuple[str, Holder]]:
        """Return what others hold, with the holder, by name."""
        found = []
        for path in self._files():
            seen = _look(path)
            if seen is None or seen.holder is None or seen.holder == self.myself:
                continue
            if not self._is_gone(path, seen):
                found.append((path.name, seen.holder))
        return found

    def _files(self) -> list[Path]:
        if not self.folder.is_dir():
            return []
        return sorted(p for p in self.folder.iterdir() if not p.name.startswith(files.TEMPORARY))

    def _write_own(self) -> None:
        files.write_whole(self._own, self.myself.model_dump_json())

    def _renew(self) -> None:
        while not self._ended.wait(self.renewed):
            with contextlib.suppress(OSError):  # at worst others do this work, too
                files.renew(self._own)

    def _link(self, path: Path) -> bool:
        if self._is_linked(path):
            return True
        seen = _look(path)
        if seen is None:
            return self._is_linked(path)
        if seen.holder == self.myself:  # a shared disk may do what it is asked twice
            return True
        return self._is_gone(path, seen) and self._clear(path, seen) and self._is_linked(path)

    def _is_linked(self, path: Path) -> bool:
        try:
            files.link(self._own, path)
        except FileExistsError:
            return False
        return True

    def _is_gone(self, path: Path, seen: _Seen) -> bool:
        if seen.holder is not None and seen.holder.is_dead:
            return True
        before, since = self._watched.get(path.name, (None, 0.0))
        if before != seen:
            self._watched[path.name] = seen, self.clock()
            return False
        return self.clock() - since > self.silent

    def _clear(self, path: Path, seen: _Seen) -> bool:
        """Remove a lease as it was seen; return whether it, and not a newer one, is gone.

        Between the look and the removal another may have done the same, and hold it now: what was
        taken away is looked at, and given back.
        """
        taken = files.take_away(path)
        if taken is None:
            return True
        is_same = _look(taken) == seen
        if not is_same:
            with contextlib.suppress(FileExistsError):
                files.link(taken, path)
        files.remove(taken)
        return is_same

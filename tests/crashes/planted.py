"""Faults that someone would really write, each of which the miniature has to catch."""

import contextlib
import shutil
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO
from unittest import mock

from sampler_bench.bench.run import leases
from sampler_bench.bench.run.leases import Holder, Leases
from sampler_bench.kit import files
from sampler_bench.results import Store, shard

Fault = Callable[[], contextlib.AbstractContextManager[object]]


def _files(**changed: object) -> contextlib.AbstractContextManager[object]:
    return mock.patch.multiple(files, **changed)


def _no_fsync(finished: Path, path: Path) -> None:
    files.system.rename(finished, path)
    files.sync_folder(path.parent)


def _renamed_before(finished: Path, path: Path) -> None:
    files.system.rename(finished, path)
    files.system.fsync(path)
    files.sync_folder(path.parent)


def _folder_not_synced(finished: Path, path: Path) -> None:
    files.system.fsync(finished)
    files.system.rename(finished, path)


def _folder_synced_before(finished: Path, path: Path) -> None:
    files.system.fsync(finished)
    files.sync_folder(path.parent)
    files.system.rename(finished, path)


def _old_removed_first(finished: Path, path: Path) -> None:
    files.system.fsync(finished)
    if path.exists():
        files.system.unlink(path)
    files.system.rename(finished, path)
    files.sync_folder(path.parent)


def _copied(finished: Path, path: Path) -> None:
    files.system.fsync(finished)
    if not path.exists():
        files.system.create(path)
    with files.system.open(path, "r+b") as file, finished.open("rb") as source:
        shutil.copyfileobj(source, file)
    files.system.fsync(path)
    files.sync_folder(path.parent)
    files.system.unlink(finished)


def _errors_swallowed(finished: Path, path: Path) -> None:
    with contextlib.suppress(OSError):
        files.system.fsync(finished)
    files.system.rename(finished, path)
    files.sync_folder(path.parent)


def _errors_of_folders_swallowed(folder: Path) -> None:
    with contextlib.suppress(OSError):
        files.system.fsync(folder)


def _made_and_not_synced(path: Path) -> None:
    missing = [folder for folder in (path, *path.parents) if not folder.exists()]
    for folder in reversed(missing):
        files.system.mkdir(folder)


def _last_made_synced_alone(path: Path) -> None:
    _made_and_not_synced(path)
    files.sync_folder(path)


@contextlib.contextmanager
def _in_place(path: Path) -> Iterator[IO[bytes]]:
    files.make_folder(path.parent)
    if not path.exists():
        files.system.create(path)
    with files.system.open(path, "r+b") as file:
        yield file
    files.system.fsync(path)
    files.sync_folder(path.parent)


@contextlib.contextmanager
def _synced_before_it_is_flushed(path: Path) -> Iterator[IO[bytes]]:
    put = _files(put=_renamed_only)
    with put, files.whole_by_name(path) as temporary, files.system.open(temporary, "r+b") as file:
        yield file
        files.system.fsync(temporary)


def _renamed_only(finished: Path, path: Path) -> None:
    files.system.rename(finished, path)
    files.sync_folder(path.parent)


def _written_by(way: Callable[[Path], contextlib.AbstractContextManager[IO[bytes]]]) -> Fault:
    @contextlib.contextmanager
    def planted() -> Iterator[None]:
        with _files(whole=way), mock.patch.object(shard, "whole", way):
            yield

    return planted


def _dropped_before(kept: int) -> Fault:
    """Shards go when so many records of their job are written."""
    write = Store.write_record

    def write_record(store: Store, record: object) -> Path:
        key = record.cell.work_key  # type: ignore[attr-defined]
        if kept == 0:
            store.drop_shards(key)
        path = write(store, record)  # type: ignore[arg-type]
        if kept == 1:
            store.drop_shards(key)
        return path

    return lambda: mock.patch.object(Store, "write_record", write_record)


@contextlib.contextmanager
def _digest_not_checked() -> Iterator[None]:
    def read(path: Path) -> shard.Shard:
        named = shard.parse_name(path)
        assert named is not None
        return shard.Shard(named[0], *shard.read_arrays(path))

    no_crc = mock.patch.object(zipfile.ZipExtFile, "_update_crc", lambda *_: None)
    with mock.patch.object(shard, "read", read), no_crc:
        yield


def _unreadable_is_damaged() -> contextlib.AbstractContextManager[object]:
    def read(path: Path) -> bytes:
        try:
            with files.system.open(path, "rb") as file:
                return file.read()
        except FileNotFoundError:
            raise
        except OSError:
            return b""

    return mock.patch.object(shard, "read_file", read)


def _swept_by_its_beginning() -> contextlib.AbstractContextManager[object]:
    return _files(is_temporary=lambda path: path.name.startswith(files.TEMPORARY))


def _record_believed_by_its_name() -> contextlib.AbstractContextManager[object]:
    return mock.patch.object(Store, "drop", _removed_at_once)


def _removed_at_once(store: Store, shards: Iterator[Path]) -> None:
    for path in shards:
        files.remove(path)


def _by_number(lease: Holder) -> bool:
    return not leases._exists(lease.pid)


def _by_number_and_start(lease: Holder) -> bool:
    return leases._started(lease.pid) != lease.start


def _dead(way: Callable[[Holder], bool]) -> Fault:
    return lambda: mock.patch.object(Holder, "is_dead", property(way))


def _looked_for_and_made(held: Leases, path: Path) -> bool:
    if files.system.names(path.parent).count(path.name):
        return False
    files.write_whole(path, held.myself.model_dump_json())
    return True


def _made_and_written(held: Leases, path: Path) -> bool:
    try:
        files.system.create(path)
    except FileExistsError:
        return False
    with files.system.open(path, "r+b") as file:
        file.write(held.myself.model_dump_json().encode())
    return True


def _cleared_unseen(held: Leases, path: Path, seen: object) -> bool:
    files.remove(path)
    return True


def _dropped_unseen(held: Leases, name: str) -> None:
    held._held.discard(name)
    files.remove(held.folder / name)


def _leases(**changed: object) -> Fault:
    return lambda: mock.patch.multiple(Leases, **changed)


@dataclass(frozen=True)
class Planted:
    """A fault, the part of the driver that catches it, and the miniature."""

    fault: Fault
    part: str = "states"
    grid: str = "three-2"


FAULTS = {
    "no fsync of a file": Planted(lambda: _files(put=_no_fsync)),
    "renamed before fsync": Planted(lambda: _files(put=_renamed_before), "recovery"),
    "fsync before the buffer is flushed": Planted(_written_by(_synced_before_it_is_flushed)),
    "no folder sync after a rename": Planted(lambda: _files(put=_folder_not_synced)),
    "the folder synced before the rename": Planted(lambda: _files(put=_folder_synced_before)),
    "a made folder not synced into its parent": Planted(
        lambda: _files(make_folder=_made_and_not_synced)
    ),
    "a made folder synced, but not its parent": Planted(
        lambda: _files(make_folder=_last_made_synced_alone)
    ),
    "written in place": Planted(_written_by(_in_place), "changed"),
    "copied instead of renamed": Planted(lambda: _files(put=_copied), "changed"),
    "the old file removed before the new one is there": Planted(
        lambda: _files(put=_old_removed_first), "recovery"
    ),
    "errors of fsync swallowed": Planted(lambda: _files(put=_errors_swallowed), "failing"),
    "errors of a folder's sync swallowed": Planted(
        lambda: _files(sync_folder=_errors_of_folders_swallowed), "failing"
    ),
    "a disk that cannot be read taken for a damaged file": Planted(
        _unreadable_is_damaged, "failing"
    ),
    "digest not checked on reading": Planted(_digest_not_checked, "flips"),
    "shards dropped before the record is written": Planted(_dropped_before(0)),
    "shards dropped after the first of two records": Planted(_dropped_before(1), grid="shared-2"),
    "shards dropped beside a record nobody has synced": Planted(
        _record_believed_by_its_name, "kills"
    ),
    "a lease by process id alone": Planted(_dead(_by_number)),
    "a lease by process id and start, whatever the system": Planted(_dead(_by_number_and_start)),
    "a lease made, and then written": Planted(_leases(_is_linked=_made_and_written)),
    "a lease looked for, and then made": Planted(
        _leases(_is_linked=_looked_for_and_made), "leases"
    ),
    "a dead one's lease cleared without another look": Planted(
        _leases(_clear=_cleared_unseen), "leases"
    ),
    "a lease dropped whosever it is": Planted(_leases(drop=_dropped_unseen), "leases"),
    "a user's file swept": Planted(_swept_by_its_beginning, "own_files"),
}
"""By name."""

"""Whole or not at all, and on disk in the right order."""

import errno
import os
import stat
from pathlib import Path

import pytest

from sampler_bench.kit import files


@pytest.fixture
def happened(monkeypatch):
    """What is put on disk (inodes) and renamed, as it happens."""
    seen, sync, replace = [], os.fsync, Path.replace

    def fsync(number):
        seen.append(os.fstat(number).st_ino)
        sync(number)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(Path, "replace", lambda a, b: seen.append("renamed") or replace(a, b))
    return seen


def inode(path):
    return path.stat().st_ino


def by_name(path, data):
    with files.whole_by_name(path) as unfinished:
        unfinished.unlink()  # as a library that puts a file of its own in the place
        unfinished.write_bytes(data)


def as_put(path, data):
    unfinished = path.with_name("unfinished")
    unfinished.write_bytes(data)
    files.put(unfinished, path)


@pytest.mark.parametrize("write", [files.write_whole, by_name, as_put])
def test_a_file_is_on_disk_before_it_has_its_name_and_its_folder_after(tmp_path, happened, write):
    path = tmp_path / "a"
    write(path, b"data")
    assert happened == [inode(path), "renamed", inode(tmp_path)]
    assert path.read_bytes() == b"data" and list(tmp_path.iterdir()) == [path]


def test_a_folder_is_on_disk_with_all_that_is_in_it(tmp_path, happened):
    (tmp_path / "new/inner").mkdir(parents=True)
    for name in ("x", "inner/y"):
        (tmp_path / "new" / name).write_text(name)
    files.put(tmp_path / "new", tmp_path / "a")
    inside = [tmp_path / "a" / name for name in ("x", "inner/y", "inner", "")]
    assert set(happened[:4]) == {inode(path) for path in inside}
    assert happened.index(inode(inside[1])) < happened.index(inode(inside[2]))
    assert happened[3:] == [inode(tmp_path / "a"), "renamed", inode(tmp_path)]


def test_folders_that_are_made_are_on_disk_in_those_above(tmp_path, happened):
    path = tmp_path / "a/b/c"
    files.write_whole(path, "text")
    above = [inode(tmp_path), inode(tmp_path / "a")]
    assert happened == [*above, inode(path), "renamed", inode(path.parent)]
    happened.clear()
    files.make_folder(path.parent)
    assert happened == []


def test_lines_are_added_on_disk(tmp_path, happened):
    path = tmp_path / "log"
    for line in ("ä\n", "b\n"):
        files.append(path, line)
    assert path.read_text("utf-8") == "ä\nb\n"
    assert happened == [inode(path), inode(tmp_path), inode(path)]


@pytest.mark.parametrize("number", [errno.EIO, errno.ENOSPC])
def test_a_folder_that_cannot_be_synced_is_an_error(tmp_path, monkeypatch, number):
    def fsync(handle):
        if stat.S_ISDIR(os.fstat(handle).st_mode):
            raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(files.Unwritable) as caught:
        files.write_whole(tmp_path / "a", b"")
    assert caught.value.full == (number == errno.ENOSPC)


def test_a_folder_that_this_file_system_never_syncs_is_not(tmp_path, monkeypatch):
    def fsync(handle):
        if stat.S_ISDIR(os.fstat(handle).st_mode):
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))

    monkeypatch.setattr(os, "fsync", fsync)
    files.write_whole(tmp_path / "a/b", b"data")
    assert (tmp_path / "a/b").read_bytes() == b"data"


def test_removing_is_one_line_too(tmp_path):
    files.remove(tmp_path / "nothing")
    (tmp_path / "folder").mkdir()
    with pytest.raises(files.Unwritable, match=r"cannot remove \S+/folder: Is a directory; "):
        files.remove(tmp_path / "folder")


def test_what_lies_in_a_folder(tmp_path):
    for name in ("b.json", "a.json", ".c.json", "a.txt"):
        (tmp_path / name).write_text("")
    assert files.listed(tmp_path, "*.json") == sorted(tmp_path.glob("*.json"))
    assert files.listed(tmp_path / "nothing") == files.listed(tmp_path / "a.txt") == []


def test_a_second_name_is_given_once(tmp_path):
    (tmp_path / "a").write_text("text")
    files.link(tmp_path / "a", tmp_path / "b")
    assert (tmp_path / "b").samefile(tmp_path / "a")
    with pytest.raises(FileExistsError):
        files.link(tmp_path / "a", tmp_path / "b")
    os.utime(tmp_path / "a", (0, 0))
    files.renew(tmp_path / "b")
    assert (tmp_path / "a").stat().st_mtime > 0


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError, OSError])
@pytest.mark.parametrize("way", [files.whole, files.whole_by_name])
def test_the_old_file_stays_where_writing_ends_early(tmp_path, error, way):
    path = tmp_path / "a"
    path.write_bytes(b"old")
    with pytest.raises(files.Unwritable if error is OSError else error), way(path) as file:
        (file.open("wb") if way is files.whole_by_name else file).write(b"half")
        raise error
    assert path.read_bytes() == b"old" and list(tmp_path.iterdir()) == [path]


def test_what_cannot_be_written_is_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    path = tmp_path / "file/a"
    with pytest.raises(files.Unwritable) as caught:
        files.write_whole(path, b"")
    assert str(caught.value) == f"cannot write {path}: File exists; choose a writable directory"
    assert caught.value.reason == "File exists"


def test_everybody_may_read_what_a_careful_library_wrote(tmp_path):
    before = os.umask(0o022)
    try:
        with files.whole_by_name(tmp_path / "a") as unfinished:
            unfinished.chmod(0o600)
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o644

"""Bounds are looked at before anything is opened, and before memory is taken."""

import os

import pytest

from sampler_bench.kit import bounds, own_files
from sampler_bench.kit.file_parameters import file


def pipe(folder):
    os.mkfifo(folder / "pipe")
    return folder / "pipe"


@pytest.mark.parametrize("made", [pipe, lambda _: "/dev/zero", lambda folder: folder])
@pytest.mark.parametrize(
    "read",
    [
        lambda path: bounds.content(path, 10),
        bounds.size_of,
        own_files.digest_of,
        lambda path: bounds.text_in(path, 10),
        lambda path: own_files.text_of(path, ""),
        lambda path: file(path, path.parent, "weights"),
        lambda path: own_files.load(f"{path}.py:step", "solver"),
    ],
)
def test_what_is_no_file_is_not_read(tmp_path, made, read):
    where = type(tmp_path)(made(tmp_path))
    if not str(where).startswith("/dev"):
        (where.parent / f"{where.name}.py").symlink_to(where)
    with pytest.raises((OSError, ValueError)) as error:
        read(where)
    assert "\n" not in str(error.value)


def test_a_file_is_read_up_to_its_bound(tmp_path):
    path = tmp_path / "x"
    for size in (0, 1, 9, 10):
        path.write_bytes(b"a" * size)
        assert bounds.content(path, 10) == b"a" * size
    path.write_bytes(b"a" * 11)
    with pytest.raises(OSError, match="longer than 10 bytes"):
        bounds.content(path, 10)


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 bytes"), (999, "999 bytes"), (1500, "1.5 kB"), (2**32, "4.29 GB"), (10**12, "1 TB")],
)
def test_sizes_in_words(size, text):
    assert bounds.told(size) == text


def test_more_memory_than_there_is_is_refused():
    bounds.require_room(1, "it")
    with pytest.raises(ValueError, match=r"^it would take 1e\+03 PB of memory, and .* are free$"):
        bounds.require_room(10**18, "it")

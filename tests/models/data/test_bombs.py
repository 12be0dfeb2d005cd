"""Small files that promise much: refused by what they promise, before memory is taken for it."""

import gzip
import io
import os
import struct
import tracemalloc
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sampler_bench.bench.features.extractors import build_extractor
from sampler_bench.bench.features.reference_files import load as load_statistics
from sampler_bench.bench.features.reference_files import make
from sampler_bench.models.data.images import read_images
from sampler_bench.models.data.loading import load
from sampler_bench.models.data.npz import read_npz

MOST = 16 * 2**20
"""Bytes that a refusal may take; each of the files below would take more."""
ZEROS = bytes(2**20)


def chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png(width: int, height: int) -> bytes:
    """A PNG that says it has so many pixels."""
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    body = chunk(b"IDAT", zlib.compress(bytes(1000)))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + body + chunk(b"IEND", b"")


def npz(shape: tuple[int, ...], there: int, dtype: str = "|u1", name: str = "images.npy") -> bytes:
    head = io.BytesIO()
    described = {"descr": dtype, "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(head, described)
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, head.getvalue() + bytes(there))
    return content.getvalue()


def packed(name: str, megabytes: int, start: bytes = b"") -> bytes:
    content = io.BytesIO()
    with (
        zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open(name, "w") as file,
    ):
        file.write(start)
        for _ in range(megabytes):
            file.write(ZEROS)
    return content.getvalue()


def idx(*shape: int) -> bytes:
    return bytes([0, 0, 8, len(shape)]) + struct.pack(f">{len(shape)}I", *shape)


RIFF = b"RIFF\xff\xff\xff\x0fWEBPVP8 "
BOMBS = {
    "zeros, packed": ("a.idx.gz", lambda: gzip.compress(50 * ZEROS, 1), "not an IDX file"),
    "more than said": ("a.gz", lambda: gzip.compress(idx(2, 8, 8) + 50 * ZEROS, 1), "more than"),
    "a header alone": ("a.idx", lambda: idx(2**31, 2**31, 2**31), "truncated"),
    "a packed header": ("a.gz", lambda: gzip.compress(idx(2**20, 2**10, 2**10)), "truncated"),
    "255 axes": ("a.idx", lambda: idx(*[1] * 255), "not an IDX file"),
    "an image of zeros": ("a.zip", lambda: packed("x.png", 50), "x.png: cannot be read as"),
    "a long webp": ("a.zip", lambda: packed("x.webp", 300, RIFF), "longer than 268 MB"),
    "pixels": ("a.png", lambda: png(60_000, 60_000), "cannot be read as an image: "),
    "pixels in a row": ("a.png", lambda: png(2**31 - 1, 1), "cannot be read as an image: "),
    "many pixels": ("a.png", lambda: png(9_000, 9_000), "at most 67,108,864 are allowed"),
    "npz, 10¹²": ("a.npz", lambda: npz((10**6, 1000, 1000), 100), "promises 1,000,000,000,000"),
    "npz, negative": ("a.npz", lambda: npz((-(10**6), 1000, 1000), 100), "promises"),
    "npz, too long": ("a.npz", lambda: npz((2, 8, 8), 50 * 2**20), "promises 128"),
    "npz, text": ("a.npz", lambda: npz((3,), 100, "<U100000000"), "promises"),
}


@pytest.mark.parametrize("case", BOMBS)
def test_bombs_of_images(tmp_path, case):
    name, made, words = BOMBS[case]
    path = tmp_path / name
    if name.endswith(".png"):
        path = tmp_path / "images" / name
        path.parent.mkdir()
    path.write_bytes(made())
    source = path.parent if name.endswith(".png") else path
    tracemalloc.start()
    try:
        with pytest.raises(ValueError) as error:
            list(read_images(source))
        assert tracemalloc.get_traced_memory()[1] < MOST
    finally:
        tracemalloc.stop()
    text = str(error.value)
    assert words in text and name in text and "\n" not in text and len(text) < 500


def test_an_array_that_nobody_asks_for_is_not_read(tmp_path):
    images = np.zeros((2, 8, 8), np.uint8)
    np.savez(tmp_path / "a.npz", images=images)
    with zipfile.ZipFile(tmp_path / "a.npz", "a") as archive:
        archive.writestr("other.npy", b"this is no array")
    assert list(read_npz(tmp_path / "a.npz")) == ["images", "other"]
    assert len(load(str(tmp_path / "a.npz"))) == 2


@pytest.mark.parametrize("name", ["a.idx", "a.npz", "a.zip", "a.gz", "a.pt"])
@pytest.mark.parametrize("kind", ["pipe", "zeros"])
def test_pipes_and_devices_are_not_read(tmp_path, name, kind):
    path = tmp_path / name
    os.mkfifo(path) if kind == "pipe" else path.symlink_to("/dev/zero")
    for read in (lambda: load(str(path)), lambda: load_statistics(path)):
        with pytest.raises(ValueError, match=r"cannot be read.*: a pipe or device, and no file"):
            read()


def test_a_covariance_that_no_machine_holds_is_refused_before_features(tmp_path):
    Image.new("L", (600, 600)).save(tmp_path / "0.png")
    with pytest.raises(ValueError, match=r"'pixels' are 360,000 .* at most 65,536 are allowed"):
        make(Path(tmp_path), build_extractor("pixels"), tmp_path / "s.npz")

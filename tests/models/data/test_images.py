"""Readers of image sets: order, layouts, and one clear line for whatever is wrong."""

import gzip
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from sampler_bench.models.data import images as module
from sampler_bench.models.data.images import read_images


def pictures(n: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (n, *shape), dtype=np.uint8)


def idx(array: np.ndarray, kind: int = 8) -> bytes:
    sizes = struct.pack(f">{array.ndim}I", *array.shape)
    return bytes([0, 0, kind, array.ndim]) + sizes + array.tobytes()


def read(source: Path) -> np.ndarray:
    return torch.cat(list(read_images(source))).numpy()


def message(source: Path) -> str:
    with pytest.raises(ValueError) as error:
        read(source)
    text = str(error.value)
    assert "\n" not in text and source.name in text
    return text


def fill(folder: Path, array: np.ndarray) -> Path:
    folder.mkdir()
    for index, image in enumerate(array):
        Image.fromarray(image).save(folder / f"{index:03}.png")
    return folder


def pack(folder: Path, path: Path) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(folder.rglob("*"), reverse=True):
            archive.write(file, file.relative_to(folder))
    return path


@pytest.mark.parametrize("shape", [(6, 5), (6, 5, 3)])
def test_folder_and_zip_in_the_order_of_names(tmp_path, shape, monkeypatch):
    monkeypatch.setattr(module, "BATCH", 3)
    array = pictures(7, *shape)
    expected = array[:, None] if array.ndim == 3 else array.transpose(0, 3, 1, 2)
    folder = fill(tmp_path / "pictures", array)
    (folder / "sub").mkdir()
    (folder / "006.png").rename(folder / "sub/000.png")
    (folder / "dataset.json").write_text("{}")
    np.testing.assert_array_equal(read(folder), expected)
    np.testing.assert_array_equal(read(pack(folder, tmp_path / "pictures.zip")), expected)
    assert [len(batch) for batch in read_images(folder)] == [3, 3, 1]


@pytest.mark.parametrize(
    ("layout", "key"),
    [
        ((5, 6, 7), "images"),
        ((5, 6, 7, 3), "arr_0"),
        ((5, 3, 6, 7), "images"),
        ((5, 6, 7, 1), "images"),
    ],
)
def test_npz_layouts(tmp_path, layout, key):
    array = pictures(*layout)
    np.savez(tmp_path / "a.npz", **{key: array, "labels": np.zeros(5)})
    found = read(tmp_path / "a.npz")
    if array.ndim == 3:
        array = array[:, None]
    elif layout[1] != 3:
        array = array.transpose(0, 3, 1, 2)
    np.testing.assert_array_equal(found, array)


@pytest.mark.parametrize("name", ["train-images-idx3-ubyte", "train-images-idx3-ubyte.gz"])
def test_idx(tmp_path, name):
    array = pictures(5, 6, 7)
    content = idx(array)
    (tmp_path / name).write_bytes(gzip.compress(content) if name.endswith("gz") else content)
    np.testing.assert_array_equal(read(tmp_path / name), array[:, None])


def test_nothing_there(tmp_path):
    assert "no such file or folder" in message(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    assert "holds no images (looked for .bmp" in message(tmp_path / "empty")
    (tmp_path / "empty/readme.txt").write_text("no picture")
    assert "holds no images" in message(tmp_path / "empty")
    zipfile.ZipFile(tmp_path / "empty.zip", "w").close()
    assert "holds no images" in message(tmp_path / "empty.zip")


def test_images_of_mixed_sizes_or_channels(tmp_path):
    folder = fill(tmp_path / "mixed", pictures(3, 6, 5))
    Image.fromarray(pictures(1, 5, 6)[0]).save(folder / "001.png")
    text = message(folder)
    assert "mixed/001.png" in text and "(1, 5, 6)" in text and "000.png has (1, 6, 5)" in text
    Image.fromarray(pictures(1, 6, 5, 3)[0]).save(folder / "001.png")
    assert "(3, 6, 5)" in message(folder)


def test_images_that_are_none_or_of_another_mode(tmp_path):
    folder = fill(tmp_path / "pictures", pictures(3, 6, 5))
    whole = (folder / "001.png").read_bytes()
    for content in (b"", b"no picture", whole[:40], whole[:60]):
        (folder / "001.png").write_bytes(content)
        assert "pictures/001.png: cannot be read as an image" in message(folder)
        assert "pictures.zip/001.png" in message(pack(folder, tmp_path / "pictures.zip"))
    Image.fromarray(pictures(1, 6, 5, 4)[0]).save(folder / "001.png")
    assert "mode RGBA, expected L (8-bit grey) or RGB" in message(folder)


def test_truncated_zip(tmp_path):
    whole = pack(fill(tmp_path / "pictures", pictures(9, 6, 5)), tmp_path / "a.zip")
    whole.write_bytes(whole.read_bytes()[:-100])
    assert "cannot be read as a zip of images" in message(whole)


def test_corrupted_zip_member(tmp_path):
    whole = pack(fill(tmp_path / "pictures", pictures(1, 60, 50)), tmp_path / "a.zip")
    content = bytearray(whole.read_bytes())
    content[500] ^= 0xFF
    whole.write_bytes(bytes(content))
    assert "000.png" in message(whole)


def test_npz_of_other_things(tmp_path):
    path = tmp_path / "a.npz"
    np.savez(path, mu=np.zeros(3))
    assert "it holds mu, expected images or arr_0" in message(path)
    np.savez(path, images=np.zeros((2, 6, 5)))
    assert "'images' is float64, expected uint8" in message(path)
    np.savez(path, images=pictures(2, 6))
    assert "shape (2, 6)" in message(path)
    np.savez(path, images=pictures(0, 6, 5))
    assert "shape (0, 1, 6, 5)" in message(path)
    np.savez(path, images=np.array([{}], dtype=object))
    assert "cannot be read as an .npz" in message(path)
    np.savez(path, images=pictures(20, 6, 5))
    path.write_bytes(path.read_bytes()[:300])
    assert "cannot be read as an .npz" in message(path)
    path.write_text("nothing")
    assert "cannot be read as an .npz" in message(path)


def test_idx_of_other_things(tmp_path):
    path = tmp_path / "a-ubyte"
    content = idx(pictures(5, 6, 7))
    for bad, words in [
        (b"", "not an IDX file"),
        (b"hello world", "header 68656c6c"),
        (idx(pictures(5, 6, 7), kind=13), "not an IDX file of unsigned bytes"),
        (content[:10], "end inside the header"),
        (content[:-1], "209 bytes of data, expected 210 for shape (5, 6, 7)"),
        (content + b"0", "more than 210 bytes of data"),
        (gzip.compress(content)[:-20], "cannot be read as an IDX file"),
        (gzip.compress(content)[:12] + b"nonsense", "cannot be read as an IDX file"),
        (idx(pictures(5, 6)), "shape (5, 6)"),
    ]:
        path.write_bytes(bad)
        assert words in message(path)

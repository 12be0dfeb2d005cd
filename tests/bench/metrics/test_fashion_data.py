"""The shipped images: 200 of each class, the first ones of the original file, unaltered."""

from pathlib import Path

import numpy as np
import pytest

from sampler_bench.models.data.idx import read_idx
from tools import fashion_images

FOLDER = Path(__file__).parents[3] / "models/zoo/fashion"
SHIPPED = FOLDER / "fashion-2000.npz"
ORIGINAL = Path("/usr/share/datasets/fashion-mnist")


def test_two_thousand_balanced_images_with_provenance_and_licence():
    with np.load(FOLDER / "fashion-2000.npz") as data:
        assert data["images"].shape == (2000, 28, 28) and data["images"].dtype == np.uint8
        assert np.bincount(data["labels"]).tolist() == [200] * 10
        assert (np.diff(data["indices"].astype(int)) > 0).all()
    text = (FOLDER / "README.md").read_text()
    assert "Zalando" in text and "Permission is hereby granted" in text and "1708.07747" in text


@pytest.mark.skipif(not ORIGINAL.exists(), reason="the original Fashion-MNIST is not installed")
def test_they_are_the_original_images():
    with np.load(FOLDER / "fashion-2000.npz") as data:
        images = read_idx(ORIGINAL / "train-images-idx3-ubyte.gz")
        np.testing.assert_array_equal(data["images"], images[data["indices"]])
        labels = read_idx(ORIGINAL / "train-labels-idx1-ubyte.gz")
        np.testing.assert_array_equal(data["labels"], labels[data["indices"]])
        for label in range(10):
            first = np.flatnonzero(labels == label)[:200]
            np.testing.assert_array_equal(data["indices"][data["labels"] == label], first)


@pytest.mark.skipif(not ORIGINAL.exists(), reason="the original Fashion-MNIST is not installed")
def test_the_script_makes_the_same_arrays(tmp_path, monkeypatch):
    """Not the same bytes: releases of Python differ in the zip headers they write."""
    monkeypatch.setattr(fashion_images, "OUT", tmp_path / "made.npz")
    monkeypatch.setattr("sys.argv", ["fashion_images", str(ORIGINAL)])
    fashion_images.main()
    with np.load(tmp_path / "made.npz") as made, np.load(SHIPPED) as shipped:
        assert set(made) == set(shipped)
        for name in shipped:
            assert made[name].dtype == shipped[name].dtype
            np.testing.assert_array_equal(made[name], shipped[name])

"""Writes fashion-2000.npz: the first 200 Fashion-MNIST training images of each class.

    python -m tools.fashion_images /usr/share/datasets/fashion-mnist

The argument is the folder of the original files (Debian package dataset-fashion-mnist). The images
stay in the order of the original file; the same files give the same arrays again.
"""

import gzip
import sys
from pathlib import Path

import numpy as np

from sampler_bench.kit.files import whole
from tools import ROOT

OUT = ROOT / "models" / "zoo" / "fashion" / "fashion-2000.npz"
PER_CLASS = 200
CLASSES = 10


def main() -> None:
    """Selects the images and writes the file where it ships."""
    folder = Path(sys.argv[1])
    # IDX headers: 16 bytes before images, 8 before labels.
    images = np.frombuffer(
        gzip.decompress((folder / "train-images-idx3-ubyte.gz").read_bytes()), np.uint8, offset=16
    ).reshape(-1, 28, 28)
    labels = np.frombuffer(
        gzip.decompress((folder / "train-labels-idx1-ubyte.gz").read_bytes()), np.uint8, offset=8
    )
    chosen = np.sort(
        np.concatenate([np.flatnonzero(labels == label)[:PER_CLASS] for label in range(CLASSES)])
    )
    kept = {"images": images[chosen], "labels": labels[chosen]}
    with whole(OUT) as file:
        np.savez_compressed(file, **kept, indices=chosen.astype(np.uint16))


if __name__ == "__main__":
    main()

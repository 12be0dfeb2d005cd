"""Makes the statistics that ship, from Fashion-MNIST's 60,000 training images.

python -m tools.fashion_statistics …/fashion-mnist/train-images-idx3-ubyte.gz
"""

import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from sampler_bench.bench.features.extractors import build_extractor
from sampler_bench.bench.features.reference_files import make
from sampler_bench.models.data.loading import load
from tools import ROOT

HERE = ROOT / "bench" / "statistics"
SIZES: dict[str, dict[str, Any]] = {
    "fashion-mnist-28x28": {},
    "fashion-mnist-16x16": {"pad": 32, "resize": 16},  # as in the configurations table2-…
}


def main(source: str) -> None:
    """Write every file of statistics."""
    extractor = build_extractor("fashion")
    for name, sizing in SIZES.items():
        images = load(source, **sizing).images.numpy()
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / f"{name}.npz"
            np.savez(path, images=images)
            made = make(path, extractor, HERE / f"{name}.npz")
        print(f"{name}: {made.n} images, {made.dim} features, sha256 {made.digest}")


if __name__ == "__main__":
    main(sys.argv[1])

"""Makes the statistics that ship, and their floors, from Fashion-MNIST's 60,000 training images.

    python -m tools.fashion_statistics …/fashion-mnist/train-images-idx3-ubyte.gz

Statistics that are there stay as they are, byte for byte: their digest is in keys. They are seen to
be those of the images, and their floor alone is made.
"""

import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from sampler_bench.bench.features import floor, reference_files
from sampler_bench.bench.features.extractors import Extractor, build_extractor
from sampler_bench.bench.features.moments import Moments
from sampler_bench.models.data.loading import load
from tools import ROOT

HERE = ROOT / "bench" / "features" / "statistics"
SIZES: dict[str, dict[str, Any]] = {
    "fashion-mnist-28x28": {},
    "fashion-mnist-16x16": {"pad": 32, "resize": 16},  # as in the configurations table2-…
}
RTOL = 1e-5
"""What another machine's float arithmetic may change of a statistic, of its largest entry."""


def main(source: str) -> None:
    """Write every file of statistics that is not there, and every floor."""
    extractor = build_extractor("fashion")
    for name, sizing in SIZES.items():
        path = HERE / f"{name}.npz"
        features = extractor(load(source, **sizing).images).numpy()
        if not path.is_file():
            make_statistics(source, sizing, extractor, path)
        made = reference_files.load(path)
        moments = Moments.from_features(features)
        for here, there in ((moments.mean, made.mu), (moments.cov, made.sigma)):
            if np.abs(here - there).max() > RTOL * np.abs(there).max():
                raise SystemExit(f"{path}: not the statistics of {source}")
        floor.make(features, made, (extractor.name, extractor.digest), path)
        print(f"{name}: {made.n} images, {made.dim} features, sha256 {made.digest}")
        print(floor.told(path))


def make_statistics(source: str, sizing: dict[str, Any], extractor: Extractor, path: Path) -> None:
    """Write a file of statistics."""
    with tempfile.TemporaryDirectory() as folder:
        images = Path(folder) / path.name
        np.savez(images, images=load(source, **sizing).images.numpy())
        reference_files.make(images, extractor, path, floored=False)


if __name__ == "__main__":
    main(sys.argv[1])

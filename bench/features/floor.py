"""The floor: distances of sets of independent draws of the true data, and the file they are in.

A file of statistics has no images to draw from, so what makes it (``bench reference``) measures the
floor at some numbers of samples and keeps the distances beside it, in ``NAME.floor.json``. It is a
file of its own: the digest of the statistics, which is in keys of cells, does not change by it.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor

from sampler_bench.bench.features.frechet import Reference
from sampler_bench.bench.features.moments import Moments
from sampler_bench.kit import files
from sampler_bench.kit.files import write_whole
from sampler_bench.results.schema import Number, Told, fitting

Array = NDArray[np.float64]

SETS = 20
"""Sets of a floor: as many as a job has shards, each of which measures one."""
SAMPLES = (50, 100, 150, 160, 200, 300, 500, 1000, 2000, 5000, 10_000, 20_000, 50_000)
"""The numbers of samples that a file has the floor at, up to the number of its images."""


class Stream:
    """One stream of random numbers for all draws of a set (:class:`models.card.Draws`).

    Args:
        seed: Of the stream.
        n: Draws in the set.
    """

    def __init__(self, seed: int, n: int) -> None:
        self.n = n
        self._generator = torch.Generator().manual_seed(seed)

    def labels(self, classes: int) -> Tensor:
        """Return whole numbers below ``classes``, int64 [n]."""
        return torch.randint(classes, (self.n,), generator=self._generator)

    def __call__(self, x: Tensor) -> Tensor:
        """Return standard normal float64 numbers shaped like ``x``."""
        return torch.randn(x.shape, dtype=torch.float64, generator=self._generator)


def first_seed(index: int, samples: int) -> int:
    """Return the seed of one of the sets: the first of the shard that measures it."""
    return index * samples // SETS


def drawn(features: Array, seed: int, samples: int) -> Array:
    """Return features of images drawn with replacement, each as likely as any other: [n, d]."""
    return features[Stream(seed, samples).labels(len(features)).numpy()]


def distance(features: Array, reference: Reference) -> float:
    """Return the Fréchet distance of features [n, d] from a reference.

    The same as :func:`frechet.frechet` of their moments but for rounding, and many times as fast:
    tr √(RSR) = Σ √λᵢ with R² = Σ_ref, of the smaller of two matrices with those eigenvalues.
    """
    moments = Moments.from_features(features)
    shift = moments.mean - reference.mu
    centred = (features - moments.mean) @ reference.root
    few = len(centred) < reference.dim
    product = centred @ centred.T if few else centred.T @ centred
    roots = np.sqrt(np.clip(np.linalg.eigvalsh(product / (moments.n - 1)), 0, None))
    spread = np.trace(moments.cov) + np.trace(reference.sigma)
    return float(shift @ shift + spread - 2 * roots.sum())


class FloorFile(Told):
    """The floor that is kept beside a file of statistics.

    Attributes:
        reference: The SHA-256 of that file.
        extractor, extractor_digest: The features it is of.
        images: How many images were drawn from.
        distances: By number of samples, those of SETS sets.
    """

    reference: str
    extractor: str
    extractor_digest: str
    images: Annotated[int, Field(ge=2)]
    distances: dict[str, list[Number]]


@dataclass(frozen=True)
class Known:
    """What is known of a reference's floor at a number of samples: distances, or why there is none.

    Attributes:
        distances: Of each set; ``None`` if there are none.
        reason: Why, in one line.
    """

    distances: list[float] | None
    reason: str = ""


def path_of(statistics: Path) -> Path:
    """Return where the floor of a file of statistics is."""
    return statistics.with_name(f"{statistics.stem}.floor.json")


def make(features: Array, reference: Reference, extractor: tuple[str, str], path: Path) -> None:
    """Measure the floor of a file of statistics, and write it beside: whole or not at all.

    Of fewer images than the lowest number of samples there is none.

    Args:
        features: Of all images that the statistics are of, [n, d].
        reference: The statistics, with their file's digest.
        extractor: The name and digest of what the features are of.
        path: The file of statistics.
    """
    found = {
        str(n): [distance(drawn(features, first_seed(i, n), n), reference) for i in range(SETS)]
        for n in SAMPLES
        if n <= len(features)
    }
    if not found:
        return
    made = FloorFile(
        reference=reference.digest,
        extractor=extractor[0],
        extractor_digest=extractor[1],
        images=len(features),
        distances=found,
    )
    text = json.dumps(made.model_dump(mode="json"), indent=1) + "\n"
    write_whole(path_of(path), text.encode())


def read(statistics: Path) -> FloorFile | None:
    """Return the floor beside some statistics, if there is one.

    Raises:
        ValueError: If it cannot be read, or lacks a set; one line.
    """
    path = path_of(statistics)
    if not path.is_file():
        return None
    try:
        data = json.loads(files.read(path))
    except (ValueError, RecursionError) as wrong:
        raise ValueError(f"{path}: not readable ({' '.join(str(wrong).split())})") from None
    found = fitting(data, FloorFile, str(path))
    for samples, distances in found.distances.items():
        if len(distances) != SETS:
            raise ValueError(
                f"{path}: {len(distances)} distances at {samples} samples, expected {SETS}"
            )
    return found


def known(statistics: Path, digest: str, samples: int) -> Known:
    """Return what the file beside some statistics knows of their floor.

    Args:
        statistics: Their file.
        digest: Its SHA-256.
        samples: In each set.

    Raises:
        ValueError: If there is one and it cannot be read; one line.
    """
    name, found = path_of(statistics).name, read(statistics)
    if found is None:
        return Known(None, f"there is no {name} beside the reference (bench reference makes one)")
    if found.reference != digest:
        return Known(None, f"{name} is of other statistics than {statistics.name}")
    distances = found.distances.get(str(samples))
    if distances is None:
        return Known(None, f"{name} has it at {', '.join(found.distances)} samples alone")
    return Known(distances)


def told(statistics: Path) -> str:
    """Say in one line what floor is kept beside some statistics."""
    path, found = path_of(statistics), read(statistics)
    if found is None:
        return f"no {path.name}: the floor of a perfect sampler is not kept"
    return f"{path}: the floor of a perfect sampler at {', '.join(found.distances)} samples"

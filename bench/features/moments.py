"""Counts, sums and outer products of feature vectors: all that a Fréchet distance needs of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sampler_bench.kit.bounds import require_room

Array = NDArray[np.float64]

MOST_DIM = 2**16
"""Features of an image; a covariance of so many takes 34 GB."""


def check_dim(dim: int, what: str) -> None:
    """Raise ValueError, one line, where no covariance of ``what`` could be held in memory."""
    if dim > MOST_DIM:
        raise ValueError(
            f"{what} are {dim:,} numbers an image, and a Fréchet distance needs their covariance: "
            f"at most {MOST_DIM:,} are allowed"
        )
    require_room(8 * dim**2, f"the covariance of {dim:,} {what}")


@dataclass(frozen=True, eq=False)
class Moments:
    """n, Σf [d] and Σffᵀ [d, d] of n feature vectors, in float64; the sum of two is their union's.

    Raw float64 sums: a variance then has a relative error of about 1e-16 · (1 + mean²/variance),
    harmless for features of order one, and merging is plain addition whatever the number of shards.
    """

    n: int
    sum: Array
    outer: Array

    @classmethod
    def from_features(cls, features: ArrayLike) -> "Moments":
        """Moments of features [n, d] (array or CPU tensor), cast to float64 first.

        Raises ValueError if the features are not a matrix with at least one row, or not finite.
        """
        f = np.asarray(features, dtype=np.float64)
        if f.ndim != 2 or len(f) == 0:
            raise ValueError(f"features have shape {f.shape}, expected [n, d] with n >= 1")
        if f.shape[1] > MOST_DIM:
            check_dim(f.shape[1], "features")
        if not np.isfinite(f).all():
            bad = int((~np.isfinite(f)).any(axis=1).sum())
            raise ValueError(f"{bad} of {len(f)} feature vectors are not finite")
        return cls(len(f), f.sum(axis=0), f.T @ f)

    def __add__(self, other: "Moments") -> "Moments":
        self._check_same_dim(other)
        return Moments(self.n + other.n, self.sum + other.sum, self.outer + other.outer)

    def __sub__(self, other: "Moments") -> "Moments":
        """Moments without a part ``other`` of the same features."""
        self._check_same_dim(other)
        return Moments(self.n - other.n, self.sum - other.sum, self.outer - other.outer)

    def _check_same_dim(self, other: "Moments") -> None:
        if self.dim != other.dim:
            raise ValueError(f"moments of dimensions {self.dim} and {other.dim} cannot be combined")

    @property
    def dim(self) -> int:
        """Length of a feature vector."""
        return len(self.sum)

    @property
    def mean(self) -> Array:
        """Mean, [d]."""
        return self.sum / self.n

    @property
    def scatter(self) -> Array:
        """Sum of outer products of deviations from the mean, [d, d]."""
        return self.outer - self.n * np.outer(self.mean, self.mean)

    @property
    def cov(self) -> Array:
        """Covariance with denominator n - 1, [d, d]. Raises ValueError if n < 2."""
        if self.n < 2:
            raise ValueError(f"a covariance needs at least 2 feature vectors, got {self.n}")
        return self.scatter / (self.n - 1)

    def pack(self) -> dict[str, NDArray[Any]]:
        """Arrays to store: ``n``, ``sum`` [d] and the upper triangle ``outer`` [d (d + 1) / 2]."""
        upper = self.outer[np.triu_indices(self.dim)]
        return {"n": np.array(self.n), "sum": self.sum, "outer": upper}

    @classmethod
    def unpack(cls, arrays: Mapping[str, NDArray[Any]]) -> "Moments":
        """Inverse of `pack`; further arrays are ignored. Raises ValueError if they do not fit."""
        try:
            n, total, upper = int(arrays["n"]), arrays["sum"], arrays["outer"]
        except KeyError as error:
            raise ValueError(f"stored moments lack the array {error}") from error
        d = len(total)
        if upper.shape != (d * (d + 1) // 2,):
            raise ValueError(
                f"stored moments of dimension {d} have products of shape {upper.shape}, "
                f"expected ({d * (d + 1) // 2},)"
            )
        outer = np.zeros((d, d))
        rows, columns = np.triu_indices(d)
        outer[rows, columns] = upper
        outer[columns, rows] = upper
        return cls(n, np.asarray(total, np.float64), outer)

"""The error of a KID, from sums of its kernel over pairs of shards."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sampler_bench.bench.features import second_order

Array = NDArray[np.float64]
Features = NDArray[np.float32]


@dataclass(frozen=True)
class KernelSums:
    """Sums over all subsets, by the shards of g that samples are from.

    Attributes:
        own: Σ k(x, x') over pairs of different samples, [g, g]; of ``pairs`` such pairs.
        cross: Σ of the mean of k(x, y) over real ones, [g]; of ``counts`` samples.
        real: The mean over subsets of k(y, y') over pairs of different real ones.
    """

    own: Array
    pairs: Array
    cross: Array
    counts: Array
    real: float

    def distance(self, kept: Array) -> Array:
        """Return the squared maximum mean discrepancy of some shards.

        Args:
            kept: 1 for each shard that is kept, else 0, [..., g].
        """
        own = np.einsum("...a,ab,...b->...", kept, self.own, kept)
        pairs = np.einsum("...a,ab,...b->...", kept, self.pairs, kept)
        return own / pairs + self.real - 2 * (kept @ self.cross) / (kept @ self.counts)

    def left_out(self, value: float) -> list[float]:
        """Return values around ``value`` whose jackknife is the error; see ``second_order``."""
        g = len(self.counts)
        without = 1 - np.eye(g)
        one = self.distance(without)
        deviations = one - one.mean()
        if g >= second_order.LEAST:
            i, j = np.triu_indices(g, 1)
            two = self.distance(without[i] * without[j])
            deviations *= second_order.scale(float(self.distance(np.ones(g))), one, two)
        return (value + deviations).tolist()


def kernel_sums(
    shards: Sequence[Features], real: Features, subsets: int, size: int, seed: int
) -> KernelSums:
    """Return the sums of the subsets that torch-fidelity draws from this seed.

    Subsets stay what they are when a shard is left out: its samples leave each of them. Drawn anew
    from the rest they would be others, and their noise, 20 times too large, the error.

    Args:
        shards: Features of samples, float32 [n_k, d] each.
        real: Features of real images, float32 [m, d].
        subsets: How many subsets there are.
        size: How many samples, and how many real ones, each has; at least 2.
        seed: Of the draws.
    """
    samples, g = np.concatenate(shards), len(shards)
    owners = np.repeat(np.arange(g), [len(shard) for shard in shards])
    rng = np.random.RandomState(seed)
    own, pairs, cross, counts = np.zeros((g, g)), np.zeros((g, g)), np.zeros(g), np.zeros(g)
    of_real = 0.0
    for _ in range(subsets):
        drawn = np.sort(rng.choice(len(samples), size, replace=False))
        x, y = samples[drawn], real[rng.choice(len(real), size, replace=False)]
        owner = owners[drawn]
        here = np.bincount(owner, minlength=g).astype(np.float64)
        some = np.flatnonzero(here)
        starts = np.searchsorted(owner, some)
        rows = np.add.reduceat(_off_diagonal(_kernel(x, x)), starts, axis=0, dtype=np.float64)
        own[np.ix_(some, some)] += np.add.reduceat(rows, starts, axis=1)
        pairs += np.outer(here, here) - np.diag(here)
        cross += np.bincount(owner, _kernel(x, y).mean(1, dtype=np.float64), minlength=g)
        counts += here
        of_real += float(_off_diagonal(_kernel(y, y)).sum(dtype=np.float64))
    return KernelSums(own, pairs, cross, counts, of_real / (subsets * size * (size - 1)))


def _kernel(x: Features, y: Features) -> Features:
    """Return KID's: (x·y/d + 1)³ (Bińkowski et al. 2018)."""
    found = x @ y.T / np.float32(x.shape[1]) + np.float32(1)
    return found * found * found


def _off_diagonal(kernel: Features) -> Features:
    np.fill_diagonal(kernel, 0)
    return kernel

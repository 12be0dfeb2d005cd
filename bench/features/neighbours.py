"""The errors of precision and recall, from distances that are computed once."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Mask = NDArray[np.bool_]

SPLITS = 30
"""Random halves, and quarters, of shards that recall is also taken of."""
_BLOCK = 2**24
"""Most distances at a time: 64 MB."""


def precision_left_out(value: float, shards: Sequence[Tensor], real: Tensor, k: int) -> list[float]:
    """Return precision around ``value`` with each shard left out: a mean over samples.

    Args:
        value: What all shards give.
        shards: Features of samples, [n_k, d] each.
        real: Features of real images, [m, d].
        k: Which neighbour is a ball's radius.
    """
    radii = torch.cat([rows.kthvalue(k + 1).values for _, rows in _distances(real, real)])
    sizes = np.array([len(shard) for shard in shards])
    samples = torch.cat(list(shards))
    inside = torch.cat([(rows <= radii).any(1) for _, rows in _distances(samples, real)])
    found = np.array([float(part.sum()) for part in inside.split(sizes.tolist())])
    rest = (found.sum() - found) / (sizes.sum() - sizes)
    return (value + rest - found.sum() / sizes.sum()).tolist()


def recall_left_out(value: float, shards: Sequence[Tensor], real: Tensor, k: int) -> list[float]:
    """Return values around ``value`` whose jackknife is the error of recall.

    Recall is of no low order in samples: balls overlap, and each radius is of three others. So a
    jackknife overstates its error, up to twice. But the variance V over seeds of a half and of a
    quarter of the samples is seen in the data, between disjoint halves and quarters of shards. It
    falls like a power of their number, between 0 (real images are few, and each is covered by
    itself) and 1 (they are many): V = V½·(V½/V¼), at least V½/2 and at most V½. The deviations of
    the values without one shard are scaled to that.

    Args:
        value: What all shards give.
        shards: Features of samples, [n_k, d] each.
        real: Features of real images, [m, d].
        k: Which neighbour is a ball's radius.
    """
    g, rng = len(shards), np.random.default_rng(0)
    parts = [len(part) for part in np.array_split(np.arange(g), 4)]
    splits = SPLITS if min(parts) * min(map(len, shards)) > k else 0
    orders = [rng.permutation(g) for _ in range(splits)]
    kept = [~np.eye(g, dtype=bool)[i] for i in range(g)]
    kept += [
        _mask(part, g) for n in (2, 4) for order in orders for part in np.array_split(order, n)
    ]
    found = Coverage.of(shards, real, k, kept).recalls()
    rest, others = found[:g], found[g:]
    deviations = rest - rest.mean()
    if splits:
        halves = others[: 2 * splits].reshape(splits, 2).var(1, ddof=1).mean()
        quarters = others[2 * splits :].reshape(splits, 4).var(1, ddof=1).mean()
        overstated = (g - 1) / g * float(deviations @ deviations)
        if overstated > 0 and halves > 0:
            fall = min(max(halves / quarters, 0.5), 1.0) if quarters > 0 else 1.0
            deviations *= math.sqrt(halves * fall / overstated)
    return (value + deviations).tolist()


@dataclass(frozen=True)
class Coverage:
    """Which real images lie in balls around samples, for some choices of shards.

    A ball's radius is the distance to the k-th nearest of the samples that are kept: the fewer
    those are, the larger it is.

    Attributes:
        kept: The choices, [g] each.
        sure: Whether a real image lies in a ball of a shard's, whatever is left out, [m, g].
        perhaps: Real image, sample and distance where that depends on what is left out, [p] each.
        radii: Of each choice, [n]; negative where a sample is left out.
    """

    kept: Sequence[Mask]
    sure: Tensor
    perhaps: tuple[Tensor, Tensor, Tensor]
    radii: Sequence[Tensor]

    @classmethod
    def of(cls, shards: Sequence[Tensor], real: Tensor, k: int, kept: Sequence[Mask]) -> "Coverage":
        """Return what ``kept`` choices of shards cover; each must have more than k samples."""
        sizes, samples = [len(shard) for shard in shards], torch.cat(list(shards))
        near, whose = _nearest(samples, sizes, k)
        owners = _owners(sizes)
        least = near.kthvalue(k).values
        radii = [_radii(near, whose, owners, torch.from_numpy(one), k) for one in kept]
        most = torch.stack(radii).amax(0)
        sure, perhaps = [], []
        for start, rows in _distances(real, samples):
            inside = rows <= least
            sure.append(torch.stack([part.any(1) for part in inside.split(sizes, 1)], 1))
            row, sample = torch.nonzero((rows <= most) & ~inside, as_tuple=True)
            perhaps.append((row + start, sample, rows[row, sample]))
        first, second, third = (torch.cat(each) for each in zip(*perhaps, strict=True))
        return cls(kept, torch.cat(sure), (first, second, third), radii)

    def recalls(self) -> NDArray[np.float64]:
        """Return the share of real images that each choice covers, [choices]."""
        image, sample, distance = self.perhaps
        found = []
        for kept, radii in zip(self.kept, self.radii, strict=True):
            covered = self.sure[:, torch.from_numpy(kept)].any(1)
            covered[image[distance <= radii[sample]]] = True
            found.append(float(covered.double().mean()))
        return np.array(found)


def _mask(chosen: NDArray[np.int64], g: int) -> Mask:
    mask = np.zeros(g, dtype=bool)
    mask[chosen] = True
    return mask


def _owners(sizes: Sequence[int]) -> Tensor:
    return torch.arange(len(sizes)).repeat_interleave(torch.tensor(sizes))


def _distances(a: Tensor, b: Tensor) -> Iterator[tuple[int, Tensor]]:
    """Yield the distances of some of ``a`` to all of ``b``, and the number of the first of them."""
    start, rows = 0, max(1, _BLOCK // len(b))
    for part in a.split(rows):
        yield start, torch.cdist(part, b)
        start += len(part)


def _nearest(samples: Tensor, sizes: Sequence[int], k: int) -> tuple[Tensor, Tensor]:
    """Return each sample's k nearest others in each shard, [n, c], and whose these are, [c]."""
    found = []
    for start, rows in _distances(samples, samples):
        own = torch.arange(len(rows))
        rows[own, own + start] = math.inf  # itself
        each = rows.split(list(sizes), 1)
        found.append(
            torch.cat([one.topk(min(k, one.shape[1]), largest=False)[0] for one in each], 1)
        )
    return torch.cat(found), _owners([min(k, size) for size in sizes])


def _radii(near: Tensor, whose: Tensor, owners: Tensor, kept: Tensor, k: int) -> Tensor:
    """Return the k-th of the nearest that are kept; −1 for samples that are not."""
    radii = torch.full((len(near),), -1.0, dtype=near.dtype)
    here = kept[owners]
    radii[here] = near[here][:, kept[whose]].kthvalue(k).values
    return radii

"""KID, precision and recall by torch-fidelity's own functions, with errors at every size."""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from sampler_bench.bench.features.fidelity import require
from sampler_bench.bench.features.kernel_sums import kernel_sums
from sampler_bench.bench.features.neighbours import precision_left_out, recall_left_out

# Of a distance of a user's own, which may cost n² distances: beyond this, 20 more are too many.
MOST_FOR_LEAVE_ONE_OUT = 10_000
KID_SUBSETS, KID_SUBSET, KID_SEED = 100, 1000, 2020  # torch-fidelity's
NEIGHBOURS = 3

Result = tuple[float, list[float]]


def kid(shards: Sequence[ArrayLike], reference: ArrayLike) -> Result:
    """Kernel distance (cubic, mean over 100 subsets), and what gives its error.

    ``shards`` are features [n_k, d], ``reference`` features [m, d]. Subsets have 1,000 vectors, or
    as many as there are. The second are values with one shard left out, scaled so that their
    jackknife is the error over seeds (:meth:`KernelSums.left_out`); none for one shard. Raises
    ValueError for features that are no matrices of one width, or fewer than two vectors.
    """
    parts, real = _checked(shards, reference)
    samples = torch.cat(parts)
    size = min(KID_SUBSET, len(samples), len(real))
    if size < 2:
        raise ValueError(f"KID needs at least 2 feature vectors on each side, got {size}")
    metric = require("metric_kid")
    found = metric.kid_features_to_metric(
        samples,
        real,
        kid_subset_size=size,
        kid_subsets=KID_SUBSETS,
        rng_seed=KID_SEED,
        verbose=False,
    )
    value = float(found[metric.KEY_METRIC_KID_MEAN])
    if len(parts) == 1:
        return value, []
    arrays = [part.numpy() for part in parts]
    sums = kernel_sums(arrays, real.numpy(), KID_SUBSETS, size, KID_SEED)
    return value, sums.left_out(value)


def precision(shards: Sequence[ArrayLike], reference: ArrayLike) -> Result:
    """Share of generated vectors in a real one's third-neighbour ball, and its left-out values.

    Arguments and errors as for `kid`; at least four vectors on each side.
    """
    parts, real = _checked(shards, reference)
    value = _shares(torch.cat(parts), real)[0]
    several = len(parts) > 1
    return value, precision_left_out(value, parts, real, NEIGHBOURS) if several else []


def recall(shards: Sequence[ArrayLike], reference: ArrayLike) -> Result:
    """Share of real vectors in a generated one's third-neighbour ball, and what gives its error.

    Arguments and errors as for `kid`; at least four vectors on each side.
    """
    parts, real = _checked(shards, reference)
    samples = torch.cat(parts)
    value = _shares(samples, real)[1]
    fewest = len(samples) - max(map(len, parts))  # when a shard is left out
    several = len(parts) > 1 and fewest > NEIGHBOURS
    return value, recall_left_out(value, parts, real, NEIGHBOURS) if several else []


def _shares(features: Tensor, real: Tensor) -> tuple[float, float]:
    """Precision and recall."""
    metric = require("metric_prc")
    fewest = min(len(features), len(real))
    if fewest <= NEIGHBOURS:
        raise ValueError(
            f"precision and recall need more than {NEIGHBOURS} feature vectors on each side, "
            f"got {fewest}"
        )
    # save_cpu_ram: rows in batches, instead of whole n x n matrices (10 GB each at 50,000).
    found = metric.prc_features_to_metric(
        features, real, prc_neighborhood=NEIGHBOURS, save_cpu_ram=True, verbose=False
    )
    return float(found[metric.KEY_METRIC_PRECISION]), float(found[metric.KEY_METRIC_RECALL])


def left_out(
    distance: Callable[[Tensor, Tensor], float], shards: Sequence[ArrayLike], reference: ArrayLike
) -> Result:
    """Any distance of features [n, d] to others [m, d], and with each shard left out.

    Arguments and errors as for `kid`; `distance` gets float32 tensors. No left-out values for one
    shard, or more than 10,000 vectors.
    """
    parts, real = _checked(shards, reference)
    together = torch.cat(parts)
    value = distance(together, real)
    if len(parts) == 1 or len(together) > MOST_FOR_LEAVE_ONE_OUT:
        return value, []
    rests = (torch.cat(parts[:k] + parts[k + 1 :]) for k in range(len(parts)))
    return value, [distance(rest, real) for rest in rests]


def _checked(shards: Sequence[ArrayLike], reference: ArrayLike) -> tuple[list[Tensor], Tensor]:
    real = _as_features(reference)
    parts = [_as_features(shard) for shard in shards]
    widths = {part.shape[1] for part in [*parts, real]}
    if not parts or len(widths) > 1:
        raise ValueError(
            f"features of {len(parts)} shards and the reference must be of one width, "
            f"got {sorted(widths)}"
        )
    return parts, real


def _as_features(features: ArrayLike) -> Tensor:
    # float32, the precision in which torch-fidelity itself passes features to these functions.
    matrix = torch.from_numpy(np.asarray(features, np.float32))
    if matrix.ndim != 2:
        raise ValueError(f"features have shape {tuple(matrix.shape)}, expected [n, d]")
    return matrix

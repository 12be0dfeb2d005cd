"""KID, precision and recall by torch-fidelity's own functions, and their leave-one-out values."""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from sampler_bench.bench.features.fidelity import require

# A precision costs n² distances and a KID 100 subsets; beyond this, 20 more of each are too many.
MOST_FOR_LEAVE_ONE_OUT = 10_000
KID_SUBSET = 1000
NEIGHBOURS = 3

Result = tuple[float, list[float]]


def kid(shards: Sequence[ArrayLike], reference: ArrayLike) -> Result:
    """Kernel distance (cubic, mean over 100 subsets) and its leave-one-shard-out values.

    ``shards`` are features [n_k, d], ``reference`` features [m, d]. Subsets have 1,000 vectors, or
    as many as there are. No leave-one-out values for one shard or more than 10,000 vectors. Raises
    ValueError for features that are no matrices of one width, or fewer than two vectors.
    """

    def distance(features: Tensor, real: Tensor) -> float:
        metric = require("metric_kid")
        size = min(KID_SUBSET, len(features), len(real))
        if size < 2:
            raise ValueError(f"KID needs at least 2 feature vectors on each side, got {size}")
        values = metric.kid_features_to_metric(
            features, real, kid_subset_size=size, kid_subsets=100, verbose=False
        )
        return float(values[metric.KEY_METRIC_KID_MEAN])

    return left_out(distance, shards, reference)


def precision(shards: Sequence[ArrayLike], reference: ArrayLike) -> Result:
    """Share of generated vectors in a real one's third-neighbour ball; leave-one-out values.

    Arguments and errors as for `kid`; at least four vectors on each side.
    """
    return left_out(_precision_recall(0), shards, reference)


def recall(shards: Sequence[ArrayLike], reference: ArrayLike) -> Result:
    """Share of real vectors in a generated one's third-neighbour ball; leave-one-out values.

    Arguments and errors as for `kid`; at least four vectors on each side.
    """
    return left_out(_precision_recall(1), shards, reference)


def _precision_recall(which: int) -> Callable[[Tensor, Tensor], float]:
    def share(features: Tensor, real: Tensor) -> float:
        metric = require("metric_prc")
        fewest = min(len(features), len(real))
        if fewest <= NEIGHBOURS:
            raise ValueError(
                f"precision and recall need more than {NEIGHBOURS} feature vectors on each side, "
                f"got {fewest}"
            )
        # save_cpu_ram: rows in batches, instead of whole n x n matrices (10 GB each at 50,000).
        values = metric.prc_features_to_metric(
            features, real, prc_neighborhood=NEIGHBOURS, save_cpu_ram=True, verbose=False
        )
        return float(values[(metric.KEY_METRIC_PRECISION, metric.KEY_METRIC_RECALL)[which]])

    return share


def left_out(
    distance: Callable[[Tensor, Tensor], float], shards: Sequence[ArrayLike], reference: ArrayLike
) -> Result:
    """Any distance of features [n, d] to others [m, d], and with each shard left out.

    Arguments and errors as for `kid`; `distance` gets float32 tensors.
    """
    real = _as_features(reference)
    parts = [_as_features(shard) for shard in shards]
    widths = {part.shape[1] for part in [*parts, real]}
    if not parts or len(widths) > 1:
        raise ValueError(
            f"features of {len(parts)} shards and the reference must be of one width, "
            f"got {sorted(widths)}"
        )
    together = torch.cat(parts)
    value = distance(together, real)
    if len(parts) == 1 or len(together) > MOST_FOR_LEAVE_ONE_OUT:
        return value, []
    rests = (torch.cat(parts[:k] + parts[k + 1 :]) for k in range(len(parts)))
    return value, [distance(rest, real) for rest in rests]


def _as_features(features: ArrayLike) -> Tensor:
    # float32, the precision in which torch-fidelity itself passes features to these functions.
    matrix = torch.from_numpy(np.asarray(features, np.float32))
    if matrix.ndim != 2:
        raise ValueError(f"features have shape {tuple(matrix.shape)}, expected [n, d]")
    return matrix

"""The Fréchet distance of infinitely many samples, from the shards of some."""

from collections.abc import Sequence

import numpy as np

from sampler_bench.bench.features import second_order
from sampler_bench.bench.features.frechet import Reference, jackknife, without_pairs
from sampler_bench.bench.features.moments import Moments
from sampler_bench.bench.features.second_order import LEAST


def infinity(shards: Sequence[Moments], reference: Reference) -> tuple[float, list[float]]:
    """Return the distance without its bias of order 1/N, and that with one shard left out each.

    A distance θ of N samples is above that of infinitely many by about c/N (Chong and Forsyth 2020,
    who extrapolate over subsets). Quenouille's (1956) jackknife takes that away: of g shards,
    θ_J = gθ − (g − 1)·mean θ₋ᵢ. What is left is of order 1/N². It may be negative: its mean over
    seeds is the true distance, which is 0 for a perfect sampler.

    Its error is that of pseudo-values, which is the jackknife's of θ, less what that overstates
    (:func:`second_order.scale`). The left-out values are those of the mean of pseudo-values,
    θ_J + θ₋ᵢ − mean θ₋ᵢ, their deviations scaled to this error: a jackknife of them gives it, and
    they pair with others of the same seeds.

    Raises:
        ValueError: If there are fewer than three shards, or fewer than two vectors would remain.
    """
    g = len(shards)
    if g < LEAST:
        raise ValueError(f"a distance of infinitely many samples needs {LEAST} shards, got {g}")
    value, one = jackknife(shards, reference)
    without = np.array(one)
    two = without_pairs(shards, reference)[np.triu_indices(g, 1)]
    limit = g * value - (g - 1) * without.mean()
    deviations = second_order.scale(value, without, two) * (without - without.mean())
    return float(limit), (limit + deviations).tolist()

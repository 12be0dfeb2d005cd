"""The Fréchet distance of infinitely many samples, from the shards of some."""

import math
from collections.abc import Sequence

import numpy as np

from sampler_bench.bench.features.frechet import Reference, jackknife, without_pairs
from sampler_bench.bench.features.moments import Moments

LEAST = 3
"""Shards, so that something is left when two are left out."""


def infinity(shards: Sequence[Moments], reference: Reference) -> tuple[float, list[float]]:
    """Return the distance without its bias of order 1/N, and that with one shard left out each.

    A distance θ of N samples is above that of infinitely many by about c/N (Chong and Forsyth 2020,
    who extrapolate over subsets). Quenouille's (1956) jackknife takes that away: of g shards,
    θ_J = gθ − (g − 1)·mean θ₋ᵢ. What is left is of order 1/N². It may be negative: its mean over
    seeds is the true distance, which is 0 for a perfect sampler.

    Its error is that of pseudo-values, which is the jackknife's of θ, less what that overstates.
    With L the part of the variance that is linear in shards and Q the part of their pairs, the
    jackknife's estimate is of L + 2Q, and the true variance L + Q (Efron and Stein 1981). At a
    perfect sampler L is 0. Q is known from the distances without two shards, g(g − 1)/2 of them, as
    in Hinkley (1978):

        Qᵢⱼ = gθ − (g − 1)(θ₋ᵢ + θ₋ⱼ) + (g − 2)θ₋ᵢ₋ⱼ,    Q = Σ_{i<j} (Qᵢⱼ − mean)²/(g(g − 1)),

    and L is what is left of the jackknife's, or 0. The left-out values are those of the mean of
    pseudo-values, θ_J + θ₋ᵢ − mean θ₋ᵢ, their deviations scaled to this error: a jackknife of them
    gives it, and they pair with others of the same seeds.

    Raises:
        ValueError: If there are fewer than three shards, or fewer than two vectors would remain.
    """
    g = len(shards)
    if g < LEAST:
        raise ValueError(f"a distance of infinitely many samples needs {LEAST} shards, got {g}")
    value, one = jackknife(shards, reference)
    without = np.array(one)
    i, j = np.triu_indices(g, 1)
    two = without_pairs(shards, reference)[i, j]
    deviations = without - without.mean()
    limit = g * value - (g - 1) * without.mean()
    overstated = (g - 1) / g * float(deviations @ deviations)
    each = g * value - (g - 1) * (without[i] + without[j]) + (g - 2) * two
    of_pairs = float(((each - each.mean()) ** 2).sum()) / (g * (g - 1))
    variance = max(overstated - 2 * of_pairs, 0.0) + of_pairs
    scale = math.sqrt(variance / overstated) if overstated > 0 else 1.0
    return float(limit), (limit + scale * deviations).tolist()

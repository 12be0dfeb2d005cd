"""What a jackknife overstates of a statistic that is of second order in shards."""

import math

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

LEAST = 3
"""Shards, so that something is left when two are left out."""


def scale(value: float, one: Array, two: Array) -> float:
    """Return what deviations of left-out values are multiplied by, to give the true error.

    With L the part of the variance that is linear in shards and Q the part of their pairs, the
    jackknife's estimate is of L + 2Q, and the true variance L + Q (Efron and Stein 1981). Where
    samples are as good as real ones L is small. Q is known from the values without two shards, as
    in Hinkley (1978):

        Qᵢⱼ = gθ − (g − 1)(θ₋ᵢ + θ₋ⱼ) + (g − 2)θ₋ᵢ₋ⱼ,    Q = Σ_{i<j} (Qᵢⱼ − mean)²/(g(g − 1)),

    and L is what is left of the jackknife's, or 0: so the error never falls below that of pairs.

    Args:
        value: θ, of all shards.
        one: θ₋ᵢ, without one of them, [g].
        two: θ₋ᵢ₋ⱼ of each pair i < j, in the order of ``np.triu_indices(g, 1)``.
    """
    g = len(one)
    i, j = np.triu_indices(g, 1)
    deviations = one - one.mean()
    overstated = (g - 1) / g * float(deviations @ deviations)
    each = g * value - (g - 1) * (one[i] + one[j]) + (g - 2) * two
    of_pairs = float(((each - each.mean()) ** 2).sum()) / (g * (g - 1))
    variance = max(overstated - 2 * of_pairs, 0.0) + of_pairs
    return math.sqrt(variance / overstated) if overstated > 0 else 1.0

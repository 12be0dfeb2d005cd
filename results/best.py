"""Which of several numbers may be the best of them, as far as their noise lets one say."""

import math
from collections.abc import Sequence

from scipy.stats import t

from sampler_bench.results.estimate import FLOAT_NOISE, Estimate

LEVEL = 0.05
"""Probability at most that one of the truly best is called worse than the best."""


def may_be_best(values: Sequence[Estimate], sign: int = 1, level: float = LEVEL) -> list[bool]:
    """Which of the values cannot be told from the best of them.

    With probability 1 − `level` at least, all that are truly best are among these, however many
    tie. What has to be shown of a value, to leave it out, is that some other is better: not that
    the one that looks best is, for that one was chosen by the same noise (Holm's steps against it
    alone leave out a truly best one too often). So each value has the smallest of its p-values
    against all others, times their number (Bonferroni), and Holm's steps (1979) go over the values.
    The law of a difference is Student's, paired where seeds are shared; no independence is assumed.

    sign  1 where lower values are better, −1 where higher ones are

    A value whose error is unknown is never left out.
    """
    p = [_worse_than_some(i, values, sign) for i in range(len(values))]
    may = [True] * len(values)
    for left, i in zip(range(len(p), 0, -1), sorted(range(len(p)), key=p.__getitem__), strict=True):
        if p[i] * left > level:
            break
        may[i] = False
    return may


def one_sided(difference: Estimate) -> float:
    """The p-value of "not above zero", by Student's law; 1 where the error is unknown."""
    if math.isnan(difference.se):
        return 1.0
    if difference.se == 0:
        return 0.0 if difference.value > 0 else 1.0
    return float(t.sf(difference.value / difference.se, difference.freedom))


def two_sided(difference: Estimate) -> float:
    """The p-value of "none", by Student's law; 1 where the error is unknown."""
    return min(1.0, 2 * min(one_sided(difference), one_sided(difference * -1.0)))


def are_paired(one: Estimate, other: Estimate) -> bool:
    """Whether both were measured on the same seeds, so that what they share cancels."""
    return one.left_out.keys() == other.left_out.keys()


def gap(one: Estimate, other: Estimate) -> Estimate:
    """one − other; exactly 0 where they are one number but for another machine's rounding."""
    found = one - other
    scale = max(abs(other.value), 0.0 if math.isnan(other.se) else other.se)
    same = are_paired(one, other) and abs(found.value) <= FLOAT_NOISE * scale
    return Estimate(0.0) if same else found


def _worse_than_some(i: int, values: Sequence[Estimate], sign: int) -> float:
    """The p-value of "no other is better than this one"."""
    mine, others = values[i], [*values[:i], *values[i + 1 :]]
    better = [other for other in others if sign * (mine.value - other.value) > 0]
    least = min((one_sided(gap(mine, other) * sign) for other in better), default=1.0)
    return min(1.0, least * len(others))

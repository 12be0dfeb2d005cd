"""What several differences show together."""

import math
from collections.abc import Sequence
from statistics import NormalDist
from typing import Literal

from scipy.stats import t as student

from sampler_bench.results.estimate import EQUAL, LEVEL, Estimate

SHARDS = 20
"""A record's error is a jackknife over so many shards."""


def lowest(
    differences: Sequence[Estimate], margin: float = EQUAL, chosen: int = 1
) -> tuple[int, Literal["lower", "not lower", "unclear"]]:
    """Where the surest decrease among at least one difference is, and whether there is any.

    Choosing the best of many finds one by chance: the level rises with their number (Bonferroni).
    "not lower" if a decrease by more than `margin` can be ruled out for each. `chosen` says of how
    many the common other side was chosen for being low, which makes that seem likelier than it is.
    """
    level = among(len(differences))
    ends = [d.value + level * d.se for d in differences]
    best = min(range(len(ends)), key=lambda i: (math.isnan(ends[i]), ends[i]))
    if ends[best] < 0 and differences[best].word(margin) != "equal":
        return best, "lower"
    if all(d.value - among(chosen) * d.se >= -margin for d in differences):
        return best, "not lower"
    return best, "unclear"


def among(count: int) -> float:
    """Standard errors at which the best of `count` counts as much as one does at LEVEL.

    They are estimated from SHARDS shards, so that many comparisons need Student's t.
    """
    alone = 1 - NormalDist().cdf(LEVEL)
    return float(student.ppf(1 - alone / max(count, 1), SHARDS - 1))

"""A number with its jackknife: differences on the same seeds lose the noise that both share."""

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import NormalDist
from typing import Literal

import numpy as np
from scipy.stats import t as student

LEVEL = 2.0
"""Standard errors at which a difference counts."""
SHARDS = 20
"""A record's error is a jackknife over so many shards."""
EQUAL = 0.03
"""Relative difference that is none: the paper's own rule for its dots."""

Word = Literal["lower", "higher", "equal", "unclear"]


@dataclass(frozen=True)
class Estimate:
    """A measured number, or a linear combination of some.

    value
    parts  for each range of seeds, how it deviates when one shard is left out, [shards]; NaN where
           that is unknown. Numbers of one range of seeds are paired, of several they are added.
    """

    value: float
    parts: Mapping[Hashable, np.ndarray] = field(default_factory=dict)

    @property
    def se(self) -> float:
        """Jackknife standard error (Efron & Stein 1981); NaN where it is unknown."""
        squares = [(len(d) - 1) / len(d) * float(d @ d) for d in self.parts.values()]
        return math.sqrt(math.fsum(squares))

    def __add__(self, other: "Estimate") -> "Estimate":
        parts = dict(self.parts)
        for seeds, deviations in other.parts.items():
            parts[seeds] = parts[seeds] + deviations if seeds in parts else deviations
        return Estimate(self.value + other.value, parts)

    def __mul__(self, factor: float) -> "Estimate":
        return Estimate(self.value * factor, {k: d * factor for k, d in self.parts.items()})

    def __sub__(self, other: "Estimate") -> "Estimate":
        return self + other * -1.0

    def log(self) -> "Estimate":
        """Its logarithm, of a positive number, to first order in the deviations."""
        return Estimate(math.log(self.value), {k: d / self.value for k, d in self.parts.items()})


def measured(value: float, loo: Sequence[float], se: float, seeds: Hashable) -> Estimate:
    """The estimate of one record.

    loo    the value with one shard left out, [shards]; may be empty
    se     its standard error, used where `loo` is empty
    seeds  identifies the range of seeds and its shards
    """
    if len(loo) >= 2:
        left_out = np.asarray(loo, dtype=float)
        return Estimate(value, {(seeds, len(loo)): left_out - left_out.mean()})
    return Estimate(value, {object(): np.array([se, -se])})  # paired with nothing


def mean(estimates: Sequence[Estimate]) -> Estimate:
    """The mean of at least one estimate."""
    total = estimates[0]
    for one in estimates[1:]:
        total = total + one
    return total * (1 / len(estimates))


def relative(one: Estimate, other: Estimate) -> Estimate:
    """(one − other)/other, the scale taken as exact; NaN if it is zero."""
    scale = 1 / abs(other.value) if other.value else math.nan
    return (one - other) * scale


def word(difference: Estimate, margin: float = EQUAL, level: float = LEVEL) -> Word:
    """What a difference shows.

    "equal" if it lies within ± `margin` by `level` standard errors, else "lower" or "higher" if it
    is beyond `level` standard errors, else "unclear"; so is one whose error is unknown.
    """
    reach = level * difference.se
    if abs(difference.value) + reach <= margin:
        return "equal"
    if difference.value < -reach:
        return "lower"
    return "higher" if difference.value > reach else "unclear"


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
    if ends[best] < 0 and word(differences[best], margin) != "equal":
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

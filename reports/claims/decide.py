"""When a difference with an error holds, fails, or decides nothing: tests, not words."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.special import ndtri, stdtrit

from sampler_bench.results.estimate import Estimate

LEVEL = 0.025
"""One-sided level of every test: both ends of a 95 % interval."""
POWER = 0.84
"""Standard normal quantile of 80 %: how often a number of samples shall decide."""
DRAWS = 5000
MOST_SHARDS = 500
"""With more of them numbers share hardly any: Bonferroni's will do."""


@dataclass(frozen=True)
class Relation:
    """Where a number must lie for a comparison to hold, and where it fails.

    It holds strictly between `low` and `high`. It fails below `fails_below` or above `fails_above`;
    these lie a margin away, so that neither noise nor a difference inside the margin is a failure.
    """

    words: str
    low: float = -math.inf
    high: float = math.inf
    fails_below: float = -math.inf
    fails_above: float = math.inf

    def holds(self, value: float, reach: float) -> bool:
        """Whether all within `reach` of a value holds."""
        return self.low < value - reach and value + reach < self.high

    def fails(self, value: float, reach: float) -> bool:
        """Whether all within `reach` of a value fails."""
        return value - reach > self.fails_above or value + reach < self.fails_below

    def room(self, value: float) -> float:
        """How far a value lies within the region it is in: error bars must be shorter."""
        inside = min(value - self.low, self.high - value)
        return max(inside, value - self.fails_above, self.fails_below - value)


def lower(margin: float) -> Relation:
    """Below 0; fails where a decrease by the margin is ruled out."""
    return Relation("lower", high=0.0, fails_above=-margin)


def higher(margin: float) -> Relation:
    """Above 0; fails where an increase by the margin is ruled out."""
    return Relation("higher", low=0.0, fails_below=margin)


def equal(margin: float) -> Relation:
    """Within ± the margin."""
    return Relation("equal", -margin, margin, -margin, margin)


def no_worse(margin: float) -> Relation:
    """Below the margin."""
    return Relation("no worse", high=margin, fails_above=margin)


def at_least(least: float) -> Relation:
    """Above a number."""
    return Relation("at least", low=least, fails_below=least)


def estimate_of(value: float, se: float, freedom: int = 60) -> Estimate:
    """A number whose error nobody else's shares, known with so many degrees of freedom."""
    size = freedom + 1
    step = se * math.sqrt(size / (2 * freedom))
    return Estimate(value, {object(): np.array([step, -step, *[0.0] * (size - 2)])})


def alone(estimate: Estimate, level: float = LEVEL) -> float:
    """Standard errors of one test (Student's t)."""
    freedom = estimate.freedom
    return float(ndtri(1 - level) if math.isinf(freedom) else stdtrit(freedom, 1 - level))


def largest(estimates: Sequence[Estimate], level: float = LEVEL) -> float:
    """Standard errors that the largest of several errors exceeds at a level (max-t).

    A parametric bootstrap of the studentised maximum with the jackknife's covariance, so that what
    goes together is paid for once; always the same draws. Between one test's and Bonferroni's.
    """
    least = max(alone(one, level) for one in estimates)
    if len(estimates) == 1:
        return least
    most = max(alone(one, level / len(estimates)) for one in estimates)
    parts = _deviations(estimates)
    if level * DRAWS < 50 or parts.shape[1] > MOST_SHARDS:
        return most
    norms = np.linalg.norm(parts, axis=1, keepdims=True)
    freedom = min(one.freedom for one in estimates)
    unit = parts / np.where(norms > 0, norms, 1)
    maxima = (unit @ _noise(parts.shape[1])).max(axis=0) / _scale(int(min(freedom, 1e6)))
    return min(max(float(np.quantile(maxima, 1 - level)), least), most)


def _deviations(estimates: Sequence[Estimate]) -> np.ndarray:
    """Rows whose products are the estimates' jackknife covariances."""
    places = list(dict.fromkeys(place for one in estimates for place in one.left_out))
    columns = []
    for place in places:
        size = next(len(one.left_out[place]) for one in estimates if place in one.left_out)
        own = [np.asarray(one.left_out.get(place, np.zeros(size)), float) for one in estimates]
        centred = np.array([x - x.mean() for x in own])
        columns.append(centred * math.sqrt((size - 1) / size))
    return np.hstack(columns) if columns else np.zeros((len(estimates), 1))


@lru_cache(maxsize=16)
def _noise(size: int) -> np.ndarray:
    return np.random.default_rng(2206_00364).standard_normal((size, DRAWS))


@lru_cache(maxsize=64)
def _scale(freedom: int) -> np.ndarray:
    """A deviation's error, with so many degrees of freedom; 1 where they are very many."""
    if freedom > MOST_SHARDS:
        return np.ones(DRAWS)
    return np.sqrt(np.random.default_rng(freedom).chisquare(freedom, DRAWS) / freedom)

"""Records that hold a profile over σ."""

import math
from dataclasses import dataclass

import numpy as np

from sampler_bench.reports.claims.panel import Point, number_of


@dataclass(frozen=True)
class Profile:
    """A mean over samples at each noise level, σ ascending, [levels].

    error  standard error of the mean
    ratio  standard deviation over samples, relative to the mean
    """

    sigma: np.ndarray
    mean: np.ndarray
    error: np.ndarray
    ratio: np.ndarray
    samples: float

    def within(self, low: float, high: float) -> "Profile":
        """The levels from `low` to `high`, both included."""
        at = (self.sigma >= low * 0.999) & (self.sigma <= high * 1.001)
        kept = (self.sigma[at], self.mean[at], self.error[at], self.ratio[at])
        return Profile(*kept, self.samples)


def profile(point: Point) -> Profile | None:
    """The profile of a point; None unless it has at least three levels, finite and positive."""
    columns = [point.profile.get(name, np.array([])) for name in ("sigma", "mean", "std")]
    samples = number_of(point.row.get("samples"))
    if len({len(column) for column in columns}) != 1 or not samples >= 2:
        return None
    sigma, mean, std = (column[np.argsort(columns[0], kind="stable")] for column in columns)
    fit = np.isfinite(sigma) & np.isfinite(mean) & np.isfinite(std) & (mean > 0) & (sigma > 0)
    if fit.sum() < 3:
        return None
    sigma, mean, std = sigma[fit], mean[fit], std[fit]
    return Profile(sigma, mean, std / math.sqrt(samples), std / mean, samples)

"""What has no floor: profiles over σ, slopes, errors and shares in exact models."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from sampler_bench.reports.claims.claim import Asked, Quantity, Theta, UndecidedError
from sampler_bench.reports.claims.decide import estimate_of
from sampler_bench.reports.claims.panel import Point, number_of
from sampler_bench.reports.claims.profiles import Profile, profile
from sampler_bench.reports.claims.quantities import pairs
from sampler_bench.results.estimate import Estimate, mean

_FIXED = ("discretization", "rho", "schedule", "scaling", "sigma_min", "sigma_max")
FINEST = 4
"""So many of a curve's finest points are fitted."""
ABOVE_FLOOR = 10.0
"""Errors below ten times the reference's own are not fitted."""
READ = (0.5, 50.0)
"""σ over which the paper reads Figure 13 as flat."""
BAND = 1 / 3
"""A narrow band is a third of the range of ln σ (ours)."""
REACH = (0.01, 20.0)
"""σ that a profile must reach on either side, to tell the ends from the middle."""
P_MEAN, P_STD = -1.2, 1.2
"""ln σ is normal in training (EDM, Table 1), unless the record says otherwise."""


def order(expected: float) -> Quantity:
    """The slope of log error over log steps, less the order that is expected."""

    def thetas(asked: Asked) -> list[Theta]:
        found = []
        for end in ("sigma-min", "zero"):  # a last step to 0 has an error of its own
            points = [p for p in asked.points(asked.comparison.one) if p.has(end=end)]
            for line in _lines(points):
                slope = _fitted(line) * -1.0
                told = f"order {slope.value:.3f}, steps {line[0].steps:g} to {line[-1].steps:g}"
                if end == "zero":
                    raise UndecidedError("a last step to σ = 0 has an error that no step lowers")
                found.append(Theta(slope - Estimate(expected), told))
            if found:
                break
        return found

    return thetas


def span(asked: Asked) -> list[Theta]:
    """Log of the largest over the smallest mean local error, over σ ≥ 0.5."""
    found = []
    for one in _profiles(asked):
        own = one.within(*READ)
        if len(own.sigma) < 3:
            continue
        low, high = int(np.argmin(own.mean)), int(np.argmax(own.mean))
        errors = own.error[[low, high]] / own.mean[[low, high]]
        value = math.log(own.mean[high] / own.mean[low])
        told = f"σ = {own.sigma[low]:.2g} to {own.sigma[high]:.2g}"
        found.append(_theta(value, float(np.hypot(*errors)), told))
    return found


def deviation(asked: Asked) -> list[Theta]:
    """Standard deviation over samples, relative to the mean, at each σ on the figure's axis."""
    return [
        _theta(float(r), float(r) * math.sqrt((0.5 + r**2) / own.samples), f"σ = {s:.2g}")
        for one in _profiles(asked)
        for own in [one.within(0.02, 50.0)]
        for s, r in zip(own.sigma, own.ratio, strict=True)
    ]


def curvature(asked: Asked) -> list[Theta]:
    """Log ratio of mean curvatures."""
    ones, others = asked.points(asked.comparison.one), asked.points(asked.comparison.other)
    found = [(one, other) for one in ones[:1] for other in others[:1]]
    return [
        Theta(one.value.log() - other.value.log())
        for one, other in found
        if one.value.value > 0 and other.value.value > 0
    ]


def ratio(asked: Asked) -> list[Theta]:
    """Log ratio of two errors, at settings that are equal."""
    return [
        Theta(one.value.log() - other.value.log(), f"{one.steps:g} steps")
        for one, other in pairs(asked)
        if one.value.value > 0 and other.value.value > 0
    ]


def kept(asked: Asked) -> list[Theta]:
    """A number over another that it may lose its sign against; less 1 where equality is asked."""
    same = 1.0 if asked.comparison.other.words == "a skewed start" else 0.0
    return [
        Theta(
            (one.value - other.value * same) * (1 / other.value.value),
            f"skew {number_of(one.row.get('skew')):g}, {one.steps:g} steps",
        )
        for one, other in pairs(asked)
        if other.value.value > 3 * other.value.se
    ]


def band(asked: Asked) -> list[Theta]:
    """The share of the curvature in the best third of ln σ, which must touch neither end."""
    found = []
    for one in _profiles(asked)[:1]:
        x = np.log(one.sigma)
        weights = np.gradient(x)
        total = float(weights @ one.mean)
        width = BAND * float(x[-1] - x[0])
        inside = [(x >= start) & (x <= start + width * 1.001) for start in x]
        shares = [float((weights * at) @ one.mean) / total for at in inside]
        best = int(np.argmax(shares))
        low, high = one.sigma[inside[best]][[0, -1]]
        if inside[best][0] or inside[best][-1]:
            raise UndecidedError(
                f"its best third, σ from {low:.2g} to {high:.2g}, touches the end of what was"
                " measured: a wider range would decide"
            )
        error = float(np.abs(weights * (inside[best] - shares[best])) @ one.error) / total
        told = f"σ from {low:.2g} to {high:.2g}"
        found.append(_theta(shares[best], error, told))
    return found


def off_one(asked: Asked) -> list[Theta]:
    """The mean loss at each σ, less 1."""
    return [
        _theta(float(m - 1), float(e), f"σ = {s:.2g}")
        for one in _profiles(asked)
        for s, m, e in zip(one.sigma, one.mean, one.error, strict=True)
    ]


def left_at_ends(asked: Asked) -> list[Theta]:
    """The share of the largest fall of the loss that is left at either end of σ."""
    sigma, drop, error = _drop(asked)
    if not len(sigma):
        return []
    at = int(np.argmax(drop))
    if not drop[at] > 0:
        return [Theta(Estimate(1.0), "training does not lower the loss")]
    return [
        _theta(
            float(drop[i] / drop[at]),
            float(np.hypot(error[i], error[at] * drop[i] / drop[at]) / drop[at]),
            f"σ = {sigma[i]:.2g} against {sigma[at]:.2g}",
        )
        for i in (0, -1)
    ]


def from_the_middle(asked: Asked) -> list[Theta]:
    """How far from p_train's mean training lowers the loss most, in its standard deviations.

    Which σ that is, is known up to those whose fall is not surely smaller.
    """
    sigma, drop, error = _drop(asked)
    if not len(sigma):
        return []
    at = int(np.argmax(drop))
    row = asked.points(asked.comparison.one)[0].row
    middle, width = _told(row, "P_mean", P_MEAN), _told(row, "P_std", P_STD)
    away = np.abs(np.log(sigma) - middle) / width
    maybe = drop + 2 * np.hypot(error, error[at]) >= drop[at]
    se = float(np.max(np.abs(away[maybe] - away[at]))) / 2
    return [_theta(float(away[at]), se, f"most at σ = {sigma[at]:.2g}")]


def _drop(asked: Asked) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """σ, the fall of the loss by training there, and its error."""
    none = np.array([])
    before = [profile(p) for p in asked.points(asked.comparison.other)[:1]]
    after = [profile(p) for p in asked.points(asked.comparison.one)[:1]]
    if not before or not after or before[0] is None or after[0] is None:
        return none, none, none
    old, new = before[0], after[0]
    if len(old.sigma) != len(new.sigma) or not np.allclose(old.sigma, new.sigma):
        return none, none, none
    if old.sigma[0] > REACH[0] or old.sigma[-1] < REACH[1]:
        raise UndecidedError(f"σ from {REACH[0]:g} to {REACH[1]:g} is needed")
    return old.sigma, old.mean - new.mean, np.hypot(old.error, new.error)


def _profiles(asked: Asked) -> list[Profile]:
    found = [profile(point) for point in asked.points(asked.comparison.one)]
    return [one for one in found if one is not None]


def _theta(value: float, se: float, told: str) -> Theta:
    """A number with an error that no other shares."""
    return Theta(estimate_of(value, se), told)


def _told(row: Mapping[str, Any], name: str, otherwise: float) -> float:
    found = number_of(row.get(name))
    return otherwise if math.isnan(found) else found


def _lines(points: Sequence[Point]) -> list[list[Point]]:
    """The finest points of each curve: equal schedule, scaling and discretization."""
    lines: dict[str, dict[float, Point]] = {}
    for point in points:
        if point.steps > 0 and point.value.value > _own_error(point):
            key = repr([point.row.get(k) for k in _FIXED])
            lines.setdefault(key, {})[point.steps] = point
    kept = [[line[n] for n in sorted(line)][-FINEST:] for _, line in sorted(lines.items())]
    return [line for line in kept if len(line) >= 3]


def _own_error(point: Point) -> float:
    """Below it the reference's own error is seen."""
    try:
        own = float(point.row.get("prov_reference_error") or 0)
    except (TypeError, ValueError):
        own = 0.0
    return 0.0 if math.isnan(own) else ABOVE_FLOOR * own


def _fitted(line: Sequence[Point]) -> Estimate:
    """The slope by least squares; its error is the fit's (points off the line) and the samples'."""
    x = np.log([point.steps for point in line])
    square = float(np.sum((x - x.mean()) ** 2))
    logs = [point.value.log() for point in line]
    weights = (x - x.mean()) / square
    slope = mean([log * float(w) for log, w in zip(logs, weights, strict=True)]) * float(len(x))
    y = np.array([log.value for log in logs])
    left = y - y.mean() - slope.value * (x - x.mean())
    of_fit = math.sqrt(float(left @ left) / (len(x) - 2) / square)
    known = [log for log in logs if not math.isnan(log.se)]
    fit = estimate_of(0.0, of_fit, len(x) - 2)
    return (slope if len(known) == len(logs) else Estimate(slope.value)) + fit

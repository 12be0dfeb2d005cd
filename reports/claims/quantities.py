"""What is compared: levels, ends of curves, NFE to reach them, settings, gains, the lowest.

Values are excesses over the floor, and differences are of their logs, so that no gain passes 100 %.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product

import numpy as np

from sampler_bench.reports.claims.claim import Asked, Selector, Theta, UndecidedError
from sampler_bench.reports.claims.decide import alone
from sampler_bench.reports.claims.panel import Point, curve, number_of, plain
from sampler_bench.results.estimate import Estimate, mean

NEAR = math.log(1.03)
"""The paper's dot: the lowest NFE within 3 % of the best (Table 3, note)."""
SURELY_ABOVE = 3.0
"""Standard errors above the floor from which an excess has a logarithm."""
EQUAL_NFE = 1.15
"""Heun's NFE is odd: it is compared with another's next NFE, at most 15 % higher."""
FACTOR = 4.0
"""A curve's fall over the last factor of 4 in NFE tells what it has still to fall."""


def excess(asked: Asked, value: Estimate) -> Estimate:
    """A value less the floor."""
    panel = asked.panel
    if panel.printed or "floor" in asked.lifted:
        return value
    if panel.floor is None:
        raise UndecidedError(f"no floor is known at {panel.samples:,.0f} samples")
    return value - panel.floor.mean


def log_excess(asked: Asked, point: Point) -> Estimate:
    """The log of a point's excess."""
    over = excess(asked, point.value)
    if math.isnan(over.se):
        raise UndecidedError("its error is not known")
    if not over.value > SURELY_ABOVE * over.se:
        raise UndecidedError(
            "at the floor: less than 3 SE above what perfect samples reach at"
            f" {asked.panel.samples:,.0f} samples, more samples lower it"
        )
    return over.log()


@dataclass(frozen=True, eq=False)
class Line:
    """A curve over NFE: log NFE ascending, and log excess of each point."""

    points: tuple[Point, ...]
    x: np.ndarray
    logs: tuple[Estimate, ...]

    @property
    def is_dot(self) -> bool:
        """Whether it is one printed number: its NFE is where the curve is within 3 %."""
        return len(self.points) == 1 and bool(self.points[0].row.get("dot"))

    @cached_property
    def finished(self) -> bool:
        """Whether a point before the finest is surely within 3 % of it."""
        if self.is_dot:
            return True
        return len(self.logs) > 1 and _sure(self.logs[-2] - self.logs[-1], -1)

    @cached_property
    def low(self) -> bool:
        """Whether it was measured where it surely is not yet within 3 % of its finest point."""
        return self.is_dot or (len(self.logs) > 1 and _sure(self.logs[0] - self.logs[-1], 1))

    @cached_property
    def reached(self) -> Estimate:
        """Log NFE from which it stays within 3 % of its finest point, by interpolation.

        Computed anew without each shard; from the first NFE on where it is never above.
        """
        values = np.array([one.value for one in self.logs])
        left = {}
        for place in dict.fromkeys(p for one in self.logs for p in one.left_out):
            size = next(len(one.left_out[place]) for one in self.logs if place in one.left_out)
            own = [np.asarray(one.left_out.get(place, np.zeros(size)), float) for one in self.logs]
            moved = np.array([x - x.mean() for x in own]) + values[:, None]
            left[place] = np.array([self._crossing(column) for column in moved.T])
        return Estimate(self._crossing(values), left)

    def _crossing(self, values: np.ndarray) -> float:
        over = values - values[-1] - NEAR
        above = np.flatnonzero(over > 0)
        if not len(above):
            return float(self.x[0])
        i = int(above[-1])
        part = over[i] / (over[i] - over[i + 1])
        return float(self.x[i] + part * (self.x[i + 1] - self.x[i]))


def line(asked: Asked, side: Selector) -> Line | None:
    """One side's curve; None where it was not measured."""
    found: Line | None = asked.once("line", side, lambda one: _line(asked, one))
    return found


def _line(asked: Asked, side: Selector) -> Line | None:
    points = curve([point for point in asked.points(side) if point.nfe > 0])
    if not points:
        return None
    logs = tuple(log_excess(asked, point) for point in points)
    return Line(tuple(points), np.log([point.nfe for point in points]), logs)


def _both(asked: Asked) -> tuple[Line, Line] | None:
    if not asked.points(asked.comparison.one) or not asked.points(asked.comparison.other):
        return None
    one, other = line(asked, asked.comparison.one), line(asked, asked.comparison.other)
    return (one, other) if one and other else None


def end(asked: Asked) -> list[Theta]:
    """The finest points of two curves."""
    found = _both(asked)
    if not found:
        return []
    one, other = found
    told = f"NFE {one.points[-1].nfe:.4g} against {other.points[-1].nfe:.4g}"
    return [Theta(one.logs[-1] - other.logs[-1], told)]


def reach(asked: Asked) -> list[Theta]:
    """The NFE at which two curves come within 3 % of their own finest points.

    Where the first is not finished its NFE, and so the ratio, is a lower bound.
    """
    found = _both(asked)
    if not found:
        return []
    one, other = found
    a, b = one.reached, other.reached
    told = f"NFE {math.exp(a.value):.4g} against {math.exp(b.value):.4g}"
    return [Theta(a - b, told, bound=not one.finished)]


def level(asked: Asked) -> list[Theta]:
    """The mean log ratio at equal NFE, where either is within a factor 2 of its best, up to the
    other's dot: below, both are noise; above, nothing can differ any more.
    """
    found = _both(asked)
    if not found:
        return []
    one, other = found
    lowest = [min(log.value for log in side.logs) for side in found]
    dot = math.exp(other.reached.value) * EQUAL_NFE
    gaps, at = [], []
    for i, point in enumerate(one.points):
        same = [j for j, p in enumerate(other.points) if 1 <= p.nfe / point.nfe <= EQUAL_NFE]
        if not same or point.nfe > dot:
            continue
        a, b = one.logs[i], other.logs[same[0]]
        if min(a.value - lowest[0], b.value - lowest[1]) <= math.log(2):
            gaps.append(a - b)
            at.append(f"{point.nfe:.4g}")
    return [Theta(mean(gaps), f"mean over NFE {', '.join(at)}")] if gaps else []


def pairs(asked: Asked) -> list[tuple[Point, Point]]:
    """Pairs of points, one of either side, that are equal in what must be."""
    ones, others = asked.points(asked.comparison.one), asked.points(asked.comparison.other)
    at = asked.comparison.at
    return [(a, b) for a, b in product(ones, others) if a is not b and _equal(a, b, at)]


def setting(asked: Asked) -> list[Theta]:
    """One setting against another, pair by pair."""
    return [
        Theta(log_excess(asked, a) - log_excess(asked, b), _told(a, b)) for a, b in pairs(asked)
    ]


def searched(asked: Asked) -> list[Theta]:
    """The same, of settings that a search found on this network alone."""
    return [
        Theta(log_excess(asked, a) - log_excess(asked, b), _told(a, b))
        for a, b in pairs(asked)
        if is_searched(asked, a)
    ]


def is_searched(asked: Asked, point: Point) -> bool:
    """Whether a search on this network, or the paper's own, found a point's churn."""
    return bool(point.row.get("searched") is True) or churn_of(point) in asked.subject.searched


def churn_of(point: Point) -> tuple[float, ...]:
    """The four numbers of a point's churn."""
    return tuple(number_of(point.row.get(name)) for name in CHURN)


CHURN = ("S_churn", "S_min", "S_max", "S_noise")


def lowest(asked: Asked) -> list[Theta]:
    """Any of one's points, at no more NFE than the other's finest, against that point less what a
    first-order sampler has still to fall: a third of its fall over the last factor 4 in NFE.
    """
    other = curve([point for point in asked.points(asked.comparison.other) if point.nfe > 0])
    if not other:
        return []
    best = other[-1]
    ones = [p for p in asked.points(asked.comparison.one) if p.nfe <= best.nfe or p.row.get("dot")]
    if not ones:
        return []
    target = log_excess(asked, best)
    if not best.row.get("dot"):
        coarse = [p for p in other if p.nfe <= best.nfe / FACTOR * 1.05]
        if not coarse:
            raise UndecidedError(
                f"{asked.comparison.other.words} was not measured over a factor of 4 in NFE"
            )
        fall = coarse[-1].value - best.value
        if fall.value > 0:
            left = best.value - fall * (1 / (best.nfe / coarse[-1].nfe - 1))
            target = log_excess(asked, Point(left, best.nfe, {}, {}))
    return [
        Theta(log_excess(asked, p) - target, f"{_churn(p)} against its NFE {best.nfe:.4g}")
        for p in ones
    ]


def gain(asked: Asked) -> list[Theta]:
    """What churn changes in one training, less what it changes in another, at equal settings."""
    settings = dict(asked.comparison.one.of(asked.subject.family) or {})
    still = dict(asked.comparison.other.of(asked.subject.family) or {})
    found = []
    sides = [asked.panel.where(**settings, training=name) for name in ("old", "new")]
    for old, new in product(*sides):
        if not _equal(old, new, (*asked.comparison.at, *CHURN)) and not old.row.get("dot"):
            continue
        base = [
            [p for p in asked.panel.where(**still, training=name) if _equal(p, old, ("steps",))]
            for name in ("old", "new")
        ]
        if all(base):
            logs = [log_excess(asked, p) for p in (old, base[0][0], new, base[1][0])]
            found.append(Theta(logs[0] - logs[1] - logs[2] + logs[3], _churn(new)))
    return found


def repeated(most: bool = True) -> Callable[[Asked], list[Theta]]:
    """Most churns against fewest at each σ; or at most churns one setting against another."""

    def thetas(asked: Asked) -> list[Theta]:
        return [
            Theta(log_excess(asked, a) - log_excess(asked, b), told)
            for a, b, told in _repeated(asked, most)
        ]

    return thetas


def repeated_exact(asked: Asked) -> list[Theta]:
    """The same difference in units of a network's excess: an exact denoiser's own has no log."""
    pairs = _repeated(asked, True)
    unit = asked.subject.unit
    if pairs and unit is None:
        raise UndecidedError(
            "no network's excess over the floor is known, in units of which to say"
        )
    scale = 1 / unit.value if unit else math.nan
    return [Theta((a.value - b.value) * scale, told) for a, b, told in pairs]


def churns(asked: Asked) -> float:
    """How many churns were done at most, on one side."""
    return max((point.steps for point in asked.points(asked.comparison.one)), default=0.0)


def _repeated(asked: Asked, most: bool) -> list[tuple[Point, Point, str]]:
    ones, others = asked.points(asked.comparison.one), asked.points(asked.comparison.other)
    found = []
    for place in sorted({repr(_place(p)) for p in ones}):
        a = [p for p in ones if repr(_place(p)) == place]
        b = [p for p in others if repr(_place(p)) == place]
        last = max(p.steps for p in a)
        a = [p for p in a if p.steps == last]
        first = min((p.steps for p in b), default=math.nan)
        b = [p for p in b if p.steps == (first if most else last)]
        if b and (not most or first < last):
            sigma = number_of(a[0].row.get("sigma"))
            found += [(p, b[0], f"σ = {sigma:g}, {last:g} churns") for p in a]
    return found


def _place(point: Point) -> list[object]:
    return [plain(point.row.get(name)) for name in ("sigma", "gamma", "denoised")]


def _equal(one: Point, other: Point, at: Sequence[str]) -> bool:
    return all(plain(one.row.get(name)) == plain(other.row.get(name)) for name in at)


def _told(point: Point, other: Point) -> str:
    parts = [f"NFE {point.nfe:.4g}"]
    if point.nfe != other.nfe:
        parts[0] += f" against {other.nfe:.4g}"
    for name in ("rho", "alpha"):
        mine, theirs = number_of(point.row.get(name)), number_of(other.row.get(name))
        if not math.isnan(mine) and mine != theirs:
            parts.append(f"{'ρ' if name == 'rho' else 'α'} = {mine:.3g} against {theirs:.3g}")
    if number_of(point.row.get("S_churn")) > 0:
        parts.append(_churn(point, nfe=False))
    if point.row.get("config") and other.row.get("config") != point.row.get("config"):
        parts.append(
            f"{str(point.row['config']).upper()} against {str(other.row['config']).upper()}"
        )
    return ", ".join(parts)


def _churn(point: Point, nfe: bool = True) -> str:
    values = zip(CHURN, churn_of(point), strict=True)
    told = [f"{name} = {value:g}" for name, value in values if not math.isnan(value)]
    return ", ".join([f"NFE {point.nfe:.4g}", *told] if nfe else told)


def _sure(difference: Estimate, sign: int) -> bool:
    """Whether a difference of logs is surely above (1) or below (−1) 3 %."""
    reach_ = alone(difference) * difference.se
    return sign * (difference.value - NEAR) - reach_ > 0

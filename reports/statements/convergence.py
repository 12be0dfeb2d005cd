"""Statement 8: orders of convergence (EDM, Appendix D.1)."""

import math
from collections.abc import Sequence

import numpy as np

from sampler_bench.reports.statements.panel import Panel, Point, number_of
from sampler_bench.reports.statements.verdict import (
    FAILS,
    HOLDS,
    UNDECIDED,
    Answer,
    Verdict,
    case,
    together,
)
from sampler_bench.reports.tables import with_error
from sampler_bench.results.estimate import LEVEL, mean

ORDERS = {"euler": 1, "heun": 2}
FINEST = 4
"""So many of a curve's finest points are fitted."""
NEAR = 0.2
"""An order within ± 0.2 is that order."""
ABOVE_FLOOR = 10.0
"""Errors below ten times the reference's own are not fitted."""


def orders(panels: Sequence[Panel]) -> Verdict:
    """Statement 8: the slope of log error over log steps, of Euler and of Heun.

    Its error is that of the fit (points off the line: not yet asymptotic) and of the samples.
    """
    cases = []
    for panel in (one for one in panels if one.metric == "truncation-error"):
        for solver, expected in ORDERS.items():
            for end in ("sigma-min", "zero"):  # a last step to 0 has an error of its own
                points = panel.where(solver=solver, S_churn=0, end=end)
                for line in _lines(points):
                    slope, error = fitted(line)
                    answer = _answer(abs(slope - expected), error)
                    where = f"steps {line[0].steps:g} to {line[-1].steps:g}"
                    told = f"{solver}: order {with_error(slope, error)} over {where}"
                    why = "steps are too long to show the order" if slope < expected else ""
                    if end == "zero":
                        why = "the last step, to σ = 0, has an error that more steps do not lower"
                    cases.append(case(panel, answer, told, why, solver))
                if points:
                    break
    return together(cases, "truncation errors of Euler and Heun over steps", tuple(ORDERS))


def fitted(line: Sequence[Point]) -> tuple[float, float]:
    """Order and standard error, of at least three points with positive values, by least squares."""
    x = np.log([point.steps for point in line])
    weights = (x - x.mean()) / np.sum((x - x.mean()) ** 2)
    logs = [point.value.log() for point in line]
    order = mean([log * float(-w) for log, w in zip(logs, weights, strict=True)]) * float(len(x))
    y = np.array([log.value for log in logs])
    left = y - y.mean() + order.value * (x - x.mean())
    of_fit = float(left @ left) / (len(x) - 2) / float(np.sum((x - x.mean()) ** 2))
    of_samples = 0.0 if math.isnan(order.se) else order.se  # errors may come without any
    return order.value, math.sqrt(of_fit + of_samples**2)


def _lines(points: Sequence[Point]) -> list[list[Point]]:
    """The finest points of each curve: equal schedule, scaling and discretization."""
    lines: dict[str, dict[float, Point]] = {}
    for point in points:
        floor = _floor(point)
        if point.steps > 0 and point.value.value > floor:
            key = repr([point.row.get(k) for k in ("discretization", "rho", "schedule", "scaling")])
            lines.setdefault(key, {})[point.steps] = point
    kept = [[line[n] for n in sorted(line)][-FINEST:] for _, line in sorted(lines.items())]
    return [line for line in kept if len(line) >= 3]


def _floor(point: Point) -> float:
    """Below it the reference's own error is seen."""
    try:
        own = float(point.row.get("prov_reference_error") or 0)
    except (TypeError, ValueError):
        own = 0.0
    return 0.0 if math.isnan(number_of(own)) else ABOVE_FLOOR * own


def _answer(off: float, error: float) -> Answer:
    if off + LEVEL * error <= NEAR:
        return HOLDS
    return FAILS if off - LEVEL * error > NEAR else UNDECIDED

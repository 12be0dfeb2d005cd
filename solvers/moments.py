"""The engine of all schedule-blind rules: exact moments of a fall, and weights of evaluations.

In y = z/s the flow is dy/dσ = (y − D)/σ = ε. Its solution from σ down to σ' is, with λ = −ln σ,

    y' = σ'/σ·y + ∫ R·e^{−R(1−u)}·D(u) du        ("data": D interpolated; R = ln(σ/σ'))
    y' = y + ∫ ε(u) (dσ/du) du                    ("noise": ε interpolated)

where u runs from 0 here to 1 at the end of the step. Both are exact to first order in one formula,

    z' = (b'/b)·z + (s' − s·b'/b)·D,

and what f = D or ε at other places u_j says is added as s'·Σ_j c_j·(f_j − f_0), where the c_j solve

    Σ_j c_j·u_j^i = m_i,   m_i = ∫ u^i dμ(u),   i = 1 … k:

a rule is a choice of nodes and of moments.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from sampler_bench.solvers.point import Point

_SERIES_BELOW = 2.0


def exponential_moments(R: float, count: int) -> list[float]:
    """Return m_i = R·∫₀¹ e^{−R(1−u)}·u^i du for i = 0 … ``count``; 1 each where R = ∞.

    By the recursion m_i = 1 − i·m_{i−1}/R where |R| is large, and where that would cancel by the
    series R·Σ_k (−R)^k·i!/(i + k + 1)!.
    """
    if math.inf == R:
        return [1.0] * (count + 1)
    if abs(R) < _SERIES_BELOW + count:
        return [_series(R, i) for i in range(count + 1)]
    moments = [-math.expm1(-R)]
    for i in range(1, count + 1):
        moments.append(1 - i * moments[-1] / R)
    return moments


def _series(R: float, i: int) -> float:
    term = R / (i + 1)  # R·i!/(i + 1)!
    total, k = 0.0, 0
    while abs(term) > 1e-18 * abs(total):
        total += term
        k += 1
        term *= -R / (i + k + 1)
    return total


def weights(nodes: Sequence[float], moments: Sequence[float]) -> list[float]:
    """Return the c_j with Σ_j c_j·u_j^i = m_i for i = 1 … k.

    Args:
        nodes: u_1 … u_k, distinct, finite and not 0.
        moments: m_1 … m_k.
    """
    k = len(nodes)
    if k == 1:
        return [moments[0] / nodes[0]]
    if k == 2:
        a, b = nodes
        return [
            (moments[0] * b - moments[1]) / (a * (b - a)),
            (moments[1] - moments[0] * a) / (b * (b - a)),
        ]
    # Σ_j (c_j·u_j)·u_j^{i−1} = m_i: a Vandermonde system, by Björck and Pereyra's dual algorithm.
    c = list(moments)
    for i in range(k - 1):
        for j in range(k - 1, i, -1):
            c[j] -= nodes[i] * c[j - 1]
    for i in range(k - 2, -1, -1):
        for j in range(i + 1, k):
            c[j] /= nodes[j] - nodes[j - i - 1]
        for j in range(i, k - 1):
            c[j] -= c[j + 1]
    return [value / node for value, node in zip(c, nodes, strict=True)]


def first_order(z: Tensor, D: Tensor, here: Point, down: Point) -> Tensor:
    """Return z' = (b'/b)·z + (s' − s·b'/b)·D: exact where D is constant, into σ = 0 and from ∞."""
    ratio = down.b / here.b
    return torch.add(ratio * z, D, alpha=down.s - here.s * ratio)


def add_differences(
    z: Tensor, scale: float, weights: Sequence[float], values: Sequence[Tensor], first: Tensor
) -> Tensor:
    """Add ``scale``·Σ_j c_j·(f_j − f_0) to ``z``, in place, and return it."""
    total = 0.0
    for c, value in zip(weights, values, strict=True):
        z.add_(value, alpha=scale * c)
        total += c
    return z.add_(first, alpha=-scale * total) if values else z

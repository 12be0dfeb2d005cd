"""ER-SDE's rules: D interpolated in σ itself, integrated against the path's own noise scale."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal

import numpy as np
from torch import Tensor

from sampler_bench.kit.parameters import require
from sampler_bench.solvers.moments import add_differences, first_order, weights
from sampler_bench.solvers.past import Past
from sampler_bench.solvers.process import Process
from sampler_bench.solvers.rule import Blind
from sampler_bench.solvers.step import Evaluation, Step

_SHORT, _FEW, _MANY = 4.0, 16, 48
"""Nodes of the Gauss–Legendre rule in ln σ, exact to round-off: few for steps of a factor below 4,
many for those up to 10⁴."""


@dataclass(frozen=True, kw_only=True)
class Taylor(Blind):
    """ER-SDE-Solver 1 to 3 (Cui et al. 2023): D as a polynomial of σ over the path's own fall.

    On a path with noise scale φ a fall from σ to σ' is

        y' = φ(σ')/φ(σ)·y + ∫ D(ξ) dμ(ξ),   dμ = φ(σ')·φ'(ξ)/φ(ξ)²·dξ

    whose moments of u = (ξ − σ)/(σ' − σ) are, by parts, m_i = 1 + φ(σ')/(σ' − σ)·∫ i·u^{i−1}/φ dξ.
    φ is taken from the step (where its falls land), so the rule fits every path.

    Attributes:
        k: Order, 1 to 3; started by 1, 2, … k.
        third: ``"exact"``, or ``"released"``: order 3 takes the plain backward difference as the
            first derivative, and its order is 2.
        points: The integrals are sums of so many values, 100 as released, which limits the order to
            less than 2; 0 for exact ones.
    """

    k: int = 3
    third: Literal["exact", "released"] = "exact"
    points: int = 0

    def __post_init__(self) -> None:
        require(1 <= self.k <= 3, "k", self.k, "1 to 3")
        require(self.points >= 0, "points", self.points, "at least 0")

    @property
    def order(self) -> int | None:
        """The order it claims; 1 with sums, as they do not get finer with the steps."""
        if self.points:
            return 1
        return min(self.k, 2) if self.third == "released" else self.k

    @property
    def memory(self) -> int:
        """All but its own evaluation."""
        return self.k - 1

    def __call__(self, process: Process, z: Tensor, step: Step, past: Past) -> Tensor:
        """Return the state at ``step.down``."""
        past.evaluate(process, z, step.here)
        made = first_order(z, past[-1].D, step.here, step.down)
        length = step.end.sigma - step.here.sigma
        if length == 0 or step.down.sigma == 0 or step.here.sigma == math.inf:
            return made
        found = self._usable(past, step, length)
        if not found:
            return made
        nodes = [u for u, _ in found]
        c = self._weights(nodes, self.moments(step, len(found)))
        return add_differences(made, step.down.s, c, [one.D for _, one in found], past[-1].D)

    def _usable(self, past: Past, step: Step, length: float) -> list[tuple[float, Evaluation]]:
        """Return (u_j, evaluation), the nearest first; none at σ = ∞ or at a level met before."""
        found: list[tuple[float, Evaluation]] = []
        seen = {step.here.sigma, math.inf}
        for one in reversed(past[:-1]):
            if one.at.sigma not in seen and len(found) < self.k - 1:
                seen.add(one.at.sigma)
                found.append(((one.at.sigma - step.here.sigma) / length, one))
        return found

    def _weights(self, nodes: Sequence[float], m: Sequence[float]) -> list[float]:
        if len(nodes) == 1 or self.third == "exact":
            return weights(nodes, m)
        a, b = nodes  # m_1·δ_1 + m_2·(δ_2 − δ_1)/b, δ the backward differences
        return [m[0] / a - m[1] / b * (1 / (b - a) + 1 / a), m[1] / (b * (b - a))]

    def moments(self, step: Step, count: int) -> list[float]:
        """Return m_1 … m_count of a step's fall."""
        high, low = step.here.sigma, step.end.sigma
        values, lengths = self._quadrature(high, low)
        phi = [step.land(xi)[0] for xi in values]
        scale = step.land(low)[0] / (low - high)
        moments = []
        for i in range(1, count + 1):
            total = 0.0
            for xi, f, length in zip(values, phi, lengths, strict=True):
                total += length * i * ((xi - high) / (low - high)) ** (i - 1) / f
            moments.append(1 + scale * total)
        return moments

    def _quadrature(self, high: float, low: float) -> tuple[list[float], list[float]]:
        """Return places between two levels, and the length dξ each stands for."""
        if self.points:
            share = (high - low) / self.points
            return [low + j * share for j in range(self.points)], [share] * self.points
        middle, half = math.log(high * low) / 2, math.log(high / low) / 2
        places, shares = _gauss(_FEW if high < _SHORT * low else _MANY)
        values = [math.exp(middle + half * x) for x in places]
        return values, [half * w * xi for w, xi in zip(shares, values, strict=True)]


@cache
def _gauss(nodes: int) -> tuple[list[float], list[float]]:
    places, shares = np.polynomial.legendre.leggauss(nodes)
    return places.tolist(), shares.tolist()

"""DEIS-tAB: ε interpolated over time t, its integral against dσ by quadrature."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar, Literal

from scipy.integrate import quad
from torch import Tensor

from sampler_bench.kit.parameters import require
from sampler_bench.solvers.moments import add_differences, first_order, weights
from sampler_bench.solvers.past import Past
from sampler_bench.solvers.process import Process
from sampler_bench.solvers.rule import OnNoise, Rule
from sampler_bench.solvers.schedules import Schedule
from sampler_bench.solvers.step import Evaluation, Step

_POINTS = 10_000
"""How many points the released sum has."""


@dataclass(frozen=True, kw_only=True)
class DEIS(Rule):
    """DEIS, tAB-DEIS (Zhang and Chen 2023): Adams–Bashforth whose variable is the schedule's t.

    In y = z/s the flow is dy = ε·dσ(t); ε is interpolated in t. Over σ instead it is LMS, over ln σ
    the noise form of :class:`Multistep`.

    Attributes:
        k: Order, 1 to 4; started by 1, 2, … k.
        integral: ``"exact"``, or ``"released"``: a left sum whose 10,000 points include both ends
            (diff-sampler, solver_utils.py), 1e-4 from the integral, so that the weights do not add
            up to the step. Into σ = 0, where dσ/dt may be infinite, it is exact all the same.
    """

    sees_scaling: ClassVar[bool] = False
    on_noise: ClassVar[OnNoise] = "first"
    k: int = 3
    integral: Literal["exact", "released"] = "exact"

    def __post_init__(self) -> None:
        require(1 <= self.k <= 4, "k", self.k, "1 to 4")

    @property
    def order(self) -> int | None:
        """The order it claims; an integral of limited precision is of none."""
        return self.k if self.integral == "exact" or self.k == 1 else None

    @property
    def memory(self) -> int:
        """All but its own evaluation."""
        return self.k - 1

    def __call__(self, process: Process, z: Tensor, step: Step, past: Past) -> Tensor:
        """Return the state at ``step.down``."""
        past.evaluate(process, z, step.here)
        made = first_order(z, past[-1].D, step.here, step.down)
        length = step.down.t - step.here.t
        before = self._before(past)
        if length == 0 or step.down.sigma == 0 or not before:
            return made
        nodes = [(one.at.t - step.here.t) / length for one in before]
        times = step.here.t, step.down.t
        if self.integral == "exact":
            m = moments(process.schedule, *times, step.down.sigma, len(nodes))
        else:
            own, *m = released_moments(process.schedule, *times, len(nodes))
            short = own - (step.down.sigma - step.here.sigma)
            made.add_(past[-1].eps, alpha=step.down.s * short)
        c = weights(nodes, m)
        return add_differences(made, step.down.s, c, [one.eps for one in before], past[-1].eps)

    def _before(self, past: Past) -> Sequence[Evaluation]:
        """Return what can be used, the nearest first, each time once.

        What was evaluated at σ = ∞ is of use as well: ε and t are finite there.
        """
        seen, found = {past[-1].at.t}, list[Evaluation]()
        for one in reversed(past[:-1]):
            if one.at.t not in seen and len(found) < self.k - 1:
                seen.add(one.at.t)
                found.append(one)
        return found


@lru_cache(maxsize=4096)  # a grid's steps come back with every batch
def moments(schedule: Schedule, t: float, down: float, sigma: float, count: int) -> list[float]:
    """Return m_i = ∫ u^i dσ, i = 1 … ``count``, u from 0 at ``t`` to 1 at ``down``, where σ is.

    By parts, σ' − i·∫ u^{i−1} σ du: dσ/dt need not be finite at the end of time, but σ is.
    """

    def integrand(u: float, i: int) -> float:
        return i * u ** (i - 1) * schedule.sigma(t + u * (down - t))

    return [
        sigma - quad(integrand, 0, 1, args=(i,), epsabs=1e-13, epsrel=1e-12, limit=200)[0]
        for i in range(1, count + 1)
    ]


@lru_cache(maxsize=4096)
def released_moments(schedule: Schedule, t: float, down: float, count: int) -> list[float]:
    """Return m_0 … m_count of the released sum."""
    m = [0.0] * (count + 1)
    for j in range(_POINTS):
        u = j / (_POINTS - 1)
        slope = schedule.sigma_deriv(t + u * (down - t))
        for i in range(count + 1):
            m[i] += u**i * slope
    return [value * (down - t) / _POINTS for value in m]

"""iPNDM_v: Adams–Bashforth on ε in σ with the steps' own lengths, corrected and as released."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from torch import Tensor

from sampler_bench.kit.parameters import require
from sampler_bench.solvers.moments import add_differences, first_order
from sampler_bench.solvers.past import Past
from sampler_bench.solvers.process import Process
from sampler_bench.solvers.rules.adams import LMS
from sampler_bench.solvers.step import Evaluation, Step


@dataclass(frozen=True, kw_only=True)
class IPNDMv(LMS):
    """iPNDM with variable steps (Zhou et al. 2024): with exact weights it is LMS.

    The released weights (diff-sampler, solvers.py) have a parenthesis in the wrong place: at order
    3 they are right on equal steps of σ only, at order 4 nowhere, and on unequal steps those do not
    even add up to the step, so that a constant ε is not integrated exactly.

    Attributes:
        k: Order, 1 to 4; started by 1, 2, … k.
        weights: ``"exact"`` or ``"released"``.
    """

    weights: Literal["exact", "released"] = "exact"

    def __post_init__(self) -> None:
        require(1 <= self.k <= 4, "k", self.k, "1 to 4")

    @property
    def order(self) -> int | None:
        """Its order with exact weights; as released 2 at k = 3 (3 where steps change smoothly).

        None at k = 4, where the part of a step that is missing depends on the grid.
        """
        if self.weights == "exact":
            return self.k
        return None if self.k == 4 else min(self.k, 2)

    def __call__(self, process: Process, z: Tensor, step: Step, past: Past) -> Tensor:
        """Return the state at ``step.down``."""
        if self.weights == "exact":
            return super().__call__(process, z, step, past)
        past.evaluate(process, z, step.here)
        made = first_order(z, past[-1].D, step.here, step.down)
        length = step.down.sigma - step.here.sigma
        before = self._before(past)
        if length == 0 or not before:
            return made
        levels = [step.here.sigma, *(one.at.sigma for one in before)]
        own, others = _released(length, [a - b for a, b in pairwise(levels)])
        eps = past[-1].eps
        # "First order and differences" supposes weights that add up to 1; these may not.
        made.add_(eps, alpha=step.down.s * length * (own + sum(others) - 1))
        return add_differences(made, step.down.s * length, others, [one.eps for one in before], eps)

    def _before(self, past: Past) -> Sequence[Evaluation]:
        """Return the evaluations before the newest, the nearest first, down to one met before."""
        found: list[Evaluation] = []
        for one, newer in zip(reversed(past[:-1]), reversed(past), strict=False):
            if one.at.sigma in {newer.at.sigma, math.inf} or newer.at.sigma == math.inf:
                break
            found.append(one)
        return found[: self.k - 1]


def _released(h: float, back: Sequence[float]) -> tuple[float, list[float]]:
    """Return the weights of the newest slope and of those before, in shares of the step.

    Args:
        h: The step.
        back: The steps before, the latest first: one, two or three.
    """
    first = h / (2 * back[0])
    own, others = 1 + first, [-first, 0.0, 0.0]
    if len(back) > 1:
        h1, h2 = back[:2]
        bend = (1 - h * h / (3 * h1 * (h1 + h2))) / 2
        own += bend
        others[0] -= bend * (1 + h1 / h2)
        others[1] += bend * h1 / h2
    if len(back) > 2:
        h1, h2, h3 = back
        one, two = h + h1, h + h1 + h2
        share = (1 - h / (3 * one)) / 2 + (1 - h / (2 * one)) * h / (6 * two)
        twist = share * h * one * two / (h1 * (h1 + h2) * (h1 + h2 + h3))
        ratio = h1 * (h1 + h2) / (h2 * (h2 + h3))
        own += twist
        others[0] -= twist * (1 + h1 / h2 + ratio)
        others[1] += twist * (h1 / h2 + ratio * (1 + h2 / h3))
        others[2] -= twist * ratio * h1 / h2
    return own, others[: len(back)]

"""One step of a path, and what a rule may remember of those before."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

from torch import Tensor

from sampler_bench.solvers.point import Point


def straight(sigma: float) -> tuple[float, tuple[float, ...]]:
    """Return the level itself, and no noise: how the probability flow falls."""
    return sigma, ()


@dataclass(frozen=True)
class Step:
    """A step of the grid: up by noise, down by the rule, up by noise again.

    start ↑ here ↓ down ↑ end

    Attributes:
        i, n: Number of the grid's step, and how many there are.
        start: The level before.
        here: Where D is taken.
        down: Where the fall lands; at most ``end``.
        end: The grid's next level.
        before, after: Standard deviation, in x̂ = z/s, of each draw of the two rises: none, or 0.0
            for a draw that adds nothing.
        land: Where a fall of this path from ``here`` towards a level σ lands, and the deviations of
            the rise to it: (σ, ()) for the ODE. A rule's inner stages may go as the step does.
        gain: The rule's change of z counts so often (1 + τ² on the Euler–Maruyama path).
    """

    i: int
    n: int
    start: Point
    here: Point
    down: Point
    end: Point
    before: tuple[float, ...] = ()
    after: tuple[float, ...] = ()
    land: Callable[[float], tuple[float, tuple[float, ...]]] = field(default=straight)
    gain: float = 1.0

    @property
    def fall(self) -> float:
        """ln(σ/σ↓), the fall in ln σ; ∞ where it begins at σ = ∞ or ends at 0."""
        return logarithm(self.here, self.down)

    @property
    def h(self) -> float:
        """ln(σ/σ_end), the grid's step in ln σ."""
        return logarithm(self.here, self.end)


def logarithm(above: Point, below: Point) -> float:
    """Return ln(σ/σ') of two levels; ∞ where σ = ∞ or σ' = 0."""
    if above.sigma == below.sigma:
        return 0.0
    if below.sigma == 0 or above.sigma == math.inf:
        return math.inf
    if above.sigma == 0 or below.sigma == math.inf:
        return -math.inf
    return math.log(above.sigma / below.sigma)


@dataclass(frozen=True)
class Evaluation:
    """What the denoiser said at one place.

    Attributes:
        at: The level.
        z: The state it was given, [B, *shape].
        D: What it returned. Never added into: it may be a model's own tensor.
    """

    at: Point
    z: Tensor
    D: Tensor

    @cached_property
    def eps(self) -> Tensor:
        """The noise it sees, (z − s·D)/b; of the evaluation itself, whatever z became since.

        Never added into: later steps ask for it again.
        """
        return (self.z - self.at.s * self.D).div_(self.at.b)

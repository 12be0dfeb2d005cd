"""Step size controls of adaptive samplers: whether a step is taken, how long the next one is."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from sampler_bench.kit.parameters import require

Propose = Callable[[float], tuple[bool, float]]
"""error → (whether the step is taken, what the next one's length is multiplied by)."""


class Control(Protocol):
    """What controls steps by their error; 1 is what is tolerated."""

    def begin(self, order: float) -> Propose:
        """Return a control of one integration by a rule whose error is of an order."""


@dataclass(frozen=True, kw_only=True)
class Proportional:
    """θ·E^(−1/order), as DPM-Solver-12 and -23 have it (Lu et al. 2022, Appendix C).

    Attributes:
        theta: θ, between 0 and 1.
    """

    theta: float = 0.9

    def __post_init__(self) -> None:
        require(0 < self.theta <= 1, "theta", self.theta, "above 0 and at most 1")

    def begin(self, order: float) -> Propose:
        """Return the control: of the latest error alone."""

        def propose(error: float) -> tuple[bool, float]:
            grown = self.theta * error ** (-1 / order) if error > 0 else math.inf
            return error <= 1, grown

        return propose


@dataclass(frozen=True, kw_only=True)
class PID:
    """Söderlind's digital filters with a smooth limit, as k-diffusion and torchode have them.

    With e = 1/E and exponents β_1 = (p + i + d)/order, β_2 = −(p + 2d)/order, β_3 = d/order the
    step is multiplied by 1 + atan(Π e_j^β_j − 1), over this error and those of the last two steps
    that were taken.

    Attributes:
        p, i, d: Coefficients: proportional, integral, derivative.
        accept: The step is taken where the factor is at least this.
    """

    p: float = 0.0
    i: float = 1.0
    d: float = 0.0
    accept: float = 0.81

    def __post_init__(self) -> None:
        require(0 < self.accept < 1, "accept", self.accept, "between 0 and 1")

    def begin(self, order: float) -> Propose:
        """Return the control, which remembers the errors."""
        first, second, third = self.p + self.i + self.d, -(self.p + 2 * self.d), self.d
        before: list[float] = []

        def propose(error: float) -> tuple[bool, float]:
            inverse = 1 / (error + 1e-8)
            last, older = before or (inverse, inverse)
            power = inverse**first * last**second * older**third
            factor = 1 + math.atan(power ** (1 / order) - 1)
            taken = factor >= self.accept
            if taken or not before:
                before[:] = (inverse, last) if taken else (inverse, inverse)
            return taken, factor

        return propose

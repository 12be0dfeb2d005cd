"""Explicit Runge–Kutta rules in t, of the flow under its schedule: EDM, Algorithms 1 and 3."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from sampler_bench.kit.parameters import require
from sampler_bench.solvers.process import Process
from sampler_bench.solvers.rule import Past, Rule
from sampler_bench.solvers.step import Step


@dataclass(frozen=True, kw_only=True)
class Euler(Rule):
    """Euler's step in t: order 1, one evaluation (EDM, Algorithm 1 without its correction)."""

    order: ClassVar[int | None] = 1
    sees_schedule: ClassVar[bool] = True

    def __call__(self, process: Process, z: Tensor, step: Step, past: Past) -> Tensor:
        """Return z + h·(p·z + q·D)."""
        return _euler(z, process.denoise(z, step.here), step)


@dataclass(frozen=True, kw_only=True)
class RK2(Rule):
    """The second-order family (EDM, Algorithm 3): order 2, two evaluations.

    α = 1 is Heun, ½ the midpoint rule, ⅔ Ralston. Where the second slope would fall on σ = 0 or
    beyond the end of time the step is Euler's (Algorithm 3 tests t' ≠ 0, which a negative t'
    passes).

    Attributes:
        alpha: α > 0.
    """

    order: ClassVar[int | None] = 2
    sees_schedule: ClassVar[bool] = True
    alpha: float = 1.0

    def __post_init__(self) -> None:
        require(self.alpha > 0, "alpha", self.alpha, "a number above 0")

    def __call__(self, process: Process, z: Tensor, step: Step, past: Past) -> Tensor:
        """Return z + h·((1 − 1/2α)·d + 1/2α·d′)."""
        h = step.down.t - step.here.t
        D = process.denoise(z, step.here)
        if step.down.sigma == 0 and self.alpha >= 1:
            return _euler(z, D, step)
        prime = step.down
        if self.alpha != 1:
            prime = process.schedule.at(step.here.t + self.alpha * h)
            if not prime.sigma > 0:
                return _euler(z, D, step)
        d = torch.add(step.here.p * z, D, alpha=step.here.q)
        z_prime = torch.add(z, d, alpha=self.alpha * h)
        share = 1 / (2 * self.alpha)
        made = torch.add(z, d, alpha=h * (1 - share))
        made.add_(z_prime, alpha=h * share * prime.p)
        return made.add_(process.denoise(z_prime, prime), alpha=h * share * prime.q)

    def evaluations(self, n: int, to_zero: bool) -> int:
        """Return 2n, or 2n − 1 where the last step is Euler's."""
        return 2 * n - (to_zero and self.alpha >= 1)


@dataclass(frozen=True, kw_only=True)
class Butcher(Rule):
    """Any explicit Runge–Kutta table. A step whose stages reach σ = 0 is Euler's.

    Attributes:
        table: Its rows a_21; a_31 a_32; …; b_1 … b_s.
        claims: Its order.
    """

    sees_schedule: ClassVar[bool] = True
    table: tuple[tuple[float, ...], ...]
    claims: int

    @property
    def claimed(self) -> int | None:
        """The order it claims."""
        return self.claims

    @property
    def stages(self) -> int:
        """How many evaluations a step costs."""
        return len(self.table)

    def __call__(self, process: Process, z: Tensor, step: Step, past: Past) -> Tensor:
        """Return z + h·Σ b_j·k_j with k_i = f(z + h·Σ a_ij·k_j, t + c_i·h)."""
        h = step.down.t - step.here.t
        *inner, b = self.table
        if step.down.sigma == 0:
            return _euler(z, process.denoise(z, step.here), step)
        slopes = [process.slope(z, step.here)]
        for row in inner:
            c = sum(row)
            at = step.down if abs(c - 1) < 1e-12 else process.schedule.at(step.here.t + c * h)
            slopes.append(process.slope(_moved(z, h, row, slopes), at))
        return _moved(z, h, b, slopes)

    def evaluations(self, n: int, to_zero: bool) -> int:
        """Return s·n, less the stages of a last step that is Euler's."""
        return self.stages * n - (self.stages - 1) * to_zero


def _euler(z: Tensor, D: Tensor, step: Step) -> Tensor:
    h = step.down.t - step.here.t
    return torch.add((1 + h * step.here.p) * z, D, alpha=h * step.here.q)


def _moved(z: Tensor, h: float, row: tuple[float, ...], slopes: list[Tensor]) -> Tensor:
    made = z.clone()
    for weight, slope in zip(row, slopes, strict=True):
        if weight:
            made.add_(slope, alpha=h * weight)
    return made

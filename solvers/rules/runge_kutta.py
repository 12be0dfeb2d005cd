"""Explicit Runge–Kutta rules in t, of the flow under its schedule: EDM, Algorithms 1 and 3."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from sampler_bench.kit.parameters import Positive, require
from sampler_bench.solvers.past import Past
from sampler_bench.solvers.point import Point
from sampler_bench.solvers.process import Process
from sampler_bench.solvers.rule import Rule
from sampler_bench.solvers.schedules import Schedule
from sampler_bench.solvers.step import Step


@dataclass(frozen=True, kw_only=True)
class Euler(Rule):
    """Euler's step in t: order 1, one evaluation (EDM, Algorithm 1 without its correction)."""

    order: ClassVar[int | None] = 1

    def __call__(self, process: Process, z: Tensor, step: Step, past: Past) -> Tensor:
        """Return z + h·(p·z + q·D)."""
        return euler_step(z, process.denoise(z, step.here), step)


@dataclass(frozen=True, kw_only=True)
class Heun(Rule):
    """Heun's step, α = 1 (EDM, Algorithm 1): order 2, two evaluations."""

    order: ClassVar[int | None] = 2

    def __call__(self, process: Process, z: Tensor, step: Step, past: Past) -> Tensor:
        """Return z + h·(d + d′)/2."""
        return second_order(process, z, step, 1.0)

    def evaluations(self, n: int, to_zero: bool) -> int:
        """Return 2n, or 2n − 1 where the last step is Euler's."""
        return 2 * n - to_zero


@dataclass(frozen=True, kw_only=True)
class RK2(Rule):
    """Second-order family (EDM, Algorithm 3): order 2, two evaluations.

    α = 1 is Heun, ½ the midpoint rule, ⅔ Ralston.

    Attributes:
        alpha: α > 0.
    """

    order: ClassVar[int | None] = 2
    alpha: Positive = 1.0

    def __post_init__(self) -> None:
        require(self.alpha > 0, "alpha", self.alpha, "a number above 0")

    def __call__(self, process: Process, z: Tensor, step: Step, past: Past) -> Tensor:
        """Return z + h·((1 − 1/2α)·d + 1/2α·d′)."""
        return second_order(process, z, step, self.alpha)

    def evaluations(self, n: int, to_zero: bool) -> int:
        """Return 2n, or 2n − 1 where the last step is Euler's."""
        return 2 * n - to_zero

    def evaluations_on(self, steps: Sequence[Step], denoise: bool, schedule: Schedule) -> int:
        """Return two for each step, one where it is Euler's."""
        return (
            sum(1 if _second(schedule, step, self.alpha) is None else 2 for step in steps) + denoise
        )


def second_order(process: Process, z: Tensor, step: Step, alpha: float) -> Tensor:
    """Return a step of the second-order family; into σ = 0 it is Euler's.

    So it is where the second slope would fall on σ = 0 or beyond the end of time, for α > 1
    (Algorithm 3 tests t' ≠ 0, which a negative t' passes).
    """
    h = step.down.t - step.here.t
    D = process.denoise(z, step.here)
    prime = _second(process.schedule, step, alpha)
    if prime is None:
        return euler_step(z, D, step)
    d = torch.add(step.here.p * z, D, alpha=step.here.q)
    z_prime = torch.add(z, d, alpha=alpha * h)
    share = 1 / (2 * alpha)
    made = torch.add(z, d, alpha=h * (1 - share))
    made.add_(z_prime, alpha=h * share * prime.p)
    return made.add_(process.denoise(z_prime, prime), alpha=h * share * prime.q)


def _second(schedule: Schedule, step: Step, alpha: float) -> Point | None:
    """Return where the second slope is taken; ``None`` where there is none."""
    if step.down.sigma == 0:
        return None
    h = step.down.t - step.here.t
    prime = step.down if alpha == 1 else schedule.at(step.here.t + alpha * h)
    return prime if prime.sigma > 0 else None


@dataclass(frozen=True, kw_only=True)
class Butcher(Rule):
    """Any explicit Runge–Kutta table. A step whose stages reach σ = 0 is Euler's.

    Attributes:
        table: Its rows a_21; a_31 a_32; …; b_1 … b_s.
        claims: Its order.
    """

    table: "Table"
    claims: int

    @property
    def order(self) -> int | None:
        """The order it claims."""
        return self.claims

    @property
    def stages(self) -> int:
        """How many evaluations a step costs."""
        return len(self.table)

    def __call__(self, process: Process, z: Tensor, step: Step, past: Past) -> Tensor:
        """Return z + h·Σ b_j·k_j with k_i = f(z + h·Σ a_ij·k_j, t + c_i·h)."""
        return by_table(process, z, step, self.table)

    def evaluations(self, n: int, to_zero: bool) -> int:
        """Return s·n, less the stages of a last step that is Euler's, with a stage at its end."""
        reaches = any(sum(row) > 1 - _END for row in self.table[:-1])
        return self.stages * n - (self.stages - 1) * (to_zero and reaches)

    def evaluations_on(self, steps: Sequence[Step], denoise: bool, schedule: Schedule) -> int:
        """Return one for each stage of each step, one where it is Euler's."""
        taken = (_places(schedule, step, self.table) for step in steps)
        return sum(1 if places is None else self.stages for places in taken) + denoise


@dataclass(frozen=True, kw_only=True)
class RK3(Rule):
    """Kutta's method of third order: order 3, three evaluations."""

    order: ClassVar[int | None] = 3

    def __call__(self, process: Process, z: Tensor, step: Step, past: Past) -> Tensor:
        """Return the state at ``step.down``."""
        return by_table(process, z, step, KUTTA_3)

    def evaluations(self, n: int, to_zero: bool) -> int:
        """Return 3n, or 3n − 2 where the last step is Euler's."""
        return 3 * n - 2 * to_zero


@dataclass(frozen=True, kw_only=True)
class RK4(Rule):
    """Classical Runge–Kutta method: order 4, four evaluations."""

    order: ClassVar[int | None] = 4

    def __call__(self, process: Process, z: Tensor, step: Step, past: Past) -> Tensor:
        """Return the state at ``step.down``."""
        return by_table(process, z, step, KUTTA_4)

    def evaluations(self, n: int, to_zero: bool) -> int:
        """Return 4n, or 4n − 3 where the last step is Euler's."""
        return 4 * n - 3 * to_zero


_END = 1e-12
"""Stages so near to the end of a step are at its end."""
Table = tuple[tuple[float, ...], ...]
KUTTA_3: Table = ((1 / 2,), (-1.0, 2.0), (1 / 6, 2 / 3, 1 / 6))
KUTTA_4: Table = ((1 / 2,), (0.0, 1 / 2), (0.0, 0.0, 1.0), (1 / 6, 1 / 3, 1 / 3, 1 / 6))


def by_table(process: Process, z: Tensor, step: Step, table: Table) -> Tensor:
    """Return a step by the rows a_21; a_31 a_32; …; b_1 … b_s.

    It is Euler's where a stage would fall on σ = 0 or beyond the end of time.
    """
    h = step.down.t - step.here.t
    *inner, b = table
    places = _places(process.schedule, step, table)
    if places is None:
        return euler_step(z, process.denoise(z, step.here), step)
    slopes = [process.slope(z, step.here)]
    for row, at in zip(inner, places, strict=True):
        slopes.append(process.slope(_moved(z, h, row, slopes), at))
    return _moved(z, h, b, slopes)


def _places(schedule: Schedule, step: Step, table: Table) -> list[Point] | None:
    """Return where the inner stages are; ``None`` where one would be at σ = 0 or beyond."""
    places = [_at(schedule, step, sum(row)) for row in table[:-1]]
    return places if all(at.sigma > 0 for at in places) else None


def _at(schedule: Schedule, step: Step, c: float) -> Point:
    if abs(c - 1) < _END:
        return step.down
    return schedule.at(step.here.t + c * (step.down.t - step.here.t))


def euler_step(z: Tensor, D: Tensor, step: Step) -> Tensor:
    """Return Euler's step in t, given D at ``step.here``: into σ = 0 as well."""
    h = step.down.t - step.here.t
    return torch.add((1 + h * step.here.p) * z, D, alpha=h * step.here.q)


def _moved(z: Tensor, h: float, row: tuple[float, ...], slopes: list[Tensor]) -> Tensor:
    made = z.clone()
    for weight, slope in zip(row, slopes, strict=True):
        if weight:
            made.add_(slope, alpha=h * weight)
    return made

"""Exponential multistep rules: DPM-Solver(++) and its kin, on one engine."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from torch import Tensor

from sampler_bench.solvers.moments import (
    add_differences,
    exponential_moments,
    first_order,
    weights,
)
from sampler_bench.solvers.past import Past
from sampler_bench.solvers.point import Point
from sampler_bench.solvers.process import Process
from sampler_bench.solvers.rule import Blind, OnNoise
from sampler_bench.solvers.step import Evaluation, Step, logarithm

Form = Literal["data", "noise"]


@dataclass(frozen=True)
class Frame:
    """How a step measures: which length u is 1 at, and the moments of what it integrates.

    Attributes:
        form: What is interpolated: D ("data") or ε ("noise").
        here: Where u = 0.
        length: u = 1 in ln σ: the grid's step for data, so that a path's extra fall does not
            count as progress; the fall itself for noise.
        R: The exponent of the data form, ln(σ/σ↓).
        unit: What moments of the noise form are multiplied by, σ↓.
    """

    form: Form
    here: Point
    length: float
    R: float
    unit: float

    @classmethod
    def of(cls, form: Form, step: Step) -> "Frame":
        """Return the frame of a step."""
        if form == "data":
            return cls(form, step.here, step.h, step.fall, 1.0)
        return cls(form, step.here, step.fall, -step.fall, step.down.sigma)

    def node(self, at: Point) -> float:
        """Return u of a level."""
        return logarithm(self.here, at) / self.length

    def moments(self, count: int) -> list[float]:
        """Return m_0 … m_count."""
        return [self.unit * m for m in exponential_moments(self.R, count)]

    @property
    def is_curved(self) -> bool:
        """Whether more than first order is possible: not into σ = 0, from ∞, or of length 0."""
        return 0 < abs(self.length) < math.inf and 0 < abs(self.R) < math.inf

    def usable(
        self, evaluations: Sequence[Evaluation], most: int
    ) -> list[tuple[float, Evaluation]]:
        """Return (u_j, evaluation) of the newest that can be used, the nearest first.

        One at ln σ = ±∞, or at a level met before, has weight 0: it is left out.
        """
        found: list[tuple[float, Evaluation]] = []
        seen = {self.here.sigma}
        for one in reversed(evaluations):
            if len(found) == most:
                break
            if one.at.sigma in seen or not 0 < one.at.sigma < math.inf:
                continue
            seen.add(one.at.sigma)
            found.append((self.node(one.at), one))
        return found


def value(form: Form, one: Evaluation) -> Tensor:
    """Return what a form interpolates."""
    return one.D if form == "data" else one.eps


End = Literal["zero", "falls", "falls<10", "falls<15", "last", "never"]
"""How the order falls at the end: only into σ = 0; …, 2, 1; so where there are fewer steps than 10
(dpm-solver) or 15 (diffusers); 1 on the last step; or not."""
_FEWER = {"falls": math.inf, "falls<10": 10, "falls<15": 15}


def allowed_order(order: int, end: End, step: Step) -> int:
    """Return the order that is left at this step of the grid."""
    left = step.n - step.i
    if step.n < _FEWER.get(end, 0):
        return min(order, left)
    if end == "last" and left == 1:
        return 1
    return order


@dataclass(frozen=True, kw_only=True)
class Multistep(Blind):
    """Exponential Adams–Bashforth: past evaluations of D or ε, interpolated in ln σ.

    Attributes:
        k: Order, 1 to 4; started by 1, 2, … k.
        form: ``"data"`` (DPM-Solver++) or ``"noise"`` (DPM-Solver).
        second: The moment of u at order 2: ``"exact"``, or ``"midpoint"``: half of the whole,
            as k-diffusion and DPM-Solver's default have it.
        third: ``"exact"``, or ``"released"``: half of the moment of u², as six libraries ship it;
            the order is then 2 (dpm_solver_pytorch.py, line 883).
        end: How the order falls at the end.
    """

    k: int = 2
    form: Form = "data"
    second: Literal["exact", "midpoint"] = "exact"
    third: Literal["exact", "released"] = "exact"
    end: End = "zero"

    @property
    def on_noise(self) -> OnNoise:
        """Its order is kept by D, which noise does not shake; ε it does."""
        return "keeps" if self.form == "data" else "first"

    @property
    def order(self) -> int | None:
        """The order it claims."""
        return min(self.k, 2) if self.third == "released" else self.k

    @property
    def memory(self) -> int:
        """All but its own evaluation."""
        return self.k - 1

    def __call__(self, process: Process, z: Tensor, step: Step, past: Past) -> Tensor:
        """Return the state at ``step.down``."""
        past.evaluate(process, z, step.here)
        order = allowed_order(self.k, self.end, step)
        return self.fall(z, step, past, order)

    def fall(self, z: Tensor, step: Step, past: Past, order: int) -> Tensor:
        """Return the state at ``step.down`` by the newest ``order`` evaluations."""
        made = first_order(z, past[-1].D, step.here, step.down)
        frame = Frame.of(self.form, step)
        if order == 1 or not frame.is_curved:
            return made
        found = frame.usable(past[:-1], order - 1)
        if not found:
            return made
        c = weights([u for u, _ in found], self.moments(frame, len(found)))
        values = [value(self.form, one) for _, one in found]
        return add_differences(made, step.down.s, c, values, value(self.form, past[-1]))

    def moments(self, frame: Frame, k: int) -> list[float]:
        """Return m_1 … m_k, as this rule takes them."""
        m = frame.moments(k)
        if k == 1 and self.second == "midpoint":
            return [m[0] / 2]
        if k == 2 and self.third == "released":
            return [m[1], m[2] / 2]
        return m[1:]

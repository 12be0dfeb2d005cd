"""Gradient estimation: Euler with ε extrapolated from the step before."""

import math
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from sampler_bench.solvers.moments import add_differences, first_order
from sampler_bench.solvers.past import Past
from sampler_bench.solvers.process import Process
from sampler_bench.solvers.rule import Blind, OnNoise
from sampler_bench.solvers.step import Step


@dataclass(frozen=True, kw_only=True)
class Gradient(Blind):
    """Euler in σ with γ·ε − (γ − 1)·ε_before for ε (Permenter and Yuan 2024).

    γ = 1.5 is iPNDM with two evaluations and of order 2 on equal steps; γ = 1 is Euler's.

    Attributes:
        gamma: γ; its authors' is 2.
    """

    memory: ClassVar[int] = 1
    on_noise: ClassVar[OnNoise] = "first"
    gamma: float = 2.0

    @property
    def order(self) -> int | None:
        """1, but 2 where γ = 1.5."""
        return 2 if self.gamma == 1.5 else 1

    def __call__(self, process: Process, z: Tensor, step: Step, past: Past) -> Tensor:
        """Return the state at ``step.down``."""
        before = past[-1] if past else None
        past.evaluate(process, z, step.here)
        made = first_order(z, past[-1].D, step.here, step.down)
        # at σ = ∞ there is no ε to differ from
        if before is None or math.inf in (before.at.sigma, step.here.sigma):
            return made
        c = (1 - self.gamma) * (step.down.sigma - step.here.sigma)
        return add_differences(made, step.down.s, [c], [before.eps], past[-1].eps)

"""The error of one step, over the noise level it ends at (EDM, Appendix D.1, Figure 13a, b)."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from sampler_bench.bench.measure.profiles.probe import Drawn, Probe
from sampler_bench.kit.names import lookup, unknown
from sampler_bench.kit.own_files import shown
from sampler_bench.kit.parameters import Count, require
from sampler_bench.models import Counted
from sampler_bench.models.exact import GaussianMixture
from sampler_bench.solvers import SOLVERS, Denoiser, Sampler, Schedule
from sampler_bench.solvers.point import Point
from sampler_bench.solvers.process import Process, scaled
from sampler_bench.solvers.schedules import Linear
from sampler_bench.solvers.solver import Solver, follow


@dataclass(frozen=True)
class LocalError(Probe):
    """RMS error of one step from true data with noise, over σ.

    That of τ_i = x*_i − x_i over the dimensions: x*_i the exact solution, x_i one step's. A step
    ends at σ_i, one of the levels, and begins at the level that would precede it among the
    sampler's N: σ_{i−1} = (σ_i^{1/ρ} − A)^ρ, A = (σ_min^{1/ρ} − σ_max^{1/ρ})/(N − 1). It begins
    from true data with noise of that level, the same noise at every σ.

    Attributes:
        sampler: Solver, ρ, N, σ range, σ(t) and s(t).
        substeps: The exact solution is approximated by so many steps of equal length in t.
        truth: The solver of those steps. The paper's is Euler's, with 200; its own error is about
            1/200 of an Euler step's, and a larger share of a Heun step's.

    Raises:
        ValueError: If a value is not possible, or the sampler's steps are not EDM's.
    """

    sampler: Sampler
    substeps: Count = 200
    truth: str = "euler"

    metric: ClassVar[str] = "local-error"
    needs_data: ClassVar[bool] = True
    sampler_keys: ClassVar[tuple[str, ...]] = (
        *("solver", "schedule", "scaling", "steps", "sigma_min", "sigma_max", "rho", "alpha"),
        "epsilon_s",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        lookup(_one_step(), self.truth, "truth")
        if not SOLVERS[self.sampler.solver].one_step:
            raise ValueError(unknown(shown(self.sampler.solver), _one_step(), "solver"))
        require((self.sampler.steps or 0) >= 2, "steps", self.sampler.steps, "at least 2")

    def check(self, model: Any) -> None:
        """Raise ValueError, one line, if it cannot be measured with this model."""
        super().check(model)
        _, high = self.sampler.sigma_range(model)
        start = self._before(self.levels[-1], model)
        if start > high * (1 + 1e-6):
            raise ValueError(
                f"levels: a step to {self.levels[-1]:g} would begin at {start:.4g}, above "
                f"sigma_max = {high:g}"
            )

    def evaluations(self, model: Any) -> int:
        """Return the denoiser evaluations per sample."""
        own, truth = (_cost(SOLVERS[name]) for name in (self.sampler.solver, self.truth))
        return len(self.levels) * (own + self.substeps * truth)

    def __call__(self, denoiser: Denoiser, drawn: Drawn) -> Tensor:
        """Return the RMS error of each sample's step to each level, float64 [n, L]."""
        schedule = self.sampler.schedule_for(denoiser)
        process = Process(scaled(denoiser), schedule)
        errors = []
        for sigma_start, sigma_end in self._steps(denoiser):
            start, end = schedule.level(sigma_start), schedule.level(sigma_end)
            z = start.s * (drawn.data + start.sigma * drawn.latents.double())
            made = follow(self.sampler.configured_solver(), process, z, [start, end])
            between = _uniform(start, end, self.substeps, schedule)
            truth = follow(SOLVERS[self.truth], process, z, between)
            errors.append(((made - truth) / end.s).flatten(1).pow(2).mean(1).sqrt())
        return torch.stack(errors, 1)

    def summary(self, mean: np.ndarray) -> float:
        """Return the largest: what bounds the global error (D.1)."""
        return float(mean.max())

    def _steps(self, denoiser: Any) -> Iterator[list[float]]:
        """Yield σ_{i−1} and σ_i, as the denoiser supports them."""
        for level in self.levels:
            ends = torch.tensor([self._before(level, denoiser), level], dtype=torch.float64)
            yield denoiser.round_sigma(ends).tolist()

    def _before(self, level: float, denoiser: Any) -> float:
        """Return σ_{i−1} (D.1)."""
        low, high = self.sampler.sigma_range(denoiser)
        rho, steps = self.sampler.parameters["rho"], self.sampler.steps
        assert steps is not None
        A = (low ** (1 / rho) - high ** (1 / rho)) / (steps - 1)
        return math.pow(level ** (1 / rho) - A, rho)


def _one_step() -> dict[str, Solver]:
    """Return the solvers whose step asks for nothing but the state it begins with."""
    return {name: solver for name, solver in SOLVERS.items() if solver.one_step}


def _cost(solver: Solver) -> int:
    """Return the evaluations of one step, counted."""
    counted = Counted(GaussianMixture.isotropic(torch.zeros(1, 1), [0.5], [1.0]))
    process = Process(scaled(counted), Linear())
    ends = [Linear().level(2.0), Linear().level(1.0)]
    follow(solver, process, torch.ones(1, 1, dtype=torch.float64), ends)
    return counted.evaluations


def _uniform(start: Point, end: Point, count: int, schedule: Schedule) -> list[Point]:
    """Return ``count`` steps of equal length in time, from a point to another."""
    length = (end.t - start.t) / count
    return [start, *(schedule.at(start.t + i * length) for i in range(1, count)), end]

"""How curved trajectories are under a schedule and a scaling (EDM, Section 3, Figure 3)."""

import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from sampler_bench.bench.measure.profiles.probe import Drawn, Probe, over_log_sigma
from sampler_bench.kit.parameters import Positive
from sampler_bench.models.model import Model
from sampler_bench.solvers import SOLVERS, Denoiser, Sampler, Schedule
from sampler_bench.solvers.declared import Declared
from sampler_bench.solvers.point import Point
from sampler_bench.solvers.process import Process, scaled
from sampler_bench.solvers.schedules import Linear
from sampler_bench.solvers.solver import follow

HALF_WIDTH = 0.02
"""δ of the central difference, in e-folds of σ."""
STEP = 0.2
"""Longest step along the trajectory, in e-folds of σ: a Runge–Kutta step of fourth order."""


@dataclass(frozen=True)
class Curvature(Probe):
    """Relative change of dx/dt in an e-fold of σ, over σ.

    κ(σ) = ‖∂(dx/dt)/∂ln σ‖/‖dx/dt‖₀ along the exact trajectory x(t) of each latent: the share of
    its usual length by which the tangent turns, shrinks or grows while σ falls by a factor of e.
    0 for straight lines traversed evenly, whatever the units of x and t. Euler's step over h
    e-folds errs by about ½·κ·h of its length.

    The usual length is that of x = s·(y + σn) with independent y and n of standard deviation
    σ_data and 1: ‖dx/dt‖₀² = dim·((d(sσ)/dt)² + ṡ²·σ_data²). The tangent's own would do in many
    dimensions; in one it is 0 wherever a trajectory turns.

    Attributes:
        sampler: σ(t) and s(t), and σ_max, where trajectories begin.
        sigma_data: σ_data.

    Raises:
        ValueError: If levels are nearer to each other than the differences that are taken, or
            ``sigma_data`` is not above 0.
    """

    sampler: Sampler
    sigma_data: Positive = 0.5

    metric: ClassVar[str] = "curvature"
    needs_data: ClassVar[bool] = False
    sampler_keys: ClassVar[tuple[str, ...]] = (
        *("schedule", "scaling", "sigma_min", "sigma_max", "epsilon_s"),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        for low, high in itertools.pairwise(self.levels):
            if math.log(high / low) < 2 * HALF_WIDTH:
                raise ValueError(
                    f"levels: {low:g} and {high:g} are nearer than a factor of "
                    f"{math.exp(2 * HALF_WIDTH):.3f}"
                )

    @property
    def files(self) -> Mapping[str, str]:
        """Those of the sampler that it is about."""
        return self.sampler.files

    def check(self, model: Model) -> None:
        """Raise ValueError, one line, if it cannot be measured with this model."""
        super().check(model)
        low, high = self.sampler.sigma_range(model)
        reach = math.exp(HALF_WIDTH)
        if self.levels[-1] * reach > high or self.levels[0] / reach < low:
            raise ValueError(
                f"levels from {self.levels[0]:g} to {self.levels[-1]:g} need a range of σ that is "
                f"{100 * (reach - 1):.0f} % wider; the sampler's is [{low:g}, {high:g}]"
            )

    def declared(self, model: Model) -> Declared:
        """Return every number and name that decides the result: see :class:`Declared`."""
        made, own, flow = self.sampler.declared(model), self.told(), self.sampler.flow_declared()
        grid = {name: made.parts["grid"][name] for name in ("sigma_min", "sigma_max")}
        parts = {"grid": grid, **flow, **own.parts}
        numbers = [name for name in flow["schedule"] if name != "name"]
        told = (*grid, "schedule", "scaling", *numbers)
        seen = {name: made.settings["sampler"][name] for name in told}
        return Declared(parts, {"sampler": seen, **own.settings})

    def evaluations(self, model: Model) -> int:
        """Return the denoiser evaluations per sample."""
        return sum(4 * (len(way) - 1) + 3 for way in self._ways(model))

    def __call__(self, denoiser: Denoiser, drawn: Drawn) -> Tensor:
        """Return κ of each sample at each level, float64 [n, L]."""
        bent = [_rms(t[2] - t[0]) / (2 * HALF_WIDTH) for _, t in self._along(denoiser, drawn)]
        return torch.stack(bent, 1) / self._usual(denoiser).to(drawn.latents.device)

    def summary(self, mean: np.ndarray) -> float:
        """Return the mean over ln σ."""
        return float(over_log_sigma(self.levels, np.ones(len(self.levels))) @ mean)

    def shown(self, denoiser: Denoiser, drawn: Drawn) -> dict[str, np.ndarray]:
        """Return σ, t, s [L], and x(t), dx/dt [n, L] of states that are one number (Figure 3)."""
        if math.prod(denoiser.shape) != 1:
            return {}
        points = self._points(denoiser)
        along = self._along(denoiser, drawn)
        s = np.array([point.s for point in points])
        x = torch.stack([x.flatten() for x, _ in along], 1).cpu().numpy() * s
        slope = torch.stack([tangents[1].flatten() for _, tangents in along], 1).cpu().numpy()
        levels, t = (
            np.array([getattr(point, name) for point in points]) for name in ("sigma", "t")
        )
        return {"sigma": levels, "t": t, "s": s, "x": x, "slope": slope}

    def _usual(self, denoiser: Denoiser) -> Tensor:
        """Return the usual length of dx/dt by dimension at each level, float64 [L].

        d(s·σ)/dt = p·b and ṡ = q + s·p.
        """
        points = self._points(denoiser)
        lengths = [math.hypot(a.p * a.b, (a.q + a.s * a.p) * self.sigma_data) for a in points]
        return torch.tensor(lengths, dtype=torch.float64)

    def _points(self, denoiser: Denoiser) -> list[Point]:
        schedule = self._schedule(denoiser)
        return [schedule.level(sigma) for sigma in self.at(denoiser).tolist()]

    def _along(self, denoiser: Denoiser, drawn: Drawn) -> list[tuple[Tensor, list[Tensor]]]:
        """Return, level by level, x̂ = x/s and the tangents dx/dt at σe^{−δ}, σ and σe^{δ}."""
        evaluate, schedule = scaled(denoiser), Linear()
        straight = Process(evaluate, schedule)
        own = Process(evaluate, self._schedule(denoiser))
        ways = self._ways(denoiser)
        x = drawn.latents.double() * ways[0][0]
        found = []
        for way in ways:
            x = follow(SOLVERS["rk4"], straight, x, [schedule.level(sigma) for sigma in way])
            found.append((x, _tangents(own, x, way[-1])))
        return found[::-1]

    def _schedule(self, denoiser: Denoiser) -> Schedule:
        return self.sampler.schedule_for(denoiser)

    def _ways(self, denoiser: Denoiser) -> list[list[float]]:
        """Return the levels stepped through to each level, from the highest one down."""
        _, high = self.sampler.sigma_range(denoiser)
        stops = [high, *self.at(denoiser).tolist()[::-1]]
        return [_way(start, stop) for start, stop in itertools.pairwise(stops)]


def _way(start: float, stop: float) -> list[float]:
    """Return levels from ``start`` down to ``stop`` in equal ratios, none beyond STEP."""
    count = max(1, math.ceil(math.log(start / stop) / STEP))
    return [start * math.exp(i / count * math.log(stop / start)) for i in range(count + 1)]


def _tangents(process: Process, x: Tensor, sigma: float) -> list[Tensor]:
    """Return dx/dt at σe^{−δ}, σ and σe^{δ}.

    The states beside σ are Euler's, x ± δ·dx/dln σ: what they lack, ½δ²·d²x/dln σ², is the same on
    both sides and cancels in the difference to the order of the difference itself.
    """
    found, slope = [], None
    for shift in (0.0, -HALF_WIDTH, HALF_WIDTH):
        level = sigma * math.exp(shift)
        at = process.schedule.level(level)
        beside = x if slope is None else x + (level - sigma) * slope
        tangent = process.slope(at.s * beside, at)
        if slope is None:  # dx̂/dσ, from dx/dt = s·dx̂/dt + ṡ·x̂; ṡ = q + s·p, σ̇ = −q·σ/s
            slope = (tangent - (at.q + at.s * at.p) * x) / (-at.q * at.sigma)
        found.append(tangent)
    return [found[1], found[0], found[2]]


def _rms(x: Tensor) -> Tensor:
    return x.flatten(1).pow(2).mean(1).sqrt()

"""DPM-Solver with steps of its own: two orders from one set of evaluations, their difference."""

import math
from dataclasses import dataclass, field
from typing import ClassVar, Literal

import torch
from torch import Tensor

from sampler_bench.kit.parameters import require
from sampler_bench.solvers.loop import rise
from sampler_bench.solvers.paths.ode import Deterministic
from sampler_bench.solvers.paths.path import Path
from sampler_bench.solvers.paths.stochastic import Ancestral
from sampler_bench.solvers.point import Point
from sampler_bench.solvers.process import Draw, Process
from sampler_bench.solvers.route import Route
from sampler_bench.solvers.rows import restricted
from sampler_bench.solvers.rules.exponential import Form
from sampler_bench.solvers.rules.singlestep import Singlestep, Stage
from sampler_bench.solvers.solver import Solver
from sampler_bench.solvers.step import Step, logarithm
from sampler_bench.solvers.step_control import PID, Control

_ARRIVED = 1e-5
_SHORTEST = 1e-10


@dataclass(frozen=True, kw_only=True)
class DPMAdaptive(Solver):
    """DPM-Solver-12 or -23 with an error estimate: a whole sampler.

    Only the ends of the grid matter, and the last one is above 0. Each try costs ``k`` evaluations,
    a rejected one as well. As noise is drawn only after a step that was taken, one draw each, a
    sample's j-th step uses its j-th draw; none is drawn where η = 0.

    Attributes:
        k: 2 or 3, the higher of the two orders; that result is kept.
        form: ``"noise"`` (DPM-Solver) or ``"data"`` (DPM-Solver++).
        solver_type: As in :class:`Singlestep`.
        rtol, atol: Tolerated, of the state z as the schedule scales it: max(atol, rtol·|z|).
        first: Length of the first step in ln σ.
        control: Of the steps' lengths.
        norm: What the error of a group is: ``"mean"``, the root of the mean square over all
            (k-diffusion), or ``"max"``, the largest of its samples' (dpm-solver).
        group: So many consecutive samples share their steps; 1 is every sample by itself.
        eta: η of the ancestral falls; 0 is the flow. Above it the error counts as of order 1.5.
        S_noise: As of :class:`Ancestral`.
    """

    takes_steps: ClassVar[bool] = False
    reaches_zero: ClassVar[bool] = False
    from_infinity: ClassVar[bool] = False
    k: int = 3
    form: Form = "noise"
    solver_type: Literal["dpmsolver", "taylor"] = "dpmsolver"
    rtol: float = 0.05
    atol: float = 0.0078
    first: float = 0.05
    control: Control = field(default_factory=PID)
    norm: Literal["mean", "max"] = "mean"
    group: int = 50
    eta: float = 0.0
    S_noise: float = 1.0

    def __post_init__(self) -> None:
        require(self.k in {2, 3}, "k", self.k, "2 or 3")
        require(self.rtol >= 0, "rtol", self.rtol, "≥ 0")
        require(self.atol > 0, "atol", self.atol, "a number above 0")
        require(self.first > 0, "first", self.first, "a number above 0")
        require(self.group >= 1, "group", self.group, "at least 1")
        self.path  # noqa: B018 - the path checks η and S_noise

    @property
    def stochastic(self) -> bool:
        """Whether noise is added."""
        return self.eta > 0

    @property
    def couples(self) -> int | None:
        """How many consecutive samples depend on each other; ``None`` where each is alone."""
        return self.group if self.group > 1 else None

    @property
    def path(self) -> Path:
        """How a try falls."""
        if self.eta == 0:
            return Deterministic()
        return Ancestral(eta=self.eta, S_noise=self.S_noise, clipped=True)

    def sample(self, process: Process, z: Tensor, route: Route) -> Tensor:
        """Return the state at the route's last level, or D there, from ``z`` at its first.

        Raises:
            ValueError: If an end of the route is σ = 0 or ∞.
            RuntimeError: If the denoiser returned something that is not finite, or no step is
                short enough for the tolerance.
        """
        high, low = route.grid[0], route.grid[-1]
        require(0 < low.sigma <= high.sigma < math.inf, "σ", low.sigma, "above 0 and finite")
        made = self._together(process, z, high, low)
        return process.denoise(made, low) if route.denoise else made

    def _together(self, process: Process, z: Tensor, high: Point, low: Point) -> Tensor:
        """Return the state at ``low``, each group by steps of its own."""
        if len(z) <= self.group:
            return self._integrate(process, z, high, low)
        shared = _Draws(process, z)
        parts = []
        for rows in torch.arange(len(z), device=z.device).split(self.group):
            denoise = restricted(process.denoise, rows)
            part = Process(denoise, process.schedule, shared.of(rows))
            parts.append(self._integrate(part, z[rows], high, low))
        return torch.cat(parts)

    def _integrate(self, process: Process, z: Tensor, here: Point, end: Point) -> Tensor:
        propose = self.control.begin(1.5 if self.stochastic else self.k)
        length, before = self.first, z
        while (left := logarithm(here, end)) > _ARRIVED:
            step = self._step(process, here, end, min(length, left), left)
            higher, lower = self._try(process, z, step)
            error = self._error(higher, lower, before)
            if not math.isfinite(error):
                raise RuntimeError(f"dpm-adaptive: D is not finite at σ = {here.sigma:g}")
            taken, factor = propose(error)
            if taken:
                z, before = rise(process, higher, step.down, step.end, step.after), lower
                here = step.end
            length = min(length, left) * factor
            if length < _SHORTEST:
                raise RuntimeError(
                    f"dpm-adaptive (rtol={self.rtol:g}, atol={self.atol:g}): steps at "
                    f"σ = {here.sigma:g} become shorter than {_SHORTEST:g}"
                )
        return z

    def _step(self, process: Process, here: Point, end: Point, length: float, left: float) -> Step:
        """Return a step of a length in ln σ; the grid's end itself where that is what is left."""
        sigma = here.sigma * math.exp(-length)
        target = end if length >= left else process.schedule.level(sigma)
        return next(iter(self.path.steps([here, target, end], process.schedule)))

    def _try(self, process: Process, z: Tensor, step: Step) -> tuple[Tensor, Tensor]:
        """Return the states at ``step.down`` by the rule and by the one embedded in it."""
        shares = (0.5,) if self.k == 2 else (1 / 3, 2 / 3)
        rule = Singlestep(k=self.k, form=self.form, r=shares, solver_type=self.solver_type)
        stages: list[Stage] = rule.stages(process, z, step, shares)
        return rule.landed(z, step, stages), rule.landed(z, step, stages[:-1])

    def _error(self, higher: Tensor, lower: Tensor, before: Tensor) -> float:
        """Return the error over what is tolerated."""
        allowed = (self.rtol * torch.maximum(lower.abs(), before.abs())).clamp(min=self.atol)
        squares = ((higher - lower) / allowed).flatten(1).square().mean(1)
        return float((squares.max() if self.norm == "max" else squares.mean()).sqrt())


class _Draws:
    """One stream of draws of a whole batch, read by groups that need different numbers of them."""

    def __init__(self, process: Process, z: Tensor) -> None:
        self.process, self.z, self.drawn = process, z, list[Tensor]()

    def of(self, rows: Tensor) -> Draw:
        """Return the source of noise of some rows."""
        count = 0

        def draw(part: Tensor, high: Point, low: Point) -> Tensor:
            nonlocal count
            if count == len(self.drawn):
                self.drawn.append(self.process.draw(self.z, high, low))
            count += 1
            return self.drawn[count - 1][rows]

        return draw

"""The probability flow as a function of time: what the simplest rules are given."""

from torch import Tensor

from sampler_bench.solvers.point import Point
from sampler_bench.solvers.process import Process
from sampler_bench.solvers.schedules import Schedule


class Flow:
    """``flow(x, t)`` is dx/dt of the probability flow (EDM, Eq. 4); t is a float.

    Args:
        process: Denoiser and schedule.
        known: Points whose time is met again: their noise level is kept to the last bit.
    """

    def __init__(self, process: Process, *known: Point) -> None:
        self.process = process
        self._known = {point.t: point for point in known}

    @property
    def schedule(self) -> Schedule:
        """σ(t) and s(t)."""
        return self.process.schedule

    def __call__(self, x: Tensor, t: float) -> Tensor:
        """Return dx/dt [B, *shape], one evaluation."""
        return self.process.slope(x, self._known.get(t) or self.schedule.at(t))

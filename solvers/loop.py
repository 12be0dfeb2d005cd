"""The one loop of every sampler: a fall is a rule's step, a rise is noise."""

from collections.abc import Iterable
from typing import Literal, Protocol

from torch import Tensor

from sampler_bench.solvers.past import Past
from sampler_bench.solvers.point import Point
from sampler_bench.solvers.process import Process
from sampler_bench.solvers.step import Step


class Stepping(Protocol):
    """What the loop asks of a rule: see :class:`solvers.rule.Rule`."""

    @property
    def memory(self) -> int: ...  # noqa: D102
    @property
    def on_return(self) -> Literal["reset", "keep"]: ...  # noqa: D102

    def correct(self, process: Process, z: Tensor, at: Point, past: Past) -> Tensor: ...  # noqa: D102
    def __call__(self, process: Process, z: Tensor, step: Step, past: Past) -> Tensor: ...  # noqa: D102
    def finish(self, process: Process, z: Tensor, at: Point, past: Past) -> Tensor: ...  # noqa: D102


def sample(
    process: Process,
    z: Tensor,
    steps: Iterable[Step],
    rule: Stepping,
    *,
    denoise: bool = False,
    past: Past | None = None,
) -> Tensor:
    """Return the state at the last level, or D there.

    Args:
        process: Denoiser, schedule and noise.
        z: The state at the first level, [B, *shape].
        steps: The path's steps, in order.
        rule: What takes each of them.
        denoise: Whether to return D at the last level, one evaluation more.
        past: What is known before the first step; nothing unless given.
    """
    past = Past() if past is None else past
    end: Point | None = None
    for step in steps:
        z = rise(process, z, step.start, step.here, step.before)
        if past and step.here.sigma > past[-1].at.sigma and rule.on_return == "reset":
            past.forget()
        z = rule.correct(process, z, step.here, past)
        landed = rule(process, z, step, past)
        if step.gain != 1:
            landed = step.gain * landed + (1 - step.gain) * (step.down.s / step.here.s) * z
        z = rise(process, landed, step.down, step.end, step.after)
        del past[: max(0, len(past) - rule.memory)]
        end = step.end
    return z if end is None or not denoise else rule.finish(process, z, end, past)


def rise(
    process: Process, z: Tensor, low: Point, high: Point, deviations: tuple[float, ...]
) -> Tensor:
    """Return ``z`` taken up from one level to another by noise: s'/s·z + s'·Σ std_k·n_k.

    A deviation of 0 draws, and adds nothing: later draws must not depend on it.
    """
    if high is not low and high.s != low.s:
        z = (high.s / low.s) * z
    for deviation in deviations:
        drawn = process.draw(z, high, low)
        if deviation != 0:
            z = z + (high.s * deviation) * drawn
    return z

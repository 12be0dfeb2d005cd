"""A rule with a memory as a plain function: what a user writes in a file of one's own."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import ClassVar, Literal

from torch import Tensor

from sampler_bench.solvers.moments import first_order
from sampler_bench.solvers.past import Past
from sampler_bench.solvers.process import Process
from sampler_bench.solvers.rule import Rule
from sampler_bench.solvers.schedules import Schedule
from sampler_bench.solvers.step import Step


@dataclass(frozen=True, kw_only=True)
class Remembering(Rule):
    """``f(flow, z, step, past)`` returns the state at ``step.down``; fields are its parameters.

    The step to σ = 0 is first order, and not the function's: ln σ is not finite there. What the
    function does not say is the weakest claim.
    """

    function: ClassVar[Callable[..., Tensor]]
    counted: ClassVar[Callable[[int], int] | None] = None
    """Evaluations per sample of n of its steps; ``None`` if it does not say."""

    from_infinity: ClassVar[bool] = False
    on_return: ClassVar[Literal["reset", "keep"]] = "reset"
    on_noise: ClassVar[Literal["keeps", "first"]] = "first"

    def __call__(self, process: Process, z: Tensor, step: Step, past: Past) -> Tensor:
        """Return the state at ``step.down``."""
        if step.down.sigma == 0:
            return first_order(z, past.evaluate(process, z, step.here), step.here, step.down)
        parameters = {f.name: getattr(self, f.name) for f in fields(self)}
        return type(self).function(process, z, step, past, **parameters)

    def evaluations(self, n: int, to_zero: bool) -> int:
        """Return what it says of its own steps, and one for a step to σ = 0."""
        count = type(self).counted
        return n if count is None else count(n - to_zero) + to_zero

    def evaluations_on(  # type: ignore[override]  # a function need not say what a rule does
        self, steps: Sequence[Step], denoise: bool, schedule: Schedule
    ) -> int | None:
        """Return the evaluations per sample of a path's steps; ``None`` if it does not say."""
        return (
            None if type(self).counted is None else super().evaluations_on(steps, denoise, schedule)
        )

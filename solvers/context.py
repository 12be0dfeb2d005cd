"""What a discretization may ask for besides a number of levels and their range."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sampler_bench.solvers.schedules import Schedule

if TYPE_CHECKING:
    from sampler_bench.solvers.solver import Solver

CONTEXT = "context"
"""The keyword-only parameter that asks for it, which is no user's to give."""


@dataclass(frozen=True)
class Context:
    """What the levels are for.

    Attributes:
        schedule: σ(t) and s(t), fitted to the σ range.
        own_levels: The noise levels the model was trained at, the highest first; ``None`` if any.
        solver: What takes the steps, with its parameters.
        to_zero: Whether σ = 0 follows the last of the levels.
    """

    schedule: Schedule
    own_levels: tuple[float, ...] | None
    solver: "Solver"
    to_zero: bool = False

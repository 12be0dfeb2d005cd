"""What takes a state through a grid of levels."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, replace
from typing import Any, ClassVar, Self

from torch import Tensor

from sampler_bench.solvers.paths.ode import Deterministic
from sampler_bench.solvers.paths.path import Path, exactly
from sampler_bench.solvers.point import Point
from sampler_bench.solvers.process import Process


class Solver(ABC):
    """A rule of the one loop, or a whole sampler that chooses its own steps.

    Subclasses are frozen dataclasses; their fields, ``version`` aside, are what a grid may set.
    """

    version: int = 1
    """Raise it whenever the results change for the same input."""
    takes_steps: ClassVar[bool] = True
    """Whether the number of steps is the user's choice, and the levels between are visited."""

    @property
    def one_step(self) -> bool:
        """Whether a step asks for nothing but the state it begins with."""
        return False

    @property
    def couples(self) -> int | None:
        """How many consecutive samples share its decisions; ``None`` if none do."""
        return None

    @abstractmethod
    def sample(
        self,
        process: Process,
        z: Tensor,
        grid: Sequence[Point],
        path: Path,
        round_sigma: Callable[[float], float],
    ) -> Tensor:
        """Return the state at the grid's last level.

        Args:
            process: Denoiser, schedule and noise.
            z: The state at the grid's first level, [B, *shape].
            grid: The levels.
            path: Where noise takes the state up again.
            round_sigma: The denoiser's, for levels that a path makes.
        """

    @property
    def declares(self) -> Callable[..., Any]:
        """What says which parameters there are, and what each may be."""
        return type(self)

    def defaults(self) -> dict[str, Any]:
        """Return the solver's own parameters and their values."""
        own = fields(self)  # type: ignore[arg-type]  # subclasses are dataclasses
        return {f.name: getattr(self, f.name) for f in own if f.name != "version"}

    def configured(self, parameters: Mapping[str, Any]) -> Self:
        """Return the same solver with other parameters."""
        return replace(self, **parameters)  # type: ignore[type-var]


def follow(solver: Solver, process: Process, z: Tensor, grid: Sequence[Point]) -> Tensor:
    """Return the state at the grid's last level, without noise and by exactly these levels."""
    return solver.sample(process, z, grid, Deterministic(), exactly)

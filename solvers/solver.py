"""What takes a state through a grid of levels."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, replace
from typing import Any, ClassVar, Self, TypeVar

from torch import Tensor

from sampler_bench.kit.parameters import keywords
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
    from_infinity: ClassVar[bool] = True
    """Whether it can step away from σ = ∞, flow time t = 1."""

    maker: ClassVar[Callable[..., "Solver"] | None] = None
    """The function that makes it under a name: what its parameters are then."""
    own_path: ClassVar[Path | None] = None
    """The path that belongs to its name; ``None`` for the flow, or churn."""

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
        return self.maker or type(self)

    def defaults(self) -> dict[str, Any]:
        """Return the solver's own parameters and their values."""
        if self.maker is not None:
            return keywords(self.maker)
        own = fields(self)  # type: ignore[arg-type]  # subclasses are dataclasses
        return {f.name: getattr(self, f.name) for f in own if f.name != "version"}

    def configured(self, parameters: Mapping[str, Any]) -> Self:
        """Return the same solver with other parameters."""
        if self.maker is not None:
            return _as_made(self.maker(**parameters), self.maker, self.own_path)
        return replace(self, **parameters)  # type: ignore[type-var]

    def planned(self, steps: int) -> tuple["Solver", int]:
        """Return it as it takes so many steps, and how many the grid then has.

        For most that is itself, and as many. What plans its orders over the whole grid says so
        here: of dpm-fast ``steps`` are evaluations, and several of them make one step.
        """
        return self, steps

    def in_key(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """Return those of its parameters that a cell's key holds.

        All of them for the solvers that format 1 began with; of a named one what differs.
        """
        own = {name: parameters[name] for name in self.defaults()}
        if self.maker is None:
            return own
        return {name: value for name, value in own.items() if value != self.defaults()[name]}


Made = TypeVar("Made", bound=Solver)


def _as_made(solver: Any, make: Callable[..., Any], path: Path | None) -> Any:
    # Frozen: what is known of the name is put beside the fields, and compared with none of them.
    for name, value in {"maker": make, "own_path": path, "__wrapped__": make}.items():
        object.__setattr__(solver, name, value)
    return solver


def named(make: Callable[..., Made] | None = None, *, path: Path | None = None) -> Any:
    """Make a row of a registry of a function: what it returns with no arguments.

    Its docstring is the row's description, its keyword-only arguments are the row's parameters.

    Args:
        make: The function.
        path: The path that belongs to the name.
    """
    if make is None:
        return lambda function: _as_made(function(), function, path)
    return _as_made(make(), make, path)


def follow(solver: Solver, process: Process, z: Tensor, grid: Sequence[Point]) -> Tensor:
    """Return the state at the grid's last level, without noise and by exactly these levels."""
    return solver.sample(process, z, grid, Deterministic(), exactly)

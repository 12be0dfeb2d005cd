"""What takes a state through a grid of levels."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, replace
from typing import Any, ClassVar, Self, TypeVar

from torch import Tensor

from sampler_bench.kit.parameters import keywords
from sampler_bench.solvers.any_sampler import AnySampler
from sampler_bench.solvers.assembly import assemble
from sampler_bench.solvers.paths.path import Path
from sampler_bench.solvers.process import Process
from sampler_bench.solvers.route import Route
from sampler_bench.solvers.schedules import Schedule
from sampler_bench.solvers.step import Step

_NO_PARAMETERS = ("end",)
"""Fields that a grid does not set: ``end`` is the sampler's there, where its levels end."""


class Solver(ABC):
    """A rule of the one loop, or a whole sampler that chooses its own steps.

    Subclasses are frozen dataclasses; their fields, ``end`` aside, are what a grid may set.
    """

    takes_parts: ClassVar[bool] = True
    """Whether discretization, schedule, scaling and path are the user's choice."""
    takes_steps: ClassVar[bool] = True
    """Whether the number of steps is the user's choice, and the levels between are visited."""
    sees_schedule: ClassVar[bool] = True
    """Whether σ(t) changes what it computes; else it rounds differently only."""
    sees_scaling: ClassVar[bool] = True
    """Whether s(t) does."""
    walks: ClassVar[bool] = True
    """Whether it follows a path, under a schedule; else it is given levels, and draws itself."""
    reaches_zero: ClassVar[bool] = True
    """Whether it can step to σ = 0."""
    from_infinity: ClassVar[bool] = True
    """Whether it can step away from σ = ∞, flow time t = 1."""

    maker: ClassVar[Callable[..., "Solver"] | None] = None
    """The function that makes it under a name: what its parameters are then."""
    own_path: ClassVar[Callable[..., Path] | None] = None
    """The path that belongs to its name; ``None`` for the flow, or churn."""

    told: ClassVar[Mapping[str, str]] = {}
    """What its name says of itself before it is imported: see :func:`named`."""

    @property
    def one_step(self) -> bool:
        """Whether a step asks for nothing but the state it begins with."""
        return False

    @property
    def couples(self) -> int | None:
        """How many consecutive samples share its decisions; ``None`` if none do."""
        return None

    @property
    def stochastic(self) -> bool:
        """Whether it draws noise by itself; what its path draws is the path's."""
        return False

    @abstractmethod
    def sample(self, process: Process, z: Tensor, route: Route) -> Tensor:
        """Return the state at the route's last level, or D there.

        Args:
            process: Denoiser, schedule and noise.
            z: The state at the route's first level, [B, *shape].
            route: The levels, and where noise takes the state up again.
        """

    def evaluations_on(
        self, steps: Sequence[Step], denoise: bool, schedule: Schedule
    ) -> int | None:
        """Return the evaluations per sample of a path's steps, and of D after them if asked for.

        ``None`` where they depend on the samples.
        """
        return None

    def remarks(self, path: Path) -> tuple[str, ...]:
        """Return what a path makes of what it claims, if it is less."""
        return ()

    @property
    def declares(self) -> Callable[..., Any]:
        """What says which parameters there are, and what each may be."""
        return self.maker or type(self)

    def defaults(self) -> dict[str, Any]:
        """Return the solver's own parameters and their values."""
        if self.maker is not None:
            return keywords(self.maker)
        own = fields(self)  # type: ignore[arg-type]  # subclasses are dataclasses
        return {f.name: getattr(self, f.name) for f in own if f.name not in _NO_PARAMETERS}

    def configured(self, parameters: Mapping[str, Any]) -> Self:
        """Return the same solver with other parameters."""
        if self.maker is not None:
            made = self.maker(**parameters)
            return _as_made(made, self.maker, own_path=self.own_path, told=self.told)
        return replace(self, **parameters)  # type: ignore[type-var]

    def planned(self, steps: int) -> tuple["Solver", int]:
        """Return it as it takes so many steps, and how many the grid then has.

        For most that is itself, and as many. What plans its orders over the whole grid says so
        here: of dpm-fast ``steps`` are evaluations, and several of them make one step.
        """
        return self, steps

    def sampler(
        self,
        name: str,
        given: Mapping[str, Any],
        own: Mapping[str, Any],
        neutral: Mapping[str, Any],
    ) -> AnySampler:
        """Return the sampler of this solver, by its name, and the parts chosen beside it.

        Args:
            name: The solver's name.
            given: Arguments of :func:`solvers.build`, all of them.
            own: The parts' own parameters.
            neutral: What those arguments are where nothing is asked for.
        """
        return assemble(name, given, own, neutral)


Made = TypeVar("Made", bound=Solver)


def _as_made(solver: Any, make: Callable[..., Any], **known: Any) -> Any:
    # Frozen: what is known of the name is put beside the fields, and compared with none of them.
    for name, value in {"maker": make, "__wrapped__": make, **known}.items():
        object.__setattr__(solver, name, value)
    return solver


def named(
    make: Callable[..., Made] | None = None,
    *,
    path: Callable[..., Path] | None = None,
    **told: str,
) -> Any:
    """Make a row of a registry of a function: what it returns with no arguments.

    Its docstring is the row's description, its keyword-only arguments are the row's parameters.

    Args:
        make: The function.
        path: What makes the path that belongs to the name.
        told: What ``bench list`` shows beside: ``same_as``, another name for the same steps, which
            a comparison need not show twice; ``on_noise``, where it is not "keeps".
    """
    if make is None:
        return lambda function: _as_made(function(), function, own_path=path, told=told)
    return _as_made(make(), make)


def follow(solver: Solver, process: Process, z: Tensor, grid: Any) -> Tensor:
    """Return the state at the grid's last level, without noise and by exactly these levels."""
    return solver.sample(process, z, Route(grid))

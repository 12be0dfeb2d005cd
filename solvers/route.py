"""What a solver is asked to walk: levels, and how noise comes in between."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from sampler_bench.solvers.paths.ode import Deterministic
from sampler_bench.solvers.paths.path import Path, exactly
from sampler_bench.solvers.point import Point
from sampler_bench.solvers.schedules import Schedule
from sampler_bench.solvers.step import Step


@dataclass(frozen=True)
class Route:
    """Levels to visit and the path through them.

    Attributes:
        grid: The levels.
        path: Where noise takes the state up again; the probability flow unless given.
        round_sigma: The denoiser's, for levels that a path makes.
        denoise: Whether D at the last level is wanted, and not the state there.
    """

    grid: Sequence[Point]
    path: Path = field(default_factory=Deterministic)
    round_sigma: Callable[[float], float] = exactly
    denoise: bool = False

    def steps(self, schedule: Schedule) -> Iterator[Step]:
        """Yield the path's steps."""
        return self.path.steps(self.grid, schedule, self.round_sigma)

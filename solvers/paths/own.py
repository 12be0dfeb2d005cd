"""A path as a plain function: what a user writes in a file of one's own."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from typing import ClassVar

from sampler_bench.solvers.paths.path import Kept, Path, exactly
from sampler_bench.solvers.point import Point
from sampler_bench.solvers.schedules import Schedule
from sampler_bench.solvers.step import Step


@dataclass(frozen=True, kw_only=True)
class OwnPath(Path):
    """``f(grid, schedule)`` yields the steps; fields are its parameters.

    With a third argument, ``round_sigma``, it can evaluate at levels of its own that a network with
    a table of them knows.
    """

    function: ClassVar[Callable[..., Iterator[Step]]]
    rounds: ClassVar[bool] = False
    """Whether it takes ``round_sigma``."""
    draws: ClassVar[bool] = True
    from_infinity: ClassVar[bool] = False
    keeps: ClassVar[Kept] = "none"

    def steps(
        self,
        grid: Sequence[Point],
        schedule: Schedule,
        round_sigma: Callable[[float], float] = exactly,
    ) -> Iterator[Step]:
        """Yield the steps."""
        parameters = {f.name: getattr(self, f.name) for f in fields(self)}
        given = (grid, schedule, round_sigma) if self.rounds else (grid, schedule)
        yield from type(self).function(*given, **parameters)

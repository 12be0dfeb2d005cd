"""What a path is: the steps of a grid of levels, with where each falls and which noise it draws."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

from sampler_bench.solvers.point import Point
from sampler_bench.solvers.schedules import Schedule
from sampler_bench.solvers.step import Step

Kept = Literal["data", "noise", "both", "none"]


def exactly(sigma: float) -> float:
    """Return σ: the identity, for denoisers that are defined at every level."""
    return sigma


@dataclass(frozen=True, kw_only=True)
class Path(ABC):
    """A path, immutable; its fields are its parameters.

    Which steps draw, in which order, is pinned by tests: a change would shift all later noise of a
    seed in silence.
    """

    sees_schedule: ClassVar[bool] = True
    """Whether σ(t) and s(t) change where it goes: unless it says otherwise."""
    from_infinity: ClassVar[bool] = True
    """Whether it can step away from σ = ∞, flow time t = 1."""
    most_order: ClassVar[int] = 2
    """The weak order that no rule exceeds on it, where it draws."""

    @property
    def keeps(self) -> Kept:
        """Which rules' memory its noise leaves of use: of D ("data"), of ε ("noise"), or none's.

        A rule whose memory is spoilt is of weak order 1.
        """
        return "data"

    @property
    def draws(self) -> bool:
        """Whether any step draws noise."""
        return False

    @abstractmethod
    def steps(
        self,
        grid: Sequence[Point],
        schedule: Schedule,
        round_sigma: Callable[[float], float] = exactly,
    ) -> Iterator[Step]:
        """Yield the steps through a grid's levels.

        Args:
            grid: The levels, from the first to the last.
            schedule: Makes the points between them.
            round_sigma: The denoiser's: levels that a path makes are rounded, too.
        """

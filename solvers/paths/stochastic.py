"""Paths that fall below the next level and rise by noise: ancestral sampling, reverse SDEs."""

import math
from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from sampler_bench.kit.parameters import require
from sampler_bench.solvers.paths.path import Path, exactly
from sampler_bench.solvers.point import Point
from sampler_bench.solvers.schedules import Schedule
from sampler_bench.solvers.step import Step


@dataclass(frozen=True, kw_only=True)
class Ancestral(Path):
    """DDPM's posterior, in σ: up by σ_up = min(σ', η·√(σ'²(σ² − σ'²)/σ²)), from √(σ'² − σ_up²).

    DDIM's η is the same number (Song, Meng and Ermon 2021, Eq. 16). One draw a step, after it, also
    for η = 0, and none into σ = 0.

    Attributes:
        eta: η ≥ 0; 1 is DDPM, 0 the flow.
        S_noise: Standard deviation of the noise, relative to what the rise calls for.
        clipped: Whether no fall goes below the grid's last level (DPM-Solver-fast).
    """

    sees_schedule: ClassVar[bool] = False
    eta: float = 1.0
    S_noise: float = 1.0
    clipped: bool = False

    def __post_init__(self) -> None:
        require(self.eta >= 0, "eta", self.eta, "≥ 0")
        require(self.S_noise >= 0, "S_noise", self.S_noise, "≥ 0")

    @property
    def draws(self) -> bool:
        """Whether noise is added."""
        return self.eta > 0

    def up(self, sigma: float, end: float) -> float:
        """Return σ_up of a step from σ to ``end``."""
        share = 1.0 if sigma == math.inf else 1 - (end / sigma) ** 2
        return min(end, self.eta * end * math.sqrt(max(share, 0.0)))

    def steps(
        self,
        grid: Sequence[Point],
        schedule: Schedule,
        round_sigma: Callable[[float], float] = exactly,
    ) -> Iterator[Step]:
        """Yield the steps."""
        n = len(grid) - 1
        least = grid[-1].sigma if self.clipped else 0.0
        for i in range(n):
            here, end = grid[i], grid[i + 1]
            if end.sigma == 0:
                yield Step(i, n, here, here, end, end)
                continue

            def land(sigma: float, above: float = here.sigma) -> tuple[float, tuple[float, ...]]:
                up = self.up(above, sigma)
                low = math.sqrt(max(sigma**2 - up**2, 0.0))
                if low < least:
                    low, up = least, math.sqrt(max(sigma**2 - least**2, 0.0))
                return low, (up * self.S_noise,)

            low, after = land(end.sigma)
            down = end if low == end.sigma else schedule.level(low)
            yield Step(i, n, here, here, down, end, (), after, land)


@dataclass(frozen=True, kw_only=True)
class Reverse(Path):
    """A reverse SDE with noise scale φ: falls to σ↓ = σ·φ(σ')/φ(σ), and up by √(σ'² − σ↓²).

    One draw a step, after it; none into σ = 0, and none where nothing is drawn.

    Attributes:
        S_noise: Standard deviation of the noise, relative to what the rise calls for.
    """

    sees_schedule: ClassVar[bool] = False
    S_noise: float = 1.0

    def __post_init__(self) -> None:
        require(self.S_noise >= 0, "S_noise", self.S_noise, "≥ 0")

    @abstractmethod
    def phi(self, sigma: float) -> float:
        """Return φ(σ)."""

    def landings(self, above: float) -> Callable[[float], tuple[float, tuple[float, ...]]]:
        """Return where a step from a level lands, and the rise to its end: ``Step.land``."""
        scale = math.inf if above == math.inf else self.phi(above)

        def land(sigma: float) -> tuple[float, tuple[float, ...]]:
            low = 0.0
            if above < math.inf and sigma > 0:
                low = min(sigma, above * self.phi(sigma) / scale)
            return low, (math.sqrt(max(sigma**2 - low**2, 0.0)) * self.S_noise,)

        return land

    def steps(
        self,
        grid: Sequence[Point],
        schedule: Schedule,
        round_sigma: Callable[[float], float] = exactly,
    ) -> Iterator[Step]:
        """Yield the steps."""
        n = len(grid) - 1
        for i in range(n):
            here, end = grid[i], grid[i + 1]
            if end.sigma == 0 or not self.draws:
                yield Step(i, n, here, here, end, end)
                continue
            land = self.landings(here.sigma)
            low, after = land(end.sigma)
            yield Step(i, n, here, here, schedule.level(low), end, (), after, land)


@dataclass(frozen=True, kw_only=True)
class SDE(Reverse):
    """The reverse SDE, its linear part exact: φ(σ) = σ^(1+η), as SDE-DPM-Solver++ (Lu et al. 2022).

    Attributes:
        eta: η ≥ 0; 1 is the reverse SDE of Song et al., 0 the flow.
        S_noise: Standard deviation of the noise, relative to what the rise calls for.
    """

    eta: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.eta >= 0, "eta", self.eta, "≥ 0")

    @property
    def draws(self) -> bool:
        """Whether noise is added."""
        return self.eta > 0

    def phi(self, sigma: float) -> float:
        """Return φ(σ)."""
        return sigma ** (1 + self.eta)

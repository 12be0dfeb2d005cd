"""A whole sampler as a plain function: what a user writes in a file of one's own."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from functools import lru_cache
from typing import Any, ClassVar

import torch
from torch import Tensor

from sampler_bench.solvers.noise import SeedNoise
from sampler_bench.solvers.point import Point
from sampler_bench.solvers.process import Process
from sampler_bench.solvers.route import Route
from sampler_bench.solvers.schedules import Linear, Schedule
from sampler_bench.solvers.solver import Solver
from sampler_bench.solvers.step import Step

_TRIAL = (2, 1, 8, 8)
_LEVELS = (10.0, 3.0, 1.0, 0.3, 0.0)


@dataclass(frozen=True, kw_only=True)
class Whole(Solver):
    """``f(denoiser, x, sigmas, noise)`` takes x = x₀ + σn through all levels itself.

    Its fields are its parameters. Whether it draws noise, where the function does not say, is found
    by trying it; and so is that a sample does not depend on the others of its batch.
    """

    function: ClassVar[Callable[..., Tensor]]
    counted: ClassVar[Callable[[int], int] | None] = None
    """Evaluations per sample of n steps; ``None`` if it does not say."""
    order: ClassVar[int | None] = None
    said: ClassVar[bool | None] = None
    """Whether it draws noise, if it says so."""
    together: ClassVar[int | None] = None
    """How many samples it couples, if it says so."""

    walks: ClassVar[bool] = False
    from_infinity: ClassVar[bool] = False
    sees_schedule: ClassVar[bool] = False
    sees_scaling: ClassVar[bool] = False

    @property
    def couples(self) -> int | None:
        """How many consecutive samples share its decisions."""
        return type(self).together

    @property
    def stochastic(self) -> bool:
        """Whether it draws noise."""
        return type(self).said is True or _tried(self)

    def sample(self, process: Process, z: Tensor, route: Route) -> Tensor:
        """Return the state at the route's last level, or D there.

        Raises:
            ValueError: If the function returns no such state.
        """
        grid = {point.sigma: point for point in route.grid}
        first, last = route.grid[0], route.grid[-1]

        def denoiser(x: Tensor, sigma: float | Tensor) -> Tensor:
            level = _number(sigma)
            at = grid.get(level) or process.schedule.level(level)
            return process.denoise(x if at.s == 1 else at.s * x, at)

        def noise(x: Tensor) -> Tensor:
            return process.draw(x, first, last)

        sigmas = torch.tensor([point.sigma for point in route.grid], dtype=torch.float64)
        x = z if first.s == 1 else z / first.s
        made = self._called(denoiser, x, sigmas, noise)
        made = made if last.s == 1 else last.s * made
        return process.denoise(made, last) if route.denoise else made

    def _called(self, denoiser: Any, x: Tensor, sigmas: Tensor, noise: Any) -> Tensor:
        parameters = {f.name: getattr(self, f.name) for f in fields(self)}
        made = type(self).function(denoiser, x, sigmas, noise, **parameters)
        if not isinstance(made, Tensor) or made.shape != x.shape:
            told = list(made.shape) if isinstance(made, Tensor) else type(made).__name__
            raise ValueError(
                f"solver {type(self).__name__} returned {told} and not the samples, {list(x.shape)}"
            )
        return made

    def evaluations_on(
        self, steps: Sequence[Step], denoise: bool, schedule: Schedule
    ) -> int | None:
        """Return the evaluations per sample of so many steps; ``None`` if it does not say."""
        count = type(self).counted
        return None if count is None else count(len(steps)) + denoise


def _number(sigma: float | Tensor) -> float:
    """Return a level as a number; denoising each sample at a level of its own is not offered."""
    if isinstance(sigma, Tensor) and sigma.ndim > 0:
        raise ValueError(
            f"denoiser(x, sigma): sigma is a number or a 0-d tensor, not {list(sigma.shape)}"
        )
    return float(sigma)


@lru_cache(maxsize=1024)
def _tried(solver: Whole) -> bool:
    """Return whether samples depend on later draws, found by sampling on something tiny.

    Raises:
        ValueError: If they do and it says they do not; if a sample depends on the others of its
            batch and nothing was said of it; if they depend on something else.
    """
    name = type(solver).__name__
    grid: list[Point] = [Linear().level(sigma) for sigma in _LEVELS]
    latents = SeedNoise(range(_TRIAL[0])).latents(_TRIAL[1:]).double() * _LEVELS[0]

    def made(x: Tensor, *seeds: int) -> Tensor:
        source = SeedNoise(seeds)
        process = Process(_gaussian, Linear(), lambda z, high, low: source(z))
        return solver.sample(process, x.clone(), Route(grid))

    both = made(latents, 0, 1)
    if not torch.equal(both, made(latents, 0, 1)):
        raise ValueError(f"solver {name} makes other samples of equal seeds: draw by noise(x)")
    if solver.couples is None and not torch.allclose(both[:1], made(latents[:1], 0), 1e-9, 1e-9):
        raise ValueError(
            f"solver {name} makes another sample of a latent when it is alone: say of how many "
            f"consecutive samples one depends, {name}.couples = 50"
        )
    draws = not torch.equal(both, made(latents, 2, 3))
    if draws and type(solver).said is False:
        raise ValueError(f"solver {name} draws noise, and says {name}.stochastic = False")
    return draws


def _gaussian(z: Tensor, at: Point) -> Tensor:
    """Return D of N(0, ½²)."""
    return z * (0.25 / (0.25 + at.sigma**2))

"""What a rule may call: the denoiser along a schedule, the flow's slope, and noise."""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from sampler_bench.solvers.denoiser import Denoiser, complete
from sampler_bench.solvers.incompatible import Incompatible
from sampler_bench.solvers.noise import no_noise
from sampler_bench.solvers.point import Point
from sampler_bench.solvers.rows import restricted
from sampler_bench.solvers.schedules import Schedule

NOT_FROM_NOISE = "the model is not defined at t = 1, where σ = ∞: give sigma_max"
Draw = Callable[[Tensor, Point, Point], Tensor]
"""A standard normal draw like its argument, for a rise between two levels: independent draws ignore
them, Brownian ones give the seed's Wiener increment between the two, divided by its deviation."""


def refuse(z: Tensor, high: Point, low: Point) -> Tensor:
    """Stand in for a source of draws where there is none: say so when one is needed."""
    return no_noise(z)


class Process:
    """The probability flow of a denoiser under a schedule, and a source of noise.

    Args:
        denoise: ``(z, at) -> D``; :func:`scaled` makes one of a :class:`Denoiser`.
        schedule: σ(t) and s(t).
        draw: Source of noise; refused unless given.
    """

    def __init__(
        self,
        denoise: Callable[[Tensor, Point], Tensor],
        schedule: Schedule,
        draw: Draw = refuse,
    ) -> None:
        self.denoise, self.schedule, self.draw = denoise, schedule, draw

    def slope(self, z: Tensor, at: Point) -> Tensor:
        """Return dz/dt = p·z + q·D, one evaluation (EDM, Eq. 4)."""
        return torch.add(at.p * z, self.denoise(z, at), alpha=at.q)


class Scaled:
    """D(z/s; σ) as a function of z and the level, in z's dtype.

    At σ = ∞ it is D of the noise itself, z/b.

    Args:
        denoiser: D(x; σ).
    """

    def __init__(self, denoiser: Denoiser) -> None:
        self.denoiser = denoiser
        self._sigmas: dict[float, Tensor] = {}

    def __call__(self, z: Tensor, at: Point) -> Tensor:
        """Return D, one evaluation.

        Raises:
            Incompatible: At σ = ∞, if the model has no answer there.
        """
        sigma = self._sigmas.get(at.sigma)
        if sigma is None:
            if at.sigma == math.inf and not complete(self.denoiser).from_noise:
                raise Incompatible(NOT_FROM_NOISE)
            sigma = self._sigmas[at.sigma] = torch.scalar_tensor(at.sigma, dtype=torch.float64)
        scale = at.b if at.sigma == math.inf else at.s
        D = self.denoiser(z if scale == 1 else z / scale, sigma)
        return D if D.dtype == z.dtype else D.to(z.dtype)

    def only(self, rows: Tensor) -> "Scaled":
        """Return the same for some samples of the batch, with what is bound to them."""
        return Scaled(restricted(self.denoiser, rows))


scaled = Scaled

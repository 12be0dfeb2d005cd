"""Networks trained at a table of noise levels, as diffusers and its users train them.

A table of betas gives ᾱ_t = ∏(1 − β) over the training timesteps t = 0 … T−1. The network sees
√ᾱ·x₀ + √(1−ᾱ)·ε; divided by √ᾱ that is x₀ + u·ε with u_t = √((1−ᾱ_t)/ᾱ_t), the σ of this table.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor

from sampler_bench.kit.names import unknown
from sampler_bench.kit.parameters import Fraction, check_fields

_LARGEST_BETA = 0.999


@dataclass(frozen=True)
class Levels:
    """A network that knows the noise levels of a table of betas.

    D is not clipped to [−1, 1]: that is an option of some samplers of diffusers.

    Attributes:
        prediction: What the network returns. ``"epsilon"``: the noise (Ho et al. 2020, Eq. 11);
            ``"v_prediction"``: v = √ᾱ·ε − √(1−ᾱ)·x₀ (Salimans and Ho 2022, App. D); ``"sample"``:
            the image.
        schedule: A name of :data:`SCHEDULES`, or ``"betas"`` for a list of them.
        beta_start, beta_end: First and last β, or what the schedule makes of them.
        M: Number of training timesteps.
        betas: The list, one β per timestep; empty unless ``schedule`` is ``"betas"``.
        zero_terminal_snr: Whether the table was rescaled so that the last level is infinite (Lin et
            al. 2024, Algorithm 1). That level is left out: at it the image is not in the input.

    Raises:
        ValueError: If a value is impossible.
    """

    prediction: Literal["epsilon", "v_prediction", "sample"] = "epsilon"
    schedule: str = "linear"
    beta_start: Fraction = 1e-4
    beta_end: Fraction = 0.02
    M: Annotated[int, Field(ge=2, le=100_000)] = 1000
    betas: Sequence[Fraction] = ()
    zero_terminal_snr: bool = False
    levels: Tensor = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        check_fields(self)
        object.__setattr__(self, "levels", noise_levels(self._table(), self.zero_terminal_snr))

    def _table(self) -> Tensor:
        if self.schedule == "betas":
            if len(self.betas) != self.M:
                raise ValueError(f"schedule = 'betas' needs a list of M = {self.M} betas")
            return torch.tensor(self.betas, dtype=torch.float32)
        if self.betas not in ((), []):
            raise ValueError(f"a list of betas excludes schedule = {self.schedule!r}")
        if self.schedule not in SCHEDULES:
            raise ValueError(unknown(self.schedule, [*SCHEDULES, "betas"], "schedule"))
        return SCHEDULES[self.schedule](self.beta_start, self.beta_end, self.M)

    @property
    def sigma_min(self) -> float:
        """The level of timestep 0."""
        return float(self.levels[0])

    @property
    def sigma_max(self) -> float:
        """The level of the last timestep, or of the last that is finite."""
        return float(self.levels[-1])

    @property
    def own_levels(self) -> Tensor:
        """All of them, the highest first."""
        return self.levels.flip(0)

    def coefficients(self, sigma: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return c_skip, c_out, c_in, c_noise, each shaped like ``sigma``."""
        c_skip, c_out = getattr(self, f"_{self.prediction}")(sigma)
        c_in = 1 / (1 + sigma**2).sqrt()
        c_noise = self._nearest(sigma).to(sigma.dtype)
        return c_skip, c_out, c_in, c_noise

    def _epsilon(self, sigma: Tensor) -> tuple[Tensor, Tensor]:
        c_skip = torch.ones_like(sigma)
        c_out = -sigma
        return c_skip, c_out

    def _v_prediction(self, sigma: Tensor) -> tuple[Tensor, Tensor]:
        c_skip = 1 / (1 + sigma**2)  # x₀ = √ᾱ·(√ᾱ·x) − √(1−ᾱ)·v, with ᾱ = 1/(1 + σ²)
        c_out = -sigma / (1 + sigma**2).sqrt()
        return c_skip, c_out

    def _sample(self, sigma: Tensor) -> tuple[Tensor, Tensor]:
        c_skip = torch.zeros_like(sigma)
        c_out = torch.ones_like(sigma)
        return c_skip, c_out

    def round_sigma(self, sigma: Tensor) -> Tensor:
        """Return the nearest level, never 0: the lowest is timestep 0's."""
        return self.levels.to(sigma.device)[self._nearest(sigma)].to(sigma.dtype)

    def _nearest(self, sigma: Tensor) -> Tensor:
        """Return the timestep of the nearest level, int64 shaped like ``sigma``."""
        distance = (sigma.to(torch.float32).reshape(-1, 1) - self.levels.to(sigma.device)).abs()
        return distance.argmin(1).reshape(sigma.shape)


def noise_levels(betas: Tensor, zero_terminal_snr: bool = False) -> Tensor:
    """Return u_0 < u_1 < … of a table of betas [T]: float32 [T], or [T − 1] if one is infinite.

    ᾱ is computed in float32, as where such networks are trained: u_0 differs by 1e-4 from float64.

    Raises:
        ValueError: If the levels do not rise, or overflow before the last.
    """
    alpha_bar = (1 - betas).cumprod(0)
    if zero_terminal_snr:
        root = alpha_bar.sqrt()
        root = (root - root[-1]) * (root[0] / (root[0] - root[-1]))
        alpha_bar = root[:-1] ** 2
    levels = ((1 - alpha_bar) / alpha_bar).sqrt()
    if not (bool(levels.isfinite().all()) and bool((levels.diff() > 0).all()) and levels[0] > 0):
        raise ValueError("the betas give noise levels that do not rise, or are infinite")
    return levels


def _linear(start: float, end: float, M: int) -> Tensor:
    """DDPM's (Ho et al. 2020)."""
    return torch.linspace(start, end, M, dtype=torch.float32)


def _scaled_linear(start: float, end: float, M: int) -> Tensor:
    """Latent diffusion's (Rombach et al. 2022): linear in √β."""
    return torch.linspace(start**0.5, end**0.5, M, dtype=torch.float32) ** 2


def _sigmoid(start: float, end: float, M: int) -> Tensor:
    """GeoDiff's (Xu et al. 2022)."""
    return torch.linspace(-6, 6, M).sigmoid() * (end - start) + start


def _cosine(start: float, end: float, M: int) -> Tensor:
    """iDDPM's (Nichol and Dhariwal 2021, Eq. 17), β at most 0.999; start and end are unused."""

    def alpha_bar(t: float) -> float:
        return math.cos((t + 0.008) / 1.008 * math.pi / 2) ** 2

    ratios = [alpha_bar((t + 1) / M) / alpha_bar(t / M) for t in range(M)]
    return torch.tensor([min(1 - ratio, _LARGEST_BETA) for ratio in ratios])


SCHEDULES = {
    "linear": _linear,
    "scaled_linear": _scaled_linear,
    "squaredcos_cap_v2": _cosine,
    "sigmoid": _sigmoid,
}
"""Tables of betas, by diffusers' names."""

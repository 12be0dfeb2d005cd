"""Song et al.'s forward SDEs dx = f(t)·x dt + g(t) dω, t in [0, 1], in terms of σ(t) and s(t)."""

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from sampler_bench.kit.parameters import require
from sampler_bench.solvers.denoiser import Denoiser


class SDE(ABC):
    """A forward SDE, its marginals N(s(t)·y, s(t)²σ(t)²), and how its authors discretized it."""

    epsilon: float
    """Time at which the original programs stop."""

    @property
    def ends(self) -> tuple[float, float]:
        """σ at the last and at the first time."""
        low, high = self.sigma(torch.tensor([self.epsilon, 1.0], dtype=torch.float64)).tolist()
        return low, high

    @abstractmethod
    def sigma(self, t: Tensor) -> Tensor:
        """Return the noise level σ(t) of data scaled back by s(t)."""

    @abstractmethod
    def s(self, t: Tensor) -> Tensor:
        """Return the scaling s(t)."""

    @abstractmethod
    def f(self, t: Tensor) -> Tensor:
        """Return the drift's factor f(t) = ṡ/s."""

    @abstractmethod
    def g(self, t: Tensor) -> Tensor:
        """Return the diffusion g(t) = s·√(2·σ̇·σ)."""

    @abstractmethod
    def start(self, latents: Tensor) -> Tensor:
        """Return the state at t = 1, float64, from standard normal ``latents``."""

    @abstractmethod
    def steps(self, n: int) -> "Steps":
        """Return the discrete process of ``n`` steps that training and sampling use.

        Raises:
            ValueError: If there is none.
        """

    def score(self, denoiser: Denoiser, x: Tensor, t: Tensor) -> Tensor:
        """Return ∇ log p_t(x) = (s·D(x/s; σ) − x)/(s·σ)², one evaluation.

        Args:
            denoiser: D.
            x: [B, *shape].
            t: 0-d, or [B].
        """
        s, sigma = self.s(t), self.sigma(t)
        wide = (-1, *[1] * (x.ndim - 1)) if t.ndim else ()
        scale = s.reshape(wide)
        clean = denoiser(x / scale, sigma)
        return (scale * clean - x) / (scale * sigma.reshape(wide)) ** 2


@dataclass(frozen=True)
class Steps:
    """A discrete process x_i = a_i·x_{i−1} + G_i·z; index 0 is the last one sampled.

    Attributes:
        a, G: float64 [N].
        alpha: What the Langevin corrector multiplies its step by, [N].
        adjacent: Noise level below each, [N]; VE alone.
        levels: Noise levels, [N]; VE alone.
    """

    a: Tensor
    G: Tensor
    alpha: Tensor
    adjacent: Tensor
    levels: Tensor


@dataclass(frozen=True)
class VP(SDE):
    """β(t) = β_min + t·(β_max − β_min): f = −β/2, g = √β."""

    beta_min: float = 0.1
    beta_max: float = 20.0
    epsilon: float = 1e-3

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> "VP":
        """Return the SDE of a sampler's parameters.

        Raises:
            ValueError: If they are out of range.
        """
        sde = cls(given["beta_min"], given["beta_max"], given["epsilon"])
        require(0 <= sde.beta_min < sde.beta_max, "beta_max", sde.beta_max, "above beta_min ≥ 0")
        return sde

    def _integral(self, t: Tensor) -> Tensor:
        return 0.5 * (self.beta_max - self.beta_min) * t**2 + self.beta_min * t

    def beta(self, t: Tensor) -> Tensor:
        """Return β(t)."""
        return self.beta_min + t * (self.beta_max - self.beta_min)

    def sigma(self, t: Tensor) -> Tensor:
        """Return √(exp ∫β − 1)."""
        return self._integral(t).expm1().sqrt()

    def s(self, t: Tensor) -> Tensor:
        """Return exp(−½∫β)."""
        return (-0.5 * self._integral(t)).exp()

    def f(self, t: Tensor) -> Tensor:
        """Return −β/2."""
        return -0.5 * self.beta(t)

    def g(self, t: Tensor) -> Tensor:
        """Return √β."""
        return self.beta(t).sqrt()

    def start(self, latents: Tensor) -> Tensor:
        """Return the latents: N(0, I), which the marginal at t = 1 nearly is."""
        return latents.to(torch.float64)

    def steps(self, n: int) -> Steps:
        """Return DDPM's process: β_i from β_min/N to β_max/N.

        Raises:
            ValueError: If a β_i is 1 or more: N must be larger than β_max.
        """
        if not self.beta_max / n < 1:
            raise ValueError(
                f"steps = {n}: VP's discrete process has β = {self.beta_max / n:g} ≥ 1, and no "
                f"√(1 − β); at least {math.floor(self.beta_max) + 1} steps are needed"
            )
        beta = torch.linspace(self.beta_min / n, self.beta_max / n, n, dtype=torch.float64)
        nothing = torch.zeros(n, dtype=torch.float64)
        return Steps((1 - beta).sqrt(), beta.sqrt(), 1 - beta, nothing, nothing)


@dataclass(frozen=True)
class VE(SDE):
    """σ(t) = σ_min·(σ_max/σ_min)^t, s = 1, for images in [−1, 1].

    Song et al.'s images are in [0, 1] and their σ half as large: the same process.
    """

    sigma_min: float = 0.02
    sigma_max: float = 100.0
    epsilon: float = 1e-5

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> "VE":
        """Return the SDE of a sampler's parameters.

        Raises:
            ValueError: If they are out of range.
        """
        sde = cls(given["sigma_min"], given["sigma_max"], given["epsilon"])
        require(
            0 < sde.sigma_min < sde.sigma_max, "sigma_max", sde.sigma_max, "above sigma_min > 0"
        )
        return sde

    def sigma(self, t: Tensor) -> Tensor:
        """Return σ(t)."""
        return self.sigma_min * (self.sigma_max / self.sigma_min) ** t

    def s(self, t: Tensor) -> Tensor:
        """Return 1."""
        return torch.ones_like(t)

    def f(self, t: Tensor) -> Tensor:
        """Return 0."""
        return torch.zeros_like(t)

    def g(self, t: Tensor) -> Tensor:
        """Return σ·√(2·ln(σ_max/σ_min))."""
        return self.sigma(t) * math.sqrt(2 * math.log(self.sigma_max / self.sigma_min))

    def start(self, latents: Tensor) -> Tensor:
        """Return σ_max times the latents."""
        return latents.to(torch.float64) * self.sigma_max

    def steps(self, n: int) -> Steps:
        """Return the levels in geometric sequence, and the noise between neighbours."""
        ends = math.log(self.sigma_min), math.log(self.sigma_max)
        levels = torch.linspace(*ends, n, dtype=torch.float64).exp()
        adjacent = torch.cat([levels.new_zeros(1), levels[:-1]])
        ones = torch.ones_like(levels)
        return Steps(ones, (levels**2 - adjacent**2).sqrt(), ones, adjacent, levels)

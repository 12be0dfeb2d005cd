"""Song et al.'s forward SDEs dx = f(t)·x dt + g(t) dω, t in [0, 1]: schedules, by their authors."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor

from sampler_bench.kit.parameters import require
from sampler_bench.solvers import schedules
from sampler_bench.solvers.point import Point
from sampler_bench.solvers.process import Process


@dataclass(frozen=True)
class Discrete:
    """A process x_i = a_i·x_{i−1} + G_i·z of N steps; index 0 is the last one sampled.

    Attributes:
        a, G: [N].
        ancestral: Standard deviation of the noise of ancestral sampling, [N].
        alpha: What the Langevin corrector multiplies its step by, [N].
    """

    a: list[float]
    G: list[float]
    ancestral: list[float]
    alpha: list[float]


class Marginal(NamedTuple):
    """The SDE at times [B], for a sampler whose samples are each at a time of its own."""

    sigma: Tensor
    s: Tensor
    f: Tensor
    g: Tensor


@dataclass(frozen=True)
class SDE:
    """A schedule, and what its authors made of it.

    Attributes:
        schedule: σ(t) and s(t), from which f and g follow.
        epsilon: Time at which the original programs stop.
        start: Standard deviation of the state at t = 1.
        marginal: The same on tensors: returns σ, s, f = ṡ/s and g = s·√(2·σ̇·σ) at times [B].
        discrete: Returns the process of N steps that training and sampling use; ValueError if there
            is none.
    """

    schedule: schedules.Schedule
    epsilon: float
    start: float
    marginal: Callable[[Tensor], Marginal]
    discrete: Callable[[int], Discrete]

    @property
    def ends(self) -> tuple[float, float]:
        """σ at the last and at the first time, which keys of cells hold to PyTorch's last digit."""
        t = torch.tensor([self.epsilon, 1.0], dtype=torch.float64)
        low, high = self.marginal(t).sigma.tolist()
        return low, high


def drift(at: Point) -> float:
    """Return f = ṡ/s."""
    return at.p + at.q / at.s


def diffusion(at: Point) -> float:
    """Return g = s·√(2·σ̇·σ)."""
    return at.b * math.sqrt(-2 * at.q / at.s)


def score(process: Process, x: Tensor, at: Point) -> Tensor:
    """Return ∇ log p_t(x) = (s·D(x/s; σ) − x)/(s·σ)², one evaluation."""
    return torch.sub(at.s * process.denoise(x, at), x).div_(at.b**2)


def vp(beta_min: float = 0.1, beta_max: float = 20.0, epsilon: float = 1e-3) -> SDE:
    """Return the SDE of f = −β/2, g = √β with β(t) = β_min + t·(β_max − β_min).

    It starts at N(0, I), which the marginal at t = 1 nearly is.

    Raises:
        ValueError: If the betas are out of range.
    """
    require(0 <= beta_min < beta_max, "beta_max", beta_max, "above beta_min ≥ 0")
    beta_d = beta_max - beta_min

    def marginal(t: Tensor) -> Marginal:
        integral, beta = 0.5 * beta_d * t**2 + beta_min * t, beta_min + t * beta_d
        return Marginal(integral.expm1().sqrt(), (-0.5 * integral).exp(), -0.5 * beta, beta.sqrt())

    def discrete(n: int) -> Discrete:
        """Return DDPM's process: β_i from β_min/N to β_max/N, all of which must be below 1."""
        if not beta_max / n < 1:
            raise ValueError(
                f"steps = {n}: VP's discrete process has β = {beta_max / n:g} ≥ 1, and no "
                f"√(1 − β); at least {math.floor(beta_max) + 1} steps are needed"
            )
        beta = torch.linspace(beta_min / n, beta_max / n, n, dtype=torch.float64)
        a, G, alpha = (1 - beta).sqrt().tolist(), beta.sqrt().tolist(), (1 - beta).tolist()
        return Discrete(a, G, G, alpha)

    schedule = schedules.UnitVariance(schedules.VP(beta_d, beta_min))
    return SDE(schedule, epsilon, 1.0, marginal, discrete)


def ve(sigma_min: float = 0.02, sigma_max: float = 100.0, epsilon: float = 1e-5) -> SDE:
    """Return the SDE of σ(t) = σ_min·(σ_max/σ_min)^t, s = 1, for images in [−1, 1].

    Song et al.'s images are in [0, 1] and their σ half as large: the same process.

    Raises:
        ValueError: If the levels are out of range.
    """
    require(0 < sigma_min < sigma_max, "sigma_max", sigma_max, "above sigma_min > 0")

    def marginal(t: Tensor) -> Marginal:
        sigma = sigma_min * (sigma_max / sigma_min) ** t
        g = sigma * math.sqrt(2 * math.log(sigma_max / sigma_min))
        return Marginal(sigma, torch.ones_like(t), torch.zeros_like(t), g)

    def discrete(n: int) -> Discrete:
        """Return the levels in geometric sequence, and the noise between neighbours."""
        ends = math.log(sigma_min), math.log(sigma_max)
        levels = torch.linspace(*ends, n, dtype=torch.float64).exp()
        below = torch.cat([levels.new_zeros(1), levels[:-1]])
        G = (levels**2 - below**2).sqrt()
        return Discrete([1.0] * n, G.tolist(), (below / levels * G).tolist(), [1.0] * n)

    return SDE(schedules.Geometric(sigma_min, sigma_max), epsilon, sigma_max, marginal, discrete)


def vp_of(given: Mapping[str, Any]) -> SDE:
    """Return the VP SDE of a sampler's parameters; ValueError if they are out of range."""
    return vp(given["beta_min"], given["beta_max"], given["epsilon"])


def ve_of(given: Mapping[str, Any]) -> SDE:
    """Return the VE SDE of a sampler's parameters; ValueError if they are out of range."""
    return ve(given["sigma_min"], given["sigma_max"], given["epsilon"])

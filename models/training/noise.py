"""Which noise levels a network is trained at: p_train(σ) of EDM's Table 1.

Each is given by its quantile function: a draw is the quantile of a uniform number.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Any, Literal

import torch
from torch import Tensor

from sampler_bench.kit.parameters import Fraction, NotNegative, Positive, check_fields
from sampler_bench.models import preconditioning


class Noise(ABC):
    """A distribution of σ."""

    @abstractmethod
    def quantile(self, u: Tensor) -> Tensor:
        """Return the σ below which a fraction ``u`` of all lie; [n] in (0, 1) to [n], float64."""


@dataclass(frozen=True)
class VP(Noise):
    """t = σ⁻¹(σ) ~ U(ε_t, 1), with Song et al.'s σ(t) (Table 1, column VP).

    Attributes:
        beta_d, beta_min: σ(t) = √(exp(½·β_d·t² + β_min·t) − 1).
        epsilon_t: Shortest time.

    Raises:
        ValueError: If a constant is impossible.
    """

    beta_d: Positive = 19.9
    beta_min: NotNegative = 0.1
    epsilon_t: Fraction = 1e-5

    def __post_init__(self) -> None:
        check_fields(self, "noise vp: ")

    def quantile(self, u: Tensor) -> Tensor:
        """Return σ(ε_t + u·(1 − ε_t)), float64 [n] for ``u`` [n] in (0, 1)."""
        t = self.epsilon_t + u.double() * (1 - self.epsilon_t)
        return (0.5 * self.beta_d * t**2 + self.beta_min * t).expm1().sqrt()


@dataclass(frozen=True)
class VE(Noise):
    """ln σ ~ U(ln σ_min, ln σ_max) (Table 1, column VE).

    Attributes:
        sigma_min, sigma_max: The range, for images in [−1, 1].

    Raises:
        ValueError: If the range is empty or begins at 0.
    """

    sigma_min: Positive = 0.02
    sigma_max: Positive = 100.0

    def __post_init__(self) -> None:
        check_fields(self, "noise ve: ")
        if not self.sigma_min < self.sigma_max:
            raise ValueError(
                f"noise ve: sigma_min = {self.sigma_min!r} must lie below sigma_max = "
                f"{self.sigma_max!r}"
            )

    def quantile(self, u: Tensor) -> Tensor:
        """Return σ_min·(σ_max/σ_min)^u, float64 [n] for ``u`` [n] in (0, 1)."""
        return self.sigma_min * (self.sigma_max / self.sigma_min) ** u.double()


@dataclass(frozen=True)
class IDDPM(Noise):
    """σ = u_j, j ~ U{0, …, M − 1} (Table 1, column iDDPM); the constants are its network's.

    Attributes:
        schedule: ``"cosine"`` or ``"linear"``.
        C_1, C_2: Largest β is 1 − C_1; offset of the cosine.
        M: Number of levels.
        u: The levels, float32 [M + 1], as the preconditioning has them.

    Raises:
        ValueError: If a constant is impossible.
    """

    schedule: Literal["cosine", "linear"] = "cosine"
    C_1: Fraction = 0.001
    C_2: NotNegative = 0.008
    M: preconditioning.Steps = 1000
    u: Tensor = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        check_fields(self, "noise iddpm: ")
        levels = preconditioning.IDDPM(self.schedule, self.C_1, self.C_2, self.M)
        object.__setattr__(self, "u", levels.u)

    def quantile(self, u: Tensor) -> Tensor:
        """Return u_j with j = M − 1 − ⌊u·M⌋, float64 [n] for ``u`` [n] in (0, 1)."""
        j = self.M - 1 - (u.double() * self.M).long().clamp(0, self.M - 1)
        return self.u.to(u.device, torch.float64)[j]


@dataclass(frozen=True)
class EDM(Noise):
    """ln σ ~ N(P_mean, P_std²) (Table 1, column EDM; Section 5).

    Attributes:
        P_mean, P_std: Mean and standard deviation of ln σ.

    Raises:
        ValueError: If ``P_std`` is not positive.
    """

    P_mean: float = -1.2
    P_std: Positive = 1.2

    def __post_init__(self) -> None:
        check_fields(self, "noise edm: ")

    def quantile(self, u: Tensor) -> Tensor:
        """Return exp(P_mean + P_std·Φ⁻¹(u)), float64 [n] for ``u`` [n] in (0, 1)."""
        return (self.P_mean + self.P_std * torch.special.ndtri(u.double())).exp()


NOISE: dict[str, Any] = {"vp": VP, "ve": VE, "iddpm": IDDPM, "edm": EDM}

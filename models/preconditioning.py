"""From a raw network F_θ to a denoiser D(x; σ): the network half of EDM's Table 1.

    D(x; σ) = c_skip(σ)·x + c_out(σ)·F_θ(c_in(σ)·x; c_noise(σ))                            (Eq. 7)

Each preconditioning gives these four, and the noise levels its network was trained for. They are
computed in the precision of σ they are given: float32 in a denoiser, as by the authors.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, Protocol

import torch
from pydantic import Field
from torch import Tensor

from sampler_bench.kit.names import lookup
from sampler_bench.kit.parameters import Fraction, check, check_fields
from sampler_bench.models.levels import Levels
from sampler_bench.solvers.levels import iddpm_levels

Coefficients = tuple[Tensor, Tensor, Tensor, Tensor]
Steps = Annotated[int, Field(ge=1, le=100_000)]
Lowest = Annotated[float, Field(ge=0, lt=1e9)]
Highest = Annotated[float, Field(gt=0, allow_inf_nan=True)]


class Preconditioning(Protocol):
    """What a denoiser needs to know of its network's training.

    Attributes:
        sigma_min: Lowest noise level; 0 if any positive level will do.
        sigma_max: Highest noise level; ``inf`` if any will do.
        own_levels: Those above 0 that it was trained at, the highest first; ``None`` if at any.
    """

    @property
    def sigma_min(self) -> float: ...  # noqa: D102
    @property
    def sigma_max(self) -> float: ...  # noqa: D102
    @property
    def own_levels(self) -> Tensor | None: ...  # noqa: D102

    def coefficients(self, sigma: Tensor) -> Coefficients:
        """Return c_skip, c_out, c_in, c_noise, each shaped like ``sigma``."""
        ...

    def round_sigma(self, sigma: Tensor) -> Tensor:
        """Return the supported noise level nearest to each ``sigma``."""
        ...


class _AnyLevel:
    """Networks that take any noise level within their range."""

    own_levels = None

    def round_sigma(self, sigma: Tensor) -> Tensor:
        """Return ``sigma`` unchanged."""
        return sigma


@dataclass(frozen=True)
class VP(_AnyLevel):
    """Song et al.'s VP: the network predicts the noise (EDM, Table 1, column VP; C.1).

    Attributes:
        beta_d, beta_min: σ(t) = √(exp(½·β_d·t² + β_min·t) − 1).
        M: Training steps of the original, which scale c_noise.
        epsilon_t: Shortest time in training.
    """

    beta_d: Annotated[float, Field(gt=0, lt=1000)] = 19.9
    beta_min: Annotated[float, Field(gt=-1000, lt=1000)] = 0.1
    M: Steps = 1000
    epsilon_t: Fraction = 1e-5

    @property
    def sigma_min(self) -> float:
        """σ(ε_t) in float32, as in EDM's released networks: 2⁻¹⁰ instead of 0.0010005."""
        return self._sigma(self.epsilon_t)

    @property
    def sigma_max(self) -> float:
        """σ(1)."""
        return self._sigma(1.0)

    def _sigma(self, t: float) -> float:
        t32 = torch.tensor(t, dtype=torch.float32)
        return float(((0.5 * self.beta_d * t32**2 + self.beta_min * t32).exp() - 1).sqrt())

    def coefficients(self, sigma: Tensor) -> Coefficients:
        """Return c_skip, c_out, c_in, c_noise, each shaped like ``sigma``."""
        log = (1 + sigma**2).log()
        t = ((self.beta_min**2 + 2 * self.beta_d * log).sqrt() - self.beta_min) / self.beta_d
        c_skip = torch.ones_like(sigma)
        c_out = -sigma
        c_in = 1 / (sigma**2 + 1).sqrt()
        c_noise = (self.M - 1) * t  # t = σ⁻¹(σ)
        return c_skip, c_out, c_in, c_noise


@dataclass(frozen=True)
class VE(_AnyLevel):
    """Song et al.'s VE: the network predicts the noise, negated (EDM, Table 1, column VE; C.2).

    Attributes:
        sigma_min, sigma_max: Range of training, for images in [−1, 1]: twice the original's.
    """

    sigma_min: Lowest = 0.02
    sigma_max: Highest = 100.0

    def coefficients(self, sigma: Tensor) -> Coefficients:
        """Return c_skip, c_out, c_in, c_noise, each shaped like ``sigma``."""
        c_skip = torch.ones_like(sigma)
        c_out = sigma
        c_in = torch.ones_like(sigma)
        c_noise = (0.5 * sigma).log()
        return c_skip, c_out, c_in, c_noise


@dataclass(frozen=True)
class IDDPM:
    """Networks trained at M discrete levels (EDM, Table 1, column iDDPM; C.3).

    Attributes:
        schedule: ``"cosine"`` (iDDPM, ADM) or ``"linear"`` (DDPM's betas, scaled to M).
        C_1: 1 − C_1 is the largest β.
        C_2: Offset of the cosine.
        M: Number of levels.
        rescale: Whether the network was trained with timesteps scaled to 0 … 1000.
    """

    schedule: Literal["cosine", "linear"] = "cosine"
    C_1: Fraction = 0.001
    C_2: Annotated[float, Field(ge=0, lt=1000)] = 0.008
    M: Steps = 1000
    rescale: bool = False
    u: Tensor = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        check_fields(self)
        if self.schedule == "cosine":
            u = iddpm_levels(self.M, self.C_1, self.C_2, torch.float32)
        else:
            u = linear_levels(self.M)
        object.__setattr__(self, "u", u)

    @property
    def sigma_min(self) -> float:
        """u_{M−1}."""
        return float(self.u[-2])

    @property
    def sigma_max(self) -> float:
        """u_0."""
        return float(self.u[0])

    @property
    def own_levels(self) -> Tensor:
        """u_0 to u_{M−1}."""
        return self.u[:-1]

    def coefficients(self, sigma: Tensor) -> Coefficients:
        """Return c_skip, c_out, c_in, c_noise, each shaped like ``sigma``."""
        timestep = self.M - 1 - self._nearest(sigma)
        c_skip = torch.ones_like(sigma)
        c_out = -sigma
        c_in = 1 / (sigma**2 + 1).sqrt()
        c_noise = timestep.to(sigma.dtype) * (1000 / self.M if self.rescale else 1)
        return c_skip, c_out, c_in, c_noise

    def round_sigma(self, sigma: Tensor) -> Tensor:
        """Return the nearest u_j; below u_{M−1}/2 that is u_M = 0."""
        return self.u.to(sigma.device)[self._nearest(sigma)].to(sigma.dtype)

    def _nearest(self, sigma: Tensor) -> Tensor:
        """Return argmin_j |u_j − σ|, shaped like ``sigma``; the lower j where two are as near."""
        u = self.u.to(sigma.device)
        distance = (sigma.to(torch.float32).reshape(-1, 1) - u).abs()
        return distance.argmin(1).reshape(sigma.shape)


def linear_levels(M: int) -> Tensor:
    """Return DDPM's levels u_0 > … > u_M = 0, float32 [M + 1]: betas from 0.1/M to 20/M."""
    beta = torch.linspace(0.1 / M, 20 / M, M, dtype=torch.float64)
    alpha_bar = (1 - beta).cumprod(0)
    u = ((1 - alpha_bar) / alpha_bar).sqrt().flip(0)
    return torch.cat([u, u.new_zeros(1)]).to(torch.float32)


@dataclass(frozen=True)
class EDM(_AnyLevel):
    """EDM's own: input, target and loss of unit variance at every σ (Table 1; B.6).

    Attributes:
        sigma_min, sigma_max: What the network admits to.
        sigma_data: Standard deviation of the data.
    """

    sigma_min: Lowest = 0.0
    sigma_max: Highest = torch.inf
    sigma_data: Annotated[float, Field(gt=0, lt=1e6)] = 0.5

    def coefficients(self, sigma: Tensor) -> Coefficients:
        """Return c_skip, c_out, c_in, c_noise, each shaped like ``sigma``."""
        c_skip = self.sigma_data**2 / (sigma**2 + self.sigma_data**2)
        c_out = sigma * self.sigma_data / (sigma**2 + self.sigma_data**2).sqrt()
        c_in = 1 / (sigma**2 + self.sigma_data**2).sqrt()
        c_noise = sigma.log() / 4
        return c_skip, c_out, c_in, c_noise


PRECONDITIONINGS: dict[str, Any] = {
    "vp": VP,
    "ve": VE,
    "iddpm": IDDPM,
    "edm": EDM,
    "levels": Levels,
}


def precondition(name: str, constants: Mapping[str, Any]) -> Preconditioning:
    """Return the preconditioning ``name`` with these constants.

    Raises:
        ValueError: If there is no such preconditioning or constant, or a value is impossible.
    """
    cls = lookup(PRECONDITIONINGS, name, "preconditioning")
    check(cls, constants, f"preconditioning {name}: ", "constant")
    made = cls(**constants)
    if not 0 <= made.sigma_min < made.sigma_max:
        raise ValueError(
            f"preconditioning {name}: sigma_min = {made.sigma_min!r} must lie below sigma_max = "
            f"{made.sigma_max!r}"
        )
    return made

"""Noise levels σ_0 > σ_1 > … to step through: EDM Table 1, row "time steps".

A discretization is a function ``(n, sigma_min, sigma_max, *, parameters) -> levels``: float64 [n],
from σ_max (the first) down to σ_min (the last, where n > 1). The final σ = 0 is not among them.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from sampler_bench.kit.description import facts
from sampler_bench.kit.parameters import Fraction, NotNegative, require
from sampler_bench.solvers.levels import iddpm_levels
from sampler_bench.solvers.schedules import VP

LevelFunction = Callable[..., Tensor]


def _fractions(n: int) -> Tensor:
    """Return i/(n − 1) for i = 0 … n − 1; a single level is the first one, σ_max."""
    return torch.arange(n, dtype=torch.float64) / max(n - 1, 1)


def edm(
    n: int, sigma_min: float, sigma_max: float, *, rho: Annotated[float, Field(gt=0, le=1e6)] = 7.0
) -> Tensor:
    """Return EDM's levels, uniform in σ^(1/ρ) (Eq. 5); 0 < ``rho`` ≤ 10⁶, as round-off grows."""
    top, bottom = sigma_max ** (1 / rho), sigma_min ** (1 / rho)
    return (top + _fractions(n) * (bottom - top)) ** rho


@facts(sigma_min=0.010485992786702987, sigma_max=152.1669702839464)  # VP's σ(1e-3), σ(1)
def vp(n: int, sigma_min: float, sigma_max: float, *, epsilon_s: Fraction = 1e-3) -> Tensor:
    """Return VP's levels: t uniform from 1 to ``epsilon_s``, betas refit to the σ range."""
    t = 1 + _fractions(n) * (epsilon_s - 1)
    schedule = VP.fit(sigma_min, sigma_max, epsilon_s=epsilon_s)
    return torch.tensor([schedule.sigma(x) for x in t.tolist()], dtype=torch.float64)


@facts(sigma_min=0.02, sigma_max=100.0)
def ve(n: int, sigma_min: float, sigma_max: float) -> Tensor:
    """Return VE's levels: σ² a geometric sequence."""
    return (sigma_max**2 * (sigma_min**2 / sigma_max**2) ** _fractions(n)).sqrt()


def log_snr(n: int, sigma_min: float, sigma_max: float) -> Tensor:
    """Return levels uniform in log SNR = −2·ln σ (DPM-Solver's): VE's rule on EDM's range."""
    top, bottom = math.log(sigma_max), math.log(sigma_min)
    return torch.exp(top + _fractions(n) * (bottom - top))


@facts(sigma_min=0.002, sigma_max=81.0)  # 81 keeps u_8 = 80.204
def iddpm(
    n: int,
    sigma_min: float,
    sigma_max: float,
    *,
    M: Annotated[int, Field(ge=1, le=100_000)] = 1000,
    C_1: Fraction = 0.001,
    C_2: NotNegative = 0.008,
    j_0: Annotated[int, Field(ge=0)] | None = None,
) -> Tensor:
    """Return n of iDDPM's levels u_j, evenly spread over the indices j₀ … M − 1.

    Levels outside [σ_min, σ_max] are left out, as in EDM's released code; its range [0.002, 81]
    gives Table 1's j₀ = 8 by itself (u_8 = 80.204). A ``j_0`` of one's own must lie in the range:
    iDDPM's start, j₀ = 0, asks for σ_max ≥ u_0 ≈ 20291.

    Raises:
        ValueError: If a parameter is out of range or no level is left.
    """
    u = iddpm_levels(M, C_1, C_2)
    if j_0 is not None:
        require(j_0 < M, "j_0", j_0, f"a whole number from 0 to M - 1 = {M - 1}")
        require(
            float(u[j_0]) <= sigma_max, "j_0", j_0, f"such that u_j = {u[j_0]:g} ≤ {sigma_max:g}"
        )
        u = u[j_0:]
    usable = u[(u >= sigma_min) & (u <= sigma_max)]
    if len(usable) == 0:
        raise ValueError(f"iddpm has no noise level in [{sigma_min:g}, {sigma_max:g}]")
    stride = (len(usable) - 1) / max(n - 1, 1)
    return usable[(stride * torch.arange(n, dtype=torch.float64)).round().long()]


@dataclass(frozen=True)
class Discretization:
    """A discretization and what belongs to it.

    Attributes:
        levels: The function.
        sigma_min, sigma_max: The range used where none is asked for (EDM's released defaults);
            clamped to what the denoiser supports.
        version: Raise it whenever the levels change for the same input.
    """

    levels: LevelFunction
    sigma_min: float = 0.002
    sigma_max: float = 80.0
    version: int = 1

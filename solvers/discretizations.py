"""Noise levels σ_0 > σ_1 > … to step through: EDM Table 1, row "time steps", and the field's.

A discretization is a function ``(n, sigma_min, sigma_max, *, parameters) -> levels``: n floats, or
an array or tensor of them, from σ_max (the first) down to σ_min (the last, where n > 1). The final
σ = 0 is not among them. One that asks for more has a keyword-only parameter ``context``, and is
given a :class:`~solvers.context.Context`.
"""

import contextlib
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

import torch
from pydantic import Field
from torch import Tensor

from sampler_bench.kit.description import facts
from sampler_bench.kit.names import shown
from sampler_bench.kit.parameters import Fraction, NotNegative, keywords, require
from sampler_bench.solvers.context import CONTEXT, Context
from sampler_bench.solvers.levels import iddpm_levels
from sampler_bench.solvers.schedules import VP

LevelFunction = Callable[..., Any]


def fractions(n: int) -> list[float]:
    """Return i/(n − 1) for i = 0 … n − 1; a single level is the first one, σ_max."""
    return [i / max(n - 1, 1) for i in range(n)]


def between(n: int, first: float, last: float) -> list[float]:
    """Return n equally spaced numbers; one alone is the first."""
    return [first + u * (last - first) for u in fractions(n)]


def edm(
    n: int, sigma_min: float, sigma_max: float, *, rho: Annotated[float, Field(gt=0, le=1e6)] = 7.0
) -> list[float]:
    """Return EDM's levels, uniform in σ^(1/ρ) (Eq. 5); 0 < ``rho`` ≤ 10⁶, as round-off grows."""
    return [x**rho for x in between(n, sigma_max ** (1 / rho), sigma_min ** (1 / rho))]


@facts(sigma_min=0.010485992786702987, sigma_max=152.1669702839464)  # VP's σ(1e-3), σ(1)
def vp(n: int, sigma_min: float, sigma_max: float, *, epsilon_s: Fraction = 1e-3) -> list[float]:
    """Return VP's levels: t uniform from 1 to ``epsilon_s``, betas refit to the σ range.

    Its own range, σ(ε_s) to σ(1), gives back the betas it is from: k-diffusion's ``vp``.
    """
    schedule = VP.fit(sigma_min, sigma_max, epsilon_s=epsilon_s)
    return [schedule.sigma(t) for t in between(n, 1.0, epsilon_s)]


@facts(sigma_min=0.02, sigma_max=100.0)
def ve(n: int, sigma_min: float, sigma_max: float) -> list[float]:
    """Return VE's levels: σ² a geometric sequence."""
    return [math.sqrt(sigma_max**2 * (sigma_min**2 / sigma_max**2) ** u) for u in fractions(n)]


def log_snr(n: int, sigma_min: float, sigma_max: float) -> list[float]:
    """Return levels uniform in log SNR = −2·ln σ (DPM-Solver's): VE's rule on EDM's range."""
    return [math.exp(x) for x in between(n, math.log(sigma_max), math.log(sigma_min))]


@facts(from_noise=True)
def uniform_t(n: int, sigma_min: float, sigma_max: float, *, context: Context) -> list[float]:
    """Return levels uniform in the schedule's time, from t(σ_max) to t(σ_min)."""
    schedule = context.schedule
    times = between(n, schedule.time(sigma_max), schedule.time(sigma_min))
    # both ends as asked for: σ(t(σ)) is not σ to the last digit
    return [sigma_max, *(schedule.sigma(t) for t in times[1:-1]), sigma_min][:n]


def polyexponential(
    n: int, sigma_min: float, sigma_max: float, *, power: Annotated[float, Field(gt=0)] = 1.0
) -> list[float]:
    """Return levels whose ln σ falls as u^``power``, u uniform from 1 to 0 (k-diffusion's ρ).

    1 is :func:`log_snr`; more puts the levels nearer to σ_min.
    """
    low, high = math.log(sigma_min), math.log(sigma_max)
    return [math.exp(low + (high - low) * (1 - u) ** power) for u in fractions(n)]


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
) -> list[float]:
    """Return n of iDDPM's levels u_j, evenly spread over the indices j₀ … M − 1.

    Levels outside [σ_min, σ_max] are left out, as in EDM's released code; its range [0.002, 81]
    gives Table 1's j₀ = 8 by itself (u_8 = 80.204). A ``j_0`` of one's own must lie in the range:
    iDDPM's start, j₀ = 0, asks for σ_max ≥ u_0 ≈ 20291.

    Raises:
        ValueError: If a parameter is out of range or no level is left.
    """
    u = iddpm_levels(M, C_1, C_2).tolist()
    if j_0 is not None:
        require(j_0 < M, "j_0", j_0, f"a whole number from 0 to M - 1 = {M - 1}")
        require(u[j_0] <= sigma_max, "j_0", j_0, f"such that u_j = {u[j_0]:g} ≤ {sigma_max:g}")
        u = u[j_0:]
    usable = [level for level in u if sigma_min <= level <= sigma_max]
    if not usable:
        raise ValueError(f"iddpm has no noise level in [{sigma_min:g}, {sigma_max:g}]")
    stride = (len(usable) - 1) / max(n - 1, 1)  # Table 1's: i/(n − 1)·… rounds halves otherwise
    return [usable[round(stride * i)] for i in range(n)]


class Misshapen(ValueError):  # noqa: N818
    """What a discretization makes is not so many numbers as it was asked for."""


@dataclass(frozen=True)
class Discretization:
    """A discretization and what belongs to it.

    Attributes:
        levels: The function.
        sigma_min, sigma_max: The range used where none is asked for (EDM's released defaults);
            clamped to what the denoiser supports. Of one that needs a model's own levels it is
            theirs.
        from_noise: Whether levels start at σ = ∞ unless asked otherwise, where the schedule has
            such a level (flow time t = 1), and the model an answer.
        needs_levels: Whether it takes the model's own levels, and so a model that has some.
        same_as: The row whose levels these are, under another name; a comparison needs only one.
    """

    levels: LevelFunction
    sigma_min: float = 0.002
    sigma_max: float = 80.0
    from_noise: bool = False
    needs_levels: bool = False
    same_as: str = ""

    def defaults(self) -> dict[str, Any]:
        """Return its own parameters and their values."""
        return {name: value for name, value in keywords(self.levels).items() if name != CONTEXT}

    def usual_range(self, own_levels: tuple[float, ...] | None) -> tuple[float, float]:
        """Return (σ_min, σ_max) where none is asked for, of a model with these own levels."""
        if self.needs_levels and own_levels:
            return own_levels[-1], own_levels[0]
        return self.sigma_min, self.sigma_max

    @property
    def sees_schedule(self) -> bool:
        """Whether σ(t) decides its levels: whether it asks for the context."""
        return CONTEXT in keywords(self.levels)

    def made(
        self, n: int, sigma_min: float, sigma_max: float, context: Context, **own: Any
    ) -> Tensor:
        """Return the levels, float64 [n], whatever the function made them as.

        Args:
            n, sigma_min, sigma_max, own: What the function is given.
            context: Given to functions that ask for it.

        Raises:
            Misshapen: If it did not make n numbers.
        """
        told = {CONTEXT: context} if CONTEXT in keywords(self.levels) else {}
        levels = self.levels(n, sigma_min, sigma_max, **own, **told)
        found = shown(levels)
        with contextlib.suppress(TypeError, ValueError, RuntimeError):
            made = torch.as_tensor(levels, dtype=torch.float64, device="cpu")
            if made.shape == (n,):
                return made
            if made.ndim == 1:
                found = f"{len(made)} levels"
        raise Misshapen(f"makes {found} where {n} noise levels are asked for")


karras = Discretization(edm, same_as="edm")
exponential = Discretization(log_snr, same_as="log-snr")

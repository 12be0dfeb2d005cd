"""Noise levels σ_0 > σ_1 > … to step through: EDM Table 1, row "time steps", and the field's.

A discretization is a function ``(n, low, high, *, parameters) -> levels``: n floats, from σ = high
(the first) down to σ = low (the last, where n > 1). The final σ = 0 is not among them.
"""

import math

from sampler_bench.kit.parameters import require
from sampler_bench.solvers.levels import iddpm_levels
from sampler_bench.solvers.schedules import VP, Schedule


def _between(n: int, first: float, last: float) -> list[float]:
    """Return n equally spaced numbers; one alone is the first."""
    step = (last - first) / max(n - 1, 1)
    # the ends are set, not summed: a level outside the range would be a level not asked for
    return [last if i == n - 1 > 0 else first + i * step for i in range(n)]


def edm(n: int, low: float, high: float, *, rho: float = 7.0) -> list[float]:
    """Return EDM's levels, uniform in σ^(1/ρ) (Eq. 5); k-diffusion calls them ``karras``.

    Args:
        n, low, high: See the module.
        rho: ρ, above 0 and at most 10⁶, as round-off grows.
    """
    require(0 < rho <= 1e6, "rho", rho, "a number above 0, and at most 1e6")
    return [x**rho for x in _between(n, high ** (1 / rho), low ** (1 / rho))]


def polyexponential(n: int, low: float, high: float, *, rho: float = 1.0) -> list[float]:
    """Return levels whose ln σ falls as u^ρ, u uniform from 1 to 0 (k-diffusion's).

    Args:
        n, low, high: See the module.
        rho: ρ > 0; 1 is :func:`log_snr`, more puts the levels nearer to ``low``.
    """
    require(rho > 0, "rho", rho, "a number above 0")
    bottom, top = math.log(low), math.log(high)
    return [math.exp(bottom + (top - bottom) * u**rho) for u in _between(n, 1.0, 0.0)]


def log_snr(n: int, low: float, high: float) -> list[float]:
    """Return levels uniform in log SNR = −2·ln σ; k-diffusion calls them ``exponential``."""
    return [math.exp(x) for x in _between(n, math.log(high), math.log(low))]


def ve(n: int, low: float, high: float) -> list[float]:
    """Return VE's levels: σ² a geometric sequence, :func:`log_snr` by another formula."""
    return [math.sqrt(high**2 * (low**2 / high**2) ** u) for u in _between(n, 0.0, 1.0)]


def vp(n: int, low: float, high: float, *, epsilon_s: float = 1e-3) -> list[float]:
    """Return VP's levels: t uniform from 1 to ``epsilon_s``, betas refit to the σ range.

    Its own range, σ(ε_s) to σ(1), gives back the betas it is from: k-diffusion's ``vp``.
    """
    schedule = VP.fit(low, high, epsilon_s=epsilon_s)
    return [schedule.sigma(t) for t in _between(n, 1.0, epsilon_s)]


def uniform_t(n: int, low: float, high: float, *, schedule: Schedule) -> list[float]:
    """Return levels uniform in a schedule's time, from t(high) to t(low).

    Args:
        n, low: See the module.
        high: ``inf`` where the schedule begins with noise alone.
        schedule: Whose time.
    """
    first, last = schedule.time(high), schedule.time(low) if low > 0 else 0.0
    inner = [schedule.sigma(t) for t in _between(n, first, last)[1:-1]]
    return [high, *inner, low][:n] if n > 1 else [high]


def iddpm(
    n: int,
    low: float,
    high: float,
    *,
    M: int = 1000,
    C_1: float = 0.001,
    C_2: float = 0.008,
    j_0: int | None = None,
) -> list[float]:
    """Return n of iDDPM's levels u_j, evenly spread over the indices j₀ … M − 1.

    Levels outside [low, high] are left out, as in EDM's released code; its range [0.002, 81] gives
    Table 1's j₀ = 8 by itself (u_8 = 80.204). A ``j_0`` of one's own must lie in the range: iDDPM's
    start, j₀ = 0, asks for high ≥ u_0 ≈ 20291.

    Raises:
        ValueError: If a parameter is out of range or no level is left.
    """
    require(1 <= M <= 100_000, "M", M, "a whole number from 1 to 100000")
    require(0 < C_1 < 1, "C_1", C_1, "a number between 0 and 1")
    require(C_2 >= 0, "C_2", C_2, "a number of at least 0")
    u = iddpm_levels(M, C_1, C_2).tolist()
    if j_0 is not None:
        require(0 <= j_0 < M, "j_0", j_0, f"a whole number from 0 to M - 1 = {M - 1}")
        require(u[j_0] <= high, "j_0", j_0, f"such that u_j = {u[j_0]:g} ≤ {high:g}")
        u = u[j_0:]
    usable = [level for level in u if low <= level <= high]
    if not usable:
        raise ValueError(f"iddpm has no noise level in [{low:g}, {high:g}]")
    return [usable[round(i)] for i in _between(n, 0.0, len(usable) - 1.0)]

"""Noise levels as the field's other programs space them: see :mod:`solvers.discretizations`."""

import math
from typing import Annotated, Literal

from pydantic import Field

from sampler_bench.kit.description import facts
from sampler_bench.kit.parameters import Positive
from sampler_bench.solvers.context import Context
from sampler_bench.solvers.discretizations import between, fractions
from sampler_bench.solvers.incompatible import Incompatible

SD15 = (14.615, 6.475, 3.861, 2.697, 1.886, 1.396, 0.963, 0.652, 0.399, 0.152, 0.029)
SDXL = (14.615, 6.315, 3.771, 2.181, 1.342, 0.862, 0.555, 0.380, 0.234, 0.113, 0.029)
SVD = (700.0, 54.5, 15.886, 7.977, 4.248, 1.789, 0.981, 0.403, 0.173, 0.034, 0.002)
"""The ten steps that Sabour et al. (2024) publish for three networks; other programs make 0 of the
last level, as ``end = "zero"`` does."""


def time_quadratic(n: int, sigma_min: float, sigma_max: float, *, context: Context) -> list[float]:
    """Return levels uniform in √t of the schedule (DDIM's "quad", DPM-Solver's time_quadratic)."""
    schedule = context.schedule
    roots = between(n, math.sqrt(schedule.time(sigma_max)), math.sqrt(schedule.time(sigma_min)))
    # both ends as asked for: σ(t(σ)) is not σ to the last digit
    return [sigma_max, *(schedule.sigma(x**2) for x in roots[1:-1]), sigma_min][:n]


def kl_optimal(
    n: int, sigma_min: float, sigma_max: float, *, sigma_data: Positive = 1.0
) -> list[float]:
    """Return levels uniform in arctan(σ/σ_data): the best for a Gaussian of that deviation.

    Sabour et al. (2024), Theorem 3.1, which has σ_data = 1.
    """
    angles = between(n, math.atan(sigma_max / sigma_data), math.atan(sigma_min / sigma_data))
    inner = [sigma_data * math.tan(angle) for angle in angles[1:-1]]
    return [sigma_max, *inner, sigma_min][:n]


def laplace(
    n: int, sigma_min: float, sigma_max: float, *, mu: float = 0.0, b: Positive = 0.5
) -> list[float]:
    """Return quantiles of a Laplace distribution of ln σ within the range (Hang et al. 2024).

    Programs that clip the quantiles at the range instead repeat its ends.
    """

    def share(sigma: float) -> float:
        x = (math.log(sigma) - mu) / b
        return math.exp(x) / 2 if x < 0 else 1 - math.exp(-x) / 2

    def level(u: float) -> float:
        return math.exp(mu + b * math.copysign(math.log1p(-2 * abs(u - 0.5)), u - 0.5))

    shares = between(n, share(sigma_max), share(sigma_min))
    return [sigma_max, *map(level, shares[1:-1]), sigma_min][:n]


def linear_quadratic(
    n: int,
    sigma_min: float,
    sigma_max: float,
    *,
    share: Annotated[float, Field(gt=0, lt=1)] = 0.025,
) -> list[float]:
    """Return levels whose flow time σ/(1 + σ) falls in equal steps, then in longer ones (Mochi).

    The first half of the steps takes ``share`` of the way, the second half all the rest, as a
    parabola that goes on with the same slope.
    """
    first, last = sigma_max / (1 + sigma_max), sigma_min / (1 + sigma_min)
    times = [first + u * (last - first) for u in _half_parabola(n - 1, share)]
    return [sigma_max, *(t / (1 - t) for t in times[1:-1]), sigma_min][:n]


def _half_parabola(steps: int, share: float) -> list[float]:
    """Return u_0 = 0 … u_steps = 1: straight up to the middle, and a parabola from there."""
    middle = steps // 2
    slope = share / middle if middle else 0.0
    rest = max(steps - middle, 1)
    reached = slope * middle
    bend = (1 - reached - slope * rest) / rest**2
    after = [reached + slope * k + bend * k**2 for k in range(1, rest + 1)]
    return [slope * i for i in range(middle + 1)] + after


def beta(
    n: int,
    sigma_min: float,
    sigma_max: float,
    *,
    a: Positive = 0.6,
    b: Positive = 0.6,
    over: Literal["time", "sigma"] = "time",
    context: Context,
) -> list[float]:
    """Return quantiles of a Beta(``a``, ``b``) distribution: dense at both ends (Lee et al. 2024).

    ``over`` the schedule's time, as published; or over σ itself, as diffusers' ``use_beta_sigmas``.
    """
    from scipy.stats import beta as distribution  # takes a while to import

    shares = distribution.ppf([1 - u for u in fractions(n)], a, b).tolist()
    if over == "sigma":
        levels = [sigma_min + share * (sigma_max - sigma_min) for share in shares]
    else:
        schedule = context.schedule
        last, first = schedule.time(sigma_min), schedule.time(sigma_max)
        levels = [schedule.sigma(last + share * (first - last)) for share in shares]
    return [sigma_max, *levels[1:-1], sigma_min][:n]


@facts(sigma_min=0.029, sigma_max=14.615)
def ays_sd15(n: int, sigma_min: float, sigma_max: float, *, context: Context) -> list[float]:
    """Return Align Your Steps' levels for Stable Diffusion 1.5 (Sabour et al. 2024).

    Other numbers of steps than ten are interpolated in ln σ, another range stretched in it.
    """
    return _tabled(SD15, n, sigma_min, sigma_max, context)


@facts(sigma_min=0.029, sigma_max=14.615)
def ays_sdxl(n: int, sigma_min: float, sigma_max: float, *, context: Context) -> list[float]:
    """Return Align Your Steps' levels for SDXL: see ays-sd15."""
    return _tabled(SDXL, n, sigma_min, sigma_max, context)


@facts(sigma_min=0.002, sigma_max=700.0)
def ays_svd(n: int, sigma_min: float, sigma_max: float, *, context: Context) -> list[float]:
    """Return Align Your Steps' levels for Stable Video Diffusion: see ays-sd15."""
    return _tabled(SVD, n, sigma_min, sigma_max, context)


def _tabled(
    table: tuple[float, ...], n: int, low: float, high: float, context: Context
) -> list[float]:
    """Interpolate a table in ln σ; of its last level 0 is made where sampling ends there."""
    logs = [math.log(sigma) for sigma in table]
    stretch = math.log(high / low) / (logs[0] - logs[-1])
    points = n + 1 if context.to_zero else n
    places = [u * (len(table) - 1) for u in fractions(points)][:n]
    found = []
    for place in places:
        i = min(int(place), len(table) - 2)
        x = logs[i] + (place - i) * (logs[i + 1] - logs[i])
        found.append(math.exp(math.log(high) + stretch * (x - logs[0])))
    return [high, *found[1:-1], found[-1] if context.to_zero else low][:n]


@facts(needs_levels=True)
def leading(
    n: int,
    sigma_min: float,
    sigma_max: float,
    *,
    offset: Annotated[int, Field(ge=0, le=100_000)] = 0,
    context: Context,
) -> list[float]:
    """Return every k-th of the model's own levels from the lowest on (DDIM's "uniform").

    k = ⌊M/n⌋ of M levels; the highest ones are left out. ``offset`` moves all of them up: 1 in
    Stable Diffusion.
    """
    own = _own(context, n, sigma_min, sigma_max)
    stride = len(own) // n
    places = [min(i * stride + offset, len(own) - 1) for i in range(n)]
    return [own[place] for place in reversed(places)]


@facts(needs_levels=True)
def trailing(n: int, sigma_min: float, sigma_max: float, *, context: Context) -> list[float]:
    """Return n of the model's own levels from the highest on, M/n apart (Lin et al. 2024)."""
    own = _own(context, n, sigma_min, sigma_max)
    return [own[round(len(own) - i * len(own) / n) - 1] for i in range(n)]


@facts(needs_levels=True)
def linspace(n: int, sigma_min: float, sigma_max: float, *, context: Context) -> list[float]:
    """Return n of the model's own levels, from the highest to the lowest, even in their numbers."""
    own = _own(context, n, sigma_min, sigma_max)
    return [own[round(place)] for place in between(n, len(own) - 1, 0)]


def _own(context: Context, n: int, low: float, high: float) -> list[float]:
    """Return the model's own levels within the range, the lowest first."""
    if context.own_levels is None:
        raise Incompatible("it takes a model's own noise levels, and this model takes any")
    own = [sigma for sigma in reversed(context.own_levels) if low <= sigma <= high]
    if len(own) < n:
        raise Incompatible(
            f"{n} noise levels are asked for, and the model has {len(own)} from {low:g} to {high:g}"
        )
    return own

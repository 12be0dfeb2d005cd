"""Repeated churn at one noise level, EDM's Figure 14; without any, the draws of its Figure 1."""

import math
from collections.abc import Iterator
from typing import Annotated, Any, Literal

import torch
from pydantic import Field
from torch import Tensor

from sampler_bench.kit.parameters import NotNegative, require
from sampler_bench.solvers import loop
from sampler_bench.solvers.churn import MOST_GAMMA, Churn
from sampler_bench.solvers.denoiser import Denoiser
from sampler_bench.solvers.discretizations import edm
from sampler_bench.solvers.noise import Noise
from sampler_bench.solvers.original.whole import Original
from sampler_bench.solvers.paths.ode import Deterministic
from sampler_bench.solvers.point import Point
from sampler_bench.solvers.process import Process, scaled
from sampler_bench.solvers.rules.runge_kutta import Heun
from sampler_bench.solvers.schedules import Linear
from sampler_bench.solvers.step import Step

SIGMA_MIN, SIGMA_MAX, LEVELS = 0.002, 80.0, 18
"""EDM's levels for CIFAR-10 (ρ = 7): those above σ are stepped through on the way down to it."""

_MOST_SAID = f"above 0 and at most √2 − 1 = {MOST_GAMMA}"
Gamma = Annotated[float, Field(gt=0, le=MOST_GAMMA, description=_MOST_SAID)]

SCHEDULE = Linear()
SIGMA_DATA = 0.5
"""Assumed standard deviation of the data (EDM, Table 1)."""


def churned(
    denoiser: Denoiser,
    latents: Tensor,
    noise: Noise,
    steps: int,
    *,
    sigma: Annotated[float, Field(ge=0, le=SIGMA_MAX)] = 0.2,
    gamma: Gamma = MOST_GAMMA,
    S_noise: NotNegative = 1.0,
    denoised: Literal["yes", "no"] = "yes",
) -> Tensor:
    """Return samples of p(x; σ) after N churns at σ, or what the denoiser sees in them.

    Each churn adds noise up to σ̂ = (1 + γ)·σ and takes one Heun step of dx/dt = (x − D)/σ back to
    σ (EDM, Algorithm 2, without its steps down). The paper starts from data with noise added; here
    Heun's method brings the latents down EDM's levels to σ, so that no data are needed and a seed
    starts from the same picture at every σ. These draws have the network's errors, and Heun's.

    Args:
        denoiser: D(x; σ).
        latents: Standard normal [B, *shape].
        noise: Source of the churns' draws, one each.
        steps: N ≥ 0, the number of churns.
        sigma: σ, from 0 (the end of sampling; no churns there) to 80.
        gamma: γ, above 0 and at most √2 − 1, where as much noise is added as is there.
        S_noise: Standard deviation of the added noise, relative to what the step up calls for.
        denoised: ``"yes"``: return D(x; σ), one more evaluation; ``"no"``: x itself.
    """
    way = _way(denoiser, sigma)
    process = Process(scaled(denoiser), SCHEDULE, lambda z, high, low: noise(z))
    z = loop.sample(
        process,
        latents.to(torch.float64) * way[0].b,
        [*Deterministic().steps(way, SCHEDULE), *_churns(denoiser, way[-1], steps, gamma, S_noise)],
        Heun(),
    )
    if denoised == "no" or way[-1].sigma == 0:  # D(x; 0) = x
        return z
    return process.denoise(z, way[-1])


def _way(denoiser: Denoiser, sigma: float) -> list[Point]:
    """Return EDM's levels above σ, and σ, as the denoiser has them."""
    asked = torch.tensor([*edm(LEVELS, SIGMA_MIN, SIGMA_MAX), sigma], dtype=torch.float64)
    *levels, level = denoiser.round_sigma(asked).tolist()
    return [SCHEDULE.level(x) for x in (*(above for above in levels if above > level), level)]


def _churns(
    denoiser: Denoiser, level: Point, count: int, gamma: float, S_noise: float
) -> Iterator[Step]:
    """Yield so many churns at one level: up by noise and back."""

    def round_sigma(sigma: float) -> float:
        return float(denoiser.round_sigma(torch.tensor(sigma, dtype=torch.float64)))

    for _ in range(count):
        churn = Churn(S_churn=gamma, S_noise=S_noise)
        yield from churn.steps([level, level], SCHEDULE, round_sigma)


def _check(steps: int, given: dict[str, Any]) -> None:
    require(
        given["sigma"] > 0 or steps == 0,
        "steps",
        steps,
        "0 where sigma = 0: nothing is left to churn",
    )


def _evaluations(denoiser: Denoiser, steps: int, given: dict[str, Any]) -> int:
    """Return Heun's evaluations on the way down to σ, and of each churn; and D there, if wanted."""
    way = _way(denoiser, given["sigma"])
    level = way[-1].sigma
    down = Heun().evaluations(len(way) - 1, level == 0)
    return down + Heun().evaluations(steps, False) + (given["denoised"] == "yes" and level > 0)


def _ends(given: dict[str, Any]) -> tuple[float, float]:
    """Return the lowest and highest σ evaluated; at σ = 0 nothing is, but all levels above it."""
    sigma = given["sigma"]
    return sigma or SIGMA_MIN, max(SIGMA_MAX, (1 + given["gamma"]) * sigma)


def _visible(given: dict[str, Any]) -> float:
    """Return what brings x ~ p(x; σ) to the standard deviation of data, as in Figure 1a."""
    if given["denoised"] == "yes":
        return 1.0
    return SIGMA_DATA / math.hypot(given["sigma"], SIGMA_DATA)


CHURNED = Original(
    churned,
    ends=_ends,
    check=_check,
    evaluations=_evaluations,
    least_steps=0,
    visible=_visible,
)

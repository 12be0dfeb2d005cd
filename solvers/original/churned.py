"""Repeated churn at one noise level, EDM's Figure 14; without any, the draws of its Figure 1."""

import math
from typing import Any

import torch
from torch import Tensor

from sampler_bench.kit.names import lookup
from sampler_bench.kit.parameters import require
from sampler_bench.solvers.churn import MOST_GAMMA, Churn, Noise, no_noise
from sampler_bench.solvers.denoiser import Denoiser
from sampler_bench.solvers.discretizations import edm
from sampler_bench.solvers.fixed_step import FixedStep
from sampler_bench.solvers.flow import Flow
from sampler_bench.solvers.original.whole import Original
from sampler_bench.solvers.schedules import Linear
from sampler_bench.solvers.steps import heun

SIGMA_MIN, SIGMA_MAX, LEVELS = 0.002, 80.0, 18
"""EDM's levels for CIFAR-10 (ρ = 7): those above σ are stepped through on the way down to it."""

SIGMA_DATA = 0.5
"""Assumed standard deviation of the data (EDM, Table 1)."""


def churned(
    denoiser: Denoiser,
    latents: Tensor,
    noise: Noise,
    steps: int,
    *,
    sigma: float = 0.2,
    gamma: float = MOST_GAMMA,
    S_noise: float = 1.0,
    denoised: str = "yes",
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
    levels = denoiser.round_sigma(edm(LEVELS, SIGMA_MIN, SIGMA_MAX))
    level = denoiser.round_sigma(torch.tensor(sigma, dtype=torch.float64))
    way = torch.cat([levels[levels > level], level[None]])
    flow = Flow(denoiser, Linear())
    x = FixedStep(heun, order=2)(flow, latents.to(torch.float64) * way[0], way, Churn(), no_noise)
    churn = Churn(S_churn=gamma, S_noise=S_noise)
    for _ in range(steps):
        x_hat, sigma_hat = churn(flow, x, level, 1, noise)
        x = heun(flow, x_hat, sigma_hat, level)
    if denoised == "no" or level == 0:  # D(x; 0) = x
        return x
    return denoiser(x, level).to(x.dtype)


def _check(steps: int, given: dict[str, Any]) -> None:
    sigma, gamma = given["sigma"], given["gamma"]
    lookup(dict.fromkeys(("yes", "no")), given["denoised"], "denoised")
    require(0 <= sigma <= SIGMA_MAX, "sigma", sigma, f"from 0 to {SIGMA_MAX:g}")
    require(0 < gamma <= MOST_GAMMA, "gamma", gamma, f"above 0 and at most √2 − 1 = {MOST_GAMMA}")
    require(given["S_noise"] >= 0, "S_noise", given["S_noise"], "at least 0")
    require(sigma > 0 or steps == 0, "steps", steps, "0 where sigma = 0: nothing is left to churn")


def _ends(given: dict[str, Any]) -> tuple[float, float]:
    """Return the lowest and highest σ evaluated; at σ = 0 nothing is, but all levels above it."""
    sigma = given["sigma"]
    return sigma or SIGMA_MIN, max(SIGMA_MAX, (1 + given["gamma"]) * sigma)


def _visible(given: dict[str, Any]) -> float:
    """Return what brings x ~ p(x; σ) to the standard deviation of data, as in Figure 1a."""
    if given["denoised"] == "yes":
        return 1.0
    return SIGMA_DATA / math.hypot(given["sigma"], SIGMA_DATA)


CHURNED = Original(churned, ends=_ends, check=_check, least_steps=0, visible=_visible)

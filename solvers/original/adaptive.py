"""Jolicoeur-Martineau et al.'s adaptive solver of the reverse SDE: every sample has its steps."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from sampler_bench.kit.parameters import Fraction, NotNegative, Positive
from sampler_bench.solvers.denoiser import Denoiser
from sampler_bench.solvers.noise import Noise
from sampler_bench.solvers.original.sde import SDE, Marginal, ve, ve_of, vp, vp_of
from sampler_bench.solvers.original.whole import Original
from sampler_bench.solvers.rows import restricted

_SMALLEST = 1e-12


@dataclass(frozen=True)
class Tolerances:
    """The numbers of the step control.

    Attributes:
        abstol, reltol: ε_abs and ε_rel, for images in [−1, 1].
        safety, exponent: The next step is at most ``safety``·h·η^(−``exponent``).
        h_init: The first step.
    """

    abstol: float
    reltol: float
    safety: float
    exponent: float
    h_init: float


def sample(
    sde: SDE, denoiser: Denoiser, latents: Tensor, noise: Noise, tolerances: Tolerances
) -> Tensor:
    """Return samples [B, *shape], float64.

    Stochastic improved Euler: both stages share their noise, and half their difference is the
    error. A sample that has arrived is not evaluated again, but for the last time, which removes
    the noise that is left at ε (Tweedie).

    Args:
        sde: The SDE.
        denoiser: D(x; σ); called with one σ per sample.
        latents: Standard normal [B, *shape].
        noise: Source of every later draw: one for all samples at each attempt of any.
        tolerances: Of the step control.
    """
    x = latents.to(torch.float64) * sde.start
    before = x.clone()
    t = x.new_ones(len(x))
    h = x.new_full((len(x),), tolerances.h_init)
    while len(rows := (t - sde.epsilon > _SMALLEST).nonzero()[:, 0]):
        z = noise(x)[rows]
        attempt = _attempt(sde, restricted(denoiser, rows), x[rows], t[rows], h[rows], z)
        eta = _error(attempt, before[rows], tolerances)
        accepted = eta <= 1
        taken = rows[accepted]
        x[taken], before[taken] = attempt.second[accepted], attempt.first[accepted]
        t[taken] -= h[taken]
        grown = tolerances.safety * h[rows] * eta.clamp(min=1e-300) ** -tolerances.exponent
        h[rows] = torch.minimum(t[rows] - sde.epsilon, grown)
    end = sde.marginal(torch.full_like(t, sde.epsilon))
    return x + _wide(end.s * end.sigma, x) ** 2 * _score(end, denoiser, x)


@dataclass
class _Attempted:
    first: Tensor
    second: Tensor
    error: Tensor


def _attempt(
    sde: SDE, denoiser: Denoiser, x: Tensor, t: Tensor, h: Tensor, z: Tensor
) -> _Attempted:
    """Return x′ of Euler–Maruyama, x″ of improved Euler, and half the stages' difference."""
    k1 = _stage(sde, denoiser, x, t, h, z)
    k2 = _stage(sde, denoiser, x + k1, t - h, h, z)
    return _Attempted(x + k1, x + 0.5 * (k1 + k2), 0.5 * (k2 - k1))


def _stage(sde: SDE, denoiser: Denoiser, x: Tensor, t: Tensor, h: Tensor, z: Tensor) -> Tensor:
    """Return −h·µ(x, t) + √h·g(t)·z, with the reverse drift µ = f·x − g²·score."""
    here = sde.marginal(t)
    g = _wide(here.g, x)
    mu = _wide(here.f, x) * x - g**2 * _score(here, denoiser, x)
    return -_wide(h, x) * mu + _wide(h.sqrt(), x) * g * z


def _score(at: Marginal, denoiser: Denoiser, x: Tensor) -> Tensor:
    """Return ∇ log p_t(x) = (s·D(x/s; σ) − x)/(s·σ)², one evaluation."""
    s = _wide(at.s, x)
    return (s * denoiser(x / s, at.sigma) - x) / (s * _wide(at.sigma, x)) ** 2


def _error(attempt: _Attempted, before: Tensor, tolerances: Tolerances) -> Tensor:
    """Return η [B]: the error of each sample over what is tolerated, as a root mean square."""
    size = torch.maximum(attempt.first.abs(), before.abs())
    allowed = (tolerances.reltol * size).clamp(min=tolerances.abstol)
    return (attempt.error / allowed).flatten(1).square().mean(1).sqrt()


def _wide(values: Tensor, x: Tensor) -> Tensor:
    return values.reshape(-1, *[1] * (x.ndim - 1))


def adaptive_vp(
    denoiser: Denoiser,
    latents: Tensor,
    noise: Noise,
    steps: None,
    *,
    abstol: Positive = 0.0078,
    reltol: NotNegative = 0.01,
    safety: Fraction = 0.9,
    exponent: Positive = 0.9,
    h_init: Fraction = 0.01,
    epsilon: Fraction = 1e-3,
    beta_min: float = 0.1,
    beta_max: float = 20.0,
) -> Tensor:
    """Sample the VP SDE by Jolicoeur-Martineau et al.'s adaptive steps."""
    tolerances = Tolerances(abstol, reltol, safety, exponent, h_init)
    return sample(vp(beta_min, beta_max, epsilon), denoiser, latents, noise, tolerances)


def adaptive_ve(
    denoiser: Denoiser,
    latents: Tensor,
    noise: Noise,
    steps: None,
    *,
    abstol: Positive = 0.0078,
    reltol: NotNegative = 0.01,
    safety: Fraction = 0.9,
    exponent: Positive = 0.9,
    h_init: Fraction = 0.5,
    epsilon: Fraction = 1e-5,
    sigma_min: float = 0.02,
    sigma_max: float = 100.0,
) -> Tensor:
    """Sample the VE SDE by Jolicoeur-Martineau et al.'s adaptive steps."""
    tolerances = Tolerances(abstol, reltol, safety, exponent, h_init)
    return sample(ve(sigma_min, sigma_max, epsilon), denoiser, latents, noise, tolerances)


def _check_vp(steps: None, given: dict[str, Any]) -> None:
    vp_of(given)


def _check_ve(steps: None, given: dict[str, Any]) -> None:
    ve_of(given)


def _evaluations(denoiser: Denoiser, steps: None, given: dict[str, Any]) -> None:
    """Say that each sample has its own number of evaluations."""


ADAPTIVE_VP = Original(
    adaptive_vp,
    ends=lambda given: vp_of(given).ends,
    check=_check_vp,
    evaluations=_evaluations,
    takes_steps=False,
)
ADAPTIVE_VE = Original(
    adaptive_ve,
    ends=lambda given: ve_of(given).ends,
    check=_check_ve,
    evaluations=_evaluations,
    takes_steps=False,
)

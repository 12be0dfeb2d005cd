"""Song et al.'s predictor–corrector samplers of the reverse SDE, and of its probability flow."""

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor

from sampler_bench.solvers.denoiser import Denoiser
from sampler_bench.solvers.original.sde import SDE, VE

Noise = Callable[[Tensor], Tensor]


class Place(NamedTuple):
    """Where a step is: its time, its place i in the discrete process, the number of steps N."""

    t: Tensor
    i: int
    n: int
    discrete: Any  # Steps; none where the predictor needs none


class Moved(NamedTuple):
    """A step's result with its noise, and without: the last one's is what is returned."""

    x: Tensor
    mean: Tensor


def euler_maruyama(
    sde: SDE, denoiser: Denoiser, x: Tensor, place: Place, noise: Noise, flow: bool
) -> Moved:
    """Return a step of Euler–Maruyama on the reverse SDE, one evaluation.

    Its length is 1/N, as in the original, and not the grid's (1 − ε)/(N − 1): the last step of the
    probability flow ends at ε − 1/N, which is below 0 for N < 1/ε (EDM, C.1).
    """
    dt = -1 / place.n
    g = sde.g(place.t)
    half = 0.5 if flow else 1.0
    drift = sde.f(place.t) * x - half * g**2 * sde.score(denoiser, x, place.t)
    mean = x + drift * dt
    z = noise(x)
    return Moved(mean if flow else mean + g * (1 / place.n) ** 0.5 * z, mean)


def reverse_diffusion(
    sde: SDE, denoiser: Denoiser, x: Tensor, place: Place, noise: Noise, flow: bool
) -> Moved:
    """Return a step back through the discrete process, one evaluation."""
    a, G = place.discrete.a[place.i], place.discrete.G[place.i]
    half = 0.5 if flow else 1.0
    mean = x - ((a - 1) * x - half * G**2 * sde.score(denoiser, x, place.t))
    z = noise(x)
    return Moved(mean if flow else mean + G * z, mean)


def ancestral(
    sde: SDE, denoiser: Denoiser, x: Tensor, place: Place, noise: Noise, flow: bool
) -> Moved:
    """Return a step of ancestral sampling, DDPM's (larger variance) or SMLD's, one evaluation."""
    steps, i = place.discrete, place.i
    score = sde.score(denoiser, x, place.t)
    z = noise(x)
    if isinstance(sde, VE):
        sigma, below = steps.levels[i], steps.adjacent[i]
        gap = sigma**2 - below**2
        mean = x + gap * score
        return Moved(mean + (below**2 * gap / sigma**2).sqrt() * z, mean)
    mean = (x + steps.G[i] ** 2 * score) / steps.a[i]
    return Moved(mean + steps.G[i] * z, mean)


def langevin(
    sde: SDE, denoiser: Denoiser, x: Tensor, place: Place, noise: Noise, snr: float, together: int
) -> Tensor:
    """Return ``x`` after a step of Langevin dynamics at a fixed noise level, one evaluation.

    Args:
        sde, denoiser, x, place, noise: As in the predictors.
        snr: r, the step's signal-to-noise ratio.
        together: How many consecutive samples share the mean norms that set the step: the original
            takes all of a batch, so that a sample depends on those beside it. 1 for none.
    """
    score = sde.score(denoiser, x, place.t)
    z = noise(x)
    norms = [v.flatten(1).norm(dim=1) for v in (z, score)]
    norms = [_shared(norm, together) for norm in norms]
    step = 2 * place.discrete.alpha[place.i] * (snr * norms[0] / norms[1]) ** 2
    step = step.reshape(-1, *[1] * (x.ndim - 1))
    return x + step * score + (2 * step).sqrt() * z


def _shared(values: Tensor, together: int) -> Tensor:
    """Return each value's group's mean, [B]; the last group may be smaller."""
    if together == 1:
        return values
    return torch.cat([part.mean().expand(len(part)) for part in values.split(together)])


PREDICTORS = {
    "euler-maruyama": euler_maruyama,
    "reverse-diffusion": reverse_diffusion,
    "ancestral": ancestral,
}
CORRECTORS = ("none", "langevin")


def sample(
    sde: SDE,
    denoiser: Denoiser,
    latents: Tensor,
    noise: Noise,
    n: int,
    predictor: str,
    corrector: str,
    snr: float,
    flow: bool,
    together: int,
) -> Tensor:
    """Return samples [B, *shape], float64: N evaluations, or 2·N with a corrector.

    Times are evenly spaced from 1 to ε; at each, the corrector's step if there is one, then the
    predictor's. What is returned is the last predictor's result without its noise.

    Args:
        sde: The SDE.
        denoiser: D(x; σ).
        latents: Standard normal [B, *shape].
        noise: Source of every later draw.
        n: N.
        predictor: One of PREDICTORS.
        corrector: One of CORRECTORS.
        snr: The corrector's.
        flow: Whether the predictor follows the probability flow; noise is drawn all the same.
        together: How many samples share the corrector's step.
    """
    x = mean = sde.start(latents)
    needed = predictor != "euler-maruyama" or corrector != "none"
    discrete = sde.steps(n) if needed else None
    times = torch.linspace(1, sde.epsilon, n, dtype=torch.float64, device=x.device)
    for t in times:
        place = Place(t, int(t * (n - 1)), n, discrete)
        if corrector != "none":
            x = langevin(sde, denoiser, x, place, noise, snr, together)
        x, mean = PREDICTORS[predictor](sde, denoiser, x, place, noise, flow)
    return mean

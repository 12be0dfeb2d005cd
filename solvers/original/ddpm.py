"""iDDPM's ancestral sampling, with the variance its networks learned (Nichol and Dhariwal 2021)."""

from typing import Annotated, Any, Literal

import torch
from pydantic import Field
from torch import Tensor

from sampler_bench.kit.parameters import Fraction, NotNegative
from sampler_bench.solvers.denoiser import Denoiser, complete
from sampler_bench.solvers.noise import Noise
from sampler_bench.solvers.original.ddim import check_chain, ends, levels_of, one_each, spaced
from sampler_bench.solvers.original.whole import Original


def ddpm(
    denoiser: Denoiser,
    latents: Tensor,
    noise: Noise,
    steps: int,
    *,
    variance: Literal["learned", "small", "large"] = "learned",
    clip: Literal["on", "off"] = "on",
    spacing: Literal["even", "stride"] = "even",
    M: Annotated[int, Field(ge=1, le=100_000)] = 1000,
    C_1: Fraction = 0.001,
    C_2: NotNegative = 0.008,
) -> Tensor:
    """Sample iDDPM's chain backwards on respaced steps, N evaluations.

    Args:
        denoiser: D(x; σ), with a variance (``with_variance()``) where that is ``"learned"``.
        latents: Standard normal [B, *shape]: the state at the highest level, as in the original.
        noise: Source of every later draw; drawn at each step, unused at the last.
        steps: N of the M levels.
        variance: ``"small"``: of the posterior, β̃ = β·(1 − ᾱ′)/(1 − ᾱ); ``"large"``: β;
            ``"learned"``: between the two, in logarithms, where the network says (iDDPM, Eq. 15).
        clip: ``"on"``: D is clipped to [−1, 1], the original's default; or ``"off"``.
        spacing: ``"even"``: rounded to the nearest levels; ``"stride"``: every i-th level.
        M, C_1, C_2: The schedule's.
    """
    evaluate = complete(denoiser).with_variance() if variance == "learned" else denoiser
    alpha_bar = levels_of(M, C_1, C_2)[spaced(M, steps, spacing)].to(latents.device)
    below = torch.cat([alpha_bar.new_ones(1), alpha_bar[:-1]])
    beta = 1 - alpha_bar / below
    posterior = beta * (1 - below) / (1 - alpha_bar)
    # The first one is 0, and has no logarithm; it is not used, for the last step adds no noise.
    least = torch.cat([posterior[1:2], posterior[1:]]) if steps > 1 else beta
    x = latents.to(torch.float64)
    for i in reversed(range(steps)):
        a, b = alpha_bar[i], below[i]
        result = evaluate(x / a.sqrt(), ((1 - a) / a).sqrt())
        clean, v = result[:, : x.shape[1]], result[:, x.shape[1] :]
        clean = clean.clip(-1, 1) if clip == "on" else clean
        mean = (b.sqrt() * beta[i] * clean + (a / b).sqrt() * (1 - b) * x) / (1 - a)
        spread = {"small": least[i], "large": beta[i]}.get(variance)
        if spread is None:
            share = (v + 1) / 2
            spread = (share * beta[i].log() + (1 - share) * least[i].log()).exp()
        z = noise(x)
        x = mean + spread.sqrt() * z if i else mean
    return x


def _suits(denoiser: Denoiser, given: dict[str, Any]) -> None:
    if given["variance"] == "learned":
        complete(denoiser).with_variance()


DDPM = Original(ddpm, ends=ends, check=check_chain, evaluations=one_each, suits=_suits)

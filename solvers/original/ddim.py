"""DDIM as OpenAI's programs have it: η from the ODE's Euler step (0) to ancestral sampling (1)."""

from typing import Annotated, Any, Literal

import torch
from pydantic import Field
from torch import Tensor

from sampler_bench.kit.parameters import Fraction, NotNegative, require
from sampler_bench.solvers.denoiser import Denoiser
from sampler_bench.solvers.levels import iddpm_levels
from sampler_bench.solvers.noise import Noise
from sampler_bench.solvers.original.whole import Original


def ddim(
    denoiser: Denoiser,
    latents: Tensor,
    noise: Noise,
    steps: int,
    *,
    eta: Annotated[float, Field(ge=0, le=1)] = 0.0,
    clip: Literal["on", "off"] = "on",
    spacing: Literal["even", "stride"] = "even",
    M: Annotated[int, Field(ge=1, le=100_000)] = 1000,
    C_1: Fraction = 0.001,
    C_2: NotNegative = 0.008,
) -> Tensor:
    """Sample by DDIM (Song, Meng and Ermon 2021) on iDDPM's cosine schedule, N evaluations.

    Args:
        denoiser: D(x; σ).
        latents: Standard normal [B, *shape]: the state at the highest level, as in the original.
        noise: Source of every later draw; drawn at each step, used where η > 0.
        steps: N of the M levels.
        eta: η: 0 draws nothing in, 1 has the variance of DDPM's posterior.
        clip: ``"on"``: D is clipped to [−1, 1], the original's default; or ``"off"``.
        spacing: ``"even"``: rounded to the nearest levels; ``"stride"``: every i-th level.
        M, C_1, C_2: The schedule's.
    """
    alpha_bar = levels_of(M, C_1, C_2)[spaced(M, steps, spacing)].to(latents.device)
    below = torch.cat([alpha_bar.new_ones(1), alpha_bar[:-1]])
    x = latents.to(torch.float64)
    for a, a_next in zip(alpha_bar.flip(0), below.flip(0), strict=True):
        clean = denoiser(x / a.sqrt(), ((1 - a) / a).sqrt())
        clean = clean.clip(-1, 1) if clip == "on" else clean
        epsilon = (x - a.sqrt() * clean) / (1 - a).sqrt()
        # 1 − ᾱ′ is 0 at the last step, and so is all noise
        spread = eta * ((1 - a_next) / (1 - a) * (1 - a / a_next)).sqrt()
        direction = (1 - a_next - spread**2).clip(min=0).sqrt()
        x = a_next.sqrt() * clean + direction * epsilon + spread * noise(x)
    return x


def levels_of(M: int, C_1: float, C_2: float) -> Tensor:
    """Return ᾱ_0 > … > ᾱ_{M−1}, float64 [M]: index 0 is the least noisy."""
    u = iddpm_levels(M, C_1, C_2)[:M].flip(0)
    return 1 / (1 + u**2)


def spaced(M: int, steps: int, spacing: str) -> list[int]:
    """Return which of M levels are visited, ascending.

    Raises:
        ValueError: If there are not so many, or no stride gives so many.
    """
    require(steps <= M, "steps", steps, f"at most M = {M}")
    if spacing == "even":
        gap = (M - 1) / (steps - 1) if steps > 1 else 1
        return [round(gap * k) for k in range(steps)]
    for stride in range(1, M + 1):
        if len(range(0, M, stride)) == steps:
            return list(range(0, M, stride))
    raise ValueError(f"steps = {steps}: no stride through {M} levels makes so many steps")


def check_chain(steps: int, given: dict[str, Any]) -> None:
    """Raise ValueError for steps that cannot be taken through the schedule."""
    spaced(given["M"], steps, given["spacing"])


def one_each(denoiser: Denoiser, steps: int, given: dict[str, Any]) -> int:
    """Return the evaluations per sample: one for each step."""
    return steps


def ends(given: dict[str, Any]) -> tuple[float, float]:
    """Return the lowest and highest σ of the whole chain."""
    u = iddpm_levels(given["M"], given["C_1"], given["C_2"])
    return float(u[-2]), float(u[0])


DDIM = Original(ddim, ends=ends, check=check_chain, evaluations=one_each)

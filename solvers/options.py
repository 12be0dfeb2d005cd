"""Options of a run that are no part of a rule: wrappers of the denoiser, absent unless asked for.

The third of their kind, D at the last level as the result ("denoise to zero"), is an argument of
:func:`~sampler_bench.solvers.loop.sample`: it is a step after the grid, one evaluation more.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from sampler_bench.kit.parameters import require
from sampler_bench.solvers.point import Point

Denoise = Callable[[Tensor, Point], Tensor]


def analytic_first_step(denoise: Denoise) -> Denoise:
    """Return ``denoise`` with its first answer known without it: one evaluation less.

    At a high noise level the data hardly matter, and for data of unit variance around 0 it is
    D = x/(1 + σ²) (Dockhorn, Vahdat and Kreis 2022). As diff-sampler has it the slope is
    ε = x/√(1 + σ²), and D = x − σ·ε. Finite at σ = ∞, where D = 0.

    Wrap anew for every run: what is first is counted.
    """
    first = True

    def wrapped(z: Tensor, at: Point) -> Tensor:
        nonlocal first
        if not first:
            return denoise(z, at)
        first = False
        deviation = math.hypot(at.s, at.b)
        return z * (at.s / (deviation * (deviation + at.b)))

    return wrapped


def thresholded(denoise: Denoise, *, quantile: float = 0.995, limit: float = 1.0) -> Denoise:
    """Return ``denoise`` with dynamic thresholding (Saharia et al. 2022), sample by sample.

    D is clipped to ± c and divided by c/limit, c being the given quantile of |D| over a sample, at
    least ``limit``. What a rule makes of D, ε too, it makes of the clipped one.

    Args:
        denoise: What is wrapped.
        quantile: Between 0 and 1; at 1, where all are inside ± ``limit``, nothing changes.
        limit: The largest |x₀| of the data.

    Raises:
        ValueError: If one of them is out of range.
    """
    require(0 < quantile <= 1, "quantile", quantile, "above 0 and at most 1")
    require(limit > 0, "limit", limit, "a number above 0")

    def wrapped(z: Tensor, at: Point) -> Tensor:
        D = denoise(z, at)
        clip = torch.quantile(D.abs().flatten(1), quantile, dim=1).clamp(min=limit)
        clip = clip.reshape(-1, *[1] * (D.ndim - 1))
        return torch.clamp(D, -clip, clip).mul_(limit / clip)

    return wrapped

"""Options of a run that are no part of a rule: neutral, and in no key, unless asked for.

One more of their kind, D at the last level as the result ("denoise to zero"), is an end of the
levels: a step after the grid, one evaluation more.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Annotated, Any, Literal

import torch
from pydantic import Field
from torch import Tensor

from sampler_bench.kit.parameters import Positive, check_fields, require
from sampler_bench.solvers.point import Point
from sampler_bench.solvers.rows import restricted

Denoise = Callable[[Tensor, Point], Tensor]


@dataclass(frozen=True, kw_only=True)
class Options:
    """What may be asked of any sampler of parts.

    Attributes:
        first_step: ``"evaluated"``, or ``"analytic"``: the first D is known without the denoiser
            (:func:`analytic_first_step`), one evaluation less.
        threshold: Quantile of dynamic thresholding (:func:`thresholded`); none unless given.
        threshold_limit: The largest |x₀| of the data, for the threshold.
        initial: ``"marginal"``: the state starts at b = s·σ times the latents; ``"latents"``: at
            them as they are, as DPM-Solver's, UniPC's and SA-Solver's programs do under VP.
        state: ``"float64"``, or ``"float32"``: what the state is kept in.
    """

    first_step: Literal["evaluated", "analytic"] = "evaluated"
    threshold: Annotated[float, Field(gt=0, le=1)] | None = None
    threshold_limit: Positive = 1.0
    initial: Literal["marginal", "latents"] = "marginal"
    state: Literal["float64", "float32"] = "float64"

    def __post_init__(self) -> None:
        check_fields(self)

    @property
    def dtype(self) -> torch.dtype:
        """What the state is kept in."""
        return torch.float64 if self.state == "float64" else torch.float32

    @property
    def spares(self) -> int:
        """How many evaluations are spared."""
        return int(self.first_step == "analytic")

    def first_scale(self, first: Point) -> float:
        """Return what latents are multiplied by, to be the state at the first level."""
        return first.b if self.initial == "marginal" else 1.0

    def wrap(self, denoise: Denoise) -> Denoise:
        """Return what a rule calls, for one run."""
        if self.threshold is not None:
            denoise = thresholded(denoise, quantile=self.threshold, limit=self.threshold_limit)
        return analytic_first_step(denoise) if self.first_step == "analytic" else denoise

    @property
    def sees_scaling(self) -> bool:
        """Whether s(t) decides more than rounding: what latents stand for, or a short state's."""
        return self.initial == "latents" or self.state == "float32"

    def in_key(self) -> dict[str, Any]:
        """Return those that are not neutral."""
        own = {f.name: getattr(self, f.name) for f in fields(self)}
        return {f.name: own[f.name] for f in fields(self) if own[f.name] != f.default}


OPTIONS = tuple(f.name for f in fields(Options))


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

    return _Thresholded(denoise, quantile, limit)


@dataclass(frozen=True)
class _Thresholded:
    denoise: Denoise
    quantile: float
    limit: float

    def __call__(self, z: Tensor, at: Point) -> Tensor:
        D = self.denoise(z, at)
        clip = torch.quantile(D.abs().flatten(1), self.quantile, dim=1).clamp(min=self.limit)
        clip = clip.reshape(-1, *[1] * (D.ndim - 1))
        return torch.clamp(D, -clip, clip).mul_(self.limit / clip)

    def only(self, rows: Tensor) -> "_Thresholded":
        """Return the same for some samples of the batch, with what is bound to them."""
        return replace(self, denoise=restricted(self.denoise, rows))

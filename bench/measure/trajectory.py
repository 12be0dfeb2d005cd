"""The exact solution of the probability-flow ODE, to measure truncation errors against."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from scipy.integrate import solve_ivp
from torch import Tensor

from sampler_bench.solvers import Denoiser, Sampler

VERSION = 1
RTOL = {"float64": 1e-9, "float32": 1e-5}
"""A tolerance below a network's rounding would only chase noise; coarser ones get float32's."""
CHECK = 100
"""How much larger the tolerance of the solution is that the reference is compared with."""
FLOOR = 1e-5
"""Where integration stops on the way to σ = 0, unless the model stops earlier."""


def tolerance(precision: str) -> float:
    """Return the relative and absolute tolerance for a denoiser of this precision."""
    return RTOL.get(precision, RTOL["float32"])


def name(precision: str) -> str:
    """Return what a cell calls this reference."""
    return f"DOP853, rtol = {tolerance(precision):g}, v{VERSION}"


@dataclass
class Trajectories:
    """End points of exact trajectories, remembered: many samplers share their range and latents."""

    _known: dict[tuple[Any, ...], tuple[Tensor, float]] = field(default_factory=dict)

    def end(
        self,
        sampler: Sampler,
        seeds: range,
        latents: Tensor,
        denoiser: Denoiser,
        identity: tuple[str, ...],
        precision: str,
    ) -> tuple[Tensor, float]:
        """Return where the exact flow takes ``latents`` over the sampler's σ range.

        Args:
            sampler: Its first and last noise level are the ends of the trajectory.
            seeds: What ``latents`` were drawn from.
            latents: Standard normal [B, *shape].
            denoiser: The flow's denoiser.
            identity: What identifies it, labels included.
            precision: What it computes in.

        Returns:
            The end points, float64 [B, *shape] in data space, and the RMS distance to a solution
            with a tolerance 100 times larger: an upper bound of their own error.
        """
        levels = sampler.levels(denoiser)
        start, stop = float(levels[0]), float(levels[-1])
        cleaned = sampler.end == "denoise"
        key = (*identity, seeds.start, seeds.stop, start, stop, cleaned)
        if key not in self._known:
            rtol = tolerance(precision)
            exact = _end(denoiser, latents, start, stop, rtol, cleaned)
            rough = _end(denoiser, latents, start, stop, CHECK * rtol, cleaned)
            self._known[key] = exact, float((exact - rough).pow(2).mean().sqrt())
        return self._known[key]


def _end(
    denoiser: Denoiser, latents: Tensor, start: float, stop: float, rtol: float, cleaned: bool
) -> Tensor:
    """Integrate dx/d(ln σ) = x − D(x; σ), i.e. Eq. 1 with σ = t, down to ``stop`` ≥ 0.

    To σ = 0 the last, infinitesimal stretch is one Euler step, which returns D; so does a sampler
    whose samples are D at ``stop``.
    """
    lowest = stop if stop > 0 else max(FLOOR, denoiser.sigma_min)
    if start == math.inf:
        start = max(1.0, 2 * lowest)
        x = _from_noise(denoiser, latents, start, rtol)
    else:
        x = latents.double() * start

    def slope(log_sigma: float, x: Tensor) -> Tensor:
        sigma = torch.tensor(math.exp(log_sigma), dtype=torch.float64)
        return x - denoiser(x, sigma).double()

    end = _solved(slope, math.log(start), math.log(lowest), x, rtol)
    if stop > 0 and not cleaned:
        return end
    return denoiser(end, torch.tensor(lowest, dtype=torch.float64)).double()


def _from_noise(denoiser: Denoiser, latents: Tensor, stop: float, rtol: float) -> Tensor:
    """Integrate a flow's dz/dt = (z − D)/t from t = 1, z = n, to σ = t/(1 − t) = ``stop``."""

    def slope(t: float, z: Tensor) -> Tensor:
        sigma = torch.tensor(t / (1 - t) if t < 1 else math.inf, dtype=torch.float64)
        return (z - denoiser(z / (1 - t) if t < 1 else z, sigma).double()) / t

    return _solved(slope, 1.0, stop / (1 + stop), latents.double(), rtol) * (1 + stop)


def _solved(
    slope: Callable[[float, Tensor], Tensor], start: float, stop: float, x: Tensor, rtol: float
) -> Tensor:
    """Return the solution of dx/dt = slope(t, x) at ``stop``, x at ``start`` being given."""

    def flat_slope(t: float, flat: np.ndarray) -> np.ndarray:
        state = torch.from_numpy(flat).to(x.device).reshape(x.shape)
        return slope(t, state).cpu().numpy().ravel()

    solution = solve_ivp(
        flat_slope,
        (start, stop),
        x.cpu().numpy().ravel(),
        method="DOP853",
        rtol=rtol,
        atol=rtol,
        t_eval=[stop],
    )
    if not solution.success:
        raise RuntimeError(f"the reference trajectory failed: {solution.message}")
    return torch.from_numpy(solution.y[:, -1].copy()).to(x.device).reshape(x.shape)

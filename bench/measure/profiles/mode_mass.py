"""What a sampler makes of a skewed start: the mass of one of two modes, over the noise level."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
import torch
from torch import Tensor

from sampler_bench.bench.measure.profiles.probe import Drawn, Probe
from sampler_bench.kit.parameters import require
from sampler_bench.models import Wrapped
from sampler_bench.models.model import Model
from sampler_bench.solvers import Denoiser, Sampler


@dataclass(frozen=True)
class ModeMass(Probe):
    """Mass of the right mode less ½, from a skewed start, over σ.

    The share of samples with x > 0, less ½, of a model of one number whose data lie evenly around
    0. Sampling starts from N(skew·σ, σ²) at σ_max, instead of N(0, σ²). The exact ODE keeps the
    order of states, and by symmetry their signs: of a share Φ(skew) all stay on the right
    (Φ: the standard normal's distribution function). Langevin steps, churn's too, have the data's
    distribution as their fixed point: they forget the start, and the mass tends to 0 (EDM,
    Section 4).

    At the highest level it is that of the first states, at the lowest that of the samples, between
    them that of the states in which the denoiser is first asked at that level or below it.

    Attributes:
        sampler: What takes the samples from σ_max to 0.
        skew: Mean of the start, in units of its deviation.
        of: ``"end"``: the value is that of the samples; ``"start"``: of the first states, with
            which the exact ODE ends, too. Nothing is sampled then: it is one number at all levels.

    Raises:
        ValueError: If a value is not possible.
    """

    sampler: Sampler
    skew: float = 0.0
    of: Literal["end", "start"] = "end"

    metric: ClassVar[str] = "mode-mass"
    sampler_keys: ClassVar[tuple[str, ...]] = (
        *("solver", "steps", "sigma_min", "sigma_max", "rho", "S_churn", "S_min", "S_max"),
        *("S_noise", "schedule", "scaling", "path"),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.sampler.steps is not None, "steps", None, "a number: it may choose no steps")
        require(self.sampler.group is None, "solver", self.sampler.solver, "one that couples none")

    @property
    def files(self) -> Mapping[str, str]:
        """Those of the sampler that it is about."""
        return self.sampler.files

    def check(self, model: Model) -> None:
        """Raise ValueError, one line, if it cannot be measured with this model."""
        super().check(model)
        if math.prod(model.shape) != 1:
            raise ValueError(
                f"mode-mass needs a model of one number, as exact-two-points; this one's samples "
                f"have the shape {tuple(model.shape)}"
            )

    def evaluations(self, model: Model) -> int:
        """Return the denoiser evaluations per sample."""
        return 0 if self.of == "start" else (self.sampler.evaluations(model) or 0)

    def __call__(self, denoiser: Denoiser, drawn: Drawn) -> Tensor:
        """Return ½ for each sample that is on the right at a level, −½ for others: [n, L]."""
        start = self._start(drawn)
        if self.of == "start":
            return _right(start).expand(-1, len(self.levels)).contiguous()
        asked, samples = self._sampled(denoiser, drawn)
        between = [_first_at(level, asked, samples) for level in self.at(denoiser).tolist()[1:-1]]
        return torch.cat([_right(x) for x in (samples, *between, start)], 1)

    def summary(self, mean: np.ndarray) -> float:
        """Return that at the lowest level: of the samples, or of the start."""
        return float(mean[0])

    def shown(self, denoiser: Denoiser, drawn: Drawn) -> dict[str, np.ndarray]:
        """Return the σ of each evaluation, 0 for the samples [E + 1], and the states x [n, E + 1].

        ``unskewed`` [n] is where each would begin, in units of σ, without the skew.
        """
        if self.of == "start":
            return {}
        asked, samples = self._sampled(denoiser, drawn)
        sigma = np.array([sigma for sigma, _ in asked] + [0.0])
        states = [x.flatten() for _, x in asked] + [samples.flatten()]
        x = torch.stack(states, 1).cpu().numpy()
        return {"sigma": sigma, "x": x, "unskewed": drawn.latents.flatten().cpu().numpy()}

    def _start(self, drawn: Drawn) -> Tensor:
        """Return the first states, in units of σ_max."""
        return drawn.latents.double() + self.skew

    def _sampled(
        self, denoiser: Denoiser, drawn: Drawn
    ) -> tuple[list[tuple[float, Tensor]], Tensor]:
        """Return what the denoiser was asked: σ and the states there, in order; and the samples."""
        remembering = _Remembering(denoiser)
        samples = self.sampler(remembering, self._start(drawn), drawn.noise)
        return remembering.asked, samples


class _Remembering(Wrapped):
    """A denoiser that remembers what it was asked: σ, and x there."""

    def __init__(self, denoiser: Denoiser) -> None:
        super().__init__(denoiser)
        self.asked: list[tuple[float, Tensor]] = []

    def begin(self, samples: int) -> None:
        """Note nothing: samples were begun when they were drawn."""

    def __call__(self, x: Tensor, sigma: Tensor, /, *labels: Tensor | None) -> Tensor:
        """Denoise."""
        self.asked.append((float(sigma.flatten()[0]), x.clone()))
        return super().__call__(x, sigma, *labels)


def _first_at(level: float, asked: list[tuple[float, Tensor]], samples: Tensor) -> Tensor:
    """Return the first states at a level or below it; the samples if none were asked there."""
    reached = (x for sigma, x in asked if sigma <= level * (1 + 1e-9))
    return next(reached, samples)


def _right(x: Tensor) -> Tensor:
    """Return ½ where x > 0 and −½ elsewhere, float64 [n, 1]."""
    return (x.flatten(1) > 0).double() - 0.5

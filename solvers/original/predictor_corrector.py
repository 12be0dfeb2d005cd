"""Song et al.'s predictor–corrector samplers of the reverse SDE, and of its probability flow."""

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from sampler_bench.solvers import loop
from sampler_bench.solvers.denoiser import Denoiser
from sampler_bench.solvers.noise import Noise
from sampler_bench.solvers.original.sde import SDE, Discrete, diffusion, drift, score
from sampler_bench.solvers.past import Past
from sampler_bench.solvers.point import Point
from sampler_bench.solvers.process import Process, scaled
from sampler_bench.solvers.rule import Rule
from sampler_bench.solvers.step import Step


class Place(NamedTuple):
    """Where a step is: its level, its place i in the discrete process, the number of steps N."""

    at: Point
    i: int
    n: int
    discrete: Discrete | None  # where the sampler needs it


class Move(NamedTuple):
    """A predictor's step: ``x``·x + ``score``·∇ log p(x), and noise of this standard deviation."""

    x: float
    score: float
    noise: float


def euler_maruyama(place: Place, flow: bool) -> Move:
    """Return a step of Euler–Maruyama on the reverse SDE, one evaluation.

    Its length is 1/N, as in the original, and not the grid's (1 − ε)/(N − 1): the last step of the
    probability flow ends at ε − 1/N, which is below 0 for N < 1/ε (EDM, C.1).
    """
    g = diffusion(place.at)
    half = 0.5 if flow else 1.0
    noise = 0.0 if flow else g / math.sqrt(place.n)
    return Move(1 - drift(place.at) / place.n, half * g**2 / place.n, noise)


def reverse_diffusion(place: Place, flow: bool) -> Move:
    """Return a step back through the discrete process, one evaluation."""
    assert place.discrete is not None
    a, G = place.discrete.a[place.i], place.discrete.G[place.i]
    return Move(2 - a, (0.5 if flow else 1.0) * G**2, 0.0 if flow else G)


def ancestral(place: Place, flow: bool) -> Move:
    """Return a step of ancestral sampling, DDPM's (larger variance) or SMLD's, one evaluation."""
    assert place.discrete is not None
    a, G = place.discrete.a[place.i], place.discrete.G[place.i]
    return Move(1 / a, G**2 / a, place.discrete.ancestral[place.i])


PREDICTORS = {
    "euler-maruyama": euler_maruyama,
    "reverse-diffusion": reverse_diffusion,
    "ancestral": ancestral,
}
CORRECTORS = ("none", "langevin")


@dataclass(frozen=True, kw_only=True)
class PredictorCorrector(Rule):
    """A step of Langevin dynamics at a fixed noise level, if there is one, and a predictor's.

    Attributes:
        moves: The predictor's, of each step.
        alpha: What the corrector's step is multiplied by, at each step; empty for no corrector.
        snr: r, the corrector's signal-to-noise ratio.
        together: How many consecutive samples share the mean norms that set the corrector's step:
            the original takes all of a batch, so that a sample depends on those beside it. 1 for
            none.
    """

    moves: tuple[Move, ...]
    alpha: tuple[float, ...] = ()
    snr: float = 0.16
    together: int = 1

    def __call__(self, process: Process, z: Tensor, step: Step, past: Past) -> Tensor:
        """Return the state without the predictor's noise: one evaluation, two with a corrector."""
        if self.alpha:
            z = self._corrected(process, z, step.here, self.alpha[step.i])
        move = self.moves[step.i]
        return torch.add(move.x * z, score(process, z, step.here), alpha=move.score)

    def _corrected(self, process: Process, x: Tensor, at: Point, alpha: float) -> Tensor:
        slope = score(process, x, at)
        z = process.draw(x, at, at)
        norms = [_shared(v.flatten(1).norm(dim=1), self.together) for v in (z, slope)]
        step = 2 * alpha * (self.snr * norms[0] / norms[1]) ** 2
        step = step.reshape(-1, *[1] * (x.ndim - 1))
        return x + step * slope + (2 * step).sqrt() * z


def _shared(values: Tensor, together: int) -> Tensor:
    """Return each value's group's mean, [B]; the last group may be smaller."""
    if together == 1:
        return values
    return torch.cat([part.mean().expand(len(part)) for part in values.split(together)])


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
    needed = predictor != "euler-maruyama" or corrector != "none"
    discrete = sde.discrete(n) if needed else None
    times = torch.linspace(1, sde.epsilon, n, dtype=torch.float64).tolist()
    places = [Place(sde.schedule.at(t), int(t * (n - 1)), n, discrete) for t in times]
    moves = tuple(PREDICTORS[predictor](place, flow) for place in places)
    corrected = discrete if corrector != "none" else None
    rule = PredictorCorrector(
        moves=moves,
        alpha=tuple(corrected.alpha[place.i] for place in places) if corrected else (),
        snr=snr,
        together=together,
    )
    process = Process(scaled(denoiser), sde.schedule, lambda z, high, low: noise(z))
    z = latents.to(torch.float64) * sde.start
    return loop.sample(process, z, _steps([place.at for place in places], moves), rule)


def _steps(grid: list[Point], moves: tuple[Move, ...]) -> Iterator[Step]:
    """Yield the steps, each with its noise but the last, whose draw adds nothing."""
    for i, (here, end) in enumerate(itertools.pairwise([*grid, grid[-1]])):
        deviation = moves[i].noise / end.s if i < len(grid) - 1 else 0.0
        yield Step(i, len(grid), here, here, end, end, (), (deviation,))

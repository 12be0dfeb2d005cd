"""diffusers' faults, made once more: what a defect is, is proved by its numbers."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from torch import Tensor

from sampler_bench.solvers.churn import Churn
from sampler_bench.solvers.paths.path import Path, exactly
from sampler_bench.solvers.point import Point
from sampler_bench.solvers.process import Process
from sampler_bench.solvers.rules.exponential import Frame, Multistep
from sampler_bench.solvers.schedules import Schedule
from sampler_bench.solvers.step import Evaluation, Step
from tests.parity.diffusers.trained import Trained


@dataclass(frozen=True)
class LateChurn:
    """Euler with noise added between the evaluation and its use.

    What is kept of the evaluation is the network's output F, by D = c_skip(σ)·x + c_out(σ)·F: of
    EDM's network, or of one for ε, where σ_data = ∞.

    Attributes:
        churn: γ of each level.
        sigma_data: σ_data of the network.
    """

    churn: Churn
    sigma_data: float

    def __call__(self, process: Process, z: Tensor, grid: Sequence[Point]) -> Tensor:
        """Return the state at the last level."""
        for here, end in pairwise(grid):
            D, noisy = process.denoise(z, here), z
            gamma = self.churn.gamma(here.sigma, len(grid) - 1)
            hat = here.sigma * (1 + gamma)
            if gamma > 0:
                up = self.churn.S_noise * math.sqrt(hat**2 - here.sigma**2)
                noisy = z + up * process.draw(z, here, here)
            (skip, out), (skip_hat, out_hat) = self._scalings(here.sigma), self._scalings(hat)
            moved = skip_hat * noisy + out_hat / out * (D - skip * z)
            z = noisy + (end.sigma - hat) * (noisy - moved) / hat
        return z

    def _scalings(self, sigma: float) -> tuple[float, float]:
        skip = 1 / (1 + (sigma / self.sigma_data) ** 2)
        return skip, sigma * math.sqrt(skip)


@dataclass(frozen=True, kw_only=True)
class WrongSign(Multistep):
    """SDE-DPM-Solver++ 3 as it is: the weight of D₂ is 1 too small."""

    def moments(self, frame: Frame, k: int) -> list[float]:
        """Return the released moments, the last with the fault."""
        m = super().moments(frame, k)
        return m if k < 2 else [m[0], m[1] - 1]


@dataclass(frozen=True, kw_only=True)
class Told(Path):
    """Steps as they are told: where one lands need not be where the next says that it begins.

    Attributes:
        pairs: (σ, σ') of each step.
    """

    pairs: tuple[tuple[float, float], ...]

    def steps(
        self,
        grid: Sequence[Point],
        schedule: Schedule,
        round_sigma: Callable[[float], float] = exactly,
    ) -> Iterator[Step]:
        """Yield the steps."""
        n = len(self.pairs)
        for i, (sigma, end) in enumerate(self.pairs):
            here, down = schedule.level(sigma), schedule.level(end)
            yield Step(i, n, here, here, down, down)


@dataclass(frozen=True)
class ReleasedPNDM:
    """PNDM in its VP state, each step from the time it is told to where its stride ends.

    Attributes:
        trained: σ of each time.
        times: The time of each evaluation.
        stride: Of a step.
        runge: How many evaluations the Runge–Kutta steps take.
        last: σ after the last step.
    """

    trained: Trained
    times: tuple[int, ...]
    stride: int
    runge: int
    last: float

    def __call__(self, process: Process, z: Tensor, grid: Sequence[Point]) -> Tensor:
        """Return the state at the last level."""
        known: list[Tensor] = []
        for k in range(0, self.runge, 4):
            z = self._runge(process, z, self.times[k : k + 4], known)
        begun, first = len(known), z
        for k, t in enumerate(self.times[self.runge :]):
            eps = self._eps(process, z, t)
            if begun == 0 and k == 1:  # Heun: the first step once more
                z = self._moved(first, t + self.stride, t, (eps + known[-1]) / 2)
                continue
            known.append(eps)
            weights = _ADAMS[min(len(known), 4)]
            mean = sum(w * e for w, e in zip(weights, reversed(known), strict=False))
            assert isinstance(mean, Tensor)
            z = self._moved(z, t, t - self.stride, mean)
        return z

    def _runge(
        self, process: Process, z: Tensor, times: Sequence[int], known: list[Tensor]
    ) -> Tensor:
        half, t = self.stride // 2, times[0]
        lands = (t - half, times[1], times[2] - half)
        stages = [self._eps(process, z, t)]
        for told, land in zip(times[1:], lands, strict=True):
            stages.append(self._eps(process, self._moved(z, t, land, stages[-1]), told))
        known.append(stages[0])
        mean = stages[0] / 6 + stages[1] / 3 + stages[2] / 3 + stages[3] / 6
        return self._moved(z, t, times[3], mean)

    def _eps(self, process: Process, z: Tensor, t: int) -> Tensor:
        at = process.schedule.level(self.trained.sigmas[t])
        return Evaluation(at, z, process.denoise(z, at)).eps

    def _moved(self, z: Tensor, t: int, land: int, eps: Tensor) -> Tensor:
        sigma, end = self.trained.sigmas[t], self.trained.sigmas[land] if land >= 0 else self.last
        return (math.hypot(1, sigma) * z + (end - sigma) * eps) / math.hypot(1, end)


_ADAMS = {
    1: (1.0,),
    2: (3 / 2, -1 / 2),
    3: (23 / 12, -16 / 12, 5 / 12),
    4: (55 / 24, -59 / 24, 37 / 24, -9 / 24),
}

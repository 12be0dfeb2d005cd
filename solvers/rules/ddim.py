"""DDIM: the first-order step, exact where D is constant."""

import math
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from sampler_bench.kit.parameters import require
from sampler_bench.solvers.moments import first_order
from sampler_bench.solvers.past import Past
from sampler_bench.solvers.process import Process
from sampler_bench.solvers.rule import Blind
from sampler_bench.solvers.step import Step


@dataclass(frozen=True, kw_only=True)
class DDIM(Blind):
    """z' = s'·D + b'·ε (Song, Meng and Ermon 2021, Eq. 12); its η is the path ``ancestral``.

    It is DPM-Solver-1 and the multistep rules of order 1, under every schedule: the exact step of
    an exponential integrator, where Euler's is one in t.

    Attributes:
        clip: The D that is moved to is clipped to [−clip, clip], while ε stays that of the D that
            was not (the ``clip_sample`` of DDIM's own code and diffusers); ∞ for no clipping.
    """

    order: ClassVar[int | None] = 1
    clip: float = math.inf

    def __post_init__(self) -> None:
        require(self.clip > 0, "clip", self.clip, "a number above 0")

    def __call__(self, process: Process, z: Tensor, step: Step, past: Past) -> Tensor:
        """Return the state at ``step.down``."""
        D = process.denoise(z, step.here)
        made = first_order(z, D, step.here, step.down)
        if self.clip == math.inf:
            return made
        return made.add_(D.clamp(-self.clip, self.clip).sub_(D), alpha=step.down.s)

"""What goes from one level to the next: a rule, and its facts."""

from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

from torch import Tensor

from sampler_bench.solvers import loop
from sampler_bench.solvers.past import Past
from sampler_bench.solvers.paths.path import Path
from sampler_bench.solvers.point import Point
from sampler_bench.solvers.process import Process
from sampler_bench.solvers.solver import Solver
from sampler_bench.solvers.step import Step


@dataclass(frozen=True, kw_only=True)
class Rule(Solver):
    """A rule, immutable; its fields are its parameters, what it claims are class variables.

    Every claim is tested, for every row of the registry.
    """

    order: ClassVar[int | None] = None
    """Order of convergence with an exact past; ``None`` where there is none on unequal steps."""
    memory: ClassVar[int] = 0
    """How many evaluations of the past it wants, its own of this step not counted."""
    sees_schedule: ClassVar[bool] = False
    """Whether σ(t) and s(t) change what it computes, or round it differently only."""
    on_return: ClassVar[Literal["reset", "keep"]] = "reset"
    """What becomes of the past where a path returns above its last evaluation."""
    on_noise: ClassVar[Literal["keeps", "first"]] = "keeps"
    """Whether its order (weakly, at most 2) survives a path with noise in it, or becomes 1."""

    @property
    def claimed(self) -> int | None:
        """The order it claims with these parameters."""
        return self.order

    @property
    def remembers(self) -> int:
        """How many evaluations of the past it wants with these parameters."""
        return self.memory

    @property
    def one_step(self) -> bool:
        """Whether it remembers nothing."""
        return self.remembers == 0

    def sample(
        self,
        process: Process,
        z: Tensor,
        grid: Sequence[Point],
        path: Path,
        round_sigma: Callable[[float], float],
    ) -> Tensor:
        """Return the state at the grid's last level, by the one loop."""
        return loop.sample(process, z, path.steps(grid, process.schedule, round_sigma), self)

    def correct(self, process: Process, z: Tensor, at: Point, past: Past) -> Tensor:
        """Return the state at ``at`` mended by an evaluation there; only correctors do."""
        return z

    @abstractmethod
    def __call__(self, process: Process, z: Tensor, step: Step, past: Past) -> Tensor:
        """Return the state at ``step.down``, given ``z`` at ``step.here``.

        It must not write into ``z`` or into anything the denoiser returned.
        """

    def finish(self, process: Process, z: Tensor, at: Point, past: Past) -> Tensor:
        """Return D at the last level: what sampling returns where it ends above 0 and denoises."""
        return process.denoise(self.correct(process, z, at, past), at)

    def evaluations(self, n: int, to_zero: bool) -> int:
        """Return the evaluations per sample of ``n`` steps, the last one to σ = 0 or not."""
        return n

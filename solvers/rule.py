"""What goes from one level to the next: a rule, and its facts."""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

from torch import Tensor

from sampler_bench.solvers import loop
from sampler_bench.solvers.past import Past
from sampler_bench.solvers.paths.path import Path
from sampler_bench.solvers.point import Point
from sampler_bench.solvers.process import Process
from sampler_bench.solvers.route import Route
from sampler_bench.solvers.schedules import Schedule
from sampler_bench.solvers.solver import Solver
from sampler_bench.solvers.step import Step

OnNoise = Literal["keeps", "first"]


@dataclass(frozen=True, kw_only=True)
class Rule(Solver):
    """A rule, immutable; its fields are its parameters, what it claims are class variables.

    Every claim is tested, for every row of the registry.
    """

    on_return: ClassVar[Literal["reset", "keep"]] = "reset"
    """What becomes of the past where a path returns above its last evaluation."""

    @property
    def order(self) -> int | None:
        """Order of convergence with an exact past; ``None`` where there is none on unequal steps.

        It is a claim, as all facts here, and held by tests for every row.
        """
        return None

    @property
    def memory(self) -> int:
        """How many evaluations of the past it wants, its own of this step not counted."""
        return 0

    @property
    def on_noise(self) -> OnNoise:
        """Whether its order (weakly, at most 2) survives a reverse SDE's path, or becomes 1."""
        return "keeps"

    def weak_order(self, path: Path) -> int | None:
        """Return the order in the weak sense that is left of its own on a path."""
        if self.order is None or not path.draws:
            return self.order
        kept = self.on_noise == "keeps"
        if self.memory > 0:
            kept = path.keeps in {"both", "data" if kept else "noise"}
        elif path.keeps == "noise":  # stages do not know that the change counts more
            kept = False
        return min(self.order, path.most_order) if kept else 1

    def remarks(self, path: Path) -> tuple[str, ...]:
        """Return what noise leaves of its order, where that is less."""
        left = self.weak_order(path)
        if left == self.order:
            return ()
        return (f"of order {left} in the weak sense on this path, and of {self.order} without it",)

    @property
    def one_step(self) -> bool:
        """Whether it remembers nothing."""
        return self.memory == 0

    def sample(self, process: Process, z: Tensor, route: Route) -> Tensor:
        """Return the state at the route's last level, or D there, by the one loop."""
        return loop.sample(process, z, route.steps(process.schedule), self, denoise=route.denoise)

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

    def evaluations_on(self, steps: Sequence[Step], denoise: bool, schedule: Schedule) -> int:
        """Return the evaluations per sample of a path's steps, and of D after them."""
        counted = self.evaluations(len(steps), steps[-1].down.sigma == 0)
        # a fall to 0 before the last one: from σ = ∞, by a path that falls all the way
        early = sum(step.down.sigma == 0 for step in steps[:-1])
        return counted - early * (self.evaluations(1, False) - self.evaluations(1, True)) + denoise

    def evaluations(self, n: int, to_zero: bool) -> int:
        """Return the evaluations per sample of ``n`` steps, the last one to σ = 0 or not."""
        return n


@dataclass(frozen=True, kw_only=True)
class Blind(Rule):
    """A rule that goes by noise levels alone: σ(t) and s(t) decide how it rounds, and no more.

    A user's rule that claims nothing is not one: its samples may differ, and so do its keys.
    """

    sees_schedule: ClassVar[bool] = False
    sees_scaling: ClassVar[bool] = False

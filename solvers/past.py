"""What a rule may remember."""

from torch import Tensor

from sampler_bench.solvers.point import Point
from sampler_bench.solvers.process import Process
from sampler_bench.solvers.step import Evaluation


class Past(list[Evaluation]):
    """The evaluations a rule may still use, the newest last, and its note on its last step."""

    def __init__(self) -> None:
        super().__init__()
        self.note: object = None

    def evaluate(self, process: Process, z: Tensor, at: Point) -> Tensor:
        """Return D(z/s; σ), one evaluation, and remember it."""
        D = process.denoise(z, at)
        self.append(Evaluation(at, z, D))
        return D

    def forget(self) -> None:
        """Drop everything: what a note says of the last step is of no use without it."""
        self.clear()
        self.note = None

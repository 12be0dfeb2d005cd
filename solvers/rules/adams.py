"""Adams–Bashforth rules on ε in σ: LMS, iPNDM, gradient estimation."""

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from sampler_bench.solvers.moments import add_differences, first_order, weights
from sampler_bench.solvers.past import Past
from sampler_bench.solvers.process import Process
from sampler_bench.solvers.rule import Blind, OnNoise
from sampler_bench.solvers.rules.exponential import End, Form, allowed_order
from sampler_bench.solvers.step import Evaluation, Step


@dataclass(frozen=True, kw_only=True)
class LMS(Blind):
    """Linear multistep: ε interpolated over σ itself, exact on unequal steps, into σ = 0 as well.

    Attributes:
        k: Order, 1 to 4; started by 1, 2, … k.
    """

    from_infinity: ClassVar[bool] = True
    on_noise: ClassVar[OnNoise] = "first"
    k: int = 4

    @property
    def order(self) -> int | None:
        """The order it claims."""
        return self.k

    @property
    def memory(self) -> int:
        """All but its own evaluation."""
        return self.k - 1

    def __call__(self, process: Process, z: Tensor, step: Step, past: Past) -> Tensor:
        """Return the state at ``step.down``."""
        past.evaluate(process, z, step.here)
        made = first_order(z, past[-1].D, step.here, step.down)
        length = step.down.sigma - step.here.sigma
        if length == 0 or step.here.sigma == float("inf"):
            return made
        seen = {step.here.sigma, float("inf")}
        found: list[Evaluation] = []
        for one in reversed(past[:-1]):
            if one.at.sigma not in seen and len(found) < self.k - 1:
                seen.add(one.at.sigma)
                found.append(one)
        if not found:
            return made
        nodes = [(one.at.sigma - step.here.sigma) / length for one in found]
        c = weights(nodes, [length / (i + 2) for i in range(len(nodes))])
        return add_differences(made, step.down.s, c, [one.eps for one in found], past[-1].eps)


_FIXED = {1: (), 2: (-1 / 2,), 3: (-16 / 12, 5 / 12), 4: (-59 / 24, 37 / 24, -9 / 24)}
"""Adams–Bashforth weights of the past evaluations on equal steps; all weights add up to 1."""


@dataclass(frozen=True, kw_only=True)
class IPNDM(Blind):
    """Adams–Bashforth's fixed weights on ε over σ (Zhang and Chen 2023): order 1 on unequal steps.

    Attributes:
        k: How many evaluations, 1 to 4; started by 1, 2, … k.
        form: ``"noise"``, or ``"data"``: the same mean of the newest D, moved to as if it were
            constant (skrample's Adams).
        end: How the number of evaluations falls at the end.
    """

    on_noise: ClassVar[OnNoise] = "first"
    k: int = 4
    form: Form = "noise"
    end: End = "never"

    @property
    def order(self) -> int | None:
        """1 or 2; more than two evaluations with weights of equal steps do not raise it."""
        return min(self.k, 2)

    @property
    def memory(self) -> int:
        """All but its own evaluation."""
        return self.k - 1

    def __call__(self, process: Process, z: Tensor, step: Step, past: Past) -> Tensor:
        """Return the state at ``step.down``."""
        past.evaluate(process, z, step.here)
        made = first_order(z, past[-1].D, step.here, step.down)
        order = allowed_order(self.k, self.end, step)
        data = self.form == "data"  # D is known at σ = ∞, too
        known = [one for one in reversed(past[:-1]) if data or one.at.sigma < float("inf")]
        before = known[: order - 1]
        if (not data and step.here.sigma == float("inf")) or not before:
            return made
        fixed = _FIXED[len(before) + 1]
        if data:
            moved = step.down.s - step.here.s * step.down.b / step.here.b
            return add_differences(made, moved, fixed, [one.D for one in before], past[-1].D)
        length = step.down.sigma - step.here.sigma
        c = [length * weight for weight in fixed]
        return add_differences(made, step.down.s, c, [one.eps for one in before], past[-1].eps)

"""EDM's generalised SDE (Eq. 6–8) as paths: the flow, and noise replaced at a rate β(t) of choice.

    dx = −σ̇σ∇log p dt − βσ²∇log p dt + √(2β)·σ dω        (backwards in time)

The first term is the probability flow; the other two are Langevin dynamics, which leave p(x; σ) as
it is. β = 0 is the flow, β = σ̇/σ the reverse SDE of Song et al.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from sampler_bench.kit import own_files
from sampler_bench.kit.names import lookup
from sampler_bench.kit.parameters import Function, NotNegative
from sampler_bench.solvers.incompatible import Incompatible
from sampler_bench.solvers.paths.path import Kept, Path, exactly
from sampler_bench.solvers.point import Point
from sampler_bench.solvers.rates import Constant, FunctionOfTime, Rate, Relative, Window, growth
from sampler_bench.solvers.schedules import Schedule
from sampler_bench.solvers.step import Step


@dataclass(frozen=True, kw_only=True)
class Generalised(Path):
    """What both ways of following it share.

    Attributes:
        beta: β(t).
    """

    from_infinity: ClassVar[bool] = False
    beta: Rate = field(default_factory=Relative)

    @property
    def draws(self) -> bool:
        """Whether β is anywhere above 0."""
        return self.beta.draws


@dataclass(frozen=True, kw_only=True)
class Maruyama(Generalised):
    """Euler–Maruyama: β and σ of the step's beginning, for drift and noise.

    The Langevin drift is β·σ/σ̇ times the flow's change, and so added to the rule's by ``gain``. It
    is of weak order 1, and needs short steps: where ∫β dt is not small it overshoots. One draw a
    step, after it, also where β = 0; none into σ = 0, where the step is the flow's.

    Attributes:
        beta: β(t).
    """

    from_infinity: ClassVar[bool] = False
    most_order: ClassVar[int] = 1

    def steps(
        self,
        grid: Sequence[Point],
        schedule: Schedule,
        round_sigma: Callable[[float], float] = exactly,
    ) -> Iterator[Step]:
        """Yield the steps.

        Raises:
            Incompatible: If the grid begins at σ = ∞, where σ̇ is not finite.
        """
        n = len(grid) - 1
        for i in range(n):
            here, end = grid[i], grid[i + 1]
            if end.sigma == 0 or not self.draws:
                yield Step(i, n, here, here, end, end)
                continue
            if here.sigma == math.inf:
                raise Incompatible("Euler–Maruyama cannot begin at σ = ∞, where dσ/dt = ∞")
            beta = self.beta.at(here)
            noise = here.sigma * math.sqrt(2 * beta * (here.t - end.t))
            gain = 1 + beta / growth(here)
            yield Step(i, n, here, here, end, end, after=(noise,), gain=gain)


@dataclass(frozen=True, kw_only=True)
class Split(Generalised):
    """An ODE step, and then a Langevin step at the level it came to.

    The Langevin step is another fall of the rule, to σ'·e^(−B) with B = ∫β dt over the step, and
    noise back up to σ'. To first order in B that is Langevin dynamics; unlike it, it leaves p(x;
    σ') as it is for every B, so far as the rule's fall is exact. One draw a step, after it, also
    where β = 0 and so nothing to do; none into σ = 0.

    Attributes:
        beta: β(t).
    """

    @property
    def keeps(self) -> Kept:
        """Neither: the Langevin step is no progress through the levels."""
        return "none"

    def steps(
        self,
        grid: Sequence[Point],
        schedule: Schedule,
        round_sigma: Callable[[float], float] = exactly,
    ) -> Iterator[Step]:
        """Yield the steps; both of a level have its number."""
        n = len(grid) - 1
        for i in range(n):
            here, end = grid[i], grid[i + 1]
            replaced = 0.0
            if end.sigma > 0 and self.draws:
                replaced = self.beta.between(here, end, schedule)
            idle = (0.0,) if self.draws and end.sigma > 0 and replaced == 0 else ()
            yield Step(i, n, here, here, end, end, after=idle)
            if replaced > 0:
                down = schedule.level(end.sigma * math.exp(-replaced))
                up = end.sigma * math.sqrt(-math.expm1(-2 * replaced))
                yield Step(i, n, end, end, down, end, after=(up,))


def edm_sde(
    *,
    rate: Function = "relative",
    beta: NotNegative = 1.0,
    S_min: float = 0.0,
    S_max: float = math.inf,
) -> Path:
    """EDM's generalised SDE (Eq. 6) by Euler–Maruyama; β·σ̇/σ ("relative") or β at all times.

    β = 1 of "relative" is the reverse SDE of Song et al.; it is 0 but where S_min ≤ σ ≤ S_max. A
    rate of one's own, ``"mine.py:rate"``, is a function of t, which counts β times.
    """
    return Maruyama(beta=_rate(rate, beta, S_min, S_max))


def edm_sde_split(
    *,
    rate: Function = "relative",
    beta: NotNegative = 1.0,
    S_min: float = 0.0,
    S_max: float = math.inf,
) -> Path:
    """EDM's generalised SDE (Eq. 6) split: an ODE step, then a Langevin step at its level.

    The rate is as of ``edm-sde``.
    """
    return Split(beta=_rate(rate, beta, S_min, S_max))


RATES: dict[str, Callable[[float], Rate]] = {
    "relative": lambda beta: Relative(share=beta),
    "constant": lambda beta: Constant(value=beta),
}


def _of_ones_own(rate: str, beta: float) -> Rate:
    function = own_files.load(rate, "rate").thing
    if not callable(function):
        raise ValueError(f"rate {own_files.shown(rate)} is no function of t")
    return FunctionOfTime(function=lambda t: beta * float(function(t)))


def _rate(rate: str, beta: float, S_min: float, S_max: float) -> Rate:
    if own_files.parsed(rate) is not None:
        inner = _of_ones_own(rate, beta)
    else:
        inner = lookup(RATES, rate, "rate")(beta)
    if (S_min, S_max) == (0.0, math.inf):
        return inner
    return Window(inner=inner, S_min=S_min, S_max=S_max)

"""skrample: structured samplers by the package's rules; Runge–Kutta by a rule of its own, here."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import torch
from torch import Tensor

from sampler_bench.solvers.moments import add_differences, first_order, weights
from sampler_bench.solvers.past import Past
from sampler_bench.solvers.paths.ode import Deterministic
from sampler_bench.solvers.paths.stochastic import Ancestral
from sampler_bench.solvers.point import Point
from sampler_bench.solvers.process import Process
from sampler_bench.solvers.rule import Rule
from sampler_bench.solvers.rules.adams import IPNDM
from sampler_bench.solvers.rules.exponential import Frame, Multistep, allowed_order
from sampler_bench.solvers.rules.predictor_corrector import Fallen, PredictorCorrector
from sampler_bench.solvers.rules.runge_kutta import Butcher, Table
from sampler_bench.solvers.rules.tables import CASH_KARP, EES_25, EES_27, SSP_54, ees_25, ees_27
from sampler_bench.solvers.schedules import Linear, RectifiedFlow, Schedule, UnitVariance
from sampler_bench.solvers.step import Evaluation, Step
from tests.parity.case import Case
from tests.parity.run import Defect, NotMapped, Setup


def mapped(case: Case) -> Setup | Defect | NotMapped:
    """Return what a class is here."""
    kind, name = case.function.split(".")
    given = dict(case.args)
    is_flow = case.given["call_kind"] == "flow"
    # structured samplers are blind to the schedule, and their levels are given
    vp: Schedule = Scaled() if kind == "functional" else Linear()
    schedule: Schedule = RectifiedFlow() if is_flow else UnitVariance(vp)
    noise = given.pop("stochasticity", 0)
    path = Ancestral(eta=noise) if noise else Deterministic()
    assert case.grid is not None
    if kind == "functional":
        grid = [schedule.at(1 - i / case.steps) for i in range(case.steps + 1)]
    elif is_flow:
        grid = [schedule.at(float(t)) for t in case.grid]
    else:
        grid = [schedule.level(float(sigma)) for sigma in case.grid]
    used = (len(grid) - 2 + (grid[-1].sigma > 0)) if noise else 0
    shared: dict[str, Any] = {
        "path": path,
        "schedule": schedule,
        "grid": grid,
        "z": case.x,
        "flow": is_flow,
        "unused": (0, case.draws - used),  # the last step draws, and RKUltra always
    }
    if kind == "functional":
        return _functional(name, given, case, shared)
    ours = Setup(rule=STRUCTURED[name](given), **shared)
    if name == "DPM" and given["order"] == 3:
        released = replace(ours, rule=ReleasedDPM3(k=3, third="released", end="falls"))
        if noise:
            return Defect("weights of the flow, h, where the SDE's fall is 2h", ours, released)
        if is_flow:
            return NotMapped("beside an evaluation at σ = ∞ another has its exact moment", released)
    if (is_flow and name == "UniPC") or (is_flow and name == "UniP" and given["order"] == 3):
        released = replace(ours, rule=AtInfinity(**vars(ours.rule)))
        if given["order"] > 1:
            return Defect("an evaluation at σ = ∞ is taken to lie at r = 0", ours, released)
        return NotMapped("a step from σ = ∞ is corrected in the limit of the formula", released)
    return ours


@dataclass(frozen=True)
class Scaled(Schedule):
    """Its σ(t) of Stable Diffusion, continuous: ᾱ = exp(−1000·∫ β + ½β²), √β linear in t."""

    first: float = math.sqrt(0.00085)
    last: float = math.sqrt(0.012)

    def _exponent(self, t: float) -> float:
        root, slope = self.first + (self.last - self.first) * t, self.last - self.first
        whole = [(root**n - self.first**n) / (n * slope) for n in (3, 5)]
        return 1000 * (whole[0] + whole[1] / 2)

    def sigma(self, t: float) -> float:
        """Return σ(t)."""
        return math.sqrt(math.expm1(self._exponent(t))) if t > 0 else 0.0

    def sigma_deriv(self, t: float) -> float:
        """Return dσ/dt."""
        root = self.first + (self.last - self.first) * t
        sigma = self.sigma(t)
        return 500 * (root**2 + root**4 / 2) * (1 + sigma**2) / sigma

    def time(self, sigma: float) -> float:
        """Return t(σ), by bisection."""
        low, high = 0.0, 1.0
        while sigma > self.sigma(high):
            high *= 2
        for _ in range(80):
            middle = (low + high) / 2
            low, high = (middle, high) if self.sigma(middle) < sigma else (low, middle)
        return high


@dataclass(frozen=True, kw_only=True)
class ReleasedDPM3(Multistep):
    """Its third order: the flow's weights on every path, scaled to the first order of the fall.

    Where two evaluations are wanted and one is at σ = ∞, the other one has its exact moment.
    """

    def fall(self, z: Tensor, step: Step, past: Past, order: int) -> Tensor:
        """Return the state at ``step.down``."""
        third = order == 3 <= len(past)
        rule = replace(self, second="exact" if third else "midpoint")
        return super(ReleasedDPM3, rule).fall(z, step, past, order)

    def moments(self, frame: Frame, k: int) -> list[float]:
        """Return m_1 … m_k."""
        flow = replace(frame, R=frame.length)
        share = frame.moments(0)[0] / flow.moments(0)[0]
        return [share * m for m in super().moments(flow, k)]


@dataclass(frozen=True, kw_only=True)
class AtInfinity(PredictorCorrector):
    """UniPC from t = 1: the first step is corrected, in the limit of its formula.

    And what was evaluated there has r = 0 in the matrix of later steps, and no difference: the
    others' weights answer to m_2 … m_k instead of m_1 … m_{k−1}.
    """

    def correct(self, process: Process, z: Tensor, at: Point, past: Past) -> Tensor:
        """Return ``z`` with the last fall mended."""
        fallen = past.note
        if not isinstance(fallen, Fallen) or self.corrector is None:
            return z
        if fallen.frame.here.sigma < math.inf:
            return super().correct(process, z, at, past)
        D = past.evaluate(process, z, at)
        share = 0.5 if self.half == "bh2" else 1.0
        past.note = mended = z + at.s * share * (D - fallen.first.D)
        return mended

    def __call__(self, process: Process, z: Tensor, step: Step, past: Past) -> Tensor:
        """Return the state at ``step.down``."""
        made = super().__call__(process, z, step, past)
        first, fallen = past[-1], past.note
        assert isinstance(fallen, Fallen)
        order = min(allowed_order(self.k, self.end, step), len(past))
        if all(one.at.sigma < math.inf for one in past[-order:]):
            return made
        nodes = [u for u, _ in fallen.before[: len(fallen.weights)]]
        c = self._shifted(fallen.frame, nodes)
        change = [new - old for new, old in zip(c, fallen.weights, strict=True)]
        past.note = replace(fallen, weights=c, order=order)
        values = [one.D for _, one in fallen.before[: len(c)]]
        return add_differences(made, step.down.s, change, values, first.D)

    def _corrector(
        self, fallen: Fallen, new: Evaluation
    ) -> tuple[Sequence[float], Sequence[Evaluation]]:
        c, used = super()._corrector(fallen, new)
        if len(used) == fallen.order:
            return c, used
        return self._shifted(fallen.frame, [fallen.frame.node(one.at) for one in used]), used

    def _shifted(self, frame: Frame, nodes: Sequence[float]) -> list[float]:
        m = frame.moments(len(nodes) + 1)[2:]
        return [w / u for w, u in zip(weights(nodes, m), nodes, strict=True)] if nodes else []


STRUCTURED: dict[str, Callable[[dict[str, Any]], Rule]] = {
    "Euler": lambda given: Multistep(k=1),
    "DPM": lambda given: Multistep(
        k=given["order"], second="midpoint", third="released", end="falls"
    ),
    "Adams": lambda given: IPNDM(k=given["order"], form="data", end="falls"),
    "UniP": lambda given: PredictorCorrector(
        k=given["order"],
        half="bh2" if given.get("fast_solve") else "exact",
        corrector=None,
    ),
    "UniPC": lambda given: PredictorCorrector(
        k=given["order"], half="bh2" if given.get("fast_solve") else "exact"
    ),
}


Form = Literal["data", "noise", "flow"]


def moved(form: Form, z: Tensor, k: Tensor, here: Point, there: Point) -> Tensor:
    """Return the state at another level where D, ε or n − x₀ is constant."""
    if form == "data":
        return first_order(z, k, here, there)
    if form == "noise":
        scaled = (there.s / here.s) * z
        return scaled.add_(k, alpha=there.s * (there.sigma - here.sigma))
    return torch.add(z, k, alpha=there.b - here.b)  # s + b = 1 on a flow


def derivative(form: Form, z: Tensor, D: Tensor, at: Point) -> Tensor:
    """Return D, ε or n − x₀, as seen from a state."""
    if form == "data":
        return D
    return (z - at.s * D) / at.b if form == "noise" else (z - D) / at.b


@dataclass(frozen=True, kw_only=True)
class MeanRK(Rule):
    """Runge–Kutta whose stages, and whose step, hold a weighted mean constant.

    Stages lie at shares of the step in time; one at σ = 0 is not evaluated: its own mean is taken.
    """

    form: Form
    tables: Sequence[Table]
    """Of each step; rows a_21; a_31 a_32; …; b."""

    def __call__(self, process: Process, z: Tensor, step: Step, past: Past) -> Tensor:
        """Return the state at ``step.down``."""
        *_, b = self.tables[step.i]
        k = self.stages(process, z, step, self.tables[step.i][:-1])
        return moved(self.form, z, mean(k, b), step.here, step.down)

    def stages(
        self, process: Process, z: Tensor, step: Step, rows: Sequence[tuple[float, ...]]
    ) -> list[Tensor]:
        """Return the stages' derivatives."""
        here, h = step.here, step.end.t - step.here.t
        k = [derivative(self.form, z, process.denoise(z, here), here)]
        for row in rows:
            c = sum(row)
            at = step.end if abs(c - 1) < 1e-12 else process.schedule.at(here.t + c * h)
            held = mean(k, row) / c
            if at.sigma < 1e-8:
                k.append(held)
                continue
            x = moved(self.form, z, held, here, at)
            k.append(derivative(self.form, x, process.denoise(x, at), at))
        return k


def mean(values: Sequence[Tensor], shares: Sequence[float]) -> Tensor:
    """Return Σ a_j·k_j."""
    made = torch.zeros_like(values[0])
    for value, share in zip(values, shares, strict=False):
        made.add_(value, alpha=share)
    return made


def two(c: float) -> Table:
    """Return the second-order table with a stage at c."""
    return ((c,), (1 - 1 / (2 * c), 1 / (2 * c)))


ULTRA: dict[int, Table] = {
    1: ((1.0,),),
    2: two(1 / 2),
    3: EES_25,
    4: EES_27,
    5: SSP_54,
    6: CASH_KARP,
}
"""Its "order" counts stages."""
DYNASAU: dict[int, tuple[Callable[[float], Table], float, float]] = {
    2: (two, 1.0, 0.5),
    3: (ees_25, 0.25, 0.1),
    4: (ees_27, (2 - math.sqrt(2)) / 4, (5 - 3 * math.sqrt(2)) / 14),
}


def dynasau(order: int, i: int, n: int) -> Table:
    """Return the table of step i of n: from the stable one to the accurate one."""
    make, stable, accurate = DYNASAU[order]
    stages = len(make(accurate))
    share = math.exp(-math.log(2) * stages * (n / 20 + i / 2))
    return make(share * stable + (1 - share) * accurate)


@dataclass(frozen=True, kw_only=True)
class Moire:
    """Adaptive: how many of a fine grid's steps the next one takes, by one error of the batch.

    A step is never rejected; the last one has no error.
    """

    embedded: tuple[Table, tuple[float, ...]]
    """A table, and the weights of its lower order."""
    threshold: float = 1e-4

    def __call__(self, process: Process, z: Tensor, grid: Sequence[Point]) -> Tensor:
        """Return the state at the last level."""
        table, lower = self.embedded
        n, at, size = len(grid) - 1, 0, max(round((len(grid) - 1) * len(table) / 100), 1)
        rule = MeanRK(form="data", tables=[table])
        while at < n:
            end = min(at + size, n)
            step = Step(0, 1, grid[at], grid[at], grid[end], grid[end])
            *rows, b = table
            stages = rule.stages(process, z, step, rows)
            high = moved("data", z, mean(stages, b), step.here, step.down)
            if end < n:
                low = moved("data", z, mean(stages, lower), step.here, step.down)
                levels = [grid[min(i, n)].b for i in (at, end, end + size)]
                slope = (levels[0] - levels[1]) / (levels[1] - levels[2])
                error = float((low - high).square().mean() / high.square().mean())
                factor = (self.threshold / max(error, 1e-16)) ** 0.3 / slope
                size = max(round(min(size * factor, n / 4)), 1)
            z, at = high, end
        return z


HEUN = (((1.0,), (1 / 2, 1 / 2)), (1.0, 0.0))
BOGACKI_SHAMPINE = (
    ((1 / 2,), (0, 3 / 4), (2 / 9, 1 / 3, 4 / 9), (2 / 9, 1 / 3, 4 / 9, 0)),
    (7 / 24, 1 / 4, 1 / 3, 1 / 8),
)


FORMS: dict[str, Form] = {
    "DataModel": "data",
    "NoiseModel": "noise",
    "FlowModel": "flow",
}


def _functional(
    name: str, given: dict[str, Any], case: Case, shared: dict[str, Any]
) -> Setup | NotMapped:
    n, order = case.steps, given["order"]
    if name == "RKMoire":
        by = Setup(sampler=Moire(embedded=HEUN if order == 2 else BOGACKI_SHAMPINE), **shared)
        return NotMapped("its adaptive steps are whole numbers of a fine grid's", by)
    asked = given.get("derivative_transform", "DataModel") or case.given["model_transform"]
    tables = [dynasau(order, i, n) if name == "DynasauRK" else ULTRA[order] for i in range(n)]
    at_the_end = any(abs(sum(row) - 1) < 1e-12 for row in tables[0][:-1])
    if asked == "FlowModel" and not at_the_end:  # n − x₀ is a flow's dz/dt
        return Setup(rule=Butcher(table=tables[0], claims=order), **shared)
    by = Setup(rule=MeanRK(form=FORMS[asked], tables=tables), **shared)
    what = {"DataModel": "D", "NoiseModel": "ε", "FlowModel": "n − x₀"}[asked]
    return NotMapped(f"Runge–Kutta whose stages hold a mean of {what} constant", by)

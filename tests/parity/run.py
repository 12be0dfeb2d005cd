"""Running a case on the project's loop, and saying whether it holds."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from torch import Tensor

from sampler_bench.solvers.loop import sample
from sampler_bench.solvers.paths.ode import Deterministic
from sampler_bench.solvers.paths.path import Path
from sampler_bench.solvers.point import Point
from sampler_bench.solvers.process import Process
from sampler_bench.solvers.rule import Rule
from sampler_bench.solvers.schedules import Linear, Schedule
from tests.parity.case import Case, Recorded

HOLD, DEFECT, NOT_MAPPED, FAIL = "hold", "defect", "not mapped", "fail"


@dataclass(frozen=True, kw_only=True)
class Setup:
    """What a case is here.

    Attributes:
        rule, path, schedule: The parts.
        grid: The levels.
        z: The state at the first of them.
        denoise: Whether D at the last level is what it returned.
        scale: What our result is multiplied by to be in the program's scaling.
        tolerance, sigma_tolerance: Instead of the case's; of σ relative.
        unused: Draws the program took and never used, before ours and after.
        sampler: A whole sampler instead of rule and path: ``(process, z, grid) -> z``.
        flow: Whether evaluations are told by t.
    """

    rule: Rule | None = None
    path: Path = field(default_factory=Deterministic)
    schedule: Schedule = field(default_factory=Linear)
    grid: Sequence[Point] = ()
    z: Tensor
    denoise: bool = False
    scale: float = 1.0
    tolerance: float | None = None
    sigma_tolerance: float = 1e-9
    unused: tuple[int, int] = (0, 0)
    sampler: Callable[[Process, Tensor, Sequence[Point]], Tensor] | None = None
    flow: bool = False
    wrap: Callable[[Recorded], Callable[[Tensor, Point], Tensor]] | None = None


@dataclass(frozen=True)
class NotMapped:
    """A case that is not made here, and why."""

    reason: str


@dataclass(frozen=True)
class Defect:
    """A case of a program's fault: what the fault is, and our own form, which has to differ.

    Attributes:
        reason: The fault.
        ours: The right form.
        released: The faulty one, made here only to prove that this is the fault: it has to hold.
    """

    reason: str
    ours: Setup
    released: Setup | None = None


@dataclass(frozen=True)
class Levels:
    """A case that is a grid and nothing else: our levels."""

    ours: Sequence[float]


@dataclass(frozen=True)
class Outcome:
    """How a case came out."""

    case: Case
    word: str
    detail: str = ""


def outcome(case: Case, mapped: "Setup | NotMapped | Defect | Levels") -> Outcome:
    """Run a case and compare output, σ of every evaluation, and the numbers of both."""
    if isinstance(mapped, NotMapped):
        return Outcome(case, NOT_MAPPED, mapped.reason)
    if isinstance(mapped, Defect):
        if not differs(case, mapped.ours):
            return Outcome(case, FAIL, "no defect")
        other = differs(case, mapped.released) if mapped.released else ""
        if other:
            return Outcome(case, FAIL, f"the fault is another one: {other}")
        return Outcome(case, DEFECT, mapped.reason)
    wrong = uneven(case, mapped) if isinstance(mapped, Levels) else differs(case, mapped)
    return Outcome(case, FAIL if wrong else HOLD, wrong)


def uneven(case: Case, levels: Levels) -> str:
    """Return in what our levels differ from the program's; "" if in nothing."""
    same = case.grid is not None and len(levels.ours) == len(case.grid)
    if not same or not np.allclose(levels.ours, case.grid, rtol=case.tolerance, atol=0):
        return "the levels differ"
    return ""


def differs(case: Case, setup: Setup) -> str:
    """Return in what our run differs from the program's; "" if in nothing."""
    first, last = setup.unused
    model = Recorded(case.net, case.noise, drawn=first)
    denoise = setup.wrap(model) if setup.wrap else model.denoise
    process = Process(denoise, setup.schedule, model.draw)
    if setup.sampler is not None:
        out = setup.sampler(process, setup.z, setup.grid)
    else:
        assert setup.rule is not None
        steps = setup.path.steps(setup.grid, setup.schedule)
        out = sample(process, setup.z, steps, setup.rule, denoise=setup.denoise)
    out = out * setup.scale
    asked = np.array([at.t if setup.flow else at.sigma for at in model.asked])
    if len(asked) != len(case.asked):
        return f"{len(asked)} evaluations for {len(case.asked)}"
    if model.drawn + last != case.draws:
        return f"{model.drawn + last} draws for {case.draws}"
    if not np.allclose(asked, case.asked, rtol=setup.sigma_tolerance, atol=1e-15):
        worst = np.abs(asked / np.maximum(case.asked, 1e-300) - 1).max()
        return f"σ of an evaluation differs by {worst:.1e}"
    error = float((out - case.out).abs().max() / max(1.0, float(case.out.abs().max())))
    allowed = case.tolerance if setup.tolerance is None else setup.tolerance
    return "" if error <= allowed else f"output differs by {error:.1e}"

"""Running a case on the project's loop, and saying whether it holds."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any

import numpy as np
from torch import Tensor

from sampler_bench.solvers.loop import sample
from sampler_bench.solvers.options import Denoise
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
    """What a case is here: the package's parts, with numbers that the case gives.

    Numbers are levels, tables, orders, σ that the network is defined at; a class or a function of
    the runner's own is none, and a case that needs one is :class:`NotMapped`.

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
        options: What wraps the denoiser, the first one first.
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
    options: tuple[Callable[[Denoise], Denoise], ...] = ()

    def own(self, *, without: tuple[str, ...] = ()) -> list[str]:
        """Return the names of those of its parts that are the runner's and not the package's."""
        parts = {"rule": self.rule, "path": self.path, "schedule": self.schedule}
        parts |= {"sampler": self.sampler, "options": self.options}
        return sorted({one for name in parts.keys() - set(without) for one in _own(parts[name])})


def _own(part: Any) -> set[str]:
    if isinstance(part, tuple):
        return {name for one in part for name in _own(one)}
    found = set()
    for one in (part, type(part)):
        if getattr(one, "__module__", "").startswith("tests."):
            found.add(getattr(one, "__qualname__", ""))
    if is_dataclass(part):
        found |= {name for one in fields(part) for name in _own(getattr(part, one.name))}
    return found - {""}


@dataclass(frozen=True)
class NotMapped:
    """A case that the package's parts do not make, and why.

    Attributes:
        reason: What they lack.
        by: What makes it with code of the runner's own; it has to hold.
    """

    reason: str
    by: Setup | None = None


@dataclass(frozen=True)
class Defect:
    """A case of a program's fault: what the fault is, and our own form, which has to differ.

    Attributes:
        reason: The fault.
        ours: The right form; the schedule may be the program's, where the fault is not in it.
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


def outcome(case: Case, mapped: Setup | NotMapped | Defect | Levels) -> Outcome:
    """Run a case and compare output, σ of every evaluation, and the numbers of both."""
    if isinstance(mapped, NotMapped):
        wrong = differs(case, mapped.by) if mapped.by else ""
        if mapped.by and not mapped.by.own():
            wrong = "nothing of the runner's own is in it: it is mapped"
        return Outcome(case, FAIL if wrong else NOT_MAPPED, wrong or mapped.reason)
    if isinstance(mapped, Defect):
        if own := mapped.ours.own(without=("schedule",)):
            return Outcome(case, FAIL, f"ours has parts of the runner's own: {', '.join(own)}")
        if not differs(case, mapped.ours):
            return Outcome(case, FAIL, "no defect")
        other = differs(case, mapped.released) if mapped.released else ""
        if other:
            return Outcome(case, FAIL, f"the fault is another one: {other}")
        return Outcome(case, DEFECT, mapped.reason)
    if isinstance(mapped, Levels):
        wrong = uneven(case, mapped)
    elif own := mapped.own():
        wrong = f"only by the runner's own {', '.join(own)}"
    else:
        wrong = differs(case, mapped)
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
    denoise: Denoise = model.denoise
    for option in setup.options:
        denoise = option(denoise)
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

"""diff-sampler's ``*_sampler``: the state x₀ + σn, levels passed in, the end above 0."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from torch import Tensor

from sampler_bench.solvers.loop import sample
from sampler_bench.solvers.options import Denoise, analytic_first_step, thresholded
from sampler_bench.solvers.paths.ode import Deterministic
from sampler_bench.solvers.point import Point
from sampler_bench.solvers.process import Process
from sampler_bench.solvers.rule import Rule
from sampler_bench.solvers.rules.adams import IPNDM, LMS
from sampler_bench.solvers.rules.deis import DEIS
from sampler_bench.solvers.rules.exponential import Multistep
from sampler_bench.solvers.rules.ipndm_v import IPNDMv
from sampler_bench.solvers.rules.predictor_corrector import PredictorCorrector
from sampler_bench.solvers.rules.runge_kutta import RK2, Euler
from sampler_bench.solvers.rules.singlestep import Singlestep
from sampler_bench.solvers.schedules import VP, Linear, Schedule
from tests.parity.case import Case
from tests.parity.run import NotMapped, Setup


def mapped(case: Case) -> Setup | NotMapped:
    """Return what a sampler is here."""
    name = case.function.removesuffix("_sampler")
    given = dict(case.args)
    schedule = _schedule(name, given)
    levels = case.grid
    assert levels is not None
    grid = [schedule.level(float(sigma)) for sigma in levels]
    z = case.x * grid[0].sigma if case.stem == "solvers" else case.x
    rule = RULES[name](given)
    setup = Setup(rule=rule, schedule=schedule, grid=grid, z=z, options=_options(name, given))
    if name == "deis" and given.get("deis_mode") == "tab" and case.stem == "solvers":
        return replace(setup, rule=replace(rule, integral="exact"), tolerance=1e-3)
    if not given.get("denoise_to_zero"):
        return setup
    if name == "unipc":
        by = replace(setup, sampler=_uncorrected)
        return NotMapped("its denoise_to_zero leaves out the corrector", by)
    return replace(setup, denoise=True)


def _schedule(name: str, given: dict[str, Any]) -> Schedule:
    """Return VP, with the betas refit to the σ range of its default, where a rule sees time."""
    tab = name == "deis" and given.get("deis_mode", "tab") == "tab"
    return VP.fit(0.002, 80.0) if tab else Linear()


def _options(name: str, given: dict[str, Any]) -> tuple[Callable[[Denoise], Denoise], ...]:
    """Return the options: it thresholds D wherever a rule predicts x₀."""
    first = (analytic_first_step,) if given.get("afs") else ()
    return (*first, thresholded) if predicts_data(name, given) else first


def predicts_data(name: str, given: dict[str, Any]) -> bool:
    """Return whether it is of the data form."""
    return name in {"dpm_pp", "unipc"} and bool(given.get("predict_x0", True))


def _uncorrected(process: Process, z: Tensor, grid: Sequence[Point]) -> Tensor:
    """Return D of the last state, which is not mended before."""
    rule = RULES["unipc"]({})
    steps = Deterministic().steps(grid, process.schedule)
    return process.denoise(sample(process, z, steps, rule), grid[-1])


def _deis(given: dict[str, Any]) -> Rule:
    k = given.get("max_order", 4)
    if given.get("deis_mode", "tab") == "rhoab":
        return LMS(k=k)
    return DEIS(k=k, integral="released")


def _form(given: dict[str, Any]) -> Any:
    return "data" if given.get("predict_x0", True) else "noise"


def _end(given: dict[str, Any]) -> Any:
    return "falls" if given.get("lower_order_final", True) else "never"


RULES: dict[str, Callable[[dict[str, Any]], Rule]] = {
    "euler": lambda given: Euler(),
    "heun": lambda given: RK2(),
    "dpm_2": lambda given: Singlestep(k=2, form="noise", r=(given.get("r", 0.5),)),
    "ipndm": lambda given: IPNDM(k=given.get("max_order", 4)),
    "ipndm_v": lambda given: IPNDMv(k=given.get("max_order", 4), weights="released"),
    "deis": _deis,
    "dpm_pp": lambda given: Multistep(
        k=given.get("max_order", 3),
        form=_form(given),
        second="midpoint",
        third="released",
        end=_end(given),
    ),
    "unipc": lambda given: PredictorCorrector(
        k=given.get("max_order", 3),
        form=_form(given),
        half=given.get("variant", "bh2"),
        end=_end(given),
    ),
}

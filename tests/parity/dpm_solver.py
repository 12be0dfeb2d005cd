"""dpm-solver: the state of VP at unit variance, levels of its own, the end at t = 1e-3."""

import itertools
import math
from functools import partial
from typing import Any

import numpy as np

from sampler_bench.solvers.dpm_adaptive import DPMAdaptive
from sampler_bench.solvers.point import Point
from sampler_bench.solvers.rule import Rule
from sampler_bench.solvers.rules.exponential import Multistep
from sampler_bench.solvers.rules.planned import Planned, PlannedInTime, plan
from sampler_bench.solvers.schedules import VP, Linear, UnitVariance
from sampler_bench.solvers.solver import follow
from sampler_bench.solvers.step_control import Proportional
from tests.parity.case import Case
from tests.parity.run import NotMapped, Setup

SCHEDULE = UnitVariance(VP(beta_d=19.9, beta_min=0.1))
POWERS = {"time_uniform": 1, "time_quadratic": 2}


def mapped(case: Case) -> Setup | NotMapped:
    """Return what ``DPM_Solver.sample`` is here."""
    given = dict(case.args)
    if case.stem == "solvers":
        given["algorithm_type"], given["method"] = case.function.split(":")
    if given["method"] == "adaptive":
        return _adaptive(given, case)
    made = _multistep if given["method"] == "multistep" else _singlestep
    rule, grid, schedule = made(given, case)
    divided = case.stem == "solvers"
    return Setup(
        rule=rule,
        schedule=schedule,
        grid=grid,
        z=case.x,  # z = n, not b·n: as released
        denoise=bool(given.get("denoise_to_zero")),
        scale=1 / grid[-1].s if divided else 1.0,
    )


def _adaptive(given: dict[str, Any], case: Case) -> Setup:
    sampler = DPMAdaptive(
        k=given["order"],
        form=_form(given),
        solver_type=given.get("solver_type", "dpmsolver"),
        rtol=given.get("rtol", 0.05),
        atol=given.get("atol", 0.0078),
        control=Proportional(),
        norm="max",
    )
    return Setup(
        sampler=partial(follow, sampler),
        schedule=SCHEDULE,
        grid=_levels("logSNR", 1),
        z=case.x,
        # its control makes E^(−1/order) a float32: 1.9e-7 in σ, 1.5e-9 in the output
        tolerance=1e-8,
        sigma_tolerance=1e-6,
    )


def _form(given: dict[str, Any]) -> Any:
    return "data" if given["algorithm_type"] == "dpmsolver++" else "noise"


def _levels(skip: str, n: int) -> list[Point]:
    """Return the levels between t = 1 and 1e-3: uniform in t, √t or ln σ."""
    if skip == "logSNR":
        ends = math.log(SCHEDULE.sigma(1.0)), math.log(SCHEDULE.sigma(1e-3))
        return [SCHEDULE.level(float(sigma)) for sigma in np.exp(np.linspace(*ends, n + 1))]
    power = POWERS[skip]
    times = np.linspace(1.0, 1e-3 ** (1 / power), n + 1) ** power
    return [SCHEDULE.at(float(t)) for t in times]


def _multistep(given: dict[str, Any], case: Case) -> tuple[Rule, list[Point], UnitVariance]:
    rule = Multistep(
        k=given["order"],
        form=_form(given),
        second="exact" if given.get("solver_type") == "taylor" else "midpoint",
        third="released",
        end="falls<10" if given.get("lower_order_final", True) else "never",
    )
    if given.get("noise_schedule", "linear") == "linear":
        return rule, _levels(given["skip_type"], case.steps), SCHEDULE
    schedule = UnitVariance(Linear())  # a table of betas: its levels are passed in
    assert case.grid is not None
    return rule, [schedule.level(float(sigma)) for sigma in case.grid], schedule


def _singlestep(given: dict[str, Any], case: Case) -> tuple[Rule, list[Point], UnitVariance]:
    order, skip = given["order"], given["skip_type"]
    fixed = given["method"] == "singlestep_fixed"
    orders = (order,) * (case.steps // order) if fixed else plan(case.steps, order)
    parts: dict[str, Any] = {
        "plan": orders,
        "form": _form(given),
        "solver_type": given.get("solver_type", "dpmsolver"),
    }
    if skip == "logSNR":
        return Planned(**parts), _levels(skip, len(orders)), SCHEDULE
    rule = PlannedInTime(**parts, power=POWERS[skip])
    if fixed:
        return rule, _levels(skip, len(orders)), SCHEDULE
    every = _levels(skip, case.steps)
    return rule, [every[i] for i in itertools.accumulate(orders, initial=0)], SCHEDULE

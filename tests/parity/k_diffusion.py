"""k-diffusion's ``sample_*``: in the state x₀ + σn, the levels as they are passed in."""

import math
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from sampler_bench.solvers.churn import Churn
from sampler_bench.solvers.discretizations import edm, log_snr, polyexponential
from sampler_bench.solvers.dpm_adaptive import DPMAdaptive
from sampler_bench.solvers.paths.ode import Deterministic
from sampler_bench.solvers.paths.path import Path
from sampler_bench.solvers.paths.stochastic import SDE, Ancestral
from sampler_bench.solvers.rule import Rule
from sampler_bench.solvers.rules.adams import LMS
from sampler_bench.solvers.rules.exponential import Multistep
from sampler_bench.solvers.rules.planned import Planned, plan
from sampler_bench.solvers.rules.runge_kutta import RK2, Euler
from sampler_bench.solvers.rules.singlestep import DPMppSDE, Singlestep
from sampler_bench.solvers.schedules import Linear
from sampler_bench.solvers.solver import follow
from sampler_bench.solvers.step_control import PID
from tests.parity.case import Case
from tests.parity.run import Levels, Setup


def mapped(case: Case) -> Setup:
    """Return what a function is here."""
    name = case.function.removeprefix("sample_")
    if name == "dpm_adaptive":
        return _adaptive(case)
    given = dict(case.args)
    levels = _fast_levels(case) if name == "dpm_fast" else case.grid
    grid = [Linear().level(float(sigma)) for sigma in levels]
    z = case.x * grid[0].sigma if case.stem == "solvers" else case.x
    setup = Setup(rule=_rule(name, given, case), path=_path(name, given), grid=grid, z=z)
    if name in {"euler", "heun", "dpm_2"} and not given.get("s_churn"):
        return replace(setup, unused=(0, len(grid) - 1))  # drawn, and not used
    if name == "dpmpp_2m_sde" and given.get("eta") == 0 and case.draws:
        return replace(setup, unused=(0, case.draws))
    return setup


def _adaptive(case: Case) -> Setup:
    given = dict(case.args)
    eta = given.get("eta", 0.0)
    control = {name: given[f"{name}coeff"] for name in "pid" if f"{name}coeff" in given}
    sampler = DPMAdaptive(
        k=given.get("order", 3),
        rtol=given.get("rtol", 0.05),
        atol=given.get("atol", 0.0078),
        first=given.get("h_init", 0.05),
        control=PID(**control, accept=given.get("accept_safety", 0.81)),
        eta=eta,
        S_noise=given.get("s_noise", 1.0),
    )
    grid = [Linear().level(given[name]) for name in ("sigma_max", "sigma_min")]
    z = case.x * grid[0].sigma if case.stem == "solvers" else case.x
    unused = (0, 0) if eta else (0, case.draws)
    return Setup(sampler=partial(follow, sampler), grid=grid, z=z, unused=unused)


RULES: dict[str, Callable[[dict[str, Any]], Rule]] = {
    "euler": lambda given: Euler(),
    "euler_ancestral": lambda given: Euler(),
    "heun": lambda given: RK2(),
    "dpm_2": lambda given: Singlestep(k=2, form="noise"),
    "dpm_2_ancestral": lambda given: Singlestep(k=2, form="noise"),
    "lms": lambda given: LMS(k=given.get("order", 4)),
    "dpmpp_2s_ancestral": lambda given: Singlestep(k=2, form="data"),
    "dpmpp_2m": lambda given: Multistep(k=2, second="midpoint"),
    "dpmpp_2m_sde": lambda given: Multistep(
        k=2, second="exact" if given.get("solver_type") == "heun" else "midpoint"
    ),
    "dpmpp_3m_sde": lambda given: Multistep(k=3, third="released"),
    "dpmpp_sde": lambda given: DPMppSDE(r=given.get("r", 0.5)),
}


def _rule(name: str, given: dict[str, Any], case: Case) -> Rule:
    if name == "dpm_fast":
        return Planned(form="noise", plan=plan(case.steps, 3))
    return RULES[name](given)


def _path(name: str, given: dict[str, Any]) -> Path:
    noise = given.get("s_noise", 1.0)
    if name == "dpm_fast":
        return Ancestral(eta=given.get("eta", 0.0), S_noise=noise, clipped=True)
    if name in {"dpmpp_2m_sde", "dpmpp_3m_sde"}:
        return SDE(eta=given.get("eta", 1.0), S_noise=noise)
    if name.endswith("ancestral") or name == "dpmpp_sde":
        return Ancestral(eta=given.get("eta", 1.0), S_noise=noise)
    if given.get("s_churn"):
        window = given.get("s_tmin", 0.0), given.get("s_tmax", math.inf)
        return Churn(S_churn=given["s_churn"], S_min=window[0], S_max=window[1], S_noise=noise)
    return Deterministic()


def _fast_levels(case: Case) -> np.ndarray:
    ends = math.log(case.args["sigma_max"]), math.log(case.args["sigma_min"])
    return np.exp(np.linspace(*ends, case.steps // 3 + 2))


LEVELS = {
    "karras": edm,
    "exponential": log_snr,
    "polyexponential": lambda n, *ends, rho=1.0: polyexponential(n, *ends, power=rho),
}


def grid(case: Case) -> Levels:
    """Return the levels of ``get_sigmas_…``."""
    given = dict(case.args)
    ends = given.pop("sigma_min"), given.pop("sigma_max")
    return Levels([*LEVELS[case.function](case.steps, *ends, **given), 0.0])

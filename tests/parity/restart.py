"""Restart's ``restart_sampler``: EDM's Heun on its grid, with returns."""

import json
from typing import Any

from sampler_bench.solvers.discretizations import edm
from sampler_bench.solvers.paths.restart import Interval, Restart
from sampler_bench.solvers.rules.runge_kutta import RK2
from sampler_bench.solvers.schedules import Linear
from tests.parity.case import Case
from tests.parity.run import NotMapped, Setup


def mapped(case: Case) -> Setup | NotMapped:
    """Return what the sampler is here."""
    given = dict(case.args)
    told = given["restart_info"] if case.stem == "libraries" else given["restart"]
    levels = [*edm(case.steps, given["sigma_min"], given["sigma_max"], rho=given["rho"]), 0.0]
    window = {"S_min": given.get("S_min", 0.0), "S_max": given.get("S_max", float("inf"))}
    path = Restart(
        S_churn=given.get("S_churn", 0.0),
        S_noise=given["S_noise"],
        intervals=_intervals(json.loads(told) if isinstance(told, str) else told, levels),
        rho=given["rho"],
        **window,
    )
    grid = [Linear().level(sigma) for sigma in levels]
    z = case.x if case.stem == "libraries" else case.x * levels[0]
    # the levels of its returns, and their rises, are float32 whatever the state is
    tolerance = 1e-7 if case.stem == "solvers" else None
    return Setup(rule=RK2(), path=path, grid=grid, z=z, tolerance=tolerance, sigma_tolerance=1e-6)


def _intervals(told: dict[str, Any], levels: list[float]) -> tuple[Interval, ...]:
    """Return its intervals, without those that a later one at the same level silently replaces."""
    kept: dict[int, Interval] = {}
    for points, times, low, high in told.values():
        nearest = min(range(len(levels)), key=lambda i: abs(levels[i] - low))
        kept[nearest] = (points, times, low, high)
    return tuple(kept.values())

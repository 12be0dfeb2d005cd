"""Restart's ``restart_sampler``: EDM's Heun on its grid, with returns."""

import json
from collections.abc import Callable, Sequence
from dataclasses import fields
from typing import Any

import torch

from sampler_bench.solvers.discretizations import edm
from sampler_bench.solvers.paths.restart import Interval, Restart
from sampler_bench.solvers.point import Point
from sampler_bench.solvers.rules.runge_kutta import RK2
from sampler_bench.solvers.schedules import Linear, Schedule
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
    if case.stem == "libraries":  # to 1e-5, for the reason below
        return Setup(rule=RK2(), path=path, grid=grid, z=z, sigma_tolerance=1e-6)
    released = Released(**{f.name: getattr(path, f.name) for f in fields(path)})
    by = Setup(rule=RK2(), path=released, grid=grid, z=z, tolerance=1e-7, sigma_tolerance=2e-8)
    return NotMapped("the levels of its returns are float32, whatever the state is", by)


class Released(Restart):
    """The levels of a return are float32."""

    def _levels(
        self,
        low: Point,
        points: int,
        high: float,
        schedule: Schedule,
        round_sigma: Callable[[float], float],
    ) -> Sequence[Point]:
        share = torch.arange(points, dtype=torch.float32) / (points - 1)
        ends = (torch.tensor(sigma, dtype=torch.float64) for sigma in (low.sigma, high))
        bottom, top = (end ** (1 / self.rho) for end in ends)
        levels = (top + share * (bottom - top)) ** self.rho
        return [schedule.level(sigma) for sigma in levels.tolist()]


def _intervals(told: dict[str, Any], levels: list[float]) -> tuple[Interval, ...]:
    """Return its intervals, without those that a later one at the same level silently replaces."""
    kept: dict[int, Interval] = {}
    for points, times, low, high in told.values():
        nearest = min(range(len(levels)), key=lambda i: abs(levels[i] - low))
        kept[nearest] = (points, times, low, high)
    return tuple(kept.values())

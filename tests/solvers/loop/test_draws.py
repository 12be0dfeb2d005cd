"""Which steps of each path draw: literal tables, as a change would shift a seed's later noise.

A step is written as its draws before the fall, a stroke, and those after it: ``n`` one that is
used, ``0`` one that is multiplied by 0. The levels are 8, 4, 2, 1, ½, and then 0 or nothing.
"""

import inspect

import pytest
import torch
from torch import Tensor

from sampler_bench.solvers import PATHS
from sampler_bench.solvers.churn import Churn
from sampler_bench.solvers.loop import sample
from sampler_bench.solvers.paths.er_sde import ERSDE
from sampler_bench.solvers.paths.generalised import Maruyama, Split
from sampler_bench.solvers.paths.ode import Deterministic
from sampler_bench.solvers.paths.path import Path
from sampler_bench.solvers.paths.restart import Repeated, Restart
from sampler_bench.solvers.paths.stochastic import SDE, Ancestral
from sampler_bench.solvers.paths.tau import EulerMaruyama, TauSDE
from sampler_bench.solvers.point import Point
from sampler_bench.solvers.process import Process
from sampler_bench.solvers.rates import Constant, Relative, Window
from sampler_bench.solvers.rule import Rule
from sampler_bench.solvers.rules.runge_kutta import Euler
from sampler_bench.solvers.rules.singlestep import DPMppSDE
from sampler_bench.solvers.schedules import Linear, RectifiedFlow
from sampler_bench.solvers.step import Step

LEVELS = (8.0, 4.0, 2.0, 1.0, 0.5)
INSIDE = Window(inner=Relative(), S_min=1.0, S_max=4.0)
NOWHERE = Window(inner=Relative(), S_min=100.0)
CASES: list[tuple[Path, str, str]] = [
    # the path, its steps into σ = 0, and ending at ½
    (Deterministic(), "| | | | |", "| | | |"),
    (Churn(), "| | | | |", "| | | |"),
    (Churn(S_churn=2.0), "n| n| n| n| n|", "n| n| n| n|"),
    (Churn(S_churn=2.0, S_min=1.0, S_max=4.0), "0| n| n| n| 0|", "0| n| n| n|"),
    (Churn(S_churn=2.0, S_min=100.0), "0| 0| 0| 0| 0|", "0| 0| 0| 0|"),
    (Churn(S_churn=2.0, S_noise=0.0), "0| 0| 0| 0| 0|", "0| 0| 0| 0|"),
    (Ancestral(), "|n |n |n |n |", "|n |n |n |n"),
    (Ancestral(eta=0.0), "|0 |0 |0 |0 |", "|0 |0 |0 |0"),
    (Ancestral(clipped=True), "|n |n |n |n |", "|n |n |n |0"),
    (SDE(), "|n |n |n |n |", "|n |n |n |n"),
    (SDE(eta=0.0), "| | | | |", "| | | |"),
    (SDE(S_noise=0.0), "|0 |0 |0 |0 |", "|0 |0 |0 |0"),
    (ERSDE(), "|n |n |n |n |", "|n |n |n |n"),
    (ERSDE(scale="ode"), "| | | | |", "| | | |"),
    (ERSDE(least_variance=1.0), "|n |0 |0 |0 |", "|n |0 |0 |0"),
    (TauSDE(), "|n |n |n |n |", "|n |n |n |n"),
    (TauSDE(tau=0.0), "| | | | |", "| | | |"),
    (TauSDE(S_min=1.0, S_max=4.0), "|0 |n |n |n |", "|0 |n |n |n"),
    (TauSDE(S_min=1.0, S_max=4.0, level="end"), "|n |n |n |0 |", "|n |n |n |0"),
    (TauSDE(S_min=100.0), "|0 |0 |0 |0 |", "|0 |0 |0 |0"),
    (TauSDE(quiet_end=True), "|n |n |n |n |", "|n |n |n |0"),
    (EulerMaruyama(), "|n |n |n |n |", "|n |n |n |n"),
    (EulerMaruyama(tau=0.0), "| | | | |", "| | | |"),
    (EulerMaruyama(S_min=1.0, S_max=4.0), "|0 |n |n |n |", "|0 |n |n |n"),
    (EulerMaruyama(quiet_end=True), "|n |n |n |n |", "|n |n |n |0"),
    (Maruyama(), "|n |n |n |n |", "|n |n |n |n"),
    (Maruyama(beta=Constant(value=0.0)), "| | | | |", "| | | |"),
    (Maruyama(beta=INSIDE), "|0 |n |n |n |", "|0 |n |n |n"),
    (Maruyama(beta=NOWHERE), "|0 |0 |0 |0 |", "|0 |0 |0 |0"),
    (Split(), "| |n | |n | |n | |n |", "| |n | |n | |n | |n"),
    (Split(beta=Constant(value=0.0)), "| | | | |", "| | | |"),
    (Split(beta=INSIDE), "|0 | |n | |n |0 |", "|0 | |n | |n |0"),
    (Split(beta=NOWHERE), "|0 |0 |0 |0 |", "|0 |0 |0 |0"),
    (Repeated(), "| | | | |", "| | | |"),
    (Repeated(S_churn=2.0), "n| n| n| n| n| n| n| n| n| n|", "n| n| n| n| n| n| n| n|"),
    (
        Repeated(S_churn=2.0, times=3, S_min=1.0, S_max=4.0),
        "0| n| n| n| n| n| n| n| n| n| 0|",
        "0| n| n| n| n| n| n| n| n| n|",
    ),
    (Repeated(S_churn=2.0, S_min=100.0), "0| 0| 0| 0| 0|", "0| 0| 0| 0|"),
    (Restart(), "0| 0| 0| 0| 0|", "0| 0| 0| 0|"),
    (
        Restart(intervals=((3, 2, 1.0, 4.0),)),
        "0| 0| 0| n0| 0| n0| 0| 0| 0|",
        "0| 0| 0| n0| 0| n0| 0| 0|",
    ),
    (
        Restart(intervals=((3, 2, 1.0, 4.0),), gamma_inside=0.1),
        "0| 0| 0| nn| n| nn| n| 0| 0|",
        "0| 0| 0| nn| n| nn| n| 0|",
    ),
    (Restart(intervals=((3, 1, 0.5, 2.0),)), "0| 0| 0| 0| n0| 0| 0|", "0| 0| 0| 0| n0| 0|"),
    (
        Restart(intervals=((3, 1, 1.0, 4.0),), S_churn=2.0, S_max=4.0),
        "0| n| n| n0| 0| n| n|",
        "0| n| n| n0| 0| n|",
    ),
    (Restart(intervals=((3, 0, 1.0, 4.0),)), "0| 0| 0| 0| 0|", "0| 0| 0| 0|"),
]
FROM_INFINITY: list[tuple[Path, str]] = [
    # a flow's t = 1, ½, 0: nothing is churned there, for nothing is left of the data
    (Deterministic(), "| |"),
    (Churn(S_churn=2.0), "0| n|"),
    (Repeated(S_churn=2.0), "0| n| n|"),
    (Restart(S_churn=2.0), "0| n|"),
    (Ancestral(), "|n |"),
    (SDE(), "|n |"),
    (ERSDE(), "|n |"),
    (TauSDE(), "|n |"),
    (Split(), "| |n |"),
]
BY_NAME = {  # what a grid's "path" gives, with nothing else said
    "ancestral": ("|n |n |n |n |", "|n |n |n |n"),
    "sde": ("|n |n |n |n |", "|n |n |n |n"),
    "tau": ("|n |n |n |n |", "|n |n |n |n"),
    "euler-maruyama": ("|n |n |n |n |", "|n |n |n |n"),
    "er-sde": ("|n |n |n |n |", "|n |n |n |n"),
}


def written(step: Step) -> str:
    draws = ("".join("n" if one else "0" for one in group) for group in (step.before, step.after))
    return "|".join(draws)


def steps_of(path: Path, *last: float) -> list[Step]:
    return list(path.steps([Linear().level(s) for s in (*LEVELS, *last)], Linear()))


def drawn_by(path: Path, rule: Rule, *last: float) -> int:
    """Return how many draws the loop takes."""
    count = 0

    def draw(z: Tensor, high: Point, low: Point) -> Tensor:
        nonlocal count
        count += 1
        return torch.zeros_like(z)

    process = Process(lambda z, at: torch.zeros_like(z), Linear(), draw)
    sample(process, torch.ones(1, 2), steps_of(path, *last), rule)
    return count


@pytest.mark.parametrize(("path", "to_zero", "above"), CASES, ids=[str(case[0]) for case in CASES])
def test_what_a_path_draws(path: Path, to_zero: str, above: str) -> None:
    for last, draws in (((0.0,), to_zero), ((), above)):
        assert " ".join(map(written, steps_of(path, *last))) == draws
        assert drawn_by(path, Euler(), *last) == draws.count("n") + draws.count("0")


@pytest.mark.parametrize(("path", "draws"), FROM_INFINITY, ids=[str(c[0]) for c in FROM_INFINITY])
def test_what_a_path_draws_from_infinity(path: Path, draws: str) -> None:
    flow = RectifiedFlow()
    grid = [flow.at(t) for t in (1.0, 0.5, 0.0)]
    assert " ".join(map(written, path.steps(grid, flow))) == draws


@pytest.mark.parametrize("name", PATHS)
def test_what_a_named_path_draws(name: str) -> None:
    path = PATHS[name]()
    assert (
        " ".join(map(written, steps_of(path, 0.0))),
        " ".join(map(written, steps_of(path))),
    ) == BY_NAME[name]


def test_every_path_is_in_the_tables() -> None:
    """A new one has to be written down before it can be released."""
    mine = {one for one in _kinds(Path) if one.__module__.startswith("sampler_bench.")}
    assert {type(path) for path, *_ in CASES} == mine


def _kinds(kind: type[Path]) -> set[type[Path]]:
    found = set() if inspect.isabstract(kind) else {kind}
    return found.union(*(_kinds(one) for one in kind.__subclasses__()))


@pytest.mark.parametrize(
    ("path", "to_zero", "above"),
    [
        (Ancestral(), 8, 8),
        (Ancestral(eta=0.0), 8, 8),
        (SDE(), 8, 8),
        (Deterministic(), 0, 0),
        (Churn(S_churn=2.0, S_min=1.0, S_max=4.0), 5, 4),
    ],
    ids=str,
)
def test_a_rule_whose_stage_goes_as_the_path_does_draws_for_it_too(
    path: Path, to_zero: int, above: int
) -> None:
    """DPM++ SDE: two a step where its fall is short of the next level, none into σ = 0."""
    assert drawn_by(path, DPMppSDE(), 0.0) == to_zero
    assert drawn_by(path, DPMppSDE()) == above

"""What is done otherwise than asked is said: a range that was clamped, steps without a length."""

import math

import pytest

from sampler_bench import solvers
from sampler_bench.solvers.levels import iddpm_levels
from tests.solvers.combinations import FOR_ANY
from tests.solvers.mixtures import Recorder, gaussian

LOW, HIGH = 0.0105, 152.17


def known(grid=None):
    return Recorder(gaussian(), smin=LOW, smax=HIGH, grid=grid)


@pytest.mark.parametrize("steps", [1, 6])
@pytest.mark.parametrize("solver", ["euler", "heun", "dpm-fast", "rk45"])
@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({}, []),
        ({"sigma_max": 80.0}, []),
        ({"sigma_max": HIGH}, []),
        ({"sigma_max": 152.2}, []),  # the same in four digits
        ({"sigma_max": 500.0}, ["sigma_max = 500 lowered to 152.2, the most it knows"]),
        ({"sigma_max": 153.0}, ["sigma_max = 153 lowered to 152.2, the most it knows"]),
        ({"sigma_min": 0.002}, ["sigma_min = 0.002 raised to 0.0105, the least it knows"]),
        ({"sigma_min": 0.02}, []),
        (
            {"sigma_min": 1e-5, "sigma_max": 1e5},
            [
                "sigma_min = 1e-05 raised to 0.0105, the least it knows",
                "sigma_max = 100000 lowered to 152.2, the most it knows",
            ],
        ),
    ],
)
def test_a_range_that_was_asked_for_and_clamped(solver, steps, asked, told):
    own = {} if solver == "rk45" else {"steps": steps}
    assert list(solvers.build(solver=solver, **own, **asked).departures(known())) == told


def test_a_default_that_is_clamped_is_no_departure():
    narrow = Recorder(gaussian(), smin=0.1, smax=10.0)
    for discretization in FOR_ANY:
        sampler = solvers.build(discretization=discretization, steps=5)
        assert not [one for one in sampler.departures(narrow) if "sigma_m" in one]


@pytest.mark.parametrize("end", ["zero", "sigma-min"])
@pytest.mark.parametrize("M", [20, 100])
def test_more_steps_than_a_discretization_has_levels(M, end):
    def told(steps):
        sampler = solvers.build(discretization="iddpm", M=M, steps=steps, end=end)
        return sampler.departures(gaussian())

    usable = sum(0.002 <= level <= 81 for level in iddpm_levels(M).tolist())
    most = usable if end == "zero" else usable - 1
    assert told(most) == told(2) == ()
    (text,) = told(most + 3)
    levels = usable + (end == "zero")
    assert text.startswith(f"3 of {most + 3} steps have no length: from ")
    assert text.endswith(f" there are only {levels} levels")


def test_levels_that_a_denoiser_rounds_to_one():
    rounds = known(grid=[50.0, 5.0, 0.5, 0.05])
    (text,) = solvers.build(steps=8).departures(rounds)
    assert text == "4 of 8 steps have no length: from 50 to 0 there are only 5 levels"
    assert solvers.build(solver="euler", levels=[50, 5, 0.5]).departures(rounds) == ()
    (text,) = solvers.build(solver="euler", levels=[50, 6, 5, 0.5]).departures(rounds)
    assert text.startswith("1 of 4 steps have no length")


def test_levels_that_somebody_listed_twice_are_as_asked():
    sampler = solvers.build(solver="euler", levels=[50, 5, 5, 0.5])
    assert sampler.departures(known()) == ()


def test_no_shipped_sampler_departs_from_its_defaults():
    wide = Recorder(gaussian(), smin=0.0, smax=math.inf)
    for discretization in FOR_ANY:
        for steps in (1, 2, 18, 512):
            sampler = solvers.build(discretization=discretization, steps=steps)
            assert sampler.departures(wide) == ()

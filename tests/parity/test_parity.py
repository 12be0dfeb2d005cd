"""Every case of nine released programs: it holds, is a named fault of theirs, or is not mapped."""

from pathlib import Path

import pytest

from sampler_bench.solvers.schedules import Linear
from tests.parity.__main__ import lines
from tests.parity.case import read
from tests.parity.diff_sampler import mapped
from tests.parity.diffusers.schedulers import Renoised
from tests.parity.programs import outcomes
from tests.parity.run import DEFECT, FAIL, HOLD, NOT_MAPPED, Defect, NotMapped, Setup, outcome

GOLDEN = Path(__file__).parents[1] / "golden"
PRINTED = {
    "solvers": [
        "k-diffusion: 96 hold, 0 defect, 0 not mapped, 0 fail of 96",
        "k-diffusion grid: 6 hold, 0 defect, 0 not mapped, 0 fail of 6",
        "diff-sampler: 232 hold, 0 defect, 0 not mapped, 0 fail of 232",
        "dpm-solver: 120 hold, 0 defect, 0 not mapped, 0 fail of 120",
        "restart: 0 hold, 0 defect, 4 not mapped, 0 fail of 4",
        "all: 454 hold, 0 defect, 4 not mapped, 0 fail of 458",
    ],
    "libraries": [
        "k-diffusion: 123 hold, 0 defect, 0 not mapped, 0 fail of 123",
        "diffusers: 240 hold, 13 defect, 6 not mapped, 0 fail of 259",
        "diff-sampler: 93 hold, 0 defect, 1 not mapped, 0 fail of 94",
        "dpm-solver: 64 hold, 0 defect, 0 not mapped, 0 fail of 64",
        "UniPC: 34 hold, 10 defect, 0 not mapped, 0 fail of 44",
        "SA-Solver: 30 hold, 0 defect, 2 not mapped, 0 fail of 32",
        "ER-SDE: 28 hold, 0 defect, 0 not mapped, 0 fail of 28",
        "restart: 3 hold, 0 defect, 0 not mapped, 0 fail of 3",
        "skrample: 53 hold, 7 defect, 27 not mapped, 0 fail of 87",
        "all: 668 hold, 30 defect, 36 not mapped, 0 fail of 734",
    ],
}
"""What holds does by the package's own parts; at least 1,120 of the 1,192 have to."""


@pytest.fixture(scope="module", params=PRINTED)
def found(request):
    return request.param, outcomes(read(GOLDEN, request.param))


def test_what_is_printed_of_each_program(found):
    stem, outcomes = found
    assert [f"{one.case.name}: {one.detail}" for one in outcomes if one.word == FAIL] == []
    assert lines(outcomes) == PRINTED[stem]


def test_a_fault_and_a_lack_are_told_in_words(found):
    _, outcomes = found
    told = [one.detail for one in outcomes if one.word in {DEFECT, NOT_MAPPED}]
    assert all(len(detail) > 20 for detail in told)


@pytest.fixture
def case():
    cases = read(GOLDEN, "solvers")
    return next(o for o in cases if (o.program, o.function) == ("diff-sampler", "euler"))


def test_what_only_the_runner_makes_does_not_hold(case):
    setup = mapped(case)
    assert isinstance(setup, Setup)
    assert outcome(case, setup).word == HOLD
    for own in ({"path": Renoised()}, {"sampler": own_sampler}, {"options": (own_option,)}):
        by = Setup(**{**vars(setup), **own})
        assert outcome(case, by).word == FAIL
        assert "runner's own" in outcome(case, by).detail
        assert outcome(case, Defect("a fault of theirs", by)).word == FAIL


def test_what_is_called_not_mapped_is_made_by_the_runner_alone(case):
    setup = mapped(case)
    assert outcome(case, NotMapped("no reason", setup)).word == FAIL
    by = Setup(**{**vars(setup), "options": (*setup.options, own_option)})
    assert outcome(case, NotMapped("an option of its own", by)).word == NOT_MAPPED
    wrong = Setup(**{**vars(by), "z": 2 * setup.z})
    assert outcome(case, NotMapped("an option of its own", wrong)).word == FAIL


def test_a_defect_that_is_none_fails(case):
    setup = mapped(case)
    assert outcome(case, Defect("nothing", setup)).detail == "no defect"
    other = Setup(**{**vars(setup), "schedule": Linear(), "z": 2 * setup.z})
    assert outcome(case, Defect("twice the latents", other, setup)).word == DEFECT
    assert outcome(case, Defect("twice the latents", other, other)).word == FAIL


def own_sampler(process, z, grid):
    return z


def own_option(denoise):
    return denoise

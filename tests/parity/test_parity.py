"""Every case of nine released programs: it holds, or is a named fault of theirs."""

from collections import Counter
from pathlib import Path

import pytest

from tests.parity.__main__ import lines
from tests.parity.case import read
from tests.parity.programs import outcomes
from tests.parity.run import DEFECT, FAIL, HOLD

GOLDEN = Path(__file__).parents[1] / "golden"
DEFECTS = {"solvers": 0, "libraries": 20}


@pytest.fixture(scope="module", params=DEFECTS)
def found(request):
    return request.param, outcomes(read(GOLDEN, request.param))


def test_all_hold_but_the_programs_own_faults(found):
    stem, outcomes = found
    assert [f"{one.case.name}: {one.detail}" for one in outcomes if one.word == FAIL] == []
    words = Counter(one.word for one in outcomes)
    assert words[DEFECT] == DEFECTS[stem]
    assert words[HOLD] == len(outcomes) - DEFECTS[stem]


def test_a_fault_is_told_in_words(found):
    _, outcomes = found
    assert all(len(one.detail) > 20 for one in outcomes if one.word == DEFECT)


def test_a_line_is_printed_for_each_program(found):
    stem, outcomes = found
    last = lines(outcomes)[-1]
    assert last.startswith(f"all: {len(outcomes) - DEFECTS[stem]} hold, {DEFECTS[stem]} defect")
    assert last.endswith(f"0 fail of {len(outcomes)}")

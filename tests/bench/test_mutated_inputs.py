"""Inputs that something happened to: tests.soak.mutated_inputs has 10,000."""

import pytest

from tests.inputs.case import judge
from tests.inputs.drawn import KINDS, case

EACH = 200


@pytest.mark.parametrize("first", range(len(KINDS)))
def test_every_input_is_taken_as_it_is_or_refused_in_a_line(first):
    wrong = []
    for number in range(first, EACH, len(KINDS)):
        made = case(number)
        wrong += [f"{number}: {made.done}: {line}" for line in judge(made).wrong]
    assert not wrong

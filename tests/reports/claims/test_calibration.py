"""The calibration of tests/soak/claims_calibration.py, in miniature.

At 20 draws a rate of 5 % gives 4 or more in 1.6 % of cases: more is a fault.
"""

import pytest

from tests.reports.claims.gallery import Drawn, gallery
from tests.soak.claims_calibration import (
    FALSE_FAILS,
    FALSE_HOLDS,
    POWER,
    at_the_margin,
    counted,
    false_answers,
)

DRAWS = 20
MOST = 100 * 3 / DRAWS


def test_equality_is_rarely_taken_for_an_effect():
    asked = sorted(FALSE_HOLDS | FALSE_FAILS)
    found = false_answers(counted(Drawn(gallery("flat"), 2000).draw, DRAWS, asked), DRAWS)
    assert len(found) == 18
    assert {n: rates for n, rates in found.items() if max(rates) > MOST} == {}


def test_effects_as_large_as_the_papers_are_found():
    found = counted(Drawn(gallery(), 2000).draw, 5, POWER)
    assert {number: tally["holds"] for number, tally in found.items() if tally["holds"] < 4} == {}


@pytest.mark.parametrize("number", [1, 12])
def test_an_effect_at_its_limit_is_rarely_decided(number):
    drawn = Drawn(at_the_margin()[number], 2000)
    tally = counted(drawn.draw, DRAWS, (number,))[number]
    assert max(tally["holds"], tally["fails"]) <= MOST / 100 * DRAWS

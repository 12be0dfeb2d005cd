"""Step size controls, by hand."""

import math

import pytest

from sampler_bench.solvers.step_control import PID, Proportional


def test_proportional_takes_what_is_tolerated_and_forgets():
    propose = Proportional(theta=0.9).begin(2)
    assert propose(4.0) == (False, 0.45)
    assert propose(0.25) == (True, 1.8)
    assert propose(1.0) == (True, 0.9)
    assert propose(0.0) == (True, math.inf)


def test_the_integral_alone_is_a_limited_proportional():
    propose = PID().begin(3)
    for error in (0.001, 1.0, 8.0):
        taken, factor = propose(error)
        assert factor == pytest.approx(1 + math.atan(error ** (-1 / 3) - 1), abs=1e-5)
        assert taken is (factor >= 0.81)


def test_the_filter_looks_at_the_last_two_steps_that_were_taken():
    propose = PID(p=0.4, i=0.6, d=0.1).begin(1)

    def expected(now, last, older):
        return 1 + math.atan(now**-1.1 * last**0.6 * older**-0.1 - 1)

    def factor(error):
        return propose(error)[1]

    assert factor(0.5) == pytest.approx(expected(0.5, 0.5, 0.5), abs=1e-6)
    assert factor(0.4) == pytest.approx(expected(0.4, 0.5, 0.5), abs=1e-6)
    assert factor(9.0) == pytest.approx(expected(9.0, 0.4, 0.5), abs=1e-6)  # not taken
    assert factor(0.5) == pytest.approx(expected(0.5, 0.4, 0.5), abs=1e-6)
    assert factor(0.7) == pytest.approx(expected(0.7, 0.5, 0.4), abs=1e-6)


@pytest.mark.parametrize(
    ("control", "wrong"), [(Proportional, {"theta": 0.0}), (PID, {"accept": 1.0})]
)
def test_a_parameter_out_of_range_is_refused(control, wrong):
    with pytest.raises(ValueError, match=f"{next(iter(wrong))} = .* is not allowed"):
        control(**wrong)

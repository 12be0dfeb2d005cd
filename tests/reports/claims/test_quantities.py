"""What is compared, on points made by hand: excesses, levels, gains."""

from types import SimpleNamespace

import numpy as np
import pytest

from sampler_bench.reports.claims.claim import UndecidedError
from sampler_bench.reports.claims.panel import Point
from sampler_bench.reports.claims.quantities import level, log_excess
from sampler_bench.results.estimate import Estimate
from tests.reports.claims.gallery import gallery
from tests.reports.claims.test_premises import churned, judged, reasons, scaled

WAVE = np.array([1.0, -1.0] * 10)
"""What shards left out move a value by: a standard error of 19/√20 = √18.05 times its unit."""


def point(value, se=1e-3, nfe=1.0):
    unit = se / Estimate.of(0.0, WAVE, "seeds").se
    return Point(Estimate.of(value, value + unit * WAVE, "seeds"), nfe, {"solver": "heun"}, {})


def plain(value):
    """A number without an error."""
    return Estimate(value, {})


def asked(one=(), other=(), floor=None):
    """One side's points and another's, asked of a panel."""
    sides = {"one": list(one), "other": list(other)}
    panel = SimpleNamespace(
        printed=floor is None, floor=SimpleNamespace(mean=plain(floor or 0)), samples=1000
    )
    return SimpleNamespace(
        panel=panel,
        lifted=frozenset(),
        comparison=SimpleNamespace(one="one", other="other"),
        points=lambda side: sides[side],
        once=lambda name, side, find: find(side),
    )


@pytest.mark.parametrize(("errors", "told"), [(-1, False), (1, False), (2.9, False), (3.1, True)])
def test_an_excess_has_a_logarithm_where_it_is_surely_one(errors, told):
    made = point(5 + errors * 0.1, se=0.1)
    if told:
        assert log_excess(asked(floor=5), made).value == pytest.approx(np.log(errors * 0.1))
    else:
        with pytest.raises(UndecidedError, match="less than 3 SE above"):
            log_excess(asked(floor=5), made)


def test_levels_are_compared_where_either_is_within_twice_its_best():
    values = {8: (100, 50), 16: (1.9, 2.1), 32: (2.1, 1.9), 64: (1.02, 1)}
    sides = [[point(v[i], nfe=nfe) for nfe, v in values.items()] for i in range(2)]
    [theta] = level(asked(*sides))
    assert theta.told == "mean over NFE 16, 32, 64"  # at 8 both are noise
    assert theta.value.value == pytest.approx(np.log(1.02) / 3)


def test_a_gain_is_what_churn_changes_in_one_training_less_that_in_the_other():
    """Churn that is 10 % worse in the new training alone makes the old one's gain larger."""
    new = lambda one: churned(one) and one.model.startswith("fashion-edm")  # noqa: E731
    old = lambda one: churned(one) and not one.model.startswith("fashion-edm")  # noqa: E731

    def theta(factor, which):
        gain, _ = judged(19, scaled(factor, which, gallery())).outcomes
        return gain.theta.value.value

    usual = theta(1.0, new)
    assert theta(1.1, new) - usual == pytest.approx(-np.log(1.1), abs=0.01)
    assert theta(1.1, old) - usual == pytest.approx(np.log(1.1), abs=0.01)


@pytest.mark.parametrize(("factor", "lead"), [(1.0, None), (1.26, "−"), (1.285, "−0"), (1.4, "+")])
def test_better_is_beyond_error(factor, lead):
    """A new training whose lead is made smaller, until it is within its error, and gone."""
    new = lambda one: one.model.startswith("fashion-edm")  # noqa: E731
    found = reasons(judged(19, scaled(factor, new)))
    told = f"the network is not measured to be better trained ({lead}"
    assert (told in found) if lead else ("better trained" not in found)

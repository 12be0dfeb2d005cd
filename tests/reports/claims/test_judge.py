"""What the engine pays for: choices, many comparisons, curves that still fall, trainings."""

import numpy as np
import pytest

from sampler_bench.reports.claims import CLAIMS, FAILS, HOLDS, UNDECIDED, answer
from sampler_bench.reports.claims.claim import Asked, Comparison, Selector, Subject, Theta
from sampler_bench.reports.claims.decide import estimate_of, lower
from sampler_bench.reports.claims.judge import judge
from sampler_bench.reports.claims.panel import Panel, Point
from sampler_bench.reports.claims.quantities import lowest
from sampler_bench.results.estimate import Estimate
from tests.reports.claims.gallery import Drawn, gallery

ONE, OTHER = Selector("one", {"side": "one"}), Selector("other", {"side": "other"})


def subject(name, *points):
    return Subject(name, (Panel(name, "fid", "FD", (), points, "fashion", 1000.0, printed=True),))


def asked(values, over="each"):
    """A comparison that finds these numbers of standard errors of 1 %, on any subject."""
    thetas = [Theta(estimate_of(0.01 * value, 0.01)) for value in values]
    return Comparison("", lambda _: thetas, ONE, OTHER, lower(0.03), "ours", over)


def test_the_best_of_many_must_be_surer():
    assert judge([subject("a")], [asked([-2.3], "any")]).answer == HOLDS
    found = judge([subject("a")], [asked([-2.3, *[0.0] * 40], "any")])
    assert found.answer == UNDECIDED


def test_a_failure_among_many_comparisons_must_be_surer():
    assert judge([subject("a")], [asked([-0.7])]).answer == FAILS  # −3 % is ruled out by 2.3 SE
    many = [asked([-0.7]), *[asked([-9.0])] * 40]
    assert judge([subject("a")], many).answer == UNDECIDED


def test_a_choice_among_networks_of_a_family_must_be_surer():
    one = [subject("a")]
    assert judge(one, [asked([-2.3])], [""]).answer == HOLDS
    assert judge([*one, *map(subject, "bcdefg")], [asked([-2.3])], [""]).answer == UNDECIDED


@pytest.mark.parametrize(("quarter", "left"), [(1.0, 1.0), (1.3, 0.9), (0.8, 1.0)])
def test_an_original_that_still_falls_is_asked_less_what_is_left(quarter, left):
    """A third of its fall over the last factor 4 in NFE, and nothing where it rose."""
    points = [
        Point(Estimate(0.95), 50.0, {"side": "one"}, {}),
        Point(Estimate(quarter), 25.0, {"side": "other", "steps": 25}, {}),
        Point(Estimate(1.0), 100.0, {"side": "other", "steps": 100}, {}),
    ]
    comparison = Comparison("", lowest, ONE, OTHER, lower(0.03), "ours", "any")
    made = subject("a", *points)
    (theta,) = lowest(Asked(made, made.panels[0], comparison))
    assert theta.value.value == pytest.approx(np.log(0.95 / left))


def test_the_spread_of_trainings_is_the_error():
    specs = gallery()
    found = answer(CLAIMS[22], Drawn(specs, 5000).draw(np.random.default_rng(0)))
    (step,) = [
        o for o in found.outcomes if o.comparison.words == "E against D" and o.family == "VP"
    ]
    assert step.theta.value.se > 0.01  # 3 % of spread, twice, over 5 trainings each: 1.9 %
    assert step.theta.value.freedom < 10

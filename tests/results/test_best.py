"""Which of several numbers may be the best: no truly best one is called worse."""

import math

import numpy as np
import pytest

from sampler_bench.results.best import are_paired, gap, may_be_best, one_sided, two_sided
from sampler_bench.results.estimate import Estimate
from tests.results.leagues import against_the_observed, shown

LEFT_OUT = np.linspace(-1, 1, 20) / 100


def number(value, noise=LEFT_OUT, seeds=0):
    return Estimate.of(value, value + noise, seeds)


@pytest.mark.parametrize(
    "kind",
    [
        ("all equal", 5, 0.8, 200),
        ("three tied, others near", 6, 0.5, 150),
        ("one barely best", 5, 0.98, 200),
    ],
)
def test_no_truly_best_sampler_is_called_worse_in_19_of_20_leagues(kind):
    assert shown(*kind).covered >= 0.95 - 2 * math.sqrt(0.95 * 0.05 / kind[-1])


def test_a_league_of_skewed_noise_and_other_seeds_is_covered_as_well():
    assert shown("all equal", 5, 0.8, 150, skewed=True, unpaired=True).covered >= 0.92


def test_against_the_one_that_looks_best_alone_it_would_not_be():
    assert shown("all equal", 11, 0.5, 60, rule=against_the_observed).covered < 0.85


def test_what_is_far_worse_is_left_out_and_what_ties_is_not():
    assert shown("half tied, half far", 6, 0.8, 40).size == pytest.approx(3, abs=0.2)
    assert shown("one clearly best", 6, 0.8, 40).size == pytest.approx(1, abs=0.1)


def test_higher_is_better_where_it_is():
    noise = [LEFT_OUT, LEFT_OUT[::-1] * 1.01]
    low, high = number(1.0, noise[0]), number(5.0, noise[1])
    assert may_be_best([low, high]) == [True, False]
    assert may_be_best([low, high], sign=-1) == [False, True]


def test_an_unknown_error_leaves_nothing_out():
    assert may_be_best([Estimate.of(1.0), number(9.0)]) == [True, True]
    assert one_sided(Estimate.of(1.0)) == two_sided(Estimate.of(1.0)) == 1.0


def test_the_same_number_of_another_machine_is_no_difference():
    one, other = number(3.0), number(3.0 * (1 + 1e-8))
    assert gap(other, one).value == 0.0
    assert two_sided(gap(other, one)) == 1.0
    assert may_be_best([one, other]) == [True, True]
    assert gap(number(3.001), one).value > 0


def test_numbers_are_paired_on_equal_seeds_alone():
    assert are_paired(number(1.0), number(2.0))
    assert not are_paired(number(1.0), number(2.0, seeds=1000))
    assert not are_paired(Estimate.of(1.0), Estimate.of(2.0))
    rng = np.random.default_rng(0)
    shared, own = rng.standard_normal((2, 20)) / 100
    one, other = number(1.0, shared), number(2.0, shared + own / 10)
    apart = number(2.0, shared + own / 10, seeds=1000)
    assert gap(one, other).se < gap(one, apart).se / 5
    assert gap(one, apart).freedom > 19


def test_p_values_are_students():
    found = Estimate.of(2.093024, 2.093024 + LEFT_OUT)
    found = found * (1 / found.se / 2.093024) * 2.093024  # 2.093 standard errors of 20 shards
    found = Estimate(2.093024 * found.se, found.left_out)
    assert two_sided(found) == pytest.approx(0.05, rel=1e-5)
    assert one_sided(found) == pytest.approx(0.025, rel=1e-5)
    assert one_sided(found * -1.0) == pytest.approx(0.975, rel=1e-5)

"""One number with its error: pairs, sums, and what differences show."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import ttest_ind

from sampler_bench.results.estimate import Estimate, mean, relative

LOO = 10 + np.random.default_rng(0).standard_normal(20)
SAMPLES = st.lists(st.floats(-1e3, 1e3, width=16), min_size=2, max_size=20)


def test_what_two_numbers_share_leaves_their_difference():
    one, other = Estimate.of(10, LOO, "a"), Estimate.of(11, LOO + 1, "a")
    assert (one - other).se < 1e-12 < one.se
    apart = Estimate.of(11, LOO + 1, "b")
    assert (one - apart).se == pytest.approx(math.sqrt(2) * one.se)
    assert (one - other).is_paired and not (one - apart).is_paired


def test_only_as_many_shards_pair():
    gap = Estimate.of(1, LOO, "a") - Estimate.of(1, LOO[:10], "a")
    assert not gap.is_paired
    assert not (Estimate.of(1, LOO) - Estimate.of(1, LOO)).is_paired


def test_equal_errors_cancel_in_pairs():
    loo = [1.0, 2.0, 4.0]
    one, other = Estimate.of(7, [x + 7 for x in loo], "a"), Estimate.of(0, loo, "a")
    assert (one - other).se == 0 and (one - other).freedom == math.inf


def test_the_error_is_the_jackknife_s():
    expected = math.sqrt(19 / 20 * np.sum((LOO - LOO.mean()) ** 2))
    assert Estimate.of(10, LOO, "a").se == pytest.approx(expected)
    assert Estimate.of(10, (), "a", 0.3).se == pytest.approx(0.3)
    assert math.isnan(Estimate.of(10, (1.0,)).se) and math.isnan(Estimate.of(10).se)
    assert Estimate(1.0).se == 0


@given(one=SAMPLES, other=SAMPLES)
def test_errors_apart_are_welchs(one, other):
    """The jackknife of a mean is its standard error, so that the textbook's t-test is known."""

    def estimate(values):
        n = len(values)
        return Estimate.of(np.mean(values), [(sum(values) - x) / (n - 1) for x in values])

    gap = estimate(one) - estimate(other)
    se = math.sqrt(sum(np.var(x, ddof=1) / len(x) for x in (one, other)))
    assert gap.se == pytest.approx(se, rel=1e-9, abs=1e-9)
    if min(np.std(one), np.std(other)) > 1e-3:
        assert gap.freedom == pytest.approx(ttest_ind(one, other, equal_var=False).df, rel=1e-6)


@given(values=SAMPLES, power=st.integers(-900, 900))
def test_no_size_overflows_and_none_loses_a_digit(values, power):
    small = Estimate.of(0, values)
    large = Estimate.of(0, [math.ldexp(x, power) for x in values])
    assert large.se == math.ldexp(small.se, power)
    assert (large - large * 2).se == pytest.approx(math.ldexp(small.se, power), rel=1e-12)
    others = small - Estimate.of(0, LOO)
    scale = 2.0**power
    assert (others * scale).freedom == pytest.approx(others.freedom, rel=1e-12)


def test_words():
    def word(value, se):
        return Estimate.of(value, se=se).word()

    assert word(-0.1, 0.02) == "lower"
    assert word(0.1, 0.02) == "higher"
    assert word(0.01, 0.005) == "equal"
    assert word(0.02, 0.02) == "unclear"
    assert word(-0.5, math.nan) == "unclear"


def test_a_difference_from_zero_is_unknown():
    assert math.isnan(relative(Estimate(1.0), Estimate(0.0)).value)


def test_repeats_share_no_noise():
    repeats = mean([Estimate.of(10, LOO, place) for place in range(4)])
    assert repeats.se == pytest.approx(Estimate.of(10, LOO).se / 2)
    assert repeats.freedom == pytest.approx(4 * 19)


def test_the_digits_of_a_record_and_of_a_pair_are_what_tables_have_printed():
    exact = math.fsum((x - math.fsum(LOO) / 20) ** 2 for x in LOO.tolist())
    assert Estimate.of(10, LOO).se == math.sqrt(19 / 20 * exact)
    others = np.random.default_rng(1).standard_normal(20)
    gap = Estimate.of(10, LOO, "a") - Estimate.of(1, others, "a")
    assert gap.se == np.sqrt(19 * np.var(np.subtract(LOO, others)))

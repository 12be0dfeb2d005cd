"""Differences in pairs, and what they show."""

import math

import numpy as np
import pytest

from sampler_bench.reports.statements.estimate import (
    LEVEL,
    Estimate,
    among,
    lowest,
    measured,
    relative,
    word,
)

LOO = 10 + np.random.default_rng(0).standard_normal(20)


def test_what_two_numbers_share_leaves_their_difference():
    one, other = measured(10, LOO, 0, seeds=0), measured(11, LOO + 1, 0, seeds=0)
    assert (one - other).se < 1e-12 < one.se
    apart = measured(11, LOO + 1, 0, seeds=1)
    assert (one - apart).se == pytest.approx(math.sqrt(2) * one.se)


def test_the_error_is_the_jackknife_s():
    expected = math.sqrt(19 / 20 * np.sum((LOO - LOO.mean()) ** 2))
    assert measured(10, LOO, 0, seeds=0).se == pytest.approx(expected)
    assert measured(10, [], 0.3, seeds=0).se == pytest.approx(0.3)


def test_words():
    def estimate(value, se):
        return measured(value, [], se, seeds=0)

    assert word(estimate(-0.1, 0.02)) == "lower"
    assert word(estimate(0.1, 0.02)) == "higher"
    assert word(estimate(0.01, 0.005)) == "equal"
    assert word(estimate(0.02, 0.02)) == "unclear"
    assert word(estimate(-0.5, math.nan)) == "unclear"


def test_the_best_of_many_must_be_surer():
    assert LEVEL < among(1) < among(10) < among(100)
    one = measured(-0.05, [], 0.02, seeds=0)
    none = measured(0.0, [], 0.02, seeds=0)
    assert lowest([one]) == (0, "lower")
    assert lowest([none, one, *[none] * 100]) == (1, "unclear")


def test_a_difference_from_zero_is_unknown():
    assert math.isnan(relative(Estimate(1.0), Estimate(0.0)).value)

"""Tests of a number against limits."""

import numpy as np
import pytest
from scipy.stats import t as student

from sampler_bench.reports.claims.decide import (
    _deviations,
    alone,
    at_least,
    equal,
    largest,
    lower,
    no_worse,
)
from sampler_bench.results.estimate import Estimate


def estimates(count, shared, seed=0):
    """Numbers with noise that is shared by so much."""
    rng = np.random.default_rng(seed)
    common = rng.standard_normal(20)
    own = rng.standard_normal((count, 20))
    made = np.sqrt(shared) * common + np.sqrt(1 - shared) * own
    return [Estimate.of(0.0, row, "seeds") for row in made]


def test_one_test_is_students():
    (one,) = estimates(1, 0.0)
    assert alone(one) == pytest.approx(student.ppf(0.975, 19))
    assert largest([one]) == alone(one)


def test_the_largest_of_many_is_paid_for_once_where_they_go_together():
    level = student.ppf(1 - 0.025 / 8, 19)
    apart, together = largest(estimates(8, 0.0)), largest(estimates(8, 0.999))
    assert together == pytest.approx(alone(estimates(1, 0.0)[0]), rel=0.05)
    assert together < apart <= level
    assert apart > 0.85 * level


def test_the_largest_of_equal_numbers_is_rarely_beyond():
    """Shards whose mean is the number: 2.5 % of 200 are 5, and 12 lie beyond 3 SD of that."""
    rng = np.random.default_rng(0)
    beyond = 0
    for _ in range(200):
        shards = np.sqrt(0.5) * (rng.standard_normal(20) + rng.standard_normal((6, 20)))
        rest = (shards.sum(axis=1, keepdims=True) - shards) / 19
        own = [Estimate.of(x.mean(), r, "seeds") for x, r in zip(shards, rest, strict=True)]
        beyond += max(one.value / one.se for one in own) > largest(own)
    assert 1 <= beyond <= 12


def test_answers_need_more_than_their_error():
    gone = lower(0.03)
    assert gone.holds(-0.1, 0.05) and not gone.holds(-0.1, 0.11)
    assert gone.fails(0.1, 0.12) and not gone.fails(0.1, 0.14)  # a decrease by 3 % is ruled out
    assert not gone.fails(-0.02, 0.02)
    same = equal(0.03)
    assert same.holds(0.02, 0.005) and not same.fails(0.02, 0.0)
    assert same.fails(-0.05, 0.01) and not same.fails(-0.05, 0.03)
    assert no_worse(0.03).holds(-1.0, 0.5) and no_worse(0.03).fails(0.05, 0.01)
    assert at_least(0.7).holds(0.8, 0.05) and at_least(0.7).fails(0.6, 0.05)


def test_draws_are_always_the_same():
    own = estimates(5, 0.3)
    assert largest(own) == largest(own)
    assert largest(own, 0.001) > largest(own, 0.01) > largest(own)


def test_numbers_of_places_of_other_sizes_keep_their_errors():
    """What is left out of 5 and of 20 shards is weighed as the jackknife does."""
    rng = np.random.default_rng(0)
    one, other = (Estimate.of(0.0, rng.standard_normal(n), f"{n}") for n in (5, 20))
    for made in (one, other, one - other):
        assert np.linalg.norm(_deviations([made])) == pytest.approx(made.se)

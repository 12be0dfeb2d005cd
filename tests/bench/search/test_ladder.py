"""How many candidates are compared on how many samples, and that it never costs too much."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sampler_bench.bench.run.search.ladder import KEEP, Ladder, going_on
from sampler_bench.results import format_1

LADDERS = st.builds(
    Ladder.of,
    st.integers(0, 50),
    st.integers(240, 2000),
    st.integers(20, 40),
)


@given(LADDERS)
def test_seed_ranges_are_disjoint_and_the_last_ones_come_first(ladder):
    ranges = [ladder.final, *ladder.rungs]
    for one, following in itertools.pairwise(ranges):
        assert following.first_seed == one.first_seed + one.samples
    for one, following in itertools.pairwise(ladder.rungs):
        assert following.samples == KEEP * one.samples
    assert 2 * ladder.rungs[-1].samples <= ladder.final.samples


@given(LADDERS, st.integers(0, 20_000), st.integers(0, 200))
def test_the_most_candidates_are_affordable_and_one_more_is_not(ladder, samples, limit):
    count = ladder.most(samples, limit)
    assert 0 <= count <= limit
    assert ladder.samples(count) <= samples
    assert count == limit or ladder.samples(count + 1) > samples


@given(LADDERS, st.integers(0, 20_000), st.integers(1, 200))
def test_what_is_drawn_is_affordable_and_leaves_half_where_it_can(ladder, samples, limit):
    count = ladder.drawn(samples, limit)
    assert count <= limit
    assert count == limit or ladder.samples(count + 1) > samples // 2  # and no more than half
    if samples >= ladder.samples(min(ladder.few, limit)):
        assert count >= 1 and ladder.samples(count) <= samples
        assert count <= ladder.few or ladder.samples(count) <= samples // 2


@given(LADDERS)
def test_few_leave_one_at_the_top(ladder):
    def left(count):
        for _ in ladder.rungs[1:]:
            count = going_on(count)
        return count

    assert left(ladder.few) == 1
    assert left(ladder.few * 2) == 2


def test_by_hand():
    ladder = Ladder.of(first_seed=7, samples=1000, first_samples=50)
    assert [(r.first_seed, r.samples) for r in ladder.rungs] == [
        (1007, 50),
        (1057, 150),
        (1207, 450),
    ]
    assert ladder.reference == 50 + 150 + 450 + 2 * 1000
    assert ladder.samples(10) == 10 * 50 + 3 * 150 + 1 * 450


def test_fewer_than_two_rungs_are_refused():
    with pytest.raises(ValueError, match="at least 6 times first_samples, 600"):
        Ladder.of(0, 599, 100)


@given(st.integers(0, 50), st.integers(240, 2000), st.integers(20, 40))
def test_folders_that_do_not_say_rungs_are_given_the_same(first_seed, samples, first_samples):
    ladder = Ladder.of(first_seed, samples, first_samples)
    told = {"first_seed": first_seed, "samples": samples, "first_samples": first_samples}
    expected = {(rung.first_seed, rung.samples): n for n, rung in enumerate(ladder.rungs)}
    expected[ladder.final.first_seed, ladder.final.samples] = "fresh"
    assert format_1.rungs({"budget": 1, **told}) == expected
    assert format_1.rungs(told) == {}

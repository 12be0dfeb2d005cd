"""Successive halving on surfaces that are known."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sampler_bench.bench.run.search import halving
from sampler_bench.bench.run.search.ladder import Ladder
from sampler_bench.bench.run.search.space import Candidate
from sampler_bench.solvers import Churn

SIDES = (8, 5, 5, 4)
OPTIMUM = (5, 1, 3, 2)
SPACE = [
    Candidate(
        place,
        Churn(
            S_churn=1 + place[0],
            S_min=place[1] / 10,
            S_max=1 + place[2],
            S_noise=1 + place[3] / 100,
        ),
    )
    for place in np.ndindex(*SIDES)
]
LADDER = Ladder.of(0, 360, 20)


class Surface:
    """A bowl around OPTIMUM with noise that falls with the samples; keeps what it was asked."""

    def __init__(self, noise, failing=lambda place: False):
        self.noise, self.failing, self.asked, self.samples = noise, failing, [], 0
        self.batches = []  # candidates that started together, on the first rung

    def __call__(self, candidates, rung):
        if rung == LADDER.rungs[0]:
            self.batches.append(list(candidates))
        self.asked += [(one.place, rung) for one in candidates]
        self.samples += len(candidates) * rung.samples
        return [self.value(one.place, rung) for one in candidates]

    def value(self, place, rung):
        if self.failing(place):
            return math.inf
        error = np.random.default_rng([*place, rung.first_seed]).normal() / math.sqrt(rung.samples)
        return sum((a - b) ** 2 for a, b in zip(place, OPTIMUM, strict=True)) + self.noise * error


def search(surface, samples=6000, draw=0):
    return next(iter(halving.best(SPACE, LADDER, samples, draw, surface)), None)


@pytest.mark.parametrize("draw", range(5))
def test_it_finds_the_optimum_of_a_smooth_surface(draw):
    surface = Surface(noise=1.0)
    found = search(surface, draw=draw)
    tried = len({place for place, _ in surface.asked})
    assert tried < len(SPACE) / 3
    assert sum(abs(a - b) for a, b in zip(found.place, OPTIMUM, strict=True)) <= 1


@settings(max_examples=30)
@given(st.integers(600, 9000), st.integers(0, 99), st.floats(0, 50))
def test_nothing_is_asked_twice_and_the_budget_holds(samples, draw, noise):
    surface = Surface(noise)
    search(surface, samples, draw)
    assert len(set(surface.asked)) == len(surface.asked)
    assert surface.samples <= samples


def test_the_same_decisions_again_and_others_with_another_draw():
    one, two, other = Surface(5.0), Surface(5.0), Surface(5.0)
    assert search(one) == search(two)
    search(other, draw=1)
    assert one.asked == two.asked != other.asked


def test_half_is_drawn_from_everywhere_and_the_rest_are_neighbours_of_the_best():
    surface = Surface(noise=0.0)
    search(surface, samples=20_000)
    drawn, *around = surface.batches
    assert len(drawn) == LADDER.drawn(20_000, len(SPACE))
    assert {one.place[0] for one in drawn} == set(range(SIDES[0]))
    assert len(around) > 3
    top = {place for place, rung in surface.asked if rung == LADDER.rungs[-1]}
    tried = set(drawn)
    for batch in around:
        reached = [one for one in tried if one.place in top]
        leader = min(reached, key=lambda one: surface.value(one.place, LADDER.rungs[-1]))
        left = set(SPACE) - tried - set(batch)
        assert max(map(leader.distance, batch)) <= min(map(leader.distance, left))
        tried |= set(batch)


def test_what_failed_is_not_chosen():
    found = search(Surface(0.0, failing=lambda place: place == OPTIMUM))
    assert found.place != OPTIMUM
    assert search(Surface(0.0, failing=lambda place: True)) is None


def test_more_budget_than_candidates_tries_all_of_them_once():
    surface = Surface(0.0)
    assert search(surface, samples=10**7).place == OPTIMUM
    assert {place for place, _ in surface.asked} == {one.place for one in SPACE}

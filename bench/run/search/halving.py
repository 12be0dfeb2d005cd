"""Successive halving: first over the whole space, then around the best found so far.

Candidates are compared on few samples, and the best third of them on three times as many, and so
on (Karnin et al. 2013; Jamieson and Talwalkar 2016). On one rung all candidates have the same
seeds, and with them the same latents and noise, so that much of the error is common to all and
their order is that of paired differences. Half of the samples go to candidates drawn from the
whole space, which need nothing of the surface; the other half to the untried neighbours of the best
one, nine or so at a time, for as long as they last: the surface is smooth (EDM, Figure 15).

What is measured next depends on what was measured, the declared numbers and the seed alone. A
search that was interrupted takes the same decisions again, and finds its measurements done.
"""

import math
from collections.abc import Callable, Sequence

import numpy as np

from sampler_bench.bench.run.search.ladder import Ladder, Rung, going_on
from sampler_bench.bench.run.search.space import Candidate

Measure = Callable[[Sequence[Candidate], Rung], Sequence[float]]
"""Returns the value of each candidate on a rung: less is better, infinite where it failed."""


def best(
    space: Sequence[Candidate],
    ladder: Ladder,
    samples: int,
    draw: int,
    measure: Measure,
    at_once: bool = False,
) -> list[Candidate]:
    """Return the candidates that came to the top rung unharmed, the best first.

    Args:
        space: All candidates.
        ladder: The rungs.
        samples: How many samples the candidates may cost together, see ``Ladder.samples``.
        draw: Seed of the choice among them.
        measure: What measures them. Asked at most once for any candidate and rung.
        at_once: Compare all of them on one ladder, if they are affordable.
    """
    rng = np.random.default_rng(draw)
    untried = [space[i] for i in rng.permutation(len(space))]
    reached: dict[Candidate, float] = {}  # the top rung
    whole = at_once and ladder.samples(len(untried)) <= samples
    count = len(untried) if whole else ladder.drawn(samples, len(untried))
    while count:
        reached |= _climb(untried[:count], ladder, measure)
        samples -= ladder.samples(count)
        untried = untried[count:]
        leader = min(reached, key=lambda one: (reached[one], one.place))
        untried.sort(key=leader.distance)  # stable: equally near ones stay in their drawn order
        count = ladder.most(samples, min(ladder.few, len(untried)))
    order = sorted(reached, key=lambda one: (reached[one], one.place))
    return [one for one in order if math.isfinite(reached[one])]


def _climb(
    candidates: Sequence[Candidate], ladder: Ladder, measure: Measure
) -> dict[Candidate, float]:
    """Compare candidates from rung to rung; return those of the last one with their values."""
    for place, rung in enumerate(ladder.rungs):
        values = dict(zip(candidates, measure(candidates, rung), strict=True))
        if place < len(ladder.rungs) - 1:
            order = sorted(values, key=lambda one: (values[one], one.place))
            candidates = order[: going_on(len(order))]
    return values

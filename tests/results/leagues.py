"""Made-up leagues, whose truly best samplers are known: is one of them called worse?"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from sampler_bench.results.best import LEVEL, gap, may_be_best, one_sided
from sampler_bench.results.estimate import Estimate

SHARDS = 20
Rule = Callable[[Sequence[Estimate]], list[bool]]

SHAPES: dict[str, Callable[[int], np.ndarray]] = {
    "all equal": lambda k: np.zeros(k),
    "one clearly best": lambda k: np.where(np.arange(k) > 0, 8.0, 0.0),
    "one barely best": lambda k: np.where(np.arange(k) > 0, 0.01, 0.0),
    "ladder of 1/2 SE": lambda k: 0.5 * np.arange(k),
    "ladder of 2 SE": lambda k: 2.0 * np.arange(k),
    "three tied, others near": lambda k: np.where(np.arange(k) > 2, 1.5, 0.0),
    "half tied, half far": lambda k: np.where(np.arange(k) >= (k + 1) // 2, 12.0, 0.0),
}
"""What is true of so many samplers, in standard errors of a paired difference; lower is better."""


@dataclass(frozen=True)
class Shown:
    """What a rule says over many leagues.

    covered  share of the leagues in which no truly best sampler is called worse
    one      the same of one truly best sampler alone, the first
    size     mean number of samplers that cannot be told from the best
    """

    covered: float
    one: float
    size: float


def league(
    truth: np.ndarray, correlation: float, rng: np.random.Generator, skewed: bool, unpaired: bool
) -> list[Estimate]:
    """Draw one: values are means over shards, whose noise the samplers share in part.

    truth        [k], in standard errors of a paired difference
    skewed       whether a shard's noise is log-normal, as distances near zero are, not normal
    unpaired     whether every second sampler was measured on other seeds
    """
    k = len(truth)
    common = rng.standard_normal((2, 1, SHARDS))
    own = rng.standard_normal((k, SHARDS))
    group = np.arange(k) % 2 if unpaired else np.zeros(k, int)
    noise = np.sqrt(correlation) * common[group, 0] + np.sqrt(1 - correlation) * own
    if skewed:
        noise = (np.exp(noise) - np.exp(0.5)) / np.sqrt(np.expm1(1) * np.exp(1))
    unit = np.sqrt(2 * (1 - correlation) / SHARDS)
    shards = 10 + truth[:, None] * unit + noise
    rest = (shards.sum(1, keepdims=True) - shards) / (SHARDS - 1)
    return [
        Estimate.of(float(one.mean()), left, seeds=int(place))
        for one, left, place in zip(shards, rest, group, strict=True)
    ]


def against_the_observed(values: Sequence[Estimate]) -> list[bool]:
    """What one would do first: Holm's steps over tests against the one that looks best."""
    top = min(range(len(values)), key=lambda i: values[i].value)
    p = {i: one_sided(gap(one, values[top])) for i, one in enumerate(values) if i != top}
    may = [True] * len(values)
    for left, i in zip(range(len(p), 0, -1), sorted(p, key=p.__getitem__), strict=True):
        if p[i] * left > LEVEL:
            break
        may[i] = False
    return may


def shown(
    shape: str,
    k: int,
    correlation: float,
    count: int,
    seed: int = 0,
    skewed: bool = False,
    unpaired: bool = False,
    rule: Rule = may_be_best,
) -> Shown:
    """Draw so many leagues, and count."""
    truth = SHAPES[shape](k)
    best = truth == truth.min()
    rng = np.random.default_rng([seed, k, list(SHAPES).index(shape), round(100 * correlation)])
    found = np.array(
        [rule(league(truth, correlation, rng, skewed, unpaired)) for _ in range(count)]
    )
    covered = found[:, best]
    return Shown(covered.all(1).mean(), covered[:, 0].mean(), found.sum(1).mean())

"""FID of infinitely many samples and its error, on perfect draws and where the truth is known.

    python -m tests.soak.fid_infinity            # 200 seed sets of 500 samples: minutes
    python -m tests.soak.fid_infinity 60 200     # 60 sets of 200

Samplers are made of draws: a perfect one of the 2,000 images of ``exact-fashion`` draws from all of
them; another from those in which one feature is large alone, so that its distance is known, from
the moments of that subset. Printed for each: the truth, the mean over sets with its error, the mean
error as a share of the standard deviation over sets, and how often the truth is within 2 errors;
the errors are those of pseudo-values, of pseudo-values of left-out values (190 pairs), and ours.
"""

import sys

import numpy as np

from sampler_bench import models
from sampler_bench.bench.features.extractors import build_extractor
from sampler_bench.bench.features.frechet import Reference, jackknife, without_pairs
from sampler_bench.bench.features.infinity import infinity
from sampler_bench.bench.features.moments import Moments
from sampler_bench.results.estimate import Estimate

G = 20


def truth(pool: np.ndarray, reference: Reference) -> float:
    """Return the distance of draws from a pool, of infinitely many."""
    mean, covariance = pool.mean(0), np.cov(pool, rowvar=False, bias=True)
    roots = np.sqrt(
        np.clip(np.linalg.eigvalsh(reference.root @ covariance @ reference.root), 0, None)
    )
    shift = mean - reference.mu
    return float(shift @ shift + np.trace(covariance) + np.trace(reference.sigma) - 2 * roots.sum())


def drawn(pool: np.ndarray, samples: int, rng: np.random.Generator) -> list[Moments]:
    """Return the shards of draws."""
    chosen = pool[rng.integers(len(pool), size=samples)]
    return [Moments.from_features(part) for part in np.array_split(chosen, G)]


def errors(shards: list[Moments], reference: Reference) -> tuple[float, float, float, float]:
    """Return the value, and its error by pseudo-values, by 190 pairs and by ours."""
    value, ours = infinity(shards, reference)
    _, one = jackknife(shards, reference)
    two = without_pairs(shards, reference)
    each = (G - 1) * np.array(one) - (G - 2) * two.sum(1) / (G - 1)
    return value, Estimate.of(0, one).se, Estimate.of(0, each).se, Estimate.of(0, ours).se


def main(sets: int = 200, samples: int = 500) -> int:
    """Print the table; return 1 if ours is off by more than a quarter, or the mean by 2 errors."""
    images = models.load("exact-fashion").card.data.images()
    features = build_extractor("fashion")(images).numpy()
    reference = Reference.from_moments(Moments.from_features(features), "all", "")
    pools = {
        "perfect": features,
        "every other hundred": features[np.arange(len(features)) // 100 % 2 == 0],
        "one feature large": features[features[:, 0] > np.quantile(features[:, 0], 0.3)],
    }
    wrong = 0
    for seed, (name, pool) in enumerate(pools.items()):
        rng, true = np.random.default_rng(seed), truth(pool, reference)
        found = np.array([errors(drawn(pool, samples, rng), reference) for _ in range(sets)])
        value, spread = found[:, 0], found[:, 0].std(ddof=1)
        off = (value.mean() - true) / (spread / sets**0.5)
        ratios = found[:, 1:].mean(0) / spread
        within = (np.abs(value - true) <= 2 * found[:, 3]).mean()
        print(
            f"{name}: true {true:.4f}, mean {value.mean():.4f} ± {spread / sets**0.5:.4f} "
            f"({off:+.1f} SE); SE/SD: pseudo-values {ratios[0]:.2f}, pairs {ratios[1]:.2f}, "
            f"ours {ratios[2]:.2f}; within 2 SE {within:.0%}",
            flush=True,
        )
        wrong += not (0.8 <= ratios[2] <= 1.25 and abs(off) <= 2)
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))

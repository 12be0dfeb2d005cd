"""The distance of infinitely many samples: no bias where one of N samples has one; its error."""

import numpy as np
import pytest

from sampler_bench.bench.features.frechet import Reference, frechet, jackknife, without_pairs
from sampler_bench.bench.features.infinity import infinity
from sampler_bench.bench.features.moments import Moments
from sampler_bench.results.estimate import Estimate

D, G, SAMPLES, SETS = 6, 20, 200, 40
SCALES = np.linspace(0.3, 1.5, D)
REFERENCE = Reference(np.zeros(D), np.diag(SCALES**2), None, "exact", "d")


def shards(shift, rng, samples=SAMPLES):
    """Return the shards of draws of a Gaussian that is the reference's, moved."""
    drawn = rng.standard_normal((samples, D)) * SCALES + shift
    return [Moments.from_features(part) for part in np.array_split(drawn, G)]


def test_pairs_are_left_out_as_they_are_recomputed():
    parts = shards(0.1, np.random.default_rng(0))
    found = without_pairs(parts, REFERENCE)
    spread = Estimate.of(0, jackknife(parts, REFERENCE)[1]).se
    for i, j in ((0, 1), (3, 17), (19, 5)):
        rest = [part for k, part in enumerate(parts) if k not in (i, j)]
        exact = frechet(sum(rest[1:], rest[0]), REFERENCE)
        assert found[i, j] == found[j, i] == pytest.approx(exact, abs=0.01 * spread)


@pytest.fixture(scope="module", params=[0.0, 0.6])
def found(request):
    """Return the truth, D·shift², 0 of a perfect sampler; and per set value, error, jackknife's."""
    shift, rng, rows = request.param, np.random.default_rng(0), []
    for _ in range(SETS):
        parts = shards(shift, rng)
        value, loo = infinity(parts, REFERENCE)
        rows.append(
            (value, Estimate.of(value, loo).se, Estimate.of(*jackknife(parts, REFERENCE)).se)
        )
    return D * shift**2, *np.array(rows).T


def test_it_has_no_bias_and_its_error_is_right(found):
    truth, values, errors, _ = found
    spread = values.std(ddof=1)
    assert abs(values.mean() - truth) <= 2 * spread / SETS**0.5
    assert 0.8 <= errors.mean() / spread <= 1.25
    assert (values.min() > 0) == (truth > 0)  # a true 0 is missed on both sides


def test_a_jackknife_overstates_it_at_a_perfect_sampler_alone(found):
    truth, _, errors, plain = found
    assert (errors.mean() < 0.95 * plain.mean()) == (truth == 0)


@pytest.mark.parametrize("shift", [0.0, 0.6])
def test_its_error_is_of_linear_parts_and_pairs(shift):
    """L + Q, in the words of the docstring, each sum written out."""
    parts = shards(shift, np.random.default_rng(5))
    value, one = jackknife(parts, REFERENCE)
    two = without_pairs(parts, REFERENCE)
    pairs = [
        G * value - (G - 1) * (one[i] + one[j]) + (G - 2) * two[i, j]
        for i in range(G)
        for j in range(i + 1, G)
    ]
    q = sum((pair - np.mean(pairs)) ** 2 for pair in pairs) / (G * (G - 1))
    linear = max(Estimate.of(value, one).se ** 2 - 2 * q, 0)
    assert Estimate.of(*infinity(parts, REFERENCE)).se == pytest.approx((linear + q) ** 0.5)


def test_left_out_values_have_its_error_about_its_value():
    value, loo = infinity(shards(0.6, np.random.default_rng(3)), REFERENCE)
    assert np.mean(loo) == pytest.approx(value) and len(loo) == G
    with pytest.raises(ValueError, match="needs 3 shards, got 2"):
        infinity(shards(0.6, np.random.default_rng(3))[:2], REFERENCE)

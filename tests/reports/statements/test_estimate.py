"""What several differences show together."""

from sampler_bench.reports.statements.estimate import among, lowest
from sampler_bench.results.estimate import LEVEL, Estimate


def test_the_best_of_many_must_be_surer():
    assert LEVEL < among(1) < among(10) < among(100)
    one = Estimate.of(-0.05, se=0.02)
    none = Estimate.of(0.0, se=0.02)
    assert lowest([one]) == (0, "lower")
    assert lowest([none, one, *[none] * 100]) == (1, "unclear")

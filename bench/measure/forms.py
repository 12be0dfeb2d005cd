"""What metrics and profiles may be in a file of one's own, or in another package."""

from sampler_bench.kit.forms import Forms

OF_FEATURES, OF_SHARDS = "a distance", "a function of shards"
METRIC = Forms(
    row="sampler_bench.bench.measure.own:metric",
    functions={OF_FEATURES: ("features", "reference"), OF_SHARDS: ("shards", "source")},
    keywords=False,
)
MEASUREMENT = Forms(row="sampler_bench.bench.measure.own:measurement", bases=("Measurement",))
PROFILE = Forms(row="sampler_bench.bench.measure.own:profile", bases=("Probe",))

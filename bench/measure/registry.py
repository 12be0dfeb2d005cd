"""What is measured, by name. Each row is imported when it is first used."""

from typing import TYPE_CHECKING

from sampler_bench.bench.measure import forms
from sampler_bench.kit.registry import Registry
from sampler_bench.results.metric import shipped_of

if TYPE_CHECKING:
    from sampler_bench.bench.measure.measurement import Measurement
    from sampler_bench.bench.measure.metrics import Measure
    from sampler_bench.bench.measure.profiles.probe import Probe

METRICS: Registry["Measure"] = Registry(
    "metric",
    shipped_of("samples", "trajectory"),
    wrap="sampler_bench.bench.measure.metrics:Measure",
    group="metrics",
    forms=forms.METRIC,
)
"""Of a sampler's results; what is said of those that ship stands in results/metric.py."""

PROBES: Registry[type["Probe"]] = Registry(
    "profile metric", shipped_of("levels"), group="profiles", forms=forms.PROFILE
)
"""Quantities over σ."""

MEASUREMENTS: Registry[type["Measurement"]] = Registry(
    "measurement", {}, group="measurements", forms=forms.MEASUREMENT
)
"""Kinds besides samples and profiles; none ship."""

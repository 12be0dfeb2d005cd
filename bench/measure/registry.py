"""What is measured, by name. Each row is imported when it is first used."""

from typing import TYPE_CHECKING

from sampler_bench.kit.registry import Registry

if TYPE_CHECKING:
    from sampler_bench.bench.measure.metrics import Measure
    from sampler_bench.bench.measure.profiles.probe import Probe

METRICS: Registry["Measure"] = Registry(
    "metric",
    {
        "fid": "sampler_bench.bench.measure.metrics:fid",
        "kid": "sampler_bench.bench.measure.metrics:kid",
        "precision": "sampler_bench.bench.measure.metrics:precision",
        "recall": "sampler_bench.bench.measure.metrics:recall",
        "truncation-error": "sampler_bench.bench.measure.metrics:truncation_error",
    },
    wrap="sampler_bench.bench.measure.metrics:Measure",
)
"""Of a sampler's results; records know them by name (results/cell.py)."""

PROBES: Registry[type["Probe"]] = Registry(
    "profile metric",
    {
        "local-error": "sampler_bench.bench.measure.profiles.local_error:LocalError",
        "curvature": "sampler_bench.bench.measure.profiles.curvature:Curvature",
        "denoising-loss": "sampler_bench.bench.measure.profiles.denoising_loss:DenoisingLoss",
    },
)
"""Quantities over σ; records know them by name, too."""

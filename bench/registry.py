"""What is measured, by name. Each row is imported when it is first used."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from sampler_bench.kit.registry import Registry

if TYPE_CHECKING:
    from sampler_bench.bench.measures import Measure
    from sampler_bench.bench.metrics.extractors import Extractor
    from sampler_bench.bench.profiles.probe import Probe

METRICS: Registry["Measure"] = Registry(
    "metric",
    {
        "fid": "sampler_bench.bench.measures:fid",
        "kid": "sampler_bench.bench.measures:kid",
        "precision": "sampler_bench.bench.measures:precision",
        "recall": "sampler_bench.bench.measures:recall",
        "truncation-error": "sampler_bench.bench.measures:truncation_error",
    },
    wrap="sampler_bench.bench.measures:Measure",
)
"""Of a sampler's results; records know them by name (results/cell.py)."""

PROBES: Registry[type["Probe"]] = Registry(
    "profile metric",
    {
        "local-error": "sampler_bench.bench.profiles.local_error:LocalError",
        "curvature": "sampler_bench.bench.profiles.curvature:Curvature",
        "denoising-loss": "sampler_bench.bench.profiles.denoising_loss:DenoisingLoss",
    },
)
"""Quantities over σ; records know them by name, too."""

EXTRACTORS: Registry[Callable[[str, Path | None], "Extractor"]] = Registry(
    "extractor",
    {
        "inception": "sampler_bench.bench.metrics.extractors:inception",
        "fashion": "sampler_bench.bench.metrics.extractors:fashion",
        "pixels": "sampler_bench.bench.metrics.extractors:pixels",
    },
    group="extractors",
)
"""Functions of a device and of a weights file, which ``None`` leaves to them."""

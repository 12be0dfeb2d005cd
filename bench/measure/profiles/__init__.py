"""Quantities over the noise level, by the names of their metrics."""

from typing import TYPE_CHECKING

from sampler_bench.bench.measure.registry import PROBES
from sampler_bench.kit.lazy import lazily

if TYPE_CHECKING:
    from sampler_bench.bench.measure.profiles.probe import Probe

__getattr__, __dir__ = lazily(__name__, {"probe": ("Probe",)})

__all__ = ["PROBES", "Probe"]

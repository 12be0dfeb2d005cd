"""Quantities over the noise level, by the names of their metrics."""

from sampler_bench.bench.profiles.curvature import Curvature
from sampler_bench.bench.profiles.denoising_loss import DenoisingLoss
from sampler_bench.bench.profiles.local_error import LocalError
from sampler_bench.bench.profiles.probe import Probe

PROBES: dict[str, type[Probe]] = {
    probe.metric: probe for probe in (LocalError, Curvature, DenoisingLoss)
}

__all__ = ["PROBES", "Probe"]

"""Quantities over the noise level, by the names of their metrics."""

from bench.profiles.curvature import Curvature
from bench.profiles.denoising_loss import DenoisingLoss
from bench.profiles.local_error import LocalError
from bench.profiles.probe import Probe

PROBES: dict[str, type[Probe]] = {
    probe.metric: probe for probe in (LocalError, Curvature, DenoisingLoss)
}

__all__ = ["PROBES", "Probe"]

"""Anything that can become D(x; σ): exact models, published checkpoints, files of one's own.

denoiser = models.Counted(models.load("exact-fashion"))
"""

from typing import TYPE_CHECKING

from sampler_bench.kit.lazy import lazily
from sampler_bench.models.registry import MODELS

if TYPE_CHECKING:
    from sampler_bench.models.card import Card, Data
    from sampler_bench.models.counted import Counted
    from sampler_bench.models.exact import GaussianMixture, IdealDenoiser
    from sampler_bench.models.labels import Guided, Labelled
    from sampler_bench.models.loading import described, load
    from sampler_bench.models.model import Model, Wrapped
    from sampler_bench.models.network import Execution, NetworkDenoiser

# Not imported before they are used: names of models need no PyTorch.
__getattr__, __dir__ = lazily(
    __name__,
    {
        "card": ("Card", "Data"),
        "counted": ("Counted",),
        "exact": ("GaussianMixture", "IdealDenoiser"),
        "labels": ("Guided", "Labelled"),
        "loading": ("described", "load"),
        "model": ("Model", "Wrapped"),
        "network": ("Execution", "NetworkDenoiser"),
    },
)

__all__ = [
    "MODELS",
    "Card",
    "Counted",
    "Data",
    "Execution",
    "GaussianMixture",
    "Guided",
    "IdealDenoiser",
    "Labelled",
    "Model",
    "NetworkDenoiser",
    "Wrapped",
    "described",
    "load",
]

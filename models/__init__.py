"""Anything that can become D(x; σ): exact models, published checkpoints, files of one's own.

denoiser = models.Counted(models.load("exact-fashion"))
"""

from sampler_bench.models.counted import Counted
from sampler_bench.models.exact import GaussianMixture, IdealDenoiser
from sampler_bench.models.loading import MODELS, described, load
from sampler_bench.models.network import Execution, NetworkDenoiser

__all__ = [
    "MODELS",
    "Counted",
    "Execution",
    "GaussianMixture",
    "IdealDenoiser",
    "NetworkDenoiser",
    "described",
    "load",
]

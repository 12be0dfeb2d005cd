"""Anything that can become D(x; σ): exact models, published checkpoints, files of one's own.

denoiser = models.Counted(models.load("exact-fashion"))
"""

from models.counted import Counted
from models.exact import GaussianMixture, IdealDenoiser
from models.loading import MODELS, described, load
from models.network import Execution, NetworkDenoiser

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

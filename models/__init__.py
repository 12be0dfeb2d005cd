"""Anything that can become D(x; σ): exact models now, pretrained and trained ones by the same door.

denoiser = models.Counted(models.load("exact-fashion"))
"""

from collections.abc import Callable
from typing import Any

import torch

from models.counted import Counted
from models.exact import GaussianMixture, IdealDenoiser
from models.zoo.exact import exact_fashion, exact_mixture_8x8, exact_mixture_moons
from solvers.lookup import lookup

MODELS: dict[str, Callable[..., Any]] = {
    "exact-fashion": exact_fashion,
    "exact-mixture-8x8": exact_mixture_8x8,
    "exact-mixture-moons": exact_mixture_moons,
}


def load(spec: str, device: str | torch.device = "cpu") -> Any:
    """Return the model named ``spec`` as a :class:`~solvers.denoiser.Denoiser` on ``device``.

    Besides the protocol it has ``digest``, a hash of what it is made of.

    Raises:
        ValueError: If there is no such model; the message names the nearest one.
    """
    return lookup(MODELS, spec, "model")(device)


__all__ = ["MODELS", "Counted", "GaussianMixture", "IdealDenoiser", "load"]

"""The loss over σ, before and after training (EDM, Eq. 2 and 8; Figure 5a)."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from sampler_bench.bench.measure.profiles.probe import Drawn, Probe, over_log_sigma
from sampler_bench.kit.names import lookup
from sampler_bench.kit.parameters import Positive
from sampler_bench.models.model import Model
from sampler_bench.models.training.loss import EDM, denoising_loss
from sampler_bench.models.untrained import untrained
from sampler_bench.solvers import Denoiser
from sampler_bench.solvers.declared import Declared

WEIGHTS: Mapping[str, str] = {
    "trained": "the weights the model has",
    "initial": "those it was, or could have been, trained from",
}
SEED = 0
"""Of initial weights."""


@dataclass(frozen=True)
class DenoisingLoss(Probe):
    """Loss over σ, with EDM's weight, before or after training.

    λ(σ)·‖D(y + σn; σ) − y‖²/dim with EDM's λ, the same n at every σ. Every network is measured
    with EDM's λ and p_train, whatever it was trained with, so that lines can be compared.
    With EDM's preconditioning initial weights give 1 at every σ, if the data's mean square is
    σ_data² (B.6); D = 0 gives (σ² + σ_data²)/σ² of that.

    Attributes:
        weights: ``"trained"`` or ``"initial"``.
        sigma_data: σ_data of λ.
        P_mean, P_std: ln σ ~ N(P_mean, P_std²) in training: the mean loss is that over it.

    Raises:
        ValueError: If a value is not possible.
    """

    weights: str = "trained"
    sigma_data: Positive = 0.5
    P_mean: float = -1.2
    P_std: Positive = 1.2

    metric: ClassVar[str] = "denoising-loss"
    needs_data: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        lookup(WEIGHTS, self.weights, "weights")

    def check(self, model: Model) -> None:
        """Raise ValueError, one line, if it cannot be measured with this model."""
        super().check(model)
        if self.weights == "initial" and model.card.network is None:
            raise ValueError(
                'weights = "initial" needs a network: an exact denoiser has no weights'
            )

    def declared(self, model: Model) -> Declared:
        """Return every number and name that decides the result: see :class:`Declared`."""
        return self.told(**({"weights_seed": SEED} if self.weights == "initial" else {}))

    def evaluations(self, model: Model) -> int:
        """Return the denoiser evaluations per sample."""
        return len(self.levels)

    def model(self, model: Model) -> Model:
        """Return the model, or one of its architecture with initial weights."""
        network = model.card.network
        return untrained(network, SEED) if network and self.weights == "initial" else model

    def __call__(self, denoiser: Denoiser, drawn: Drawn) -> Tensor:
        """Return the loss of each sample at each level, float64 [n, L]."""
        clean, noise = drawn.data, drawn.latents.double()
        losses = [
            denoising_loss(denoiser, clean, level.expand(len(clean)), noise, EDM(self.sigma_data))
            for level in self.at(denoiser).to(clean.device)
        ]
        return torch.stack([loss.flatten(1).double().mean(1) for loss in losses], 1)

    def summary(self, mean: np.ndarray) -> float:
        """Return the mean over training's noise levels, ln σ ~ N(P_mean, P_std²)."""
        z = (np.log(self.levels) - self.P_mean) / self.P_std
        density = np.exp(-0.5 * z**2) / (self.P_std * math.sqrt(2 * math.pi))
        return float(over_log_sigma(self.levels, density) @ mean)

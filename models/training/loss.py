"""What is minimised: E λ(σ)·‖D(y + σn; σ) − y‖² (EDM, Eq. 2 and 8; Table 1)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

from sampler_bench.kit.parameters import Positive, check_fields


class Weighting(Protocol):
    """λ(σ)."""

    def weight(self, sigma: Tensor) -> Tensor:
        """Return λ(σ), shaped like ``sigma`` and in its dtype."""
        ...


@dataclass(frozen=True)
class Inverse:
    """λ = 1/σ²: the error of the predicted noise (VP, VE and iDDPM's simple loss)."""

    def weight(self, sigma: Tensor) -> Tensor:
        """Return λ(σ), shaped like ``sigma`` and in its dtype."""
        return 1 / sigma**2


@dataclass(frozen=True)
class EDM:
    """λ = (σ² + σ_data²)/(σ·σ_data)² = 1/c_out²: the same loss at every σ to begin with.

    Attributes:
        sigma_data: Standard deviation of the data.

    Raises:
        ValueError: If it is not positive.
    """

    sigma_data: Positive = 0.5

    def __post_init__(self) -> None:
        check_fields(self, "loss edm: ")

    def weight(self, sigma: Tensor) -> Tensor:
        """Return λ(σ), shaped like ``sigma`` and in its dtype."""
        return (sigma**2 + self.sigma_data**2) / (sigma * self.sigma_data) ** 2


WEIGHTINGS: dict[str, Any] = {"inverse": Inverse, "edm": EDM}


def denoising_loss(
    denoiser: Callable[..., Tensor],
    images: Tensor,
    sigma: Tensor,
    noise: Tensor,
    weighting: Weighting,
    labels: Tensor | None = None,
    augment_labels: Tensor | None = None,
) -> Tensor:
    """Return λ(σ)·(D(y + σn; σ) − y)², element by element: [B, *shape].

    Args:
        denoiser: D(x, σ), or D(x, σ, labels=…, augment_labels=…) where these are given.
        images: Clean images y [B, *shape], in [−1, 1].
        sigma: Noise levels [B].
        noise: n [B, *shape], of **unit** variance; it is multiplied by σ here.
        weighting: λ.
        labels: Classes.
        augment_labels: What was done to the images.
    """
    given = {"labels": labels, "augment_labels": augment_labels}
    conditions = {name: value for name, value in given.items() if value is not None}
    level = sigma.reshape(-1, *[1] * (images.ndim - 1))
    denoised = denoiser(images + level * noise, sigma, **conditions)
    return weighting.weight(level) * (denoised - images) ** 2


@torch.no_grad()
def loss_over_sigma(
    denoiser: Callable[..., Tensor],
    images: Tensor,
    sigmas: Sequence[float],
    seed: int,
    weighting: Weighting,
    batch: int = 256,
    labels: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Return the loss per dimension at each σ: mean and standard deviation over images, [k] each.

    What Figure 5a shows. The same noise is used at every σ and, for the same seed, by every
    denoiser, so that curves can be compared closely. The denoiser is evaluated as it is: networks
    should be in evaluation mode.

    Args:
        denoiser: D(x, σ).
        images: Clean images [N, *shape], in [−1, 1].
        sigmas: k noise levels.
        seed: Of the noise.
        weighting: λ.
        batch: How many images are denoised at once.
        labels: The images' classes [N], if the denoiser is to be told.
    """
    generator = torch.Generator().manual_seed(seed)
    noise = torch.randn(images.shape, generator=generator, dtype=images.dtype).to(images.device)
    classes = [None] * len(images.split(batch)) if labels is None else labels.split(batch)
    parts = list(zip(images.split(batch), noise.split(batch), classes, strict=True))

    def at(sigma: float) -> Tensor:
        """Return the loss of each image, float64 [N]."""
        losses = [
            denoising_loss(denoiser, y, y.new_full((len(y),), sigma), n, weighting, label)
            for y, n, label in parts
        ]
        return torch.cat([loss.flatten(1).double().mean(1) for loss in losses])

    per_image = torch.stack([at(sigma) for sigma in sigmas]).cpu()
    return per_image.mean(1), per_image.std(1)

"""The one thing a sampler needs to know of a model."""

from typing import Protocol

from torch import Tensor


class Denoiser(Protocol):
    """D(x; σ), the least-squares estimate of clean data from x = y + σn (EDM, Eq. 2–3).

    Class labels and guidance are bound by wrapping before sampling, so no solver knows of them.

    Attributes:
        shape: Shape of one sample, without the batch, e.g. ``(3, 32, 32)``.
        sigma_min: Lowest noise level the model supports; 0 if any positive level will do.
        sigma_max: Highest noise level the model supports; ``inf`` if any will do.
    """

    @property
    def shape(self) -> tuple[int, ...]: ...  # noqa: D102
    @property
    def sigma_min(self) -> float: ...  # noqa: D102
    @property
    def sigma_max(self) -> float: ...  # noqa: D102

    def __call__(self, x: Tensor, sigma: Tensor, /) -> Tensor:
        """Denoise ``x`` [B, *shape] at noise level ``sigma`` > 0 (0-d, or [B]: one per sample)."""
        ...

    def round_sigma(self, sigma: Tensor) -> Tensor:
        """Return the supported noise level nearest to each ``sigma``: the identity for most."""
        ...

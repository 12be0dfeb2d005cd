"""The one thing a sampler needs to know of a model, and what a model may say besides."""

from typing import Any, Protocol

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


class FromNoise(Denoiser, Protocol):
    """A denoiser that has an answer at σ = ∞, too: flow time t = 1, where there is noise alone.

    It is called there with ``x`` the noise n itself, a standard normal, and an infinite ``sigma``.
    What D is then decides a flow's first step; where data and noise are independent it is the mean
    of the data, whatever n.

    Attributes:
        from_noise: ``True``.
    """

    @property
    def from_noise(self) -> bool: ...  # noqa: D102


def answers_noise(denoiser: Denoiser) -> bool:
    """Return whether a denoiser, or what it wraps, is a :class:`FromNoise`."""
    return bool(_told(denoiser, "from_noise"))


def own_levels(denoiser: Denoiser) -> tuple[float, ...] | None:
    """Return the noise levels above 0 that a model was trained at, the highest first.

    They are its attribute ``own_levels``, a tensor or a sequence; ``None``, as where there is no
    such attribute, is for a model trained at all levels of its range.
    """
    levels = _told(denoiser, "own_levels")
    if isinstance(levels, Tensor):
        levels = levels.tolist()  # item by item it takes a hundred times as long
    return None if levels is None else tuple(float(level) for level in levels)


def _told(denoiser: Any, name: str) -> Any:
    """Return what a model says under a name, whatever wraps it; ``None`` if it says nothing.

    A wrapper keeps what it wraps as ``denoiser``. This is the one place where that is looked up.
    """
    while denoiser is not None:
        if hasattr(denoiser, name):
            return getattr(denoiser, name)
        denoiser = getattr(denoiser, "denoiser", None)
    return None

"""What a sampler may ask of a model: three numbers and D(x; σ) of any, and more of some."""

from abc import ABC, abstractmethod
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


class Complete(ABC):
    """A :class:`Denoiser` that answers everything a sampler may ask: :func:`complete` makes one.

    All of it is abstract: what wraps a model and forgets to pass one answer on cannot be made.
    """

    @property
    @abstractmethod
    def shape(self) -> tuple[int, ...]:
        """Shape of one sample, without the batch."""

    @property
    @abstractmethod
    def sigma_min(self) -> float:
        """Lowest supported noise level; 0 if any positive level will do."""

    @property
    @abstractmethod
    def sigma_max(self) -> float:
        """Highest supported noise level; ``inf`` if any will do."""

    @property
    @abstractmethod
    def from_noise(self) -> bool:
        """Whether it has an answer at σ = ∞, too: flow time t = 1, where there is noise alone.

        It is called there with ``x`` the noise n itself, a standard normal, and an infinite
        ``sigma``. What D is then decides a flow's first step; where data and noise are independent
        it is the mean of the data, whatever n.
        """

    @property
    @abstractmethod
    def own_levels(self) -> tuple[float, ...] | None:
        """The noise levels above 0 it was trained at, the highest first; ``None`` if at any."""

    @abstractmethod
    def __call__(self, x: Tensor, sigma: Tensor, /) -> Tensor:
        """Denoise ``x`` [B, *shape] at noise level ``sigma`` > 0 (0-d, or [B]: one per sample)."""

    @abstractmethod
    def round_sigma(self, sigma: Tensor) -> Tensor:
        """Return the supported noise level nearest to each ``sigma``."""

    @abstractmethod
    def begin(self, samples: int) -> None:
        """Note that ``samples`` more samples are about to be made.

        A solver may evaluate a part of the batch at a time, so a counter cannot tell from calls.
        """

    @abstractmethod
    def only(self, rows: Tensor) -> Denoiser:
        """Return it for some samples of the batch that was begun, with what is bound to them.

        Args:
            rows: Their indices, int64 [b].
        """

    @abstractmethod
    def with_variance(self) -> Denoiser:
        """Return it with D(x; σ) in the first half of the results' channels and v after.

        v is what iDDPM's networks learned: (v + 1)/2 interpolates between the logarithms of the
        least and the greatest variance of a step.

        Raises:
            ValueError: If its network has not learned a variance.
        """


class Plain(Complete):
    """A denoiser that wraps no other; what it does not say itself is the weakest claim."""

    from_noise: bool = False
    own_levels: tuple[float, ...] | None = None

    def round_sigma(self, sigma: Tensor) -> Tensor:
        """Return ``sigma`` unchanged: any level within the range will do."""
        return sigma

    def begin(self, samples: int) -> None:
        """Do nothing: it does not count."""

    def only(self, rows: Tensor) -> Denoiser:
        """Return it as it is: nothing is bound to samples."""
        return self

    def with_variance(self) -> Denoiser:
        """Raise ValueError: it has learned none."""
        raise ValueError(
            "the model has not learned a variance: use variance = 'small' or variance = 'large'"
        )


class Adapted(Plain):
    """Any denoiser, as a :class:`Complete`: it may have attributes of the same names, and need not.

    Where it has not and keeps another as ``denoiser``, ``from_noise`` and ``own_levels`` are that
    one's.

    Args:
        denoiser: The denoiser.
    """

    def __init__(self, denoiser: Any) -> None:
        self.denoiser = denoiser

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one sample."""
        return self.denoiser.shape

    @property
    def sigma_min(self) -> float:
        """Lowest supported noise level."""
        return self.denoiser.sigma_min

    @property
    def sigma_max(self) -> float:
        """Highest supported noise level."""
        return self.denoiser.sigma_max

    @property
    def from_noise(self) -> bool:  # type: ignore[override]  # nobody sets Plain's
        """Whether it, or what it wraps, says so."""
        return bool(_said(self.denoiser, "from_noise"))

    @property
    def own_levels(self) -> tuple[float, ...] | None:  # type: ignore[override]
        """Those it says, a tensor or a sequence, as numbers."""
        levels = _said(self.denoiser, "own_levels")
        if isinstance(levels, Tensor):
            levels = levels.tolist()  # item by item it takes a hundred times as long
        return None if levels is None else tuple(float(level) for level in levels)

    def __call__(self, x: Tensor, sigma: Tensor, /, *labels: Tensor | None) -> Tensor:
        """Denoise, with labels if it takes them."""
        return self.denoiser(x, sigma, *labels)

    def round_sigma(self, sigma: Tensor) -> Tensor:
        """Return the supported noise level nearest to each ``sigma``."""
        return self.denoiser.round_sigma(sigma)

    def begin(self, samples: int) -> None:
        """Tell it, if it counts."""
        if hasattr(self.denoiser, "begin"):
            self.denoiser.begin(samples)

    def only(self, rows: Tensor) -> Denoiser:
        """Return it for some samples, if it tells them apart."""
        return self.denoiser.only(rows) if hasattr(self.denoiser, "only") else self

    def with_variance(self) -> Denoiser:
        """Return it with the variance it learned; ValueError if there is none."""
        if hasattr(self.denoiser, "with_variance"):
            return self.denoiser.with_variance()
        return super().with_variance()


def complete(denoiser: Denoiser) -> Complete:
    """Return a denoiser as one that answers everything: itself, if it does."""
    return denoiser if isinstance(denoiser, Complete) else Adapted(denoiser)


def _said(denoiser: Any, name: str) -> Any:
    """Return what a denoiser, or one that it keeps as ``denoiser``, says; ``None`` if nothing."""
    while denoiser is not None:
        if hasattr(denoiser, name):
            return getattr(denoiser, name)
        denoiser = getattr(denoiser, "denoiser", None)
    return None

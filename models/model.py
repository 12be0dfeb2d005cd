"""A model: D(x; σ) and its card; and the one base of everything that wraps one."""

import copy
from abc import abstractmethod
from typing import Self

from torch import Tensor

from sampler_bench.models.card import Card, card_of
from sampler_bench.solvers.denoiser import Adapted, Complete, Denoiser


class Model(Complete):
    """A denoiser that answers whatever a sampler asks, and has a card.

    A new kind of model inherits ``Plain`` (``solvers.denoiser``), too, and says what it is; any
    other denoiser becomes one by :func:`model_of`.
    """

    @property
    @abstractmethod
    def card(self) -> Card:
        """What it is, apart from D(x; σ)."""


class Given(Adapted, Model):
    """Any denoiser as a model: what it does not say is the weakest claim, or the card's default."""

    @property
    def card(self) -> Card:
        """What its attributes say."""
        return card_of(self.denoiser)


class Wrapped(Model):
    """A model around another, of which everything is the inner one's but what a subclass changes.

    Args:
        denoiser: What is wrapped.

    Attributes:
        denoiser: The same, as a model.
    """

    def __init__(self, denoiser: Denoiser) -> None:
        self.denoiser = model_of(denoiser)

    @property
    def card(self) -> Card:
        """The inner model's."""
        return self.denoiser.card

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
    def from_noise(self) -> bool:
        """Whether it has an answer at σ = ∞."""
        return self.denoiser.from_noise

    @property
    def own_levels(self) -> tuple[float, ...] | None:
        """The noise levels above 0 it was trained at, the highest first; ``None`` if at any."""
        return self.denoiser.own_levels

    def __call__(self, x: Tensor, sigma: Tensor, /, *labels: Tensor | None) -> Tensor:
        """Denoise, with labels if there are any."""
        return self.denoiser(x, sigma, *labels)

    def round_sigma(self, sigma: Tensor) -> Tensor:
        """Return the supported noise level nearest to each ``sigma``."""
        return self.denoiser.round_sigma(sigma)

    def begin(self, samples: int) -> None:
        """Tell the inner model how many samples are about to be made."""
        self.denoiser.begin(samples)

    def only(self, rows: Tensor) -> Model:
        """Return the same around the inner model for some samples of the batch."""
        return self.around(self.denoiser.only(rows))

    def with_variance(self) -> Model:
        """Return the same around the inner model with the variance it learned.

        Raises:
            ValueError: If it has learned none.
        """
        return self.around(self.denoiser.with_variance())

    def around(self, denoiser: Denoiser) -> Self:
        """Return the same around another denoiser."""
        made = copy.copy(self)
        made.denoiser = model_of(denoiser)
        return made


def model_of(denoiser: Denoiser) -> Model:
    """Return any denoiser as a model: itself, if it is one; else with the card of what it says."""
    return denoiser if isinstance(denoiser, Model) else Given(denoiser)

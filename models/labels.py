"""Class labels and guidance, bound to a denoiser before sampling: no solver knows of them."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from sampler_bench.models.model import Model, Wrapped, model_of
from sampler_bench.solvers.denoiser import Denoiser


@dataclass(frozen=True)
class Condition:
    """What a class-conditional model is asked for.

    Attributes:
        label: The class of every sample; ``None`` draws each sample's uniformly, from its own seed.
        guidance: w of classifier-free guidance; ``None`` for none.

    Raises:
        ValueError: If the model has no classes, or not this one.
    """

    label: int | None = None
    guidance: float | None = None

    def check(self, classes: int) -> None:
        """Raise ValueError if a model with so many classes (0: unconditional) cannot be asked."""
        if not classes and self != Condition():
            raise ValueError("class_label and guidance need a class-conditional model")
        if self.label is not None and not 0 <= self.label < classes:
            raise ValueError(
                f"class_label = {self.label}: the model's classes are 0 to {classes - 1}"
            )

    def declared(self, classes: int) -> dict[str, str | int | float]:
        """Return what a cell's key says of it; nothing for unconditional models."""
        if not classes:
            return {}
        label = "uniform" if self.label is None else self.label
        guidance = {} if self.guidance is None else {"guidance": self.guidance}
        return {"class_label": label, **guidance}

    def evaluations(self, without: int | None) -> int | None:
        """Return the evaluations of what takes so many without guidance: with it, twice as many."""
        return without if without is None or self.guidance is None else 2 * without

    def bind(
        self, denoiser: Denoiser, classes: int, draw: Callable[[int], Tensor], n: int
    ) -> Model:
        """Return ``denoiser`` with the labels of ``n`` samples bound.

        Args:
            denoiser: Called with (x, σ) and, if it has classes, labels int64 [n] or ``None``.
            classes: Its number of classes; 0 returns it as it is.
            draw: Returns n labels, given the number of classes; each seed's draw after its latent.
            n: Number of samples.
        """
        if not classes:
            return model_of(denoiser)
        labels = draw(classes) if self.label is None else torch.full((n,), self.label)
        if self.guidance is None:
            return Labelled(denoiser, labels)
        return Guided(denoiser, labels, self.guidance)


class Labelled(Wrapped):
    """A denoiser with one class label per sample.

    Args:
        denoiser: Called with (x, σ, labels).
        labels: int64 [B]; the batch has to be this one.
    """

    def __init__(self, denoiser: Denoiser, labels: Tensor) -> None:
        super().__init__(denoiser)
        self.labels = labels

    def only(self, rows: Tensor) -> "Labelled":
        """Return the same for some samples of the batch."""
        made = self.around(self.denoiser.only(rows))
        made.labels = self.labels[rows.to(self.labels.device)]
        return made

    def __call__(self, x: Tensor, sigma: Tensor, /, *labels: Tensor | None) -> Tensor:
        """Denoise ``x`` [B, *shape] at ``sigma``.

        Raises:
            ValueError: If ``x`` does not hold one sample per label, or is given other labels.
        """
        if labels:
            raise ValueError("these samples have labels: no others can be given")
        if len(x) != len(self.labels):
            raise ValueError(f"{len(x)} samples for {len(self.labels)} labels")
        return self._labelled(x, sigma)

    def _labelled(self, x: Tensor, sigma: Tensor) -> Tensor:
        return super().__call__(x, sigma, self.labels)


class Guided(Labelled):
    """Classifier-free guidance (Ho and Salimans 2022): D = D_∅ + w·(D_c − D_∅), two evaluations.

    w = 1 is the conditional model itself, w = 0 the unconditional one; more sharpens.

    Args:
        denoiser: Called with (x, σ, labels), and with ``None`` for no class.
        labels: int64 [B].
        w: The guidance weight.
    """

    def __init__(self, denoiser: Denoiser, labels: Tensor, w: float) -> None:
        super().__init__(denoiser, labels)
        self.w = w

    def _labelled(self, x: Tensor, sigma: Tensor) -> Tensor:
        # With a learned variance D and v are extrapolated alike, as the network's outputs are.
        conditional = super()._labelled(x, sigma)
        unconditional = Wrapped.__call__(self, x, sigma, None)
        return torch.lerp(unconditional, conditional, self.w)

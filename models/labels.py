"""Class labels and guidance, bound to a denoiser before sampling: no solver knows of them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from sampler_bench.models.card import Card
from sampler_bench.models.model import Model, Wrapped, model_of
from sampler_bench.solvers.denoiser import Denoiser


@dataclass(frozen=True)
class Condition:
    """What a class-conditional model is asked for.

    Attributes:
        label: The class of every sample; ``None`` draws each sample's uniformly, from its own seed.
        guidance: w of classifier-free guidance; ``None`` for none.
        balanced: Whether the class of seed s is s mod K instead: each as often as any other.
        null_class: The model's class that means none, which no sample has.

    Raises:
        ValueError: If the model has no classes, or not this one.
    """

    label: int | None = None
    guidance: float | None = None
    balanced: bool = False
    null_class: int | None = None

    def check(self, classes: int) -> None:
        """Raise ValueError if a model with so many classes (0: unconditional) cannot be asked."""
        if self.balanced and (self.label is not None or not classes):
            raise ValueError(
                'labels = "balanced" needs a class-conditional model, and goes with no class_label'
            )
        if not classes and self != Condition():
            raise ValueError("class_label and guidance need a class-conditional model")
        if self.label is not None and self.label == self.null_class:
            raise ValueError(f"class_label = {self.label} is the null class: it means no class")
        if self.label is not None and not 0 <= self.label < classes:
            raise ValueError(
                f"class_label = {self.label}: the model's classes are 0 to {classes - 1}"
            )

    def check_guidance(self, name: str, card: Card, untrained: bool = False) -> None:
        """See that a model to be guided knows D(x; σ) without a class.

        Args:
            name: What the model is called, for messages.
            card: The model's.
            untrained: Whether one is guided that was not trained for it.

        Raises:
            ValueError: If it does not; one line with what to say.
        """
        if self.guidance is None:
            return
        asked = f"model {name!r}, guidance = {self.guidance:g}"
        if card.no_class == "impossible":
            raise ValueError(
                f"{asked}: the network takes no image without a class; if one of its "
                f"{card.classes} classes means none, null_class = N says which (in the grid, or "
                "bench convert --set null_class=N)"
            )
        if card.no_class == "untrained" and not untrained and self.guidance != 1:
            raise ValueError(
                f"{asked}: the network was trained without label dropout, so that it never saw an "
                "image without a class; null_class = N says which class means none, if one does; "
                "guidance_untrained = true guides it all the same"
            )

    def declared(self, classes: int) -> dict[str, str | int | float]:
        """Return what a cell's key says of it; nothing for unconditional models."""
        if not classes:
            return {}
        drawn = "balanced" if self.balanced else "uniform"
        label = drawn if self.label is None else self.label
        guidance = {} if self.guidance is None else {"guidance": self.guidance}
        null = {} if self.null_class is None else {"null_class": self.null_class}
        return {"class_label": label, **guidance, **null}

    def evaluations(self, without: int | None) -> int | None:
        """Return the evaluations of what takes so many without guidance: with it, twice as many."""
        return without if without is None or self.guidance is None else 2 * without

    def bind(
        self,
        denoiser: Denoiser,
        classes: int,
        draw: Callable[[int], Tensor],
        seeds: Sequence[int],
    ) -> Model:
        """Return ``denoiser`` with the labels of its samples bound.

        Args:
            denoiser: Called with (x, σ) and, if it has classes, labels int64 [n] or ``None``.
            classes: Its number of classes; 0 returns it as it is.
            draw: Returns n labels, given the number of classes; each seed's draw after its latent.
            seeds: Those of the n samples.
        """
        if not classes:
            return model_of(denoiser)
        labels = self._labels(classes, draw, seeds)
        if self.guidance is None:
            return Labelled(denoiser, labels)
        return Guided(denoiser, labels, self.guidance)

    def _labels(self, classes: int, draw: Callable[[int], Tensor], seeds: Sequence[int]) -> Tensor:
        if self.label is not None:
            return torch.full((len(seeds),), self.label)
        meant = classes if self.null_class is None else classes - 1
        labels = draw(meant)
        if self.balanced:  # the draw was made all the same: noise is what it is with uniform labels
            labels = torch.tensor([seed % meant for seed in seeds], device=labels.device)
        if self.null_class is not None:
            labels = labels + (labels >= self.null_class).long()
        return labels


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

"""True data of a model, drawn by seed: what noise is added to."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

from sampler_bench.models.card import Draws
from sampler_bench.models.data.dataset import Dataset, as_grey
from sampler_bench.models.data.loading import load
from sampler_bench.models.data.sizing import pad, resize
from sampler_bench.models.model import Model
from sampler_bench.models.zoo.exact import fashion_images

OWN = "model"


class Clean(Protocol):
    """True data.

    Attributes:
        digest: What identifies them.
    """

    @property
    def digest(self) -> str: ...  # noqa: D102

    def draw(self, draws: Draws, n: int) -> tuple[Tensor, Tensor | None]:
        """Return one draw per seed, float64 [n, *shape], and their classes, if they have any."""
        ...


@dataclass(frozen=True)
class Images:
    """A finite data set, each image as likely as any other."""

    data: Dataset

    @property
    def digest(self) -> str:
        """Of the images and their labels."""
        return self.data.digest

    def draw(self, draws: Draws, n: int) -> tuple[Tensor, Tensor | None]:
        """Return images in [−1, 1], float64 [n, C, H, W], and their classes."""
        rows = draws.labels(len(self.data)).to(self.data.images.device)
        labels = None if self.data.labels is None else self.data.labels[rows]
        return self.data.images[rows].double() / 127.5 - 1, labels


@dataclass(frozen=True)
class Drawn:
    """Draws of a distribution.

    Attributes:
        distribution: ``(draws, n)`` returns float64 [n, *shape].
        model_digest: Of the model whose data they are.
    """

    distribution: Callable[[Draws, int], Tensor]
    model_digest: str

    @property
    def digest(self) -> str:
        """Of the distribution."""
        return hashlib.sha256(f"draws of {self.model_digest}".encode()).hexdigest()

    def draw(self, draws: Draws, n: int) -> tuple[Tensor, Tensor | None]:
        """Return draws, float64 [n, *shape], of no class."""
        return self.distribution(draws, n), None


def clean_data(model: Model, source: str = OWN) -> Clean:
    """Return the data a model is of, or those of a source that fit it.

    Args:
        model: The denoiser. An exact one has its own data; so have the networks that ship, of
            which 2,000 training images ship.
        source: ``"model"``, or what :func:`models.data.loading.load` reads.

    Raises:
        ValueError: If the data are not known or cannot be read, are of another shape, or lack the
            classes that the model is to be told; one line.
    """
    card = model.card
    classes, data = card.classes, card.data
    if source != OWN:
        given = as_grey(load(source, labels=classes > 0), model.shape[0])
        _check(given, model.shape, classes)
        return Images(given)
    if data and data.images:
        return Images(Dataset(data.images(), None, "the model's own data"))
    if data and data.draw:
        return Drawn(data.draw, card.digest)
    if (card.reference or "").startswith("fashion-mnist"):
        return Images(_shipped(model.shape[-1], classes > 0))
    raise ValueError(
        "the model's true data are not known: give data = 'FILE', the images it was trained on"
    )


def _shipped(side: int, labelled: bool) -> Dataset:
    """Return the Fashion-MNIST images that ship, as networks of this size were trained on them."""
    images, labels, _ = fashion_images()
    source = "the shipped images"
    if side != images.shape[-1]:
        images = resize(pad(images, 32, source), side, source)
    return Dataset(images, labels if labelled else None, source)


def _check(data: Dataset, shape: tuple[int, ...], classes: int) -> None:
    if data.shape != tuple(shape):
        found, wanted = ("×".join(map(str, each)) for each in (data.shape, shape))
        raise ValueError(
            f"{data.source}: its images are {found}, and this model's {wanted} "
            "(channels×height×width)"
        )
    if data.classes > classes:
        raise ValueError(
            f"{data.source}: its classes go up to {data.classes - 1}, the model's to {classes - 1}"
        )

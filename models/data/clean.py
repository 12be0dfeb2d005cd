"""True data of a model, drawn by seed: what noise is added to."""

import hashlib
import math
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

from sampler_bench.models.data.dataset import Dataset
from sampler_bench.models.data.loading import load
from sampler_bench.models.data.sizing import pad, resize
from sampler_bench.models.exact import GaussianMixture
from sampler_bench.models.zoo.exact import fashion_images

OWN = "model"


class Draws(Protocol):
    """A source of random numbers, one stream per seed (``solvers.SeedNoise``)."""

    def labels(self, classes: int) -> Tensor:
        """Return whole numbers below ``classes``, int64 [n]."""
        ...

    def __call__(self, x: Tensor) -> Tensor:
        """Return standard normal numbers shaped like ``x`` [n, …]."""
        ...


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
class Mixture:
    """A mixture of Gaussians."""

    mixture: GaussianMixture

    @property
    def digest(self) -> str:
        """Of the mixture."""
        return hashlib.sha256(f"draws of {self.mixture.digest}".encode()).hexdigest()

    def draw(self, draws: Draws, n: int) -> tuple[Tensor, Tensor | None]:
        """Return draws, float64 [n, *shape]: a normal number chooses each one's component."""
        mixture = self.mixture
        chosen = torch.special.ndtr(draws(torch.zeros(n, dtype=torch.float64)))
        upto = mixture.weights.cumsum(0)[:-1]
        k = torch.searchsorted(upto, chosen.cpu())
        z = draws(torch.zeros(n, math.prod(mixture.shape), dtype=torch.float64)).cpu()
        if mixture.covariances.ndim == 1:
            spread = mixture.covariances[k].sqrt()[:, None] * z
        else:
            factors = torch.linalg.cholesky(mixture.covariances)
            spread = (factors[k] @ z[:, :, None])[:, :, 0]
        return (mixture.means[k] + spread).reshape(n, *mixture.shape), None


def clean_data(model: Any, source: str = OWN) -> Clean:
    """Return the data a model is of, or those of a source that fit it.

    Args:
        model: The denoiser. An exact one has its own data; so have the networks that ship, of
            which 2,000 training images ship.
        source: ``"model"``, or what :func:`models.data.loading.load` reads.

    Raises:
        ValueError: If the data are not known or cannot be read, are of another shape, or lack the
            classes that the model is to be told; one line.
    """
    classes = getattr(model, "label_dim", 0)
    if source != OWN:
        data = load(source, labels=classes > 0)
        _check(data, model.shape, classes)
        return Images(data)
    if hasattr(model, "data_images"):
        return Images(Dataset(model.data_images(), None, "the model's own data"))
    if isinstance(model, GaussianMixture):
        return Mixture(model)
    if str(getattr(model, "reference", "")).startswith("fashion-mnist"):
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

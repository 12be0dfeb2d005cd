"""Images in memory, as bytes, with their classes."""

import hashlib
from dataclasses import dataclass, replace
from functools import cached_property

import torch
from torch import Tensor

# As many as ImageNet has, even if only some of its images are there; more only with more images.
MOST_CLASSES = 1000


@dataclass(frozen=True)
class Dataset:
    """A data set.

    Attributes:
        images: uint8 [N, C, H, W], C 1 or 3, square.
        labels: Classes int64 [N] from 0; ``None`` if there are none.
        source: Where they are from, for messages.

    Raises:
        ValueError: If they are not as described; one line that names the source.
    """

    images: Tensor
    labels: Tensor | None = None
    source: str = "data"

    def __post_init__(self) -> None:
        shape = list(self.images.shape)
        if self.images.dtype != torch.uint8 or self.images.ndim != 4 or shape[1] not in {1, 3}:
            raise ValueError(
                f"{self.source}: {self.images.dtype} images of shape {shape}, expected uint8 "
                "[N, 1 or 3, H, W]"
            )
        if not len(self.images):
            raise ValueError(f"{self.source}: there are no images")
        if shape[2] != shape[3]:
            raise ValueError(
                f"{self.source}: images are {shape[2]} high and {shape[3]} wide; networks need "
                "square ones"
            )
        self._check_labels()

    def _check_labels(self) -> None:
        if self.labels is None:
            return
        if self.labels.dtype != torch.int64 or self.labels.shape != (len(self.images),):
            raise ValueError(
                f"{self.source}: {self.labels.dtype} labels of shape {list(self.labels.shape)}, "
                f"expected one whole number for each of {len(self.images)} images"
            )
        check_range(self.source, int(self.labels.min()), int(self.labels.max()), len(self))

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self.images)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Channels, height and width of an image."""
        channels, height, width = self.images.shape[1:]
        return channels, height, width

    @property
    def classes(self) -> int:
        """Number of classes; 0 if there are no labels."""
        return 0 if self.labels is None else int(self.labels.max()) + 1

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the images' and labels' shapes and bytes, whatever file they came from."""
        found = hashlib.sha256(str(tuple(self.images.shape)).encode())
        found.update(self.images.contiguous().numpy().data)
        if self.labels is not None:
            found.update(self.labels.contiguous().numpy().data)
        return found.hexdigest()

    def with_mirrored(self) -> "Dataset":
        """Return the data set with each image's mirror image added, after all of them."""
        labels = None if self.labels is None else torch.cat([self.labels, self.labels])
        return replace(self, images=torch.cat([self.images, self.images.flip(3)]), labels=labels)


def is_grey(images: Tensor) -> bool:
    """Return whether images [n, C, H, W] are RGB and all their channels are equal."""
    return images.shape[1] == 3 and bool((images[:, 1:] == images[:, :1]).all())


def as_grey(data: Dataset, channels: int) -> Dataset:
    """Return a data set for a model of so many channels: RGB whose channels are equal is grey."""
    return (
        replace(data, images=data.images[:, :1]) if channels == 1 and is_grey(data.images) else data
    )


def check_range(place: str, low: int, high: int, images: int) -> None:
    """Raise ValueError unless labels ``low`` to ``high`` can be the classes of so many images.

    A network gets one input for each class: a stray large number must not become its width.
    """
    most = max(MOST_CLASSES, images)
    if low < 0 or high >= most:
        raise ValueError(
            f"{place}: labels from {low} to {high}; they must count from 0 and stay below {most:,}"
        )


def to_unit(images: Tensor) -> Tensor:
    """Return uint8 images as float32 in [−1, 1]: x/127.5 − 1."""
    return images.to(torch.float32) / 127.5 - 1

"""What distances are measured against: a model's own true data, images, or their statistics."""

import hashlib
import math
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from sampler_bench.bench.features.extractors import Extractor
from sampler_bench.bench.features.frechet import Reference
from sampler_bench.bench.features.moments import Moments, check_dim
from sampler_bench.bench.features.reference_files import load
from sampler_bench.bench.features.reference_images import digest_of, holds_images, images_at
from sampler_bench.bench.features.statistics import SHIPPED
from sampler_bench.kit import paths
from sampler_bench.kit.names import unknown
from sampler_bench.kit.paths import exists, expanded, nowhere
from sampler_bench.models import fetch
from sampler_bench.models.card import Data
from sampler_bench.models.model import Model
from sampler_bench.models.published import REFERENCES, PublishedReference

OWN = "model"


def placed(name: str, folder: Path) -> str:
    """Return a reference's name; of a file that is relative to a folder, its whole path."""
    return name if name in {OWN, *SHIPPED, *REFERENCES} else paths.placed(name, folder)


@dataclass(frozen=True)
class ReferenceSource:
    """The reference of one model and extractor, computed or read when first asked for.

    Attributes:
        name: ``"model"``, the name of statistics that are published or ship, or the path of a file
            of statistics, or of images: a folder, .zip, .npz or IDX file.
            A network's own are the statistics of its data set (its ``reference``), if there are.
        model: The denoiser whose samples are judged.
        extractor: The features they are judged by; ``None`` where no features are taken.
    """

    name: str
    model: Model
    extractor: Extractor | None = None
    _cache: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)

    @property
    def kind(self) -> str:
        """What a cell calls it: a file's name and place must not change the cell's key."""
        return self.name if self.extractor is None or self.is_own else "file"

    @property
    def stands_for(self) -> str:
        """The name given; of a model that says whose statistics it is judged by, theirs."""
        own = self.model.card.reference
        return own if self.name == OWN and own else self.name

    @property
    def published(self) -> PublishedReference | None:
        """The published statistics that it stands for, if it does."""
        return REFERENCES.get(self.stands_for)

    @property
    def is_own(self) -> bool:
        """Whether it is computed from the model's own true data."""
        return self.stands_for == OWN

    @cached_property
    def is_images(self) -> bool:
        """Whether it is images at a path, and no statistics."""
        if self.extractor is None or self.is_own or self.published or self.stands_for in SHIPPED:
            return False
        return holds_images(self._file())

    @property
    def data(self) -> Data | None:
        """What is known of the true data; ``None`` where only statistics of features are."""
        if self.is_own:
            return self.model.card.data
        return Data(images=self._images) if self.is_images else None

    @property
    def is_missing(self) -> bool:
        """Whether it is published and was not fetched."""
        return self.published is not None and fetch.path_of(self.published.name) is None

    @property
    def model_makes_images(self) -> bool:
        """Whether the model's samples are images: a mixture's are not, though they look like it."""
        data = self.model.card.data
        return data is None or data.images is not None or data.moments is None

    @cached_property
    def digest(self) -> str:
        """What identifies the reference: its file's bytes, or the model and features it is of.

        Empty where there is none, or none yet: for plans of what was not fetched.
        """
        if self.extractor is None or self.is_missing:
            return ""
        if self.is_images:
            text = f"images {digest_of(self._images())} in {self.extractor.digest}, version 1"
            return hashlib.sha256(text.encode()).hexdigest()
        if not self.is_own:
            return self.statistics().digest
        text = f"true data of {self.model.card.digest} in {self.extractor.digest}, version 1"
        return hashlib.sha256(text.encode()).hexdigest()

    def check(self, features: bool) -> None:
        """See before anything runs that the reference can be used.

        Raises:
            ValueError: If a file is unreadable, of another dimension or of images of another
                shape, the model's true data are not known, or ``features`` are needed and only
                statistics are there.
        """
        assert self.extractor is not None
        if self.extractor.input == "uint8" and len(self.model.shape) != 3:
            raise ValueError(
                f"extractor {self.extractor.name!r} takes images; this model makes points of shape "
                f"{tuple(self.model.shape)}: use extractor = 'pixels'"
            )
        dim = self.extractor.dim or math.prod(self.model.shape)
        check_dim(dim, f"features of {self.extractor.name!r}")
        if features:
            self._check_features()
        if self.is_own:
            self._check_own()
            return
        if self.published:
            self._check_published(self.published)
        if self.is_missing:
            return
        if self.is_images:
            self._check_images()
            return
        self._check_shape(self.statistics().shape, self.statistics().grey)
        if self.statistics().dim != dim:
            raise ValueError(
                f"reference {self.name}: its statistics have dimension {self.statistics().dim}, "
                f"the features {self.extractor.name!r} {dim}"
            )

    def statistics(self) -> Reference:
        """Return mean and covariance of the features of real data."""
        if "statistics" not in self._cache:
            self._cache["statistics"] = self._statistics()
        return self._cache["statistics"]

    def features(self) -> np.ndarray:
        """Return the features of real data, float32 [n, d]."""
        self._check_features()
        if "features" not in self._cache:
            self._cache["features"] = self._own_features().astype(np.float32)
        return self._cache["features"]

    def _statistics(self) -> Reference:
        assert self.extractor is not None
        if self.published:
            return load(fetch.verified(self.published.name), self.extractor)
        if not (self.is_own or self.is_images):
            return load(self._file(), self.extractor)
        name = "the model's own data" if self.is_own else Path(self.stands_for).name
        data = self._own_data
        if data.images:
            return Reference.from_moments(
                Moments.from_features(self._own_features()), name, self.digest
            )
        assert data.moments is not None  # see check
        mean, covariance = data.moments()
        return Reference(mean, covariance, None, name, self.digest)

    def _file(self) -> Path:
        """Return the path of a statistics file that is not published.

        Raises:
            ValueError: If it looks like a name and is none.
        """
        name = self.stands_for
        if name in SHIPPED:
            return SHIPPED[name]
        path = expanded(name)
        if not exists(path):
            known = [OWN, *SHIPPED, *REFERENCES]
            if path.name in known:
                raise ValueError(f"reference {name}: {nowhere(path)}; {path.name} alone is known")
            raise ValueError(f"{unknown(path.name, known, 'reference')}, and {nowhere(path)}")
        return path

    def _own_features(self) -> np.ndarray:
        assert self.extractor is not None
        images = self._own_data.images
        assert images is not None  # see check
        return self.extractor(images()).numpy()

    @property
    def _own_data(self) -> Data:
        return self.data or Data()

    def _images(self) -> Tensor:
        return images_at(self._file(), self.model.shape[0])

    def _check_features(self) -> None:
        if not self._own_data.images:
            raise ValueError(
                "kid, precision and the like compare with real images: give reference = a folder, "
                ".zip, .npz or IDX file of them (statistics have none); 'model' is enough for "
                "models with a finite data set"
            )

    def _check_published(self, published: PublishedReference) -> None:
        assert self.extractor is not None
        if published.extractor != self.extractor.name:
            raise ValueError(
                f"reference {published.name} is of {published.extractor} features, and the grid's "
                f"are {self.extractor.name!r}: use extractor = {published.extractor!r}"
            )
        self._check_shape(published.shape)

    def _check_shape(self, shape: tuple[int, ...] | None, grey: bool = False) -> None:
        if shape is not None and grey:
            shape = (self.model.shape[0], *shape[1:])
        if shape is not None and shape != tuple(self.model.shape):
            found, made = ("×".join(map(str, each)) for each in (shape, self.model.shape))
            raise ValueError(
                f"reference {self.name}: its images are {found}, and this model's {made} "
                f"(channels×height×width): they cannot be compared{self._hint(shape)}"
            )

    def _hint(self, shape: tuple[int, ...]) -> str:
        if shape[1:] != tuple(self.model.shape[1:]) or (shape[0], self.model.shape[0]) != (3, 1):
            return ""
        return (
            "; statistics of grey images in RGB, made again by bench reference, say that they are"
        )

    def _check_images(self) -> None:
        images = self._images()
        self._check_shape(tuple(images.shape[1:]))
        if len(images) < 2:
            raise ValueError(f"reference {self.name}: holds one image, distances need at least 2")

    def _check_own(self) -> None:
        assert self.extractor is not None
        if self._own_data.images:
            return
        if not self._own_data.moments:
            raise ValueError(
                "the model's true data are not known: give reference = 'FILE' (bench reference "
                "makes one from images)"
            )
        if self.extractor.input != "any":
            raise ValueError(
                f"extractor {self.extractor.name!r} takes images, and this model has none of its "
                "own to compare with: use extractor = 'pixels'"
            )

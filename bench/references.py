"""What distances are measured against: a model's own true data, or a statistics file."""

import hashlib
import math
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from bench.metrics.extractors import Extractor
from bench.metrics.frechet import Reference
from bench.metrics.moments import Moments
from bench.reference import load

OWN = "model"


@dataclass(frozen=True)
class ReferenceSource:
    """The reference of one model and extractor, computed or read when first asked for.

    Attributes:
        name: ``"model"`` or the path of a statistics file.
        model: The denoiser whose samples are judged.
        extractor: The features they are judged by; ``None`` where no features are taken.
    """

    name: str
    model: Any
    extractor: Extractor | None = None
    _cache: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)

    @property
    def kind(self) -> str:
        """What a cell calls it: a file's name and place must not change the cell's key."""
        return self.name if self.extractor is None or self.name == OWN else "file"

    @property
    def model_makes_images(self) -> bool:
        """Whether the model's samples are images: a mixture's are not, though they look like it."""
        return hasattr(self.model, "data_images") or not hasattr(self.model, "true_moments")

    @cached_property
    def digest(self) -> str:
        """What identifies the reference: its file's bytes, or the model and features it is of."""
        if self.extractor is None:
            return ""
        if self.name != OWN:
            return self.statistics().digest
        text = f"true data of {self.model.digest} in {self.extractor.digest}, version 1"
        return hashlib.sha256(text.encode()).hexdigest()

    def check(self, features: bool) -> None:
        """See before anything runs that the reference can be used.

        Raises:
            ValueError: If a file is unreadable or of another dimension, the model's true data are
                not known, or ``features`` are needed and only statistics are there.
        """
        assert self.extractor is not None
        if self.extractor.input == "uint8" and len(self.model.shape) != 3:
            raise ValueError(
                f"extractor {self.extractor.name!r} takes images; this model makes points of shape "
                f"{tuple(self.model.shape)}: use extractor = 'pixels'"
            )
        if features:
            self._check_features()
        if self.name == OWN:
            self._check_own()
            return
        dim = self.extractor.dim or math.prod(self.model.shape)
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
        if self.name != OWN:
            return load(Path(self.name), self.extractor)
        name = "the model's own data"
        if hasattr(self.model, "data_images"):
            return Reference.from_moments(
                Moments.from_features(self._own_features()), name, self.digest
            )
        mean, covariance = self.model.true_moments()
        return Reference(mean, covariance, None, name, self.digest)

    def _own_features(self) -> np.ndarray:
        assert self.extractor is not None
        return self.extractor(self.model.data_images()).numpy()

    def _check_features(self) -> None:
        if self.name != OWN or not hasattr(self.model, "data_images"):
            raise ValueError(
                "kid, precision and recall compare with real images: only reference = 'model' of "
                "a model with a finite data set has them"
            )

    def _check_own(self) -> None:
        assert self.extractor is not None
        if hasattr(self.model, "data_images"):
            return
        if not hasattr(self.model, "true_moments"):
            raise ValueError(
                "the model's true data are not known: give reference = 'FILE' (bench reference "
                "makes one from images)"
            )
        if self.extractor.input != "any":
            raise ValueError(
                f"extractor {self.extractor.name!r} takes images, and this model has none of its "
                "own to compare with: use extractor = 'pixels'"
            )

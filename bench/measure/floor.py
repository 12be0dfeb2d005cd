"""The floor as a measurement: what a perfect sampler reaches at a number of samples."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from threadpoolctl import threadpool_limits
from torch import Tensor

from sampler_bench.bench.features import floor as floors
from sampler_bench.bench.features.floor import SETS, Known, Stream
from sampler_bench.bench.features.references import ReferenceSource
from sampler_bench.bench.features.statistics import SHIPPED
from sampler_bench.bench.measure.measurement import Measured, Measurement, Subject, Tell
from sampler_bench.models.card import Card
from sampler_bench.models.model import Model
from sampler_bench.results import Shard
from sampler_bench.results.estimate import Estimate
from sampler_bench.results.floor import SET, VALUE
from sampler_bench.results.floor import Floor as Sets
from sampler_bench.results.metric import FLOOR, Metric
from sampler_bench.solvers.declared import Declared
from sampler_bench.solvers.denoiser import Plain

DISTANCE = "distance"
"""What shards call the distance of their set, [1]."""


class Nobody(Plain, Model):
    """Stands for the model of what asks none: a floor of statistics is the same whoever is judged.

    Args:
        shape: Of the images.
    """

    sigma_min = sigma_max = 0.0

    def __init__(self, shape: tuple[int, ...]) -> None:
        self._shape = tuple(shape)

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the images."""
        return self._shape

    @property
    def card(self) -> Card:
        """Of nobody."""
        return Card()

    def __call__(self, x: Tensor, sigma: Tensor, /) -> Tensor:
        """Raise ValueError: it denoises nothing."""
        raise ValueError("a floor evaluates no model")


@dataclass(frozen=True, eq=False)
class Floor(Measurement):
    """The distances of SETS sets of independent draws of the true data, as many as there are seeds.

    One set a shard, drawn from one stream whose seed is the shard's first: with replacement from a
    finite data set, exactly from a mixture. A file of statistics has no images: its floor was
    measured when it was made, the same way, and is read. No network is evaluated.

    Attributes:
        source: What the distance is from, and the features it is taken in.
        of: The metric that it is the floor of.
        quantizer: How samples are rounded before features.
    """

    source: ReferenceSource
    of: str
    quantizer: str = "none"
    _features: dict[str, np.ndarray] = field(default_factory=dict, repr=False)

    @property
    def metrics(self) -> Mapping[str, Metric]:
        """The one number: their mean."""
        row = Metric.of(self.of + FLOOR)
        return {row.name: row}

    @property
    def made_of(self) -> tuple[object, ...]:
        """The features, and what they are compared with."""
        return (self.source.extractor, self.source)

    @property
    def reference(self) -> tuple[str, str]:
        """What values are measured against."""
        return self.source.kind, self.source.digest

    @property
    def against(self) -> ReferenceSource:
        """What draws' features are compared with."""
        return self.source

    @property
    def needs(self) -> frozenset[str]:
        """The arrays that a shard must hold."""
        return frozenset({"nfe", DISTANCE})

    @property
    def files(self) -> Mapping[str, str]:
        """The extractor's."""
        return self.source.extractor.files if self.source.extractor else {}

    def why_not(self, samples: int) -> str:
        """Say in one line why there is no floor at so many samples; empty if there is one.

        Raises:
            ValueError: If the file that it is in cannot be read; one line.
        """
        if self.source.is_own or self.source.is_images:
            data = self.source.data
            drawable = data is not None and (data.images or data.draw)
            return "" if drawable else "the model's true data are known by their moments alone"
        if self.source.published:
            return f"of {self.source.stands_for} mean and covariance alone are published"
        return self._known(samples).reason

    def declared(self, model: Model) -> Declared:
        """Return what it is: all that decides it stands in the cell's other fields."""
        return Declared({"measurement": {"name": "floor"}}, {"measurement": {"name": "floor"}})

    def evaluations(self, model: Model) -> int:
        """Return 0: no denoiser is evaluated."""
        return 0

    def table(self, settings: Mapping[str, Mapping[str, Any]]) -> tuple[str, dict[str, Any]]:
        """Return the key of a grid that asks for nothing else."""
        return "floor", {}

    def take(
        self, subject: Subject, parts: Sequence[range], batch: int, tell: Tell
    ) -> list[Measured]:
        """Return the distance of one set for each shard, whatever the batch."""
        samples, measured = len(subject.seeds), []
        with torch.inference_mode(), threadpool_limits(1, user_api="blas"):
            for part in parts:
                started = time.perf_counter()
                index = -(-(part.start - subject.seeds.start) * SETS // samples)
                found = self._distance(index, part.start, samples)
                if not np.isfinite(found):
                    raise FloatingPointError(f"distance of set {index} not finite")
                arrays = {DISTANCE: np.array([found]), "nfe": np.zeros(len(part), np.int64)}
                measured.append(Measured(arrays, time.perf_counter() - started))
                tell(len(part), 0)
        return measured

    def merge(self, shards: Sequence[Shard]) -> Mapping[str, Estimate]:
        """Return the mean over sets, with each left out."""
        (name,) = self.metrics
        mean = Sets.of(_distances(shards)).mean
        return {name: Estimate.of(mean.value, mean.loo, seeds="its own")}

    def profile(self, shards: Sequence[Shard]) -> Mapping[str, list[float]]:
        """Return the distance of each set."""
        found = _distances(shards)
        return {SET: [float(i) for i in range(len(found))], VALUE: found}

    def _distance(self, index: int, seed: int, samples: int) -> float:
        if self.source.data is None:
            distances = self._known(samples).distances
            if distances is None:
                raise ValueError(self._known(samples).reason)
            return distances[index]
        return floors.distance(self._draws(seed, samples), self.source.statistics())

    def _draws(self, seed: int, samples: int) -> np.ndarray:
        """Return the features of one set of draws, float64 [n, d]."""
        data = self.source.data
        extractor = self.source.extractor
        assert data is not None and extractor is not None  # see why_not
        if data.images:
            return floors.drawn(self._of_images, seed, samples)
        assert data.draw is not None and self.quantizer == "none"  # of no images
        return extractor(data.draw(Stream(seed, samples), samples)).numpy()

    @property
    def _of_images(self) -> np.ndarray:
        """The features of a finite data set, float64 [n, d], taken once."""
        if "images" not in self._features:
            data, extractor = self.source.data, self.source.extractor
            assert data is not None and data.images is not None and extractor is not None
            self._features["images"] = extractor(data.images()).numpy()
        return self._features["images"]

    def _known(self, samples: int) -> Known:
        name = self.source.stands_for
        statistics = SHIPPED.get(name) or Path(name)
        return floors.known(statistics, self.source.digest, samples)


def has_floor(metric: str) -> bool:
    """Return whether there is a floor of a metric."""
    return Metric.of(metric + FLOOR).ships


def _distances(shards: Sequence[Shard]) -> list[float]:
    return [float(shard.arrays[DISTANCE][0]) for shard in shards]

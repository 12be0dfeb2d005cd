"""Work: one job, cut into shards, that cells are measured from."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch

from sampler_bench.bench.measure.measurement import Measurement, Subject
from sampler_bench.kit import own_files
from sampler_bench.models.labels import Condition
from sampler_bench.results import Cell

SHARDS = 20


@dataclass
class Work:
    """One measurement of a model, cut into shards, that one or more cells are filled from.

    Attributes:
        label: The curve it belongs to.
        measurement, model: What is taken, and of which denoiser.
        condition: The labels asked of the model.
        cells: The cells; they differ in metric and reference only.
        nfe: Predicted evaluations per sample: exact for fixed steps, a guess for adaptive solvers.
        spec: The measurement's pinned name, if its kind is from a user's own file.
    """

    label: str
    measurement: Measurement
    model: Any
    condition: Condition = field(default_factory=Condition)
    cells: list[Cell] = field(default_factory=list)
    nfe: float = 0.0
    spec: str = ""

    @property
    def cell(self) -> Cell:
        """Return the first cell: all of them are measured the same way."""
        return self.cells[0]

    @property
    def subject(self) -> Subject:
        """Return whom it is taken of."""
        first = self.cell.seed_start
        return Subject(self.model, self.condition, range(first, first + self.cell.samples))

    @property
    def files(self) -> Mapping[str, str]:
        """Return the SHA-256 of each of a user's own files that it is made of, by path."""
        kind = own_files.files(self.spec)
        return {**getattr(self.model, "files", {}), **self.measurement.files, **kind}

    @property
    def key(self) -> str:
        """Return the key of the shards."""
        return self.cell.work_key

    def seeds(self, shard: int) -> range:
        """Return the seeds of one shard: contiguous, and nearly equally many in each."""
        first, samples, shards = self.cell.seed_start, self.cell.samples, self.cell.shards
        return range(first + shard * samples // shards, first + (shard + 1) * samples // shards)


def classes(model: Any) -> int:
    """Return a model's number of classes; 0 for unconditional ones."""
    return getattr(model, "label_dim", 0)


def precision(model: Any) -> str:
    """Return what a model computes in, by name: its precision or dtype; float32 without either."""
    dtype = str(getattr(model, "dtype", torch.float32)).removeprefix("torch.")
    return getattr(model, "precision", dtype)

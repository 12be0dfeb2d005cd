"""Work: one job, cut into shards, that cells are measured from."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sampler_bench.bench.measure.measurement import Measurement, Subject
from sampler_bench.kit import own_files
from sampler_bench.models.labels import Condition
from sampler_bench.models.model import Model
from sampler_bench.results import Cell

SHARDS = 20


@dataclass
class Work:
    """One measurement of a model, cut into shards, that one or more cells are filled from.

    Attributes:
        label: The curve it belongs to.
        name: What the model is called.
        settings: Every name and number of what samples, resolved: a record keeps them.
        measurement, model: What is taken, and of which denoiser.
        condition: The labels asked of the model.
        cells: The cells; they differ in metric and reference only.
        nfe: Evaluations per sample; ``None`` where they depend on the samples, or nothing says.
        asked: The evaluations per sample that it was asked for by, instead of by its steps.
        spec: The measurement's pinned name, if its kind is from a user's own file.
    """

    label: str
    name: str
    settings: Mapping[str, Mapping[str, Any]]
    measurement: Measurement
    model: Model
    condition: Condition = field(default_factory=Condition)
    cells: list[Cell] = field(default_factory=list)
    nfe: int | None = None
    spec: str = ""
    asked: tuple[int, ...] = ()

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
    def remarks(self) -> tuple[str, ...]:
        """Return what a reader should know of it: how its parts go together, on this model."""
        own = self.measurement.departures(self.model, self.cell.samples)
        there = tuple(f"{self.name}: {text}" for text in own)
        return (*self.measurement.remarks, *there)

    @property
    def files(self) -> Mapping[str, str]:
        """Return the SHA-256 of each of a user's own files that it is made of, by path."""
        kind = own_files.files(self.spec)
        return {**self.model.card.files, **self.measurement.files, **kind}

    @property
    def evaluations(self) -> int | None:
        """Return the evaluations of all samples together, if they are known beforehand."""
        return None if self.nfe is None else self.nfe * self.cell.samples

    @property
    def key(self) -> str:
        """Return the key of the shards."""
        return self.cell.work_key

    def seeds(self, shard: int) -> range:
        """Return the seeds of one shard: contiguous, and nearly equally many in each."""
        first, samples, shards = self.cell.seed_start, self.cell.samples, self.cell.shards
        return range(first + shard * samples // shards, first + (shard + 1) * samples // shards)

"""Work: one sampling job, cut into shards, that cells are measured from."""

from dataclasses import dataclass, field
from typing import Any

import torch

from sampler_bench.bench.features.extractors import Extractor
from sampler_bench.bench.features.references import ReferenceSource
from sampler_bench.bench.measure.profiles.probe import VALUES, Probe
from sampler_bench.bench.measure.registry import METRICS
from sampler_bench.models.data.clean import Clean
from sampler_bench.models.labels import Condition
from sampler_bench.results import Cell
from sampler_bench.solvers import Denoiser

SHARDS = 20


@dataclass
class Work:
    """One sampling job, cut into shards, that one or more cells are measured from.

    Attributes:
        label: The curve it belongs to.
        sampler, model, extractor: What samples (``AnySampler``, or a ``Probe``), with which
            denoiser, and what looks at the result.
        cells: The cells; they differ in metric and reference only.
        source: What their distances are measured against.
        condition: The labels asked of the model.
        nfe: Evaluations per sample; ``None`` where they depend on the samples, or nothing says.
        clean: True data that a probe starts from, if it does.
    """

    label: str
    sampler: Any
    model: Denoiser
    extractor: Extractor | None
    source: ReferenceSource
    condition: Condition = field(default_factory=Condition)
    cells: list[Cell] = field(default_factory=list)
    nfe: int | None = None
    clean: Clean | None = None

    @property
    def cell(self) -> Cell:
        """Return the first cell: all of them are sampled the same way."""
        return self.cells[0]

    @property
    def steps(self) -> int | None:
        """Return the number of steps; ``None`` for solvers that choose it, and for probes."""
        return None if isinstance(self.sampler, Probe) else self.sampler.steps

    @property
    def remarks(self) -> tuple[str, ...]:
        """Return what its sampler says of how its parts go together."""
        return () if isinstance(self.sampler, Probe) else self.sampler.remarks

    @property
    def files(self) -> dict[str, str]:
        """Return the SHA-256 of each of a user's own files that it is made of, by path."""
        about = getattr(self.sampler, "sampler", self.sampler)  # a probe's, if it is about one
        return {**getattr(self.model, "files", {}), **getattr(about, "files", {})}

    @property
    def evaluations(self) -> int | None:
        """Return the evaluations of all samples together, if they are known beforehand."""
        return None if self.nfe is None else self.nfe * self.cell.samples

    @property
    def key(self) -> str:
        """Return the key of the shards."""
        return self.cell.work_key

    @property
    def needs(self) -> set[str]:
        """Return what the shards have to hold."""
        if isinstance(self.sampler, Probe):
            return {VALUES}
        return {METRICS[cell.metric].needs for cell in self.cells}

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

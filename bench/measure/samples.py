"""Measurements of samples: a pure function from seeds to numbers."""

import itertools
import math
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from threadpoolctl import threadpool_limits
from torch import Tensor

from sampler_bench.bench.features.moments import Moments
from sampler_bench.bench.features.references import ReferenceSource
from sampler_bench.bench.measure.measurement import (
    Measured,
    Measurement,
    Subject,
    Tell,
    check_finite,
)
from sampler_bench.bench.measure.metrics import Measure
from sampler_bench.bench.measure.trajectory import Trajectories
from sampler_bench.models import Counted, Model, Wrapped
from sampler_bench.results import Shard
from sampler_bench.results.estimate import Estimate
from sampler_bench.results.metric import Metric
from sampler_bench.solvers import AnySampler, Denoiser, Sampler, SeedNoise
from sampler_bench.solvers.arguments import arguments
from sampler_bench.solvers.declared import Declared

SHOWN = 8
"""Samples of a cell kept to look at: the first of its first shard."""


def quantize(x: Tensor) -> Tensor:
    """Return images [B, C, H, W] in [−1, 1] as uint8: clip(127.5·x + 128, 0, 255), truncated."""
    return (x * 127.5 + 128).clip(0, 255).to(torch.uint8)


@dataclass(frozen=True, eq=False)
class FromSamples(Measurement):
    """What is taken from samples: features, or their distance to where the exact ODE leads.

    Attributes:
        sampler: Makes them.
        source: What they are measured against, with the features they are compared in; without
            those it is exact trajectories.
        measures: The metrics, by the names that cells have: all of features, or all of errors.
        quantizer: How samples are rounded before features.
        trajectories: Where exact trajectories are remembered.
    """

    sampler: AnySampler
    source: ReferenceSource
    measures: Mapping[str, Measure]
    quantizer: str = "none"
    trajectories: Trajectories = field(default_factory=Trajectories, repr=False)

    @property
    def metrics(self) -> Mapping[str, Metric]:
        """What comes of it, by the names that cells have."""
        return {name: measure.metric for name, measure in self.measures.items()}

    @property
    def made_of(self) -> tuple[object, ...]:
        """The sampler and the metrics, and features with what they are compared with, or exact
        trajectories.
        """
        seen = (self.source.extractor, self.source) if self.source.extractor else ()
        return (self.sampler, *self.measures.values(), *(seen or (self.trajectories,)))

    @property
    def about(self) -> AnySampler:
        """The sampler."""
        return self.sampler

    @property
    def steps(self) -> int | None:
        """The sampler's number of steps."""
        return self.sampler.steps

    @property
    def is_adaptive(self) -> bool:
        """Whether the sampler chooses its steps."""
        return self.sampler.steps is None

    @property
    def remarks(self) -> tuple[str, ...]:
        """What the sampler says of how its parts go together."""
        return self.sampler.remarks

    def departures(self, model: Model, samples: int) -> tuple[str, ...]:
        """Return the sampler's own, and which metrics will have no standard error."""
        unsure = (
            f"{name}: no standard error above {one.most_for_error:,} samples: bench check cannot "
            "decide on it"
            for name, one in self.measures.items()
            if one.most_for_error is not None and samples > one.most_for_error
        )
        return (*self.sampler.departures(model), *unsure)

    @property
    def files(self) -> Mapping[str, str]:
        """The sampler's, the extractor's and the metrics'."""
        made = (self.sampler, self.source.extractor, *self.measures.values())
        return {p: digest for one in made if one for p, digest in one.files.items()}

    @property
    def reference(self) -> tuple[str, str]:
        """What values are measured against."""
        return self.source.kind, self.source.digest

    @property
    def against(self) -> ReferenceSource:
        """What samples' features are compared with, where there are some."""
        return self.source

    @property
    def needs(self) -> frozenset[str]:
        """The arrays that a shard must hold."""
        return frozenset({"nfe", *(measure.array for measure in self.measures.values())})

    def declared(self, model: Model) -> Declared:
        """Return the sampler's own."""
        return self.sampler.declared(model)

    def evaluations(self, model: Model) -> int | None:
        """Return the sampler's own."""
        return self.sampler.evaluations(model)

    def table(self, settings: Mapping[str, Mapping[str, Any]]) -> tuple[str, dict[str, Any]]:
        """Return the sampler's table."""
        return "sampler", arguments(settings["sampler"], self.sampler)

    def merge(self, shards: Sequence[Shard]) -> Mapping[str, Estimate]:
        """Return the value of each metric, with each shard left out."""
        return {
            name: Estimate.of(*measure.merge(shards, self.source), seeds="its own")
            for name, measure in self.measures.items()
        }

    def take(
        self, subject: Subject, parts: Sequence[range], batch: int, tell: Tell
    ) -> list[Measured]:
        """Sample the seeds of some shards together; several at once fill batches."""
        # NumPy's threads and PyTorch's, taking turns, wait for each other: 5 times slower on 2.
        with torch.inference_mode(), threadpool_limits(1, user_api="blas"):
            sampled = _sample(self.sampler, subject, parts, batch, tell)
            exact, own_error = None, None
            if self.source.extractor is None:
                exact, own_error = self._exact(subject, batch)
        check_finite(sampled.samples, [*itertools.chain(*parts)], "samples")
        sizes = [len(part) for part in parts]
        measured = []
        for part, samples, nfe, seconds in zip(
            parts,
            sampled.samples.split(sizes),
            np.split(sampled.nfe, np.cumsum(sizes)[:-1]),
            sampled.seconds * np.array(sizes) / sum(sizes),
            strict=True,
        ):
            shown: dict[str, np.ndarray] = {}
            if exact is None:
                arrays = self._featured(samples)
                if part.start == subject.seeds.start:
                    shown = _shown(samples[:SHOWN], self.sampler.visible)
            else:
                first = part.start - subject.seeds.start
                errors = samples - exact[first : first + len(part)]
                arrays = {"squared_error": errors.pow(2).flatten(1).mean(1).cpu().numpy()}
            measured.append(Measured(arrays | {"nfe": nfe}, float(seconds), shown, own_error))
        return measured

    def _featured(self, samples: Tensor) -> dict[str, np.ndarray]:
        assert self.source.extractor is not None
        features = self.source.extractor(self.seen(samples)).numpy()
        arrays = Moments.from_features(features).pack()
        if "features" in self.needs:
            arrays["features"] = features.astype(np.float32)
        return arrays

    def seen(self, samples: Tensor) -> Tensor:
        """Return samples as features are taken of them."""
        return quantize(samples) if self.quantizer == "uint8" else samples

    def _exact(self, subject: Subject, batch: int) -> tuple[Tensor, float]:
        """Return where the exact ODE takes all of a job's samples, and the RMS error of that."""
        assert isinstance(self.sampler, Sampler)
        assert self.sampler.deterministic  # others follow no trajectory: see bench.plan.planning
        model, seeds = subject.model, subject.seeds
        noise = SeedNoise(seeds, model.card.device)
        latents = noise.latents(model.shape)
        denoiser = InParts(model, batch)
        bound = subject.condition.bind(denoiser, model.card.classes, noise.labels, seeds)
        told = subject.condition.declared(model.card.classes)
        card = model.card
        identity = (card.digest, card.precision, str(told), str(batch))  # which decides last bits
        return self.trajectories.end(self.sampler, seeds, latents, bound, identity, card.precision)


@dataclass
class _Sampled:
    samples: Tensor
    nfe: np.ndarray
    seconds: float


def _sample(
    sampler: AnySampler, subject: Subject, seeds: Sequence[range], batch: int, tell: Tell
) -> _Sampled:
    model, samples, nfe = subject.model, [], []
    started = time.perf_counter()
    for part in _calls(seeds, batch, sampler.group):
        denoiser = Counted(InParts(model, batch))
        noise = SeedNoise(part, model.card.device)
        latents = noise.latents(model.shape)  # each seed's first draw; its label is the second
        bound = subject.condition.bind(denoiser, model.card.classes, noise.labels, part)
        samples.append(sampler(bound, latents, noise))
        nfe.append(denoiser.per_sample.numpy())
        tell(len(part), denoiser.evaluations)
    return _Sampled(torch.cat(samples), np.concatenate(nfe), time.perf_counter() - started)


def _calls(seeds: Sequence[range], batch: int, group: int | None) -> Iterator[Sequence[int]]:
    """Yield the seeds of each call: a batch, or a group, within a shard, of coupled samples."""
    for run in [list(itertools.chain(*seeds))] if group is None else seeds:
        size = group or batch
        yield from (run[start : start + size] for start in range(0, len(run), size))


def _shown(samples: Tensor, visible: float) -> dict[str, np.ndarray]:
    if samples.ndim == 4:
        return {"images": quantize(samples * visible).cpu().numpy()}
    if samples.shape[1:] == (2,):
        return {"points": samples.cpu().numpy()}
    return {}


class InParts(Wrapped):
    """A denoiser evaluated at most ``most`` samples at a time, so that a group can be any size."""

    def __init__(self, denoiser: Denoiser, most: int) -> None:
        super().__init__(denoiser)
        self.most = most

    def __call__(self, x: Tensor, sigma: Tensor, /, *labels: Tensor | None) -> Tensor:
        """Denoise ``x`` [B, *shape] at ``sigma``, 0-d or [B], with labels [B] if there are any."""
        if len(x) <= self.most:
            return self.denoiser(x, sigma, *labels)
        count = math.ceil(len(x) / self.most)
        sigmas = sigma.expand(len(x)) if sigma.ndim == 0 else sigma
        split = [
            [None] * count if rows is None else rows.tensor_split(count)
            for rows in (x, sigmas, *labels)
        ]
        return torch.cat([self.denoiser(*part) for part in zip(*split, strict=True)])

"""Measurements by a probe: a pure function from seeds to values at each noise level."""

import itertools
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import torch
from threadpoolctl import threadpool_limits
from torch import Tensor

from sampler_bench.bench.measure.measurement import (
    Measured,
    Measurement,
    Subject,
    Tell,
    check_finite,
)
from sampler_bench.bench.measure.profiles.probe import SIGMA, VALUES, Drawn, Probe, profile
from sampler_bench.bench.measure.samples import SHOWN, InParts
from sampler_bench.kit import own_files
from sampler_bench.models import Counted, Model
from sampler_bench.models.data.clean import Clean
from sampler_bench.results import Shard
from sampler_bench.results.estimate import Estimate
from sampler_bench.results.metric import Metric
from sampler_bench.solvers import AnySampler, SeedNoise
from sampler_bench.solvers.arguments import arguments
from sampler_bench.solvers.declared import Declared


@dataclass(frozen=True, eq=False)
class OverLevels(Measurement):
    """A quantity at each noise level.

    Attributes:
        probe: What is taken there.
        clean: True data that it starts from, if it does.
        spec: What grids call it, pinned if it is from a user's own file.
    """

    probe: Probe
    clean: Clean | None
    spec: str

    @property
    def metrics(self) -> Mapping[str, Metric]:
        """The one number that the quantity over σ is summed up in."""
        row = type(self.probe).row(own_files.shown(self.spec))
        return {row.name: row}

    @property
    def made_of(self) -> tuple[object, ...]:
        """The probe, and true data if it starts from them."""
        return (self.probe, *((self.clean,) if self.clean else ()))

    @property
    def about(self) -> AnySampler | None:
        """The sampler that the probe is about, if it is about one."""
        return self.probe.about

    @property
    def needs(self) -> frozenset[str]:
        """The arrays that a shard must hold."""
        return frozenset({"nfe", SIGMA, VALUES})

    @property
    def files(self) -> Mapping[str, str]:
        """Those of the sampler it is about, if it is about one, and its own."""
        about = self.probe.about
        return {**(about.files if about else {}), **own_files.files(self.spec)}

    @property
    def reference(self) -> tuple[str, str]:
        """What values are measured against."""
        if not self.probe.needs_data:
            return "none", ""
        return "true data", self.clean.digest if self.clean else ""

    def declared(self, model: Model) -> Declared:
        """Return the probe's own."""
        return self.probe.declared(model)

    def evaluations(self, model: Model) -> int:
        """Return the probe's own."""
        return self.probe.evaluations(model)

    def table(self, settings: Mapping[str, Mapping[str, Any]]) -> tuple[str, dict[str, Any]]:
        """Return the probe's table: what it is made of, and of its sampler what it sees."""
        about, kind = self.probe.about, type(self.probe)
        own = {f.name: getattr(self.probe, f.name) for f in fields(kind) if f.name != "sampler"}
        made = arguments(settings["sampler"], about) if about else {}
        seen = {name: made[name] for name in kind.sampler_keys if name in made}
        return "profile", {"metric": self.spec, **own, **seen}

    def merge(self, shards: Sequence[Shard]) -> Mapping[str, Estimate]:
        """Return the one number, with each shard left out."""
        (name,) = self.metrics
        return {name: Estimate.of(*self.probe.merge(shards), seeds="its own")}

    def profile(self, shards: Sequence[Shard]) -> Mapping[str, list[float]]:
        """Return σ, the mean and standard deviation over samples there, and what stands beside."""
        return {**profile(shards), **self.probe.beside()}

    def take(
        self, subject: Subject, parts: Sequence[range], batch: int, tell: Tell
    ) -> list[Measured]:
        """Apply the probe to the seeds of some shards together; several at once fill batches."""
        probe = self.probe
        model = probe.model(subject.model)
        everyone = list(itertools.chain(*parts))
        values, nfe, started = [], [], time.perf_counter()
        with _forward_only(probe), threadpool_limits(1, user_api="blas"):
            for first in range(0, len(everyone), batch):
                seeds = everyone[first : first + batch]
                counted, bound, drawn = self.drawn(subject, model, seeds, batch)
                values.append(probe(bound, drawn))
                nfe.append(counted.per_sample.numpy())
                tell(len(drawn.latents), counted.evaluations)
            seconds = time.perf_counter() - started
            begins = [part for part in parts if part.start == subject.seeds.start]
            shown = self._shown(subject, model, begins[0], batch) if begins else {}
        sigma = probe.at(model).cpu().numpy()
        check_finite(torch.cat(values), everyone, own_files.shown(self.spec))
        sizes = [len(part) for part in parts]
        counts = np.split(np.concatenate(nfe), np.cumsum(sizes)[:-1])
        measured = []
        for part, found, count in zip(
            parts, torch.cat(values).cpu().split(sizes), counts, strict=True
        ):
            arrays = {SIGMA: sigma, VALUES: found.numpy(), "nfe": count}
            share = seconds * len(part) / len(everyone)
            measured.append(Measured(arrays, share, shown if part in begins else {}))
        return measured

    def drawn(
        self, subject: Subject, model: Model, seeds: Sequence[int], batch: int
    ) -> tuple[Counted, Model, Drawn]:
        """Return what seeds decide, and the denoiser of their classes: the data's, if any."""
        device = model.card.device
        noise = SeedNoise(seeds, device)
        counted = Counted(InParts(model, batch))
        latents = noise.latents(counted.shape)
        clean, labels = None, None
        if self.clean is not None:
            clean, labels = self.clean.draw(noise, len(seeds))
            clean = clean.to(device)

        def of_class(count: int) -> Tensor:
            return noise.labels(count) if labels is None else labels.to(device)

        bound = subject.condition.bind(counted, model.card.classes, of_class, seeds)
        bound.begin(len(seeds))
        return counted, bound, Drawn(latents, clean, noise)

    def _shown(
        self, subject: Subject, model: Model, part: range, batch: int
    ) -> dict[str, np.ndarray]:
        _, bound, drawn = self.drawn(subject, model, list(part)[:SHOWN], batch)
        return self.probe.shown(bound, drawn)


@contextmanager
def _forward_only(probe: Probe) -> Iterator[None]:
    """Take no gradients, but where a probe asks for some."""
    with torch.inference_mode(not probe.needs_gradients), torch.no_grad():
        yield

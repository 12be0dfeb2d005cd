"""Shards of a probe's cell: a pure function from seeds to values at each noise level."""

import itertools
import time
from collections.abc import Callable, Sequence

import numpy as np
import torch
from threadpoolctl import threadpool_limits
from torch import Tensor

from sampler_bench.bench.measure.profiles.probe import SIGMA, VALUES, Drawn, Probe
from sampler_bench.bench.measure.samples import SHOWN, InParts, Measured
from sampler_bench.bench.measure.work import Work
from sampler_bench.models import Counted, Model
from sampler_bench.solvers import SeedNoise


def measure_profile(
    work: Work,
    shards: Sequence[int],
    batch: int,
    on_samples: Callable[[int, int], None] = lambda samples, evaluations: None,
) -> list[Measured]:
    """Apply a probe to the seeds of some shards together.

    Args:
        work: The job.
        shards: Their indices; several at once fill batches, and change nothing else.
        batch: Most samples in one call of the denoiser. It changes nothing beyond float noise.
        on_samples: Called after each batch with the numbers of samples and evaluations it took.

    Raises:
        FloatingPointError: If a value is not finite.
    """
    probe = work.sampler
    assert isinstance(probe, Probe)
    model = probe.model(work.model)
    seeds = [work.seeds(shard) for shard in shards]
    everyone = list(itertools.chain(*seeds))
    values, nfe, started = [], [], time.perf_counter()
    with torch.inference_mode(), threadpool_limits(1, user_api="blas"):
        for first in range(0, len(everyone), batch):
            counted, bound, drawn = _drawn(work, model, everyone[first : first + batch], batch)
            values.append(probe(bound, drawn))
            nfe.append(counted.per_sample.numpy())
            on_samples(len(drawn.latents), counted.evaluations)
        seconds = time.perf_counter() - started
        shown = _shown(work, model, probe, batch) if 0 in shards else {}
    sigma = probe.at(model).cpu().numpy()
    sizes = [len(part) for part in seeds]
    counts = np.split(np.concatenate(nfe), np.cumsum(sizes)[:-1])
    measured = []
    for shard, part, found, count in zip(
        shards, seeds, torch.cat(values).cpu().split(sizes), counts, strict=True
    ):
        if not torch.isfinite(found).all():
            raise FloatingPointError(
                f"{probe.metric} of seeds {part.start} to {part.stop - 1} not finite"
            )
        arrays = {SIGMA: sigma, VALUES: found.numpy(), "nfe": count}
        share = seconds * len(part) / len(everyone)
        measured.append(Measured(arrays, share, shown if shard == 0 else {}))
    return measured


def _drawn(
    work: Work, model: Model, seeds: Sequence[int], batch: int
) -> tuple[Counted, Model, Drawn]:
    """Return what seeds decide, and the denoiser of their classes: those of the data, if any."""
    device = model.card.device
    noise = SeedNoise(seeds, device)
    counted = Counted(InParts(model, batch))
    latents = noise.latents(counted.shape)
    clean, labels = None, None
    if work.clean is not None:
        clean, labels = work.clean.draw(noise, len(seeds))
        clean = clean.to(device)

    def of_class(count: int) -> Tensor:
        return noise.labels(count) if labels is None else labels.to(device)

    bound = work.condition.bind(counted, model.card.classes, of_class, len(seeds))
    bound.begin(len(seeds))
    return counted, bound, Drawn(latents, clean)


def _shown(work: Work, model: Model, probe: Probe, batch: int) -> dict[str, np.ndarray]:
    seeds = list(work.seeds(0))[:SHOWN]
    _, bound, drawn = _drawn(work, model, seeds, batch)
    return probe.shown(bound, drawn)

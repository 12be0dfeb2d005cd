"""Shards of one cell: a pure function from seeds to numbers."""

import itertools
import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from threadpoolctl import threadpool_limits
from torch import Tensor

from sampler_bench.bench.features.moments import Moments
from sampler_bench.bench.measure.trajectory import Trajectories
from sampler_bench.bench.measure.work import Work
from sampler_bench.models import Counted, Wrapped
from sampler_bench.solvers import Denoiser, SeedNoise

SHOWN = 8
"""Samples of a cell kept to look at: the first of its first shard."""


@dataclass
class Measured:
    """What one shard gave.

    Attributes:
        arrays: What counts: moments or errors, features if asked for, NFE of every sample.
        seconds: Time spent sampling.
        shown: A few samples: ``images`` uint8 [k, C, H, W] or ``points`` float [k, 2].
        reference_error: RMS error of the reference trajectory itself, where there is one.
    """

    arrays: dict[str, np.ndarray]
    seconds: float
    shown: dict[str, np.ndarray]
    reference_error: float | None = None


def quantize(x: Tensor) -> Tensor:
    """Return images [B, C, H, W] in [−1, 1] as uint8: clip(127.5·x + 128, 0, 255), truncated."""
    return (x * 127.5 + 128).clip(0, 255).to(torch.uint8)


def measure(
    work: Work,
    shards: Sequence[int],
    batch: int,
    trajectories: Trajectories,
    on_samples: Callable[[int, int], None] = lambda samples, evaluations: None,
) -> list[Measured]:
    """Sample the seeds of some shards together and take from each what its cells need.

    Args:
        work: The job.
        shards: Their indices; sampling several at once fills batches, and changes nothing else.
        batch: Most samples in one call of the denoiser. It changes nothing beyond float noise.
        trajectories: Where reference trajectories are remembered.
        on_samples: Called after each batch with the numbers of samples and evaluations it made.

    Raises:
        FloatingPointError: If a sample is not finite.
    """
    seeds = [work.seeds(shard) for shard in shards]
    # NumPy's threads and PyTorch's, taking turns, wait for each other: 5 times slower on 2 cores.
    with torch.inference_mode(), threadpool_limits(1, user_api="blas"):
        sampled = _sample(work, seeds, batch, on_samples)
        exact, own_error = None, None
        if "errors" in work.needs:
            exact, own_error = _exact(work, batch, trajectories)
    sizes = [len(part) for part in seeds]
    measured = []
    for shard, part, samples, nfe, seconds in zip(
        shards,
        seeds,
        sampled.samples.split(sizes),
        np.split(sampled.nfe, np.cumsum(sizes)[:-1]),
        sampled.seconds * np.array(sizes) / sum(sizes),
        strict=True,
    ):
        if not torch.isfinite(samples).all():
            raise FloatingPointError(f"samples of seeds {part.start} to {part.stop - 1} not finite")
        if exact is None:
            arrays = _featured(work, samples)
        else:
            first = part.start - work.cell.seed_start
            errors = samples - exact[first : first + len(part)]
            arrays = {"squared_error": errors.pow(2).flatten(1).mean(1).cpu().numpy()}
        shown = (
            _shown(samples[:SHOWN], work.sampler.visible) if shard == 0 and exact is None else {}
        )
        measured.append(Measured(arrays | {"nfe": nfe}, float(seconds), shown, own_error))
    return measured


@dataclass
class _Sampled:
    samples: Tensor
    nfe: np.ndarray
    seconds: float


def _sample(
    work: Work,
    seeds: Sequence[range],
    batch: int,
    on_samples: Callable[[int, int], None],
) -> _Sampled:
    samples, nfe = [], []
    started = time.perf_counter()
    for part in _calls(seeds, batch, work.sampler.group):
        denoiser = Counted(InParts(work.model, batch))
        noise = SeedNoise(part, work.model.card.device)
        latents = noise.latents(work.model.shape)  # each seed's first draw; its label is the second
        bound = work.condition.bind(denoiser, work.model.card.classes, noise.labels, len(part))
        samples.append(work.sampler(bound, latents, noise))
        nfe.append(denoiser.per_sample.numpy())
        on_samples(len(part), denoiser.evaluations)
    return _Sampled(torch.cat(samples), np.concatenate(nfe), time.perf_counter() - started)


def _calls(seeds: Sequence[range], batch: int, group: int | None) -> Iterator[Sequence[int]]:
    """Yield the seeds of each call: a batch, or a group, within a shard, of coupled samples."""
    for run in [list(itertools.chain(*seeds))] if group is None else seeds:
        size = group or batch
        yield from (run[start : start + size] for start in range(0, len(run), size))


def _exact(work: Work, batch: int, trajectories: Trajectories) -> tuple[Tensor, float]:
    """Return where the exact ODE takes all of a cell's samples, and the RMS error of that."""
    cell = work.cell
    assert work.sampler.deterministic  # others follow no trajectory: see bench.plan.planning
    seeds = range(cell.seed_start, cell.seed_start + cell.samples)
    noise = SeedNoise(seeds, work.model.card.device)
    latents = noise.latents(work.model.shape)
    denoiser = InParts(work.model, batch)
    bound = work.condition.bind(denoiser, work.model.card.classes, noise.labels, len(seeds))
    identity = (cell.model_digest, cell.precision, str(dict(cell.condition)))
    return trajectories.end(work.sampler, seeds, latents, bound, identity, cell.precision)


def _featured(work: Work, samples: Tensor) -> dict[str, np.ndarray]:
    assert work.extractor is not None
    seen = quantize(samples) if work.cell.quantizer == "uint8" else samples
    features = work.extractor(seen).numpy()
    arrays = Moments.from_features(features).pack()
    if "features" in work.needs:
        arrays["features"] = features.astype(np.float32)
    return arrays


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

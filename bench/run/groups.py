"""Shards that are measured together, in as large a batch as memory holds."""

import re
from collections.abc import Callable, Iterator

import torch

from sampler_bench.bench.measure.measurement import Measured
from sampler_bench.bench.measure.work import Work

_FULL = re.compile(
    r"out of memory|not enough memory|allocate memory|ALLOC_FAILED|DefaultCPUAllocator|bad_alloc",
    re.IGNORECASE,
)
"""What allocators say that raise no error of their own: CPUs', cuBLAS's, cuDNN's, CUDA's."""


def groups(work: Work, batch: int) -> Iterator[list[int]]:
    """Yield shards that together fill a batch: small ones alone would waste most of it.

    They are the same ones whatever is missing, because the other samples of a batch decide the
    last bit of a matrix product, and a resumed run has to end with the same bits.
    """
    size = max(1, batch * work.cell.shards // work.cell.samples)
    for start in range(0, work.cell.shards, size):
        yield list(range(start, min(start + size, work.cell.shards)))


def measured(
    work: Work,
    shards: list[int],
    batch: int,
    on_samples: Callable[[int, int], None],
) -> tuple[list[Measured], int]:
    """Measure some shards together; halve the batch while memory does not suffice.

    Args:
        work: The job.
        shards: Their indices.
        batch: Most samples in one call of the denoiser.
        on_samples: Called after each batch with the numbers of samples and evaluations it made.

    Returns:
        What each gave, and the batch they were measured with.
    """
    parts = [work.seeds(shard) for shard in shards]
    while True:
        try:
            return work.measurement.take(work.subject, parts, batch, on_samples), batch
        except (MemoryError, RuntimeError) as error:
            if batch == 1 or not out_of_memory(error):
                raise
            batch //= 2


def out_of_memory(error: BaseException) -> bool:
    """Return whether an error says that memory did not suffice: a smaller batch may do."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and bool(_FULL.search(str(error)))

"""What a run counted, held against what its plan said."""

from collections.abc import Iterable

import numpy as np

from sampler_bench.bench.measure.work import Work


def hold_to_plan(work: Work, counted: Iterable[np.ndarray]) -> None:
    """Refuse samples that took another number of evaluations than was declared.

    Args:
        work: The job; what declares no number is held to none.
        counted: Evaluations of each sample, one array for each shard.

    Raises:
        ValueError: If some sample took more or fewer.
    """
    if work.nfe is None:
        return
    for nfe in counted:
        other = nfe[nfe != work.nfe]
        if len(other) > 0:
            raise ValueError(
                f"says it makes {work.nfe:g} evaluations per sample, and made {other[0]:g}"
            )

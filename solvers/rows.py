"""Evaluating a part of a batch, with whatever is bound to its samples: labels, counts."""

from typing import Any

from torch import Tensor


def restricted(denoiser: Any, rows: Tensor) -> Any:
    """Return a denoiser for some samples of the batch that was begun.

    Args:
        denoiser: A denoiser; one that knows its samples has ``only(rows)``.
        rows: Their indices, int64 [b].
    """
    only = getattr(denoiser, "only", None)
    return denoiser if only is None else only(rows)

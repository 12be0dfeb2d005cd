"""Evaluating a part of a batch, with whatever is bound to its samples: labels, counts."""

from typing import Any, Protocol, TypeVar, runtime_checkable

from torch import Tensor

T = TypeVar("T")


@runtime_checkable
class ByRows(Protocol):
    """What knows the samples of its batch apart."""

    def only(self, rows: Tensor) -> Any:
        """Return the same for some samples, int64 [b], of the batch that was begun."""
        ...


def restricted(denoise: T, rows: Tensor) -> T:
    """Return a denoiser, or D of a process, for some samples of the batch that was begun.

    Args:
        denoise: What does not know its samples apart is returned as it is.
        rows: Their indices, int64 [b].
    """
    return denoise.only(rows) if isinstance(denoise, ByRows) else denoise

"""What the memory tests look through."""

from collections.abc import Callable

from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode


class _Sizes(TorchDispatchMode):
    def __init__(self) -> None:
        super().__init__()
        self.largest = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        out = function(*args, **(kwargs or {}))
        for tensor in out if isinstance(out, tuple | list) else [out]:
            if isinstance(tensor, Tensor):
                # views (expand, split) share their storage: what counts is what lies in memory
                self.largest = max(self.largest, tensor.untyped_storage().nbytes())
        return out


def largest_temporary(compute: Callable[[], object]) -> int:
    """Return the bytes of the largest tensor that any operation inside ``compute`` returns."""
    with _Sizes() as sizes:
        compute()
    return sizes.largest

"""Whether tensors that came out of a file fit into it."""

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor

from sampler_bench.models.checkpoints.checkpoint import CheckpointError


def check_memory(loaded: Any, size: int, where: str) -> None:
    """Check that tensors need no more memory than the file they came from.

    A tensor may claim any shape over a storage of a few bytes, by strides of 0; many tensors may
    claim the same bytes. Both take memory once they are copied.

    Args:
        loaded: Tensors, in lists, tuples and dicts.
        size: Length of the file in bytes.
        where: The file, for messages.

    Raises:
        CheckpointError: If they do.
    """
    storages: dict[int, int] = {}
    total = 0
    for tensor in _tensors(loaded):
        check_dense(tensor, where)
        storage = tensor.untyped_storage()
        storages[storage.data_ptr()] = storage.nbytes()
        total += tensor.numel() * tensor.element_size()
    # Weights that two layers share are counted twice; hence the 2.
    if sum(storages.values()) > size or total > 2 * size:
        raise CheckpointError(f"{where}: its tensors claim more than the {size:,} bytes it has")


def check_dense(tensor: Tensor, where: str) -> None:
    """Check that a tensor is an ordinary one on the CPU, with a place in memory per element.

    Raises:
        CheckpointError: If it is sparse, quantized or elsewhere, or repeats its elements.
    """
    if tensor.layout != torch.strided or tensor.is_quantized or tensor.device.type != "cpu":
        raise CheckpointError(f"{where}: a tensor is not an ordinary one in memory")
    if tensor.numel() * tensor.element_size() > tensor.untyped_storage().nbytes():
        raise CheckpointError(
            f"{where}: a tensor of shape {list(tensor.shape)} claims {tensor.numel():,} elements "
            "and has fewer"
        )


def _tensors(loaded: Any) -> Iterator[Tensor]:
    """Yield each tensor once, also where objects contain each other."""
    seen: set[int] = set()
    waiting = [loaded]
    while waiting:
        item = waiting.pop()
        if id(item) in seen:
            continue
        seen.add(id(item))
        if isinstance(item, Tensor):
            yield item
        elif isinstance(item, Mapping):
            waiting.extend(item.values())
        elif isinstance(item, list | tuple):
            waiting.extend(item)

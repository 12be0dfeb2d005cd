"""Small things both U-Nets share: hiding labels, setting initial weights."""

from collections.abc import Callable

import torch
from torch import Tensor, nn


def drop_labels(labels: Tensor, probability: float, training: bool) -> Tensor:
    """Return one-hot ``labels`` [B, C] with each row zeroed with ``probability``, in training."""
    if not training or not probability:
        return labels
    kept = torch.rand(len(labels), 1, device=labels.device) >= probability
    return labels * kept.to(labels.dtype)


def scaled_init(module: nn.Module, rule: Callable[[Tensor], Tensor], gain: float) -> None:
    """Draw a layer's weight by ``rule``, times ``gain``; its bias becomes 0."""
    with torch.no_grad():
        if isinstance(module.weight, Tensor):
            rule(module.weight).mul_(gain)
        if isinstance(module.bias, Tensor):
            module.bias.zero_()

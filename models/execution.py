"""How a network is evaluated: precision, compilation, memory layout."""

from dataclasses import dataclass

import torch

from sampler_bench.kit.names import lookup

PRECISIONS = {
    "float32": torch.float32,
    "bfloat16": torch.bfloat16,
    "float16": torch.float16,
}


@dataclass(frozen=True)
class Execution:
    """How a network is evaluated.

    Attributes:
        precision: ``"float32"``, or ``"bfloat16"`` or ``"float16"``: matrix products and
            convolutions in it, the rest in float32 (autocast).
        compile: Whether the network is compiled by ``torch.compile``.
        channels_last: Whether images are laid out with channels last in memory.

    Raises:
        ValueError: If there is no such precision.
    """

    precision: str = "float32"
    compile: bool = False
    channels_last: bool = False

    def __post_init__(self) -> None:
        lookup(PRECISIONS, self.precision, "precision")

    @property
    def dtype(self) -> torch.dtype:
        """What matrix products are computed in."""
        return PRECISIONS[self.precision]

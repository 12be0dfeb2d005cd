"""What every checkpoint becomes, whatever file it came from."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor


class CheckpointError(ValueError):
    """A file that cannot be used as a checkpoint: one line that says which, where and why."""


@dataclass(frozen=True)
class Checkpoint:
    """A denoising network and what is needed to rebuild it, free of its file format.

    Attributes:
        network: A name of :data:`models.networks.NETWORKS`.
        arguments: That network's arguments, by the names of its class.
        preconditioning: A name of :data:`models.preconditioning.PRECONDITIONINGS`.
        constants: That preconditioning's constants, by the names of its class.
        tensors: The weights by their names in EDM's networks (``enc.32x32_conv.weight``, …), which
            are those of the network's ``state_dict``. Buffers that follow from the arguments
            (resampling filters) may be missing.
        format: The kind of file it was read from, e.g. ``"EDM pickle"``.
        null_class: Which class means no class, if one of them does.
        notes: What else the file said, or what was assumed in reading it: training, EMA, …
    """

    network: str
    arguments: Mapping[str, Any]
    preconditioning: str
    constants: Mapping[str, Any]
    tensors: Mapping[str, Tensor]
    format: str
    notes: Mapping[str, str] = field(default_factory=dict)
    null_class: int | None = None

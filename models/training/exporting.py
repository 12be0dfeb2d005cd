"""A training run's network as a checkpoint, with all that is known of how it came about."""

import json
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from sampler_bench.models.checkpoints.checkpoint import Checkpoint
from sampler_bench.models.training.trainer import Trainer


def checkpoint(trainer: Trainer, provenance: Mapping[str, str]) -> Checkpoint:
    """Return the averaged network as it is now.

    Args:
        trainer: The run.
        provenance: Versions, commit, device, time: kept beside what the run knows itself.
    """
    preconditioning: Any = trainer.parts.preconditioning
    constants = {
        f.name: getattr(preconditioning, f.name) for f in fields(preconditioning) if f.init
    }
    tensors = {name: value.cpu() for name, value in trainer.average.model.state_dict().items()}
    return Checkpoint(
        network=trainer.configuration.network.name,
        arguments=trainer.parts.arguments,
        preconditioning=trainer.configuration.preconditioning.name,
        constants=constants,
        tensors=tensors,
        format="bench train",
        notes={
            "configuration": json.dumps(trainer.configuration.model_dump(mode="json")),
            "data_digest": trainer.data.digest,
            "images": str(trainer.progress.images),
            "seconds": f"{trainer.progress.seconds:.0f}",
            **provenance,
        },
    )

"""What identifies a model: its architecture, preconditioning and weights, in whatever file."""

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from typing import Any

from torch import Tensor

from sampler_bench.kit.canonical import plain
from sampler_bench.kit.parameters import keywords
from sampler_bench.models.networks import NETWORKS

_TRAINING_ONLY = {"dropout", "label_dropout"}


def content_digest(
    network: str, arguments: Mapping[str, Any], preconditioning: Any, tensors: Mapping[str, Tensor]
) -> str:
    """Return the SHA-256 of what decides D(x; σ): the same for every format of a checkpoint.

    Args:
        network: A name of :data:`models.networks.NETWORKS`.
        arguments: Its arguments; what is left out counts as its default.
        preconditioning: A preconditioning.
        tensors: The weights by name.
    """
    described = [
        network,
        _resolved(network, arguments),
        type(preconditioning).__name__,
        _constants(preconditioning),
    ]
    # The text has spaces, as digests had from the first on.
    hashed = hashlib.sha256(json.dumps(plain(described), sort_keys=True).encode())
    for name in sorted(tensors):
        tensor = tensors[name]
        hashed.update(f"{name} {list(tensor.shape)} {tensor.dtype}".encode())
        if not tensor.is_meta:  # of a structure without weights, names and shapes are all there is
            hashed.update(tensor.contiguous().view(-1).numpy().view("uint8").data)
    return hashed.hexdigest()


def _resolved(network: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return a network's arguments with the defaults of those not given, but training's."""
    if network in NETWORKS:
        arguments = {**keywords(NETWORKS[network]), **arguments}
        if arguments["out_channels"] is None:
            arguments["out_channels"] = arguments["img_channels"]
    return {name: value for name, value in arguments.items() if name not in _TRAINING_ONLY}


def _constants(preconditioning: Any) -> dict[str, Any]:
    fields = (f.name for f in dataclasses.fields(preconditioning) if f.init)
    return {name: getattr(preconditioning, name) for name in fields}

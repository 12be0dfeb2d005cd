"""The raw networks F_θ, by name: ours, and ``UNet2DModel``, which the library diffusers builds."""

import inspect
import types
from collections.abc import Mapping
from typing import Any, Literal, Union, get_args, get_origin

import torch
from torch import nn

from sampler_bench.kit.names import lookup, unknown
from sampler_bench.models.networks.adm import DhariwalUNet
from sampler_bench.models.networks.song import SongUNet

NETWORKS: dict[str, Any] = {"SongUNet": SongUNet, "DhariwalUNet": DhariwalUNet}

_MOST = {
    "img_resolution": 4096,
    "img_channels": 256,
    "out_channels": 512,
    "label_dim": 1_000_000,
    "augment_dim": 10_000,
    "model_channels": 4096,
    "channel_mult": 64,
    "channel_mult_emb": 64,
    "channel_mult_noise": 64,
    "num_blocks": 64,
    "attn_resolutions": 4096,
    "num_heads": 4096,
    "channels_per_head": 4096,
    "norm_groups": 4096,
}
"""Files are not trusted: larger values than these would only exhaust the machine."""
_MAY_BE_ZERO = {"label_dim", "augment_dim"}
_MOST_LEVELS = 12


def build(network: str, arguments: Mapping[str, Any]) -> nn.Module:
    """Return a network on the meta device: its structure, with no weights and no memory.

    Raises:
        ValueError: If there is no such network, or an argument is unknown, of the wrong type or out
            of range; one line that says which.
    """
    if network == "UNet2DModel":  # its library takes seconds to import, and may not be there
        from sampler_bench.models.networks import diffusers

        return diffusers.build(arguments)
    cls = lookup(NETWORKS, network, "network")
    _check(network, cls, arguments)
    with torch.device("meta"):
        return cls(**arguments)


def _check(network: str, cls: type, arguments: Mapping[str, Any]) -> None:
    parameters = inspect.signature(cls).parameters
    for name, value in arguments.items():
        if name not in parameters:
            raise ValueError(unknown(name, parameters, f"{network} argument"))
        if not _fits(value, parameters[name].annotation, name):
            raise ValueError(f"{network}: {name} = {value!r} is not possible; {_allowed(name)}")
    for name, parameter in parameters.items():
        if parameter.default is parameter.empty and name not in arguments:
            raise ValueError(f"{network}: argument {name!r} is missing")
    chosen = {name: p.default for name, p in parameters.items()} | dict(arguments)
    _check_structure(network, chosen)


def _fits(value: Any, annotation: Any, name: str) -> bool:
    origin = get_origin(annotation)
    if origin in {Union, types.UnionType}:
        return any(_fits(value, choice, name) for choice in get_args(annotation))
    if origin is Literal:
        return value in get_args(annotation)
    if annotation is type(None):
        return value is None
    if annotation is float:  # probabilities, and the taps of a filter
        limits = (0, 1) if name in {"dropout", "label_dropout"} else (-100, 100)
        number = isinstance(value, int | float) and not isinstance(value, bool)
        return number and limits[0] <= value <= limits[1]
    if annotation is int:
        least = 0 if name in _MAY_BE_ZERO else 1
        return type(value) is int and least <= value <= _MOST[name]
    is_list = isinstance(value, list | tuple) and len(value) <= 64
    return is_list and all(_fits(item, get_args(annotation)[0], name) for item in value)


def _allowed(name: str) -> str:
    if name in _MOST:
        return f"allowed are whole numbers up to {_MOST[name]:,}, or lists of them where there are"
    return "see the network's documentation"


def _check_structure(network: str, a: Mapping[str, Any]) -> None:
    levels = len(a["channel_mult"])
    if not 1 <= levels <= _MOST_LEVELS:
        raise ValueError(f"{network}: channel_mult has {levels} levels; 1 to {_MOST_LEVELS} can be")
    if a["img_resolution"] % (1 << (levels - 1)):
        raise ValueError(
            f"{network}: img_resolution = {a['img_resolution']} cannot be halved {levels - 1} "
            "times, as channel_mult asks"
        )
    unit = a.get("channels_per_head", 1) if a.get("num_heads") is None else a["num_heads"]
    for mult in a["channel_mult"]:
        width = a["model_channels"] * mult
        if width < 4 or width % (a.get("norm_groups") or min(32, width // 4)):
            raise ValueError(
                f"{network}: {width} channels cannot be normalised in groups; use a multiple of 32"
            )
    last = a["model_channels"] * a["channel_mult"][-1]
    if last % unit:
        raise ValueError(f"{network}: {last} channels cannot be split into attention heads")
    if "resample_filter" in a:
        _check_filter(network, a["resample_filter"])


def _check_filter(network: str, taps: list[float]) -> None:
    if len(taps) not in {2, 4, 6, 8} or sum(taps) == 0:
        raise ValueError(
            f"{network}: resample_filter = {taps!r} must be 2, 4, 6 or 8 numbers, sum not 0"
        )


__all__ = ["NETWORKS", "DhariwalUNet", "SongUNet", "build"]

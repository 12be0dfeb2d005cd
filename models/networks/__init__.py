"""The raw networks F_θ, by name: ours, and ``UNet2DModel``, which the library diffusers builds."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from sampler_bench.kit.names import lookup
from sampler_bench.kit.parameters import check, keywords
from sampler_bench.models.networks.adm import DhariwalUNet
from sampler_bench.models.networks.song import SongUNet

NETWORKS: dict[str, Any] = {"SongUNet": SongUNet, "DhariwalUNet": DhariwalUNet}

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
    check(cls, arguments, f"{network}: ", "argument")
    _check_structure(network, {**keywords(cls), **arguments})
    with torch.device("meta"):
        return cls(**arguments)


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

"""OpenAI's released models, by shapes: what their files do not say (the READMEs' flags)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sampler_bench.models.checkpoints.guided_network import Architecture


@dataclass(frozen=True)
class Released:
    """One released model, or several alike.

    Attributes:
        name: What it is called.
        architecture: Model channels, channel multipliers, residual blocks per level, levels with
            attention, classes, and how it resamples. All learned the variance.
        settings: What the file does not say.
        only: Whether these shapes are this model's alone. iDDPM's README has variants of the same
            shapes with other schedules, so that its settings are suggested, not assumed.
    """

    name: str
    architecture: tuple[int, list[int], int, list[int], int, str]
    settings: Mapping[str, Any]
    only: bool

    def matches(self, found: Architecture) -> bool:
        """Return whether ``found`` has exactly these shapes."""
        key = (
            found.model_channels,
            found.channel_mult,
            found.num_blocks,
            found.attention,
            found.classes,
            found.resample,
        )
        rgb = (found.image_channels, found.out_channels) == (3, 6)
        return rgb and key == self.architecture


def _adm(size: int, heads: Mapping[str, int], schedule: str, new_order: bool) -> dict[str, Any]:
    return {
        "image_size": size,
        **heads,
        "new_attention_order": new_order,
        "schedule": schedule,
        "steps": 1000,
    }


def _iddpm(size: int, rescale: bool) -> dict[str, Any]:
    return {
        "image_size": size,
        "num_heads": 4,
        "new_attention_order": False,
        "schedule": "cosine",
        "steps": 4000,
        "rescale_timesteps": rescale,
    }


_64 = {"num_head_channels": 64}

RELEASED = [
    Released(
        "ADM for ImageNet 64×64",
        (192, [1, 2, 3, 4], 3, [1, 2, 3], 1000, "block"),
        _adm(64, _64, "cosine", new_order=True),
        only=True,
    ),
    Released(
        "ADM for ImageNet 128×128",
        (256, [1, 1, 2, 3, 4], 2, [2, 3, 4], 1000, "block"),
        _adm(128, {"num_heads": 4}, "linear", new_order=False),
        only=True,
    ),
    Released(
        "ADM for ImageNet 256×256",
        (256, [1, 1, 2, 2, 4, 4], 2, [3, 4, 5], 1000, "block"),
        _adm(256, _64, "linear", new_order=False),
        only=True,
    ),
    Released(
        "ADM for ImageNet or LSUN 256×256 without classes",
        (256, [1, 1, 2, 2, 4, 4], 2, [3, 4, 5], 0, "block"),
        _adm(256, _64, "linear", new_order=False),
        only=True,
    ),
    Released(
        "iDDPM for CIFAR-10",
        (128, [1, 2, 2, 2], 3, [1, 2], 0, "conv"),
        _iddpm(32, rescale=True),
        only=False,
    ),
    Released(
        "iDDPM for ImageNet 64×64",
        (128, [1, 2, 3, 4], 3, [2, 3], 0, "conv"),
        _iddpm(64, rescale=True),
        only=False,
    ),
    Released(
        "iDDPM for ImageNet 64×64 with classes",
        (192, [1, 2, 3, 4], 3, [2, 3], 1000, "conv"),
        _iddpm(64, rescale=False),
        only=False,
    ),
]

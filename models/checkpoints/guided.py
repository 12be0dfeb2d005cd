"""OpenAI's checkpoints (guided-diffusion and improved-diffusion, ``.pt``): ADM and iDDPM.

A file is a bare state dict. Names and shapes show most of the architecture; what they do not show
(image size, heads, the rows' order in attention, the noise schedule) is taken from the released
model of exactly these shapes, if there is one, or has to be said.
"""

from collections.abc import Mapping
from typing import Any, Literal

from sampler_bench.models.checkpoints.checkpoint import Checkpoint
from sampler_bench.models.checkpoints.guided_network import Architecture, recognised
from sampler_bench.models.checkpoints.guided_released import RELEASED, Released
from sampler_bench.models.checkpoints.guided_renaming import renamed
from sampler_bench.models.checkpoints.names import network_in
from sampler_bench.models.checkpoints.source import (
    Probability,
    Size,
    Source,
    Steps,
    parsed_options,
    problem,
)

FORMAT = "guided-diffusion"
_OPTIONS: dict[str, Any] = {
    "image_size": Size,
    "num_heads": Size,
    "num_head_channels": Size,
    "new_attention_order": bool,
    "schedule": Literal["cosine", "linear"],
    "steps": Steps,
    "rescale_timesteps": bool,
    "label_dropout": Probability,
}
_FIRST = ("time_embed.0.weight", "input_blocks.0.0.weight")


def recognises(loaded: Any, where: str = "") -> bool:
    """Return whether loaded tensors are a U-Net or classifier of OpenAI's.

    Raises:
        CheckpointError: If there are several of them.
    """
    return network_in(loaded, _is_network, where) is not None


def _is_network(tensors: Mapping[Any, Any]) -> bool:
    return all(key in tensors for key in _FIRST)


def convert(loaded: Any, options: Mapping[str, Any], where: str) -> Checkpoint:
    """Return a checkpoint from what a file holds.

    Args:
        loaded: The file's content; tensors may be on the meta device.
        options: By OpenAI's names ``image_size``, ``num_heads`` or ``num_head_channels``,
            ``use_new_attention_order`` as ``new_attention_order``, ``noise_schedule`` as
            ``schedule``, ``diffusion_steps`` as ``steps``, and ``rescale_timesteps``; and
            ``label_dropout``, how often a label was left out in training: never in OpenAI's.
        where: The file, for messages.

    Raises:
        CheckpointError: If the file is damaged or no U-Net that is known here, or if options are
            needed; the message names them and their usual values.
    """
    chosen = parsed_options(options, _OPTIONS, where)
    tensors = network_in(loaded, _is_network, where)
    if tensors is None:
        raise problem(where, f"no guided-diffusion state dict: it has no {' and '.join(_FIRST)}")
    source = Source(tensors, where)
    found = recognised(source)
    settings, notes = _settings(found, chosen, source)
    size = settings["image_size"]
    if size % (1 << (found.levels - 1)):
        raise source.error(f"image_size = {size} cannot be halved {found.levels - 1} times")
    return Checkpoint(
        network="DhariwalUNet",
        arguments={
            **found.arguments(size),
            **_heads(settings),
            "label_dropout": settings.get("label_dropout", 0.0),
        },
        preconditioning="iddpm",
        constants={
            "schedule": settings["schedule"],
            "C_1": 0.001,
            "C_2": 0.008,
            "M": settings["steps"],
            "rescale": settings["rescale_timesteps"],
        },
        tensors=renamed(source, found, settings),
        format=FORMAT,
        notes=notes,
    )


def _heads(settings: Mapping[str, Any]) -> dict[str, int]:
    if "num_heads" in settings:
        return {"num_heads": settings["num_heads"]}
    return {"channels_per_head": settings["num_head_channels"]}


def _settings(
    found: Architecture, chosen: dict[str, Any], source: Source
) -> tuple[dict[str, Any], dict[str, str]]:
    """Return what names and shapes do not show, from options or a released model, and notes."""
    heads = [name for name in ("num_heads", "num_head_channels") if name in chosen]
    if len(heads) == 2:
        raise source.error("options num_heads and num_head_channels exclude each other")
    alike = next((released for released in RELEASED if released.matches(found)), None)
    notes = {}
    settings = dict(chosen)
    if alike and alike.only:
        known = {k: v for k, v in alike.settings.items() if not (heads and k.startswith("num_h"))}
        settings = {**known, **chosen}
        notes = {"settings": f"those of the released {alike.name}, whose shapes these are"}
    if settings.get("steps") == 1000:
        settings["rescale_timesteps"] = False  # 1000 steps are not rescaled, or by 1
    missing = [name for name in _USUAL if not _given(name, settings)]
    if missing:
        raise source.error(_request(missing, alike))
    return settings, notes


_USUAL = {
    "image_size": "32, 64, 128, 256",
    "num_heads": "4, or num_head_channels 64",
    "new_attention_order": "false, true for the released 64×64 ADM",
    "schedule": "cosine, linear",
    "steps": "1000, 4000",
    "rescale_timesteps": "true, false with --rescale_timesteps False",
}


def _given(name: str, settings: Mapping[str, Any]) -> bool:
    return name in settings or (name == "num_heads" and "num_head_channels" in settings)


def _request(missing: list[str], alike: Released | None) -> str:
    if alike:
        values = " ".join(f"{key}={str(value).lower()}" for key, value in alike.settings.items())
        return (
            f"the file does not say its {', '.join(missing)}: options are needed; for the released "
            f"{alike.name}, which has these shapes: {values}"
        )
    usual = "; ".join(f"{name} (usual: {_USUAL[name]})" for name in missing)
    return f"the file does not say everything, options are needed: {usual}"

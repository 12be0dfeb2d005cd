"""diffusers' pipelines and networks: a directory, or a file of weights beside its config.json.

Only ``UNet2DModel``: images in [−1, 1], unconditional or by class. The library is not needed to
read them, but to build the network.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast

from torch import Tensor

from sampler_bench.models.checkpoints import safetensors_file, torch_file
from sampler_bench.models.checkpoints.checkpoint import Checkpoint, CheckpointError
from sampler_bench.models.checkpoints.diffusers_scheduler import training
from sampler_bench.models.checkpoints.names import bare, network_in
from sampler_bench.models.checkpoints.source import Level, Size, Steps, parsed_options
from sampler_bench.models.levels import SCHEDULES
from sampler_bench.models.networks.diffusers import Arguments, checked

FORMAT = "diffusers"
_OPTIONS: dict[str, Any] = {
    "image_size": Size,
    "prediction": Literal["epsilon", "v_prediction", "sample"],
    "schedule": cast(Any, Literal)[(*SCHEDULES, "edm")],
    "beta_start": Level,
    "beta_end": Level,
    "steps": Steps,
    "sigma_min": Level,
    "sigma_max": Level,
    "sigma_data": Level,
}
_FIRST = ("conv_in.weight", "time_embedding.linear_1.weight")
_FOLDERS = ("unet_ema", "unet", ".")
_WEIGHTS = (
    "diffusion_pytorch_model.safetensors",
    "diffusion_pytorch_model.fp16.safetensors",
    "diffusion_pytorch_model.bin",
    "diffusion_pytorch_model.fp16.bin",
    "diffusion_model.pt",  # before diffusers 0.1
)
_LATENT = ("vqvae", "vae", "movq")
_EMA_SETTINGS = ("decay", "optimization_step", "update_after_step", "use_ema_warmup")
_TORCH_FILES = (b"PK\x03\x04", b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19")
_OLD_ATTENTION = {"query": "to_q", "key": "to_k", "value": "to_v", "proj_attn": "to_out.0"}
_LARGEST_CONFIG = 10_000_000


@dataclass(frozen=True)
class Parts:
    """Where the parts of a checkpoint are; ``scheduler`` and ``index`` may be missing."""

    weights: Path
    config: Path
    scheduler: Path | None
    index: Path | None


def recognises(path: Path) -> bool:
    """Return whether this is a directory of diffusers, or a file with the weights of its U-Nets.

    Raises:
        CheckpointError: If it is a damaged file, or one of several networks.
    """
    if path.is_dir():
        names = ("model_index.json", *(f"{folder}/config.json" for folder in _FOLDERS))
        return any((path / name).is_file() for name in names)
    if _is_index(path):
        return "weight_map" in _object(path)
    if header := safetensors_file.header(path):
        return _is_network(bare(dict.fromkeys(header.names)))
    with path.open("rb") as file:
        if not file.read(len(_TORCH_FILES[1])).startswith(_TORCH_FILES):
            return False
    return network_in(torch_file.load(path), _is_network, str(path)) is not None


def read(path: Path, options: Mapping[str, Any] | None = None) -> Checkpoint:
    """Read a directory, or a file beside its ``config.json``. Nothing is fetched, nothing is run.

    Args:
        path: The directory or file; of a network in several files their ``….index.json``.
        options: What the configuration does not say, or says wrongly: ``image_size``, and those of
            :func:`~models.checkpoints.diffusers_scheduler.training`.

    Raises:
        CheckpointError: If something is missing, damaged, or no ``UNet2DModel`` on images.
    """
    chosen = parsed_options(options or {}, _OPTIONS, str(path))
    parts = _located(path)
    if parts.index:
        _check_pipeline(_object(parts.index), parts.index)
    size = chosen.pop("image_size", None)
    config = _object(parts.config)
    arguments, notes = _arguments(config, size, parts.config)
    scheduler = _object(parts.scheduler) if parts.scheduler else None
    trained = training(scheduler, chosen, str(parts.scheduler or parts.config.parent))
    return Checkpoint(
        network="UNet2DModel",
        arguments=arguments,
        preconditioning=trained.preconditioning,
        constants=trained.constants,
        tensors={f"unet.{_present_name(k)}": v for k, v in _tensors(parts.weights).items()},
        format=FORMAT,
        notes={**notes, **trained.notes, **_ema(parts, config), "weights": parts.weights.name},
    )


def _located(path: Path) -> Parts:
    if path.is_file():
        config = path.with_name("config.json")
        if not config.is_file():
            raise CheckpointError(f"{path}: needs its config.json beside it: there is none")
        return Parts(path, config, *_around(path.parent))
    folder = next((path / f for f in _FOLDERS if (path / f / "config.json").is_file()), None)
    if folder is None:
        raise CheckpointError(
            f"{path}: there is no config.json in unet_ema, unet or the directory itself"
        )
    return Parts(_weights(folder), folder / "config.json", *_around(folder))


def _weights(folder: Path) -> Path:
    """Return the file of a network's weights, or the index of its files.

    Raises:
        CheckpointError: If there is none, or both of one kind: diffusers leaves the older one.
    """
    for name in _WEIGHTS:
        stem, _, variant = name.rpartition(".fp16")
        index = f"{stem}{variant}.index.fp16.json" if stem else f"{name}.index.json"
        found = [folder / one for one in (name, index) if (folder / one).is_file()]
        if len(found) > 1:
            raise CheckpointError(
                f"{folder}: {name} and {index} may be of two networks, an older and a newer one: "
                "name the one to read instead of the folder, or delete the other"
            )
        if found:
            return found[0]
    raise CheckpointError(f"{folder}: there is no {' or '.join(_WEIGHTS)}, nor an index of several")


def _around(folder: Path) -> tuple[Path | None, Path | None]:
    """Return the scheduler's configuration and the pipeline's index that belong to a network."""
    roots = [folder]
    if folder.resolve().name in _FOLDERS:
        roots.append(folder.resolve().parent)
    places = [root / name for root in roots for name in ("scheduler", ".")]
    schedulers = [place / "scheduler_config.json" for place in places]
    indices = [root / "model_index.json" for root in roots]
    return (
        next((file for file in schedulers if file.is_file()), None),
        next((file for file in indices if file.is_file()), None),
    )


def _check_pipeline(index: Mapping[str, Any], where: Path) -> None:
    for name in _LATENT:
        if index.get(name):
            raise CheckpointError(
                f"{where}: {name!r} is part of the pipeline: its network denoises latents, not "
                "images, and has no D(x; σ) of images"
            )


def _arguments(
    config: Mapping[str, Any], size: int | None, where: Path
) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the arguments of ``UNet2DModel`` that a configuration gives, and notes."""
    name = config.get("_class_name")
    if name != "UNet2DModel":
        raise CheckpointError(
            f"{where}: _class_name = {name!r:.60}: of diffusers' networks only UNet2DModel is read"
        )
    arguments = {key: config[key] for key in Arguments.model_fields if key in config}
    said = arguments.get("sample_size")
    if isinstance(said, list) and len(said) == 2 and said[0] == said[1]:
        said = said[0]
    arguments["sample_size"] = size or said
    if arguments["sample_size"] is None:
        raise CheckpointError(
            f"{where}: sample_size is not there, so an option is needed: image_size (usual: 32, "
            "64, 128, 256)"
        )
    known = {*arguments, *_EMA_SETTINGS}
    ignored = [key for key in config if key not in known and not key.startswith("_")]
    try:
        complete = checked(arguments)
    except ValueError as error:
        raise CheckpointError(f"{where}: {error}") from None
    channels, out = complete["in_channels"], complete["out_channels"]
    if out not in (channels, 2 * channels):
        raise CheckpointError(
            f"{where}: in_channels = {channels}, out_channels = {out}: a denoiser's output has as "
            "many channels as its input, or twice as many (input that is a condition is not known "
            "here)"
        )
    return complete, {"ignored": ", ".join(ignored)[:200]} if ignored else {}


def _ema(parts: Parts, config: Mapping[str, Any]) -> dict[str, str]:
    """Return a note on whether the weights are a moving average, as far as files tell."""
    folder = parts.weights.parent
    settings = [f"{key} = {config[key]}" for key in _EMA_SETTINGS if key in config]
    if settings or folder.name == "unet_ema":
        return {"ema": " ".join(["yes, by its folder or settings:", folder.name, *settings])}
    if "non_ema" in parts.weights.name:
        return {"ema": "no, by the file's name"}
    if any(folder.glob("*.non_ema.*")):
        return {"ema": "yes: weights without it lie beside"}
    return {"ema": "weights as published; whether they are a moving average is not recorded"}


def _present_name(name: str) -> str:
    """Return a tensor's name as in present versions: attention had other names before 0.15."""
    parts = name.split(".")
    if len(parts) > 2 and "attentions" in parts:
        parts[-2] = _OLD_ATTENTION.get(parts[-2], parts[-2])
    return ".".join(parts)


def _tensors(path: Path) -> Mapping[str, Tensor]:
    """Return the tensors of a file, or of all that an index lists, by their own names."""
    held = _shards(path) if _is_index(path) else _held(path)
    found = network_in(held, _is_network, str(path))
    if found is None:
        raise CheckpointError(f"{path}: holds no tensors of a UNet2DModel ({', '.join(_FIRST)})")
    for name, tensor in found.items():
        if not isinstance(name, str) or not isinstance(tensor, Tensor):
            raise CheckpointError(f"{path}: {name!r:.60} is not a tensor with a name")
    return found


def _held(path: Path) -> Any:
    if safetensors_file.header(path) is not None:
        return safetensors_file.load(path)
    return torch_file.load(path)


def _is_network(tensors: Mapping[Any, Any]) -> bool:
    return all(name in tensors for name in _FIRST)


def _is_index(path: Path) -> bool:
    return path.suffix == ".json"


def _shards(index: Path) -> dict[str, Tensor]:
    """Return the tensors of a network whose files are several: each from where the index says."""
    places = _object(index).get("weight_map")
    if not isinstance(places, dict) or not places:
        raise CheckpointError(f"{index}: has no weight_map, the files of its tensors")
    files = sorted({_plain(file, index) for file in places.values()})
    if gone := [file for file in files if not index.with_name(file).is_file()]:
        raise CheckpointError(f"{index}: lists {gone[0]:.100}, which is not beside it")
    tensors: dict[str, Tensor] = {}
    for file in files:
        held = _held(index.with_name(file))
        names = {name for name, place in places.items() if place == file}
        if not isinstance(held, Mapping) or (odd := names ^ set(held)):
            first = min(map(str, odd)) if isinstance(held, Mapping) else "no tensor"
            raise CheckpointError(
                f"{index}: of {file:.100} it lists other tensors than that holds, the first is "
                f"{first!r:.100}"
            )
        tensors |= held
    return tensors


def _plain(file: Any, index: Path) -> str:
    if not isinstance(file, str) or not file or set(file) & set("/\\:\0") or file[0] == ".":
        raise CheckpointError(f"{index}: weight_map names {file!r:.100}, no file beside it")
    return file


def _object(path: Path) -> dict[str, Any]:
    """Return a JSON object."""
    try:
        if path.stat().st_size > _LARGEST_CONFIG:
            raise ValueError("larger than any configuration")
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        reason = " ".join(str(error).split())[:200]
        raise CheckpointError(f"{path}: cannot be read as JSON: {reason}") from None
    if not isinstance(found, dict):
        raise CheckpointError(f"{path}: not a JSON object")
    return found

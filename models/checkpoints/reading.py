"""Any checkpoint, recognised by its content."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from sampler_bench.kit.content import mistaken_file
from sampler_bench.models.checkpoints import (
    diffusers,
    edm_pickle,
    guided,
    own,
    safetensors_file,
    score_sde,
    torch_file,
)
from sampler_bench.models.checkpoints.checkpoint import Checkpoint, CheckpointError
from sampler_bench.models.checkpoints.names import is_optimizer
from sampler_bench.models.checkpoints.source import parsed_options

FORMATS = (
    "our .safetensors",
    "EDM's .pkl",
    "score_sde's .pth",
    "guided-diffusion's and improved-diffusion's .pt",
    "diffusers' UNet2DModel",
)

_NULL_CLASS = {"null_class": Annotated[int, Field(ge=0, lt=1_000_000)]}


def read(path: Path, options: Mapping[str, Any] | None = None) -> Checkpoint:
    """Return the checkpoint in a file or directory, recognised by what is in it.

    Args:
        path: The file, or a diffusers directory.
        options: What the file does not say, by the reader's names; and of any network with classes
            ``null_class``, the one that means none.

    Raises:
        CheckpointError: If it is of no known kind, damaged, or does not say enough; one line.
    """
    if not path.exists():
        raise CheckpointError(f"{path}: there is no such file")
    try:
        if path.is_file() and (mistaken := mistaken_file(path)):
            raise CheckpointError(f"{path}: {mistaken}")
        options = dict(options or {})
        null_class = {name: options.pop(name) for name in ("null_class",) if name in options}
        found = _read(path, options)
        return replace(found, **parsed_options(null_class, _NULL_CLASS, str(path)))
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read: {error}") from None


def _read(path: Path, options: Mapping[str, Any]) -> Checkpoint:
    for kind in (own, diffusers, edm_pickle):
        if kind.recognises(path):
            return kind.read(path, options)
    if path.is_dir():
        raise CheckpointError(f"{path}: a directory without diffusers' model_index.json")
    is_safetensors = safetensors_file.header(path) is not None
    loaded = safetensors_file.load(path) if is_safetensors else torch_file.load(path)
    if score_sde.recognises(loaded):
        return score_sde.convert(loaded, options, str(path))
    if guided.recognises(loaded, str(path)):
        return guided.convert(loaded, options, str(path))
    if is_optimizer(loaded):
        raise CheckpointError(
            f"{path}: an optimizer's state, no network: take the file of weights beside it (of "
            "OpenAI's programs ema_….pt)"
        )
    raise CheckpointError(f"{path}: not a checkpoint of a known kind ({', '.join(FORMATS)})")

"""Any checkpoint, recognised by its content."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sampler_bench.models.checkpoints import (
    diffusers,
    edm_pickle,
    guided,
    own,
    score_sde,
    torch_file,
)
from sampler_bench.models.checkpoints.checkpoint import Checkpoint, CheckpointError

FORMATS = (
    "our .safetensors",
    "EDM's .pkl",
    "score_sde's .pth",
    "guided-diffusion's and improved-diffusion's .pt",
    "diffusers' UNet2DModel",
)


def read(path: Path, options: Mapping[str, Any] | None = None) -> Checkpoint:
    """Return the checkpoint in a file or directory, recognised by what is in it.

    Args:
        path: The file, or a diffusers directory.
        options: What the file does not say, by the reader's names.

    Raises:
        CheckpointError: If it is of no known kind, damaged, or does not say enough; one line.
    """
    if not path.exists():
        raise CheckpointError(f"{path}: there is no such file")
    try:
        return _read(path, options or {})
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read: {error}") from None


def _read(path: Path, options: Mapping[str, Any]) -> Checkpoint:
    for kind in (own, diffusers, edm_pickle):
        if kind.recognises(path):
            return kind.read(path, options)
    if path.is_dir():
        raise CheckpointError(f"{path}: a directory without diffusers' model_index.json")
    loaded = torch_file.load(path)
    for release in (score_sde, guided):
        if release.recognises(loaded):
            return release.convert(loaded, options, str(path))
    raise CheckpointError(f"{path}: not a checkpoint of a known kind ({', '.join(FORMATS)})")

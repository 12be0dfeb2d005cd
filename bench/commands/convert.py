"""What ``bench convert`` does: any checkpoint into one file of our own format."""

import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from sampler_bench.kit.toml import parse
from sampler_bench.models.checkpoints import own
from sampler_bench.models.checkpoints.checkpoint import Checkpoint, CheckpointError
from sampler_bench.models.loading import found
from sampler_bench.models.network import NetworkDenoiser, assemble
from sampler_bench.models.published import PUBLISHED
from sampler_bench.models.registry import MODELS

_SUFFIX = ".safetensors"
_WORD = re.compile(r"[A-Za-z][\w.-]*", re.ASCII)


def convert(
    spec: str, out: Path, settings: Iterable[str] = (), force: bool = False
) -> list[tuple[str, str]]:
    """Write a checkpoint in our format, all of it or nothing, and return what it is, line by line.

    Args:
        spec: A published name, a path or an address.
        out: The file to write.
        settings: What the checkpoint does not say, each ``"key=value"``.
        force: Overwrite ``out``.

    Raises:
        ValueError: If the checkpoint cannot be used or ``out`` not be written; one line.
    """
    options = parsed(settings)
    _check_target(out, force)
    if spec in MODELS:
        raise ValueError(f"{spec} is exact: it has no network to convert")
    path, checkpoint = found(spec, options)
    try:
        denoiser = assemble(checkpoint)
    except CheckpointError as error:
        raise CheckpointError(f"{path}: {error}") from None
    if spec in PUBLISHED:
        row = PUBLISHED[spec]
        notes = {"published": spec, "licence": row.licence, "from": row.source}
        checkpoint = replace(checkpoint, notes={**checkpoint.notes, **notes})
    own.write(checkpoint, out)
    return summary(checkpoint, denoiser, out)


def summary(checkpoint: Checkpoint, denoiser: NetworkDenoiser, out: Path) -> list[tuple[str, str]]:
    """Return what a checkpoint is, as pairs of what and value."""
    constants = ", ".join(f"{key} = {value!r:.60}" for key, value in checkpoint.constants.items())
    count = sum(parameter.numel() for parameter in denoiser.model.parameters())
    channels, height, width = denoiser.shape
    return [
        ("file", f"{out}, {out.stat().st_size:,} bytes"),
        ("read from", checkpoint.format),
        ("network", f"{checkpoint.network}, {count:,} parameters"),
        ("images", f"{channels} x {height} x {width}, values in [-1, 1]"),
        ("classes", _classes(denoiser)),
        ("preconditioning", ": ".join(filter(None, (checkpoint.preconditioning, constants)))),
        ("noise levels", f"{denoiser.sigma_min:.6g} to {denoiser.sigma_max:.6g}"),
        *((f"note: {key}", value) for key, value in checkpoint.notes.items()),
        ("digest", denoiser.digest),
    ]


def _classes(denoiser: NetworkDenoiser) -> str:
    said = str(denoiser.label_dim or "none")
    if denoiser.null_class is not None:
        return f"{said}, {denoiser.null_class} means no class"
    if denoiser.card.no_class == "impossible":
        return f"{said}; if one means no class, say which: null_class"
    return said


def parsed(settings: Iterable[str]) -> dict[str, Any]:
    """Return ``key=value`` texts as options: TOML values, or words without quotes.

    Raises:
        ValueError: If one has no key, no value that can be read, or comes twice.
    """
    options: dict[str, Any] = {}
    for setting in settings:
        key, equals, text = setting.partition("=")
        name = key.strip().replace("-", "_")
        if not equals or not name:
            raise ValueError(f"--set {setting}: must be key=value")
        if name in options:
            raise ValueError(f"--set {setting}: {name} was set before")
        options[name] = _value(text.strip(), setting)
    return options


def _value(text: str, setting: str) -> Any:
    try:
        document = parse(f"value = {text}", setting)
    except ValueError:
        if _WORD.fullmatch(text):
            return text
        document = {}
    value = document.get("value")
    if len(document) != 1 or not isinstance(value, bool | int | float | str | list):
        raise ValueError(
            f"--set {setting}: the value must be a number, true, false, a word, a quoted text or "
            "[a list]"
        )
    return value


def _check_target(out: Path, force: bool) -> None:
    if out.suffix != _SUFFIX:
        raise ValueError(f"{out}: the file to write must end in {_SUFFIX}")
    if out.is_dir():
        raise ValueError(f"{out}: is a folder")
    if out.exists() and not force:
        raise ValueError(f"{out}: is there already; --force overwrites it")
    if not out.parent.is_dir():
        raise ValueError(f"{out}: there is no folder {out.parent}")

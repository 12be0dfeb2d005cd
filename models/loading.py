"""A model by its name, its file or its address."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from sampler_bench.kit import own_files, paths
from sampler_bench.kit.names import unknown
from sampler_bench.kit.paths import exists, expanded, nowhere
from sampler_bench.models import fetch, own
from sampler_bench.models.checkpoints.checkpoint import Checkpoint, CheckpointError
from sampler_bench.models.checkpoints.reading import read
from sampler_bench.models.data import loading as data
from sampler_bench.models.ideal import IDEAL, ideal, short_name
from sampler_bench.models.model import Model, model_of
from sampler_bench.models.network import Execution, NetworkDenoiser, assemble
from sampler_bench.models.networks import build
from sampler_bench.models.preconditioning import precondition
from sampler_bench.models.published import PUBLISHED
from sampler_bench.models.registry import MODELS
from sampler_bench.models.zoo.trained import REFERENCES, TRAINED


def load(
    spec: str,
    device: str | torch.device = "cpu",
    execution: Execution | None = None,
    options: Mapping[str, Any] | None = None,
) -> Model:
    """Return a model on ``device``: D(x; σ), and its card.

    Args:
        spec: A name (``bench list models``), a checkpoint's path, its http(s) address, ``ideal:``
            and a data set: the ideal denoiser of it, or ``FILE.py:NAME``, one's own.
        device: Where it computes.
        execution: Precision, compilation and memory layout; for networks.
        options: What a checkpoint file does not say, by its reader's names.

    Raises:
        ValueError: If there is no such model (the message names the nearest one), or its file is
            damaged, of an unknown kind, or not the one pinned; one line.
        models.fetch.NotHere: If it is published but was not fetched; says what to type.
    """
    if (spec in MODELS or spec.startswith(IDEAL)) and options:
        raise ValueError(f"model {spec!r}: {', '.join(options)}: said of checkpoints alone")
    if spec in MODELS:
        if execution not in {None, Execution()}:
            raise ValueError(
                f"model {spec!r}: precision, compile and channels-last are for networks"
            )
        return own.load(spec, device) if MODELS.is_own(spec) else _of_row(spec, device)
    if spec.startswith(IDEAL):
        return ideal(spec, device)
    path, checkpoint = found(spec, options)
    try:
        denoiser = assemble(checkpoint, device, execution)
    except CheckpointError as error:
        raise CheckpointError(f"{path}: {error}") from None
    if spec in PUBLISHED:
        _check_published(spec, path, denoiser)
        denoiser.reference = PUBLISHED[spec].reference
    if spec in TRAINED:
        denoiser.reference = REFERENCES[denoiser.shape[-1]]
    return denoiser


def _of_row(name: str, device: str | torch.device) -> Model:
    made = model_of(MODELS[name](device))
    if not made.card.digest:
        raise ValueError(f"model {name!r} has no digest, and nothing else says which one it is")
    return made


def found(spec: str, options: Mapping[str, Any] | None = None) -> tuple[Path, Checkpoint]:
    """Return a checkpoint by name, path or address, and the file or directory it was read from.

    Raises:
        ValueError: As for :func:`load`.
        models.fetch.NotHere: As for :func:`load`.
    """
    path, known = _located(spec)
    return path, read(path, {**known, **(options or {})})


def described(spec: str) -> NetworkDenoiser:
    """Return a published model without its weights, on the meta device: its shape, levels and cost.

    Raises:
        ValueError: If there is no such published model.
    """
    if spec not in PUBLISHED:
        raise ValueError(_unknown(spec))
    row = PUBLISHED[spec]
    network = build(row.network, row.arguments)
    denoiser = NetworkDenoiser(network, precondition(row.preconditioning, row.constants))
    denoiser.reference = row.reference
    denoiser.recipe = (row.network, row.arguments)
    return denoiser.eval()


def name_of(spec: str) -> str:
    """Return what a model is called in records: its name, or its file's without folder and suffix.

    Where a file lies must not change the key of what is measured with it.
    """
    if spec in MODELS or spec in PUBLISHED:
        return own_files.shown(spec) if MODELS.is_own(spec) else spec
    if spec.startswith(IDEAL):
        return short_name(spec)
    last = spec.rstrip("/\\").replace("\\", "/").rpartition("/")[2]
    return last.rpartition(".")[0] or last


def placed(spec: str, folder: Path) -> str:
    """Return a model's name with paths in it that are relative to a folder, as ones that are not.

    Args:
        spec: As of :func:`load`.
        folder: What paths are relative to.
    """
    if MODELS.is_own(spec):
        return own_files.absolute(spec, folder)
    if spec.startswith(IDEAL):
        return IDEAL + data.placed(spec.removeprefix(IDEAL), folder)
    is_named = spec in MODELS or spec in PUBLISHED or spec in TRAINED or is_address(spec)
    return spec if is_named else paths.placed(spec, folder)


def is_address(spec: str) -> bool:
    """Return whether a model is named by where it can be fetched from."""
    return spec.startswith(("http://", "https://"))


def _located(spec: str) -> tuple[Path, Mapping[str, Any]]:
    """Return a checkpoint's path, and what is known about it that it does not say."""
    if spec in PUBLISHED:
        return fetch.verified(spec), PUBLISHED[spec].options
    if spec in TRAINED:
        return TRAINED[spec], {}
    if is_address(spec):
        return fetch.fetch(spec), {}
    path = expanded(spec)
    if not exists(path):
        raise ValueError(f"{_unknown(path.name)}; and {nowhere(path)}")
    return path, {}


def _unknown(spec: str) -> str:
    """Say that there is no such model; of the published ones only the nearest is named."""
    known = ", ".join([*MODELS, *(name for name in TRAINED if not name.startswith("table2"))])
    listed = f"{known}, and those of bench list models"
    return unknown(spec, [*MODELS, *TRAINED, *PUBLISHED], "model", listed)


def _check_published(spec: str, path: Path, denoiser: NetworkDenoiser) -> None:
    """Refuse a file that is not what the catalogue says of it."""
    expected = described(spec)
    for what, found, listed in (
        ("shape", denoiser.shape, expected.shape),
        ("label_dim", denoiser.label_dim, expected.label_dim),
        ("sigma_min", denoiser.sigma_min, expected.sigma_min),
        ("sigma_max", denoiser.sigma_max, expected.sigma_max),
    ):
        if found != listed:
            raise CheckpointError(
                f"{path}: its {what} is {found}, but {spec} is listed with {listed}"
            )

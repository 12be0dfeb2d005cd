"""A model from a user's own file: ``"mine.py:make"``."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from sampler_bench.kit import own_files
from sampler_bench.kit.canonical import hash_of
from sampler_bench.kit.forms import positional
from sampler_bench.models.card import Card, check_card
from sampler_bench.models.forms import FORMS
from sampler_bench.models.model import Wrapped
from sampler_bench.models.registry import MODELS
from sampler_bench.solvers.denoiser import Denoiser

NEEDED = ("shape", "sigma_min", "sigma_max", "round_sigma", "__call__")
"""What a denoiser has: see :class:`~solvers.denoiser.Denoiser`."""


class OwnModel(Wrapped):
    """A model identified by the text it was made by, and by its own digest if it has one.

    Args:
        denoiser: The denoiser.
        digest: Of the text.
        files: SHA-256 by path of what it was made of, its own file first.

    Raises:
        ValueError: If what it says of itself is impossible.
    """

    def __init__(self, denoiser: Denoiser, digest: str, files: Mapping[str, str]) -> None:
        super().__init__(denoiser)
        said = super().card
        check_card(denoiser, said)
        own = hash_of({"file": digest, "own": said.digest}) if said.digest else digest
        reference = _beside(next(iter(files)), said.reference)
        self._card = replace(said, digest=own, files=files, reference=reference)

    @property
    def card(self) -> Card:
        """The denoiser's, with its own digest and files."""
        return self._card


def load(spec: str, device: str | torch.device) -> OwnModel:
    """Return a user's own model.

    Raises:
        ValueError: If it cannot be made, or is no denoiser; one line.
    """
    name = own_files.shown(spec)
    loaded = own_files.load(spec, "model")
    make = MODELS[str(loaded.spec)]
    with own_files.in_one_line(f"model {name}: "):
        made = make(torch.device(device))
    _check(name, made)
    try:
        return OwnModel(made, loaded.spec.digest, loaded.files)
    except ValueError as error:
        raise ValueError(f"model {name}: {error}") from None


def maker(name: str, found: Any) -> Callable[[Any], Any]:
    """Return a row of ``MODELS``: a function of a device.

    Raises:
        ValueError: If ``found`` can be none; one line.
    """
    if inspect.isclass(found):
        make: Callable[..., Any] = found
        takes_device = "device" in inspect.signature(found).parameters
        return (lambda device: make(device=device)) if takes_device else (lambda device: make())
    if inspect.isroutine(found):
        takes = positional(found)
        if len(takes) > 1:
            raise FORMS.refused("model", name, found)
        return found if takes else lambda device: found()
    _check(name, found)
    return lambda device: found


def _beside(file: str, reference: str | None) -> str | None:
    """Return the reference that a file's model names: one beside the file by its path."""
    path = None if reference is None else Path(file).parent / reference
    return str(path) if path and path.is_file() else reference


def _check(name: str, made: Any) -> None:
    for needed in NEEDED:
        if not hasattr(made, needed):
            raise ValueError(
                f"model {name} is a {type(made).__name__} without {needed!r}: a denoiser has "
                f"{', '.join(NEEDED)}"
            )

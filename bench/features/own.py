"""Extractors, ours or of a user's own: what is made of a function."""

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from sampler_bench.bench.features.extractors import Extractor
from sampler_bench.bench.features.forms import EXTRACTOR, MAKER
from sampler_bench.kit import own_files

Make = Callable[[str, Path | None], Extractor]


def extractor(name: str, found: Any) -> Make:
    """Return a row of ``EXTRACTORS``.

    Args:
        name: What it is called: ``file:NAME`` from a user's own file.
        found: A function of one of the forms. One of images returns features [n, d]; its attributes
            ``input`` ("uint8", unless given, or "any") and ``dim`` (d) are those of an extractor.

    Raises:
        ValueError: If ``found`` can be none; one line.
    """
    form = EXTRACTOR.of_function(found) if inspect.isroutine(found) else None
    if form is None:
        raise EXTRACTOR.refused("extractor", name, found)
    return found if form == MAKER else _maker(name, found)


def _maker(name: str, function: Callable[[Tensor], Any]) -> Make:
    def make(device: str, weights: Path | None) -> Extractor:
        if weights is not None:
            raise ValueError(f"extractor {name!r} takes no weights, got {weights}")

        def compute(images: Tensor) -> Tensor:
            with own_files.in_one_line(f"extractor {name}: "):
                return torch.as_tensor(function(images.to(device)))

        dim, kind = getattr(function, "dim", None), getattr(function, "input", "uint8")
        if kind not in {"uint8", "any"}:
            raise ValueError(f"extractor {name}: input = {kind!r} is not one of any, uint8")
        return Extractor(name, "", dim, kind, compute)

    return make

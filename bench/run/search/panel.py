"""A search over a panel of samplers at one cost: what ``bench recommend`` runs."""

import json
import math
from collections.abc import Mapping
from typing import Any

from sampler_bench.bench.plan.shipped import PANELS
from sampler_bench.kit.toml import parse
from sampler_bench.models.loading import name_of
from sampler_bench.models.model import Model

USUAL = PANELS / "usual.toml"
FINALISTS = 4
FIRST = 10
"""The first comparison is on the last one's samples divided by this."""
SMALL = 16
"""Pixels of a side below which an image shows nothing to Inception, which looks at 299."""


def search_text(
    model: str, nfe: int, samples: int, extractor: str, reference: str = "model"
) -> str:
    """Return the TOML text of the search of a panel's samplers at one cost.

    Args:
        model: The model's name, file or folder.
        nfe: Evaluations per sample that each sampler may cost.
        samples: Samples of the last measurement.
        extractor, reference: As in a grid.
    """
    head = {
        "name": name(model, nfe),
        "models": [model],
        "samples": samples,
        "first_samples": max(20, samples // FIRST),
        "finalists": FINALISTS,
        "extractor": extractor,
        "reference": reference,
    }
    tables = parse(USUAL.read_text("utf-8"), USUAL.name)["sampler"]
    parts = [toml(head), *(f"[[sampler]]\n{toml({**one, 'nfe': nfe})}" for one in tables)]
    return "\n".join(parts)


def name(model: str, nfe: int) -> str:
    """Return what the search is called, and its folder: signs that paths mind are dashes."""
    called = f"recommend-{name_of(model)}-{nfe}"
    return "".join(sign if sign.isalnum() or sign in "_.-" else "-" for sign in called)


def extractor_for(model: Model) -> str:
    """Return the features that a model's samples are compared in, unless others are asked for.

    Pixel values of what are no images, or too small to show anything; the features that ship of
    28×28 grey ones, as Fashion-MNIST is; else Inception's.
    """
    data = model.card.data
    none = data is not None and data.images is None and data.moments is not None
    if none or min(model.shape[-2:]) < SMALL:
        return "pixels"
    return "fashion" if tuple(model.shape) == (1, 28, 28) else "inception"


def toml(table: Mapping[str, Any]) -> str:
    """Return a table of words, numbers and lists of them as TOML.

    >>> toml({"solver": "heun", "S_max": math.inf, "rho": [5, 7.5]})
    'solver = "heun"\\nS_max = inf\\nrho = [5, 7.5]\\n'
    """
    return "".join(f"{key} = {_value(value)}\n" for key, value in table.items())


def _value(value: Any) -> str:
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_value, value))}]"
    if isinstance(value, float) and not math.isfinite(value):
        return "nan" if math.isnan(value) else "inf" if value > 0 else "-inf"
    return json.dumps(value, ensure_ascii=False)

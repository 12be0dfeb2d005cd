"""What looks at images before distances are taken, by name. A row is imported when it is used."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from sampler_bench.bench.features.forms import EXTRACTOR
from sampler_bench.kit.registry import Registry

if TYPE_CHECKING:
    from sampler_bench.bench.features.extractors import Extractor

EXTRACTORS: Registry[Callable[[str, Path | None], "Extractor"]] = Registry(
    "extractor",
    {
        "inception": "sampler_bench.bench.features.extractors:inception",
        "fashion": "sampler_bench.bench.features.extractors:fashion",
        "pixels": "sampler_bench.bench.features.extractors:pixels",
    },
    group="extractors",
    forms=EXTRACTOR,
)
"""Functions of a device and of a weights file, which ``None`` leaves to them."""

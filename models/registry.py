"""The exact models that ship, by name. Each is imported when it is first used."""

from collections.abc import Callable
from typing import Any

from sampler_bench.kit.registry import Registry
from sampler_bench.models.forms import FORMS

MODELS: Registry[Callable[..., Any]] = Registry(
    "model",
    {
        "exact-fashion": "sampler_bench.models.zoo.exact:exact_fashion",
        "exact-mixture-8x8": "sampler_bench.models.zoo.exact:exact_mixture_8x8",
        "exact-mixture-moons": "sampler_bench.models.zoo.exact:exact_mixture_moons",
        "exact-two-points": "sampler_bench.models.zoo.exact:exact_two_points",
    },
    group="models",
    forms=FORMS,
)
"""Functions of a device."""

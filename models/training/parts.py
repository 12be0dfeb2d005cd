"""The parts of a training configuration, made from a name and constants."""

from collections.abc import Mapping
from typing import Any

from sampler_bench.kit.names import lookup
from sampler_bench.kit.parameters import check


def made(registry: Mapping[str, Any], name: str, constants: Mapping[str, Any], what: str) -> Any:
    """Return the part ``name`` of a registry of dataclasses.

    Args:
        registry: Dataclasses by name.
        name: Which one.
        constants: Their fields; those not given keep their defaults.
        what: What the registry holds, for messages: "noise".

    Raises:
        ValueError: If there is no such part or constant, or a value is of the wrong type or
            impossible; one line.
    """
    cls = lookup(registry, name, what)
    check(cls, constants, f"{what} {name}: ", "constant")
    return cls(**constants)

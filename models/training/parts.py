"""The parts of a training configuration, made from a name and constants."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from sampler_bench.kit.names import lookup, unknown


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
    allowed = {field.name: field.default for field in fields(cls) if field.init}
    for key, value in constants.items():
        if key not in allowed:
            raise ValueError(unknown(key, allowed, f"constant of {what} {name}"))
        if not _alike(value, allowed[key]):
            raise ValueError(f"{what} {name}: {key} = {value!r} must be like {allowed[key]!r}")
    return cls(**constants)


def _alike(value: Any, default: Any) -> bool:
    """Return whether a value is of its default's kind; a whole number will do for a float."""
    if isinstance(value, bool) or isinstance(default, bool):
        return type(value) is type(default)
    return isinstance(value, int | float if isinstance(default, float) else type(default))

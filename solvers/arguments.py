"""From what a sampler says of itself back to the arguments that make it."""

import json
from collections.abc import Mapping
from typing import Any

from sampler_bench.kit.canonical import restored
from sampler_bench.solvers.any_sampler import AnySampler
from sampler_bench.solvers.assembly import own_parameters
from sampler_bench.solvers.building import DEFAULTS, REGISTRIES, keys_of
from sampler_bench.solvers.listed import REPLACED


def arguments(told: Mapping[str, Any], sampler: AnySampler | None = None) -> dict[str, Any]:
    """Return the arguments of :func:`solvers.build` that make a sampler again.

    Args:
        told: Its settings, as it declares them with some model: every number is resolved.
        sampler: The sampler, if it is at hand: settings only name a user's own files.

    Returns:
        The arguments, less those that are ``None``. What settings tell and nothing takes, as the
        ends of an author's own sampler, follows from the others.
    """
    kept = {} if sampler is None else _kept(sampler)
    values = {name: kept.get(name, _read(value)) for name, value in told.items()}
    chosen = {part: values.get(part, DEFAULTS[part]) for part in REGISTRIES}
    replaced = REPLACED if "levels" in values else ()
    made = None if replaced else chosen["discretization"]
    own = own_parameters(chosen["solver"], made, chosen["schedule"], chosen["path"])
    takes = {*keys_of(chosen["solver"]), *own} - set(replaced)
    return {k: value for k, value in values.items() if k in takes and value is not None}


def _kept(sampler: AnySampler) -> dict[str, Any]:
    """Return what a sampler holds under the names of its settings: of files their paths."""
    held = vars(sampler)
    return {**{part: held[part] for part in REGISTRIES if part in held}, **sampler.parameters}


def _read(value: Any) -> Any:
    """Return a setting, of which lists are told as texts."""
    is_list = isinstance(value, str) and value.startswith("[")
    return restored(json.loads(value)) if is_list else value

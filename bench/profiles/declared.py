"""From a grid's profile tables to probes, one per combination of their values."""

import itertools
from collections.abc import Iterator
from dataclasses import fields
from typing import Any

from bench.expand import Labelled, Skipped, expand_entry
from bench.grid import Grid, ProfileEntry, SamplerEntry
from bench.profiles import PROBES, Probe
from solvers.lookup import lookup, unknown


def expand_profiles(grid: Grid) -> tuple[list[Labelled], list[Skipped]]:
    """Return the probes of a grid, and the combinations that were left out, with reasons.

    Raises:
        ValueError: For keys or values that are wrong, and for a table of which nothing is left.
    """
    kept: list[Labelled] = []
    skipped: list[Skipped] = []
    for number, entry in enumerate(grid.profile):
        for model in entry.models or []:
            if model not in grid.models:
                raise ValueError(f"profile[{number}]: {unknown(model, grid.models, 'model')}")
        where = f"profile[{number}]" + (f" ({entry.label})" if entry.label else "")
        try:
            kind = lookup(PROBES, entry.metric, "profile metric")
            kept += _expanded(entry, kind, skipped)
        except (ValueError, TypeError) as error:
            raise ValueError(f"{where}: {error}") from None
    return kept, skipped


def _expanded(entry: ProfileEntry, kind: type[Probe], skipped: list[Skipped]) -> Iterator[Labelled]:
    own = [f.name for f in fields(kind) if f.name not in {"levels", "sampler"}]
    for key in entry.axes:
        if key not in {*own, *kind.sampler_keys}:
            allowed = ["metric", "label", "models", "levels", *own, *kind.sampler_keys]
            raise ValueError(unknown(key, allowed, f"key of {kind.metric}"))
    chosen = {key: entry.axes[key] for key in own if key in entry.axes}
    models = None if entry.models is None else tuple(entry.models)
    for values in itertools.product(*chosen.values()):
        given = dict(zip(chosen, values, strict=True))
        _check_kinds(kind, given)
        told = [f"{key} = {value}" for key, value in given.items() if len(chosen[key]) > 1]
        for label, sampler in _samplers(entry, kind, own, skipped):
            parts = {} if sampler is None else {"sampler": sampler}
            probe = kind(levels=tuple(entry.levels), **parts, **given)
            yield Labelled(", ".join([label, *told]), probe, models)


def _samplers(
    entry: ProfileEntry, kind: type[Probe], own: list[str], skipped: list[Skipped]
) -> Iterator[tuple[str, Any]]:
    """Yield the samplers a probe is about, with their labels; ``None`` if it is about none."""
    if not kind.sampler_keys:
        yield entry.label or kind.metric, None
        return
    axes: dict[str, Any] = {k: values for k, values in entry.axes.items() if k not in own}
    found, left_out = expand_entry(SamplerEntry(label=entry.label or kind.metric, **axes))
    if not found:
        raise ValueError(f"no combination can run: {left_out[0].reason}")
    skipped += left_out
    for item in found:
        yield item.label, item.sampler


def _check_kinds(kind: type[Probe], given: dict[str, Any]) -> None:
    """Refuse a text where a number is needed, and the other way round."""
    needed = {f.name: f.type for f in fields(kind)}
    for key, value in given.items():
        types, words = _KINDS[getattr(needed[key], "__name__", str(needed[key]))]
        if not isinstance(value, types):
            raise ValueError(f"{key} = {value!r} must be {words}")


_KINDS: dict[str, tuple[tuple[type, ...], str]] = {
    "str": ((str,), "a name"),
    "int": ((int,), "a whole number"),
    "float": ((int, float), "a number"),
}

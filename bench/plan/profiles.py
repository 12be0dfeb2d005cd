"""From a grid's profile tables to probes, one per combination of their values."""

import itertools
from typing import Any

from sampler_bench.bench.measure.profiles import PROBES, Probe
from sampler_bench.bench.measure.profiles.probe import NOT_OWN
from sampler_bench.bench.plan.expand import (
    Labelled,
    Skipped,
    check_combinations,
    expand_entry,
    expand_tables,
)
from sampler_bench.bench.plan.grid import Grid, ProfileEntry, SamplerEntry
from sampler_bench.kit import own_files
from sampler_bench.kit.names import unknown
from sampler_bench.kit.parameters import check, parameters


def expand_profiles(grid: Grid) -> tuple[list[Labelled], list[Skipped]]:
    """Return the probes of a grid, and the combinations that were left out, with reasons.

    Raises:
        ValueError: For keys or values that are wrong, and for a table of which nothing is left.
    """
    return expand_tables("profile", grid.profile, grid.models, _expand)


def _expand(entry: ProfileEntry) -> tuple[list[Labelled], list[Skipped]]:
    spec = PROBES.pinned(entry.metric)
    kind, called = PROBES.lookup(spec), own_files.shown(spec)
    own = [name for name in parameters(kind) if name not in NOT_OWN]
    for key in entry.axes:
        if key not in {*own, *kind.sampler_keys}:
            allowed = ["metric", "label", "models", "levels", *own, *kind.sampler_keys]
            raise ValueError(unknown(key, allowed, f"key of {called}"))
    chosen = {key: entry.axes[key] for key in own if key in entry.axes}
    models = None if entry.models is None else tuple(entry.models)
    check_combinations([*chosen.values(), entry.axes.get("steps", [0])])  # most often many
    samplers, skipped = _samplers(entry, kind, own, entry.label or called)
    check_combinations([samplers, *chosen.values()])
    kept = []
    for values in itertools.product(*chosen.values()):
        given = dict(zip(chosen, values, strict=True))
        check(kind, given, without=NOT_OWN)
        told = [f"{key} = {value}" for key, value in given.items() if len(chosen[key]) > 1]
        for label, parts in samplers:
            probe = kind(levels=tuple(entry.levels), **parts, **given)
            kept.append(Labelled(", ".join([label, *told]), probe, models, spec=spec))
    return kept, skipped


def _samplers(
    entry: ProfileEntry, kind: type[Probe], own: list[str], label: str
) -> tuple[list[tuple[str, dict[str, Any]]], list[Skipped]]:
    """Return the labelled samplers a probe is about, as its argument; none if it is about none."""
    if not kind.sampler_keys:
        return [(label, {})], []
    axes: dict[str, Any] = {k: values for k, values in entry.axes.items() if k not in own}
    table = SamplerEntry(label=label, **axes)
    table.place(entry.folder)
    found, skipped = expand_entry(table)
    several = len(axes.get("steps", [])) > 1  # along other curves steps vary; here they are lines
    named = []
    for item in found:
        steps = f", steps = {item.sampler.steps}" if several else ""
        named.append((item.label + steps, {"sampler": item.sampler}))
    return named, skipped

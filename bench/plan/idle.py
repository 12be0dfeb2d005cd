"""What a grid says and nothing of it sees: named in its plan, run and report."""

from collections.abc import Iterable, Iterator, Mapping
from math import prod
from typing import Any

from sampler_bench import solvers
from sampler_bench.bench.measure.metrics import Measure
from sampler_bench.bench.measure.profiles import PROBES
from sampler_bench.bench.plan.expand import applicable, axes_of, combinations, located
from sampler_bench.bench.plan.grid import Grid, SamplerEntry
from sampler_bench.kit.names import shown
from sampler_bench.solvers import Incompatible
from sampler_bench.solvers.assembly import own_parameters
from sampler_bench.solvers.building import DEFAULTS
from sampler_bench.solvers.options import OPTIONS
from sampler_bench.solvers.sampler import CHURN_FIELDS, Trivial

OF_FEATURES = ("extractor", "extractor_weights", "reference")
"""Keys of grids that are for features of samples."""
OF_SAMPLES = ("metrics", *OF_FEATURES)
"""Those that are for samplers' tables."""
MOST_LOOKED_AT = 200
"""Tables of more are not looked at: each key is left out of all of them."""


def unused(grid: Grid, measures: Mapping[str, Measure]) -> Iterator[str]:
    """Yield the grid's own keys that act on nothing, each with the reason.

    Args:
        grid: The grid.
        measures: Its metrics.
    """
    taken_of = {one.metric.taken_of for one in measures.values()}
    samples = bool(grid.sampler) or grid.floor_alone
    if not samples:
        yield from _idle(grid, OF_SAMPLES, "there is no [[sampler]] table")
    elif "samples" not in taken_of:
        yield from _idle(grid, OF_FEATURES, "no metric is of samples' features")
    if not (samples and "trajectory" in taken_of):
        yield from _idle(grid, ["truncation_samples"], "no metric is of trajectories")
    elif _is_said(grid, "truncation_samples") and grid.truncation_samples > grid.samples:
        said = f"truncation_samples = {grid.truncation_samples}"
        yield f"{said} lowered to samples = {grid.samples}"
    if not any(PROBES.lookup(one.metric).needs_data for one in grid.profile):
        yield from _idle(grid, ["data"], "no [[profile]] table starts from true data")
    if all(one.nfe != grid.nfe for one in grid.sampler):
        yield from _idle(grid, ["nfe"], "each [[sampler]] table says its own, or steps, or levels")
    yield from _of_no_table(grid)


def _of_no_table(grid: Grid) -> Iterator[str]:
    """Yield the models that every table leaves out."""
    tables = (*grid.sampler, *grid.profile, *grid.measurement)
    for model in () if grid.floor_alone else dict.fromkeys(grid.models):
        if not any(one.models is None or model in one.models for one in tables):
            yield f"model {shown(model)} is measured by nothing: each table is for others"


def _idle(grid: Grid, keys: Iterable[str], reason: str) -> Iterator[str]:
    yield from (f"{key} acts on nothing: {reason}" for key in keys if _is_said(grid, key))


def _is_said(grid: Grid, key: str) -> bool:
    return bool(getattr(grid, key) != Grid.model_fields[key].default)


def idle(grid: Grid) -> Iterator[str]:
    """Yield the keys of samplers' tables that act on nothing, table by table."""
    for number, entry in enumerate(grid.sampler):
        where = entry.label or f"sampler[{number}]"
        yield from (f"{where}: {key} acts on nothing" for key in idle_keys(entry))


def idle_keys(entry: SamplerEntry) -> Iterator[str]:
    """Yield as ``"S_noise = 1.1"`` what is given one value that no combination of a table sees.

    Values that are those by default are not meant, nor axes: a second value of one that nothing
    sees is skipped, with that reason.
    """
    axes = axes_of(entry)
    if prod(map(len, axes.values())) > MOST_LOOKED_AT:
        return
    for key, values in axes.items():
        if len(values) == 1 and not any(_acts(key, entry, one) for one in combinations(axes)):
            yield f"{key} = {shown(values[0])}"


def _acts(key: str, entry: SamplerEntry, combination: dict[str, Any]) -> bool:
    """Whether a sampler is another one without a key, or the key says what it is anyway."""
    used = applicable(combination)
    if key not in used or (key == "threshold_limit" and used.get("threshold") is None):
        return False
    parts = [used.get(name, DEFAULTS[name]) for name in ("solver", "schedule", "path")]
    made = None if "levels" in used else used.get("discretization", DEFAULTS["discretization"])
    solver, schedule, path = parts
    known = own_parameters(solver, made, schedule, path)
    if key not in {*known, "schedule", "scaling", *CHURN_FIELDS, *OPTIONS}:
        return True
    if used[key] == {**DEFAULTS, **known}[key]:
        return True
    rest = {name: value for name, value in used.items() if name != key}
    try:
        with_it, without = (
            solvers.build(**located({**one, **_steps(entry)}, entry.folder)).declared(Trivial())
            for one in (used, rest)
        )
    except (Incompatible, ValueError):  # it is no sampler without it
        return True
    return with_it.parts != without.parts


def _steps(entry: SamplerEntry) -> dict[str, int]:
    return {} if entry.nfe is None else {"steps": 1}

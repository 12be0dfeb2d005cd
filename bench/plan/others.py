"""From a grid's other measurement tables to measurements, and to the work that takes them."""

import itertools
from collections.abc import Iterable, Iterator

from sampler_bench.bench.measure.measurement import Measurement
from sampler_bench.bench.measure.registry import MEASUREMENTS
from sampler_bench.bench.measure.work import Work
from sampler_bench.bench.plan.expand import Labelled, Skipped, check_combinations, expand_tables
from sampler_bench.bench.plan.grid import Grid, MeasurementEntry
from sampler_bench.bench.plan.jobs import jobs
from sampler_bench.kit import own_files
from sampler_bench.kit.parameters import check
from sampler_bench.models.labels import Condition
from sampler_bench.models.model import Model


def expand_others(grid: Grid) -> list[Labelled]:
    """Return the measurements of other kinds of a grid, one per combination of their values.

    Raises:
        ValueError: For keys or values that are wrong.
    """
    return expand_tables("measurement", grid.measurement, grid.models, _expand)[0]


def _expand(entry: MeasurementEntry) -> tuple[list[Labelled], list[Skipped]]:
    spec = MEASUREMENTS.pinned(entry.kind)
    kind, called = MEASUREMENTS.lookup(spec), own_files.shown(spec)
    models = None if entry.models is None else tuple(entry.models)
    check_combinations(entry.axes.values())
    kept = []
    for values in itertools.product(*entry.axes.values()):
        given = dict(zip(entry.axes, values, strict=True))
        told = [f"{key} = {value}" for key, value in given.items() if len(entry.axes[key]) > 1]
        check(kind, given, f"{called}: ")
        label = ", ".join([entry.label or called, *told])
        kept.append(Labelled(label, kind(**given), models, spec=spec))
    return kept, []


def other_work(grid: Grid, name: str, model: Model, items: Iterable[Labelled]) -> Iterator[Work]:
    """Yield the work of one model's measurements of other kinds, one for each repeat.

    Raises:
        ValueError: If one cannot be taken of it.
    """
    for item in items:
        for key in ("class_label", "guidance"):
            if getattr(grid, key) is not None:
                raise ValueError(
                    f"measurement {item.label!r}: it is taken without classes: give {key} in a "
                    "grid of its own"
                )
        condition = Condition(null_class=model.card.null_class)
        condition.check(model.card.classes)
        measurement: Measurement = item.sampler
        with own_files.in_one_line(f"measurement {item.label!r}, model {name!r}: "):
            nfe = measurement.evaluations(model)
            yield from jobs(
                grid, item.label, name, model, condition, measurement, nfe, spec=item.spec
            )

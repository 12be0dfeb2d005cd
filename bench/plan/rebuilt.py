"""Back from a record to what was asked for."""

from typing import Any

from sampler_bench.bench.measure.registry import PROBES
from sampler_bench.bench.plan.task import Task, said, seeds, table
from sampler_bench.kit.parameters import parameters
from sampler_bench.results import Record
from sampler_bench.results.metric import FLOOR
from sampler_bench.solvers.arguments import arguments

OWN = "file:"
"""What the names of parts begin with of which a record does not say where they are."""


def rebuilt(record: Record) -> Task:
    """Return the task that a record is of, from its key and settings.

    Whether it is the same one is known when its work is made: models are named, and statistics are
    taken to be the model's own.

    Raises:
        ValueError: If a part of it is from a user's own file, which a record only names; one line.
    """
    cell, settings = record.cell, record.settings
    told = {"model": record.model, "metric": cell.metric, "extractor": cell.extractor}
    for part in settings.values():
        told |= part
    for name, value in told.items():
        if isinstance(value, str) and value.startswith(OWN):
            raise ValueError(f"record {cell.key}: {name} = {value!r} is a user's own")
    label = cell.condition.get("class_label")
    grid = {
        "models": [record.model],
        **seeds(cell.seed_start, cell.samples),
        "class_label": None if label in {"uniform", "balanced"} else label,
        "labels": "balanced" if label == "balanced" else None,
        "guidance": (guidance := cell.condition.get("guidance")),
        "guidance_untrained": None if guidance is None else True,
        "null_class": cell.condition.get("null_class"),
        **_asked(record),
    }
    return Task(record.label, said(grid), (cell.key,))


def _asked(record: Record) -> dict[str, Any]:
    if record.metric.taken_of == "truth":
        return _floor(record)
    return _profile(record) if record.cell.metric in PROBES else _sampler(record)


def _floor(record: Record) -> dict[str, Any]:
    cell = record.cell
    metrics = [cell.metric.removesuffix(FLOOR)]
    return {"floor": "only", "metrics": metrics, "extractor": cell.extractor}


def _sampler(record: Record) -> dict[str, Any]:
    cell, keys = record.cell, arguments(record.settings["sampler"])
    extractor = None if cell.extractor == "none" else cell.extractor
    tables = [table(record.label, keys)]
    return {"sampler": tables, "metrics": [cell.metric], "extractor": extractor}


def _profile(record: Record) -> dict[str, Any]:
    metric, settings = record.cell.metric, record.settings
    kind = PROBES[metric]
    levels = record.cell.sampler["measurement"]["levels"]  # of which settings show six digits
    made = arguments(settings["sampler"]) if "sampler" in settings else {}
    seen = {name: made[name] for name in kind.sampler_keys if name in made}
    own = {k: v for k, v in settings["measurement"].items() if k in parameters(kind)}
    keys = {"metric": metric, **own, "levels": levels, **seen}
    return {"profile": [table(record.label, keys)]}

"""Made-up records: samplers told by their settings alone."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sampler_bench.kit.canonical import faithful
from sampler_bench.results import Cell, Record, Store
from sampler_bench.results.schema import Line

MEASUREMENT = {"levels", "sigma_data", "substeps", "truth", "weights", "P_mean", "P_std"}


def parts(settings: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return settings as a cell holds them: all in one part, neutral or not."""
    return {"rule": {"name": "made up", **settings}}


def told(settings: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return settings as a record holds them."""
    own = {name: value for name, value in settings.items() if name in MEASUREMENT}
    rest = {name: value for name, value in settings.items() if name not in MEASUREMENT}
    return {name: each for name, each in (("sampler", rest), ("measurement", own)) if each}


def made_cell(settings: Mapping[str, Any], **fields: Any) -> Cell:
    """Return the cell of a sampler with these settings."""
    return Cell(sampler=parts(settings), **fields)


def made_record(model: str, settings: Mapping[str, Any], **fields: Any) -> Record:
    """Return a record of a model's name and a sampler with these settings."""
    return Record(model=model, settings=told(settings), **fields)


def settings_of(record: Record) -> dict[str, Any]:
    """Return the settings that a made-up record was made of."""
    return {k: v for part in record.settings.values() for k, v in part.items()}


def resampled(record: Record, settings: Mapping[str, Any], **fields: Any) -> Record:
    """Return a made-up record of another sampler, and of a cell with other fields."""
    cell = replace(record.cell, sampler=parts(settings), **fields)
    return replace(record, cell=cell, settings=told(settings))


def line_of(record: Record) -> Line:
    """Return a record as the point of a plan."""
    return Line(
        label=record.label,
        model=record.model,
        key=record.cell.key,
        work_key=record.cell.work_key,
        settings=faithful(record.settings),
    )


def lines_of(store: Store) -> list[Line]:
    """Return the records of a folder as the points of a plan."""
    return [line_of(record) for record in store.records()]

"""From a measurement to the work that fills its cells, whatever kind it is of."""

from collections.abc import Iterator, Mapping
from typing import Any

from sampler_bench.bench.measure.measurement import Measurement
from sampler_bench.bench.measure.work import SHARDS, Work
from sampler_bench.bench.plan.grid import Grid
from sampler_bench.kit import own_files
from sampler_bench.models.labels import Condition
from sampler_bench.models.model import Model
from sampler_bench.results import Cell
from sampler_bench.solvers.declared import Declared
from sampler_bench.solvers.declared import settings as declared_settings


def jobs(
    grid: Grid,
    label: str,
    name: str,
    model: Model,
    condition: Condition,
    measurement: Measurement,
    nfe: int | None,
    samples: int | None = None,
    spec: str = "",
) -> Iterator[Work]:
    """Yield the work of one measurement of one model, one for each repeat.

    Args:
        grid: Its seeds, samples and repeats.
        label: The curve.
        name: What records call the model.
        model: The denoiser.
        condition: The labels asked of it.
        measurement: What is taken.
        nfe: Evaluations per sample without guidance; ``None`` if they are known only afterwards.
        samples: Samples per cell, instead of the grid's.
        spec: What grids call a kind that does not ship, pinned if it is a user's own.

    Raises:
        ValueError: If something of it cannot be in a key; one line.
    """
    samples = samples or grid.samples
    extractor = measurement.against.extractor if measurement.against else None
    reference, reference_digest = measurement.reference
    with own_files.in_one_line():
        declared = _declared(measurement.declared(model), spec)
    for repeat in range(grid.repeats):
        cells = [
            Cell(
                model_digest=model.card.digest,
                sampler=declared.parts,
                seed_start=grid.first_seed + repeat * samples,
                samples=samples,
                shards=SHARDS,
                precision=model.card.precision,
                quantizer=measurement.quantizer,
                extractor=extractor.name if extractor else "none",
                extractor_digest=extractor.digest if extractor else "",
                metric=metric,
                reference=reference,
                reference_digest=reference_digest,
                condition=condition.declared(model.card.classes),
            )
            for metric in measurement.metrics
        ]
        yield Work(
            label=label,
            name=name,
            settings=declared.settings,
            measurement=measurement,
            model=model,
            condition=condition,
            cells=cells,
            nfe=condition.evaluations(nfe),
            spec=spec,
        )


def _declared(told: Declared | Mapping[str, Any], spec: str) -> Declared:
    """Return what a measurement declares, with the name of its kind if it does not ship."""
    if not isinstance(told, Declared):
        told = Declared({"measurement": told}, {"measurement": declared_settings(told)})
    if not spec:
        return told
    named = {"name": own_files.shown(spec)}
    parts = {**told.parts, "measurement": {**named, **told.parts.get("measurement", {})}}
    settings = {**told.settings, "measurement": {**named, **told.settings.get("measurement", {})}}
    return Declared(parts, settings)

"""From a measurement to the work that fills its cells, whatever kind it is of."""

from collections.abc import Iterator
from typing import Any

from sampler_bench.bench.measure.measurement import Measurement
from sampler_bench.bench.measure.work import SHARDS, Work, classes, precision
from sampler_bench.bench.plan.grid import Grid
from sampler_bench.kit import own_files
from sampler_bench.models.labels import Condition
from sampler_bench.results import Cell


def jobs(
    grid: Grid,
    label: str,
    name: str,
    model: Any,
    condition: Condition,
    measurement: Measurement,
    nfe: float | None,
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
    kind = own_files.in_key("measurement", spec) if spec else {}
    extractor = measurement.against.extractor if measurement.against else None
    reference, reference_digest = measurement.reference
    declared = {**kind, **measurement.declared(model)}
    for repeat in range(grid.repeats):
        cells = [
            Cell(
                model=name,
                model_digest=model.digest,
                sampler=declared,
                seed_start=grid.first_seed + repeat * samples,
                samples=samples,
                shards=SHARDS,
                precision=precision(model),
                quantizer=measurement.quantizer,
                extractor=extractor.name if extractor else "none",
                extractor_digest=extractor.digest if extractor else "",
                metric=metric,
                metric_file=measurement.text_of(metric),
                reference=reference,
                reference_digest=reference_digest,
                condition=condition.declared(classes(model)),
            )
            for metric in measurement.metrics
        ]
        guided = 1 if condition.guidance is None else 2
        yield Work(label, measurement, model, condition, cells, (nfe or 0) * guided, spec)

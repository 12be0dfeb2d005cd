"""The floors of a plan: one for each reference, features and number of samples of its samplers."""

from collections.abc import Iterable, Iterator

from sampler_bench.bench.features.references import ReferenceSource
from sampler_bench.bench.measure.floor import Floor, Nobody, has_floor
from sampler_bench.bench.measure.work import SHARDS, Work
from sampler_bench.bench.plan.expand import Skipped
from sampler_bench.models.labels import Condition
from sampler_bench.models.model import Model
from sampler_bench.results import Cell

LABEL = "perfect sampler"
NOBODY = "true data"
"""What stands in a key for the model: whose data they are, the digest of the reference says."""


def floors_of(lines: Iterable[Work]) -> Iterator[Work | Skipped]:
    """Yield the floors of what is sampled, one for each model's, or why there are none.

    Raises:
        ValueError: If the file that one is in cannot be read; one line.
    """
    seen = set()
    for work in lines:
        source, cell = work.measurement.against, work.cell
        if source is None or source.extractor is None:
            continue
        metrics = tuple(work.measurement.metrics)
        which = (work.name, metrics, cell.samples, work.condition.label)
        if which not in seen:
            seen.add(which)
            yield from floor_work(
                work.name, source, metrics, cell.samples, cell.quantizer, work.condition
            )


def floor_work(
    name: str,
    source: ReferenceSource,
    metrics: Iterable[str],
    samples: int,
    quantizer: str,
    condition: Condition,
) -> Iterator[Work | Skipped]:
    """Yield the floors of some metrics of a model, or why there are none.

    Args:
        name: What records call the model.
        source: What its samples are compared with.
        metrics: What is taken of them.
        samples: How many.
        quantizer: How they are rounded.
        condition: The labels asked of the model.

    Raises:
        ValueError: If the file that one is in cannot be read; one line.
    """
    for metric in (one for one in metrics if has_floor(one)):
        measurement = Floor(source, metric, quantizer)
        reason = measurement.why_not(samples)
        if condition.label is not None:
            reason = "samples of one class are compared with all: no draws of the data stand for it"
        elif condition.balanced:
            reason = "labels are balanced: no draws of the data stand for such samples"
        if reason:
            yield Skipped(LABEL, f"{metric} of {samples} samples", reason)
        else:
            yield _work(name, measurement, samples)


def _work(name: str, measurement: Floor, samples: int) -> Work:
    source = measurement.source
    assert source.extractor is not None
    model: Model = source.model if source.is_own else Nobody(source.model.shape)
    declared = measurement.declared(model)
    reference, digest = measurement.reference
    (metric,) = measurement.metrics
    cell = Cell(
        model_digest=NOBODY,
        sampler=declared.parts,
        seed_start=0,
        samples=samples,
        shards=SHARDS,
        precision="float64",
        quantizer=measurement.quantizer,
        extractor=source.extractor.name,
        extractor_digest=source.extractor.digest,
        metric=metric,
        reference=reference,
        reference_digest=digest,
    )
    return Work(LABEL, name, declared.settings, measurement, model, cells=[cell], nfe=0)

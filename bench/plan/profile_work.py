"""The work of a grid's profiles."""

from collections.abc import Iterable, Iterator

from sampler_bench.bench.features.references import ReferenceSource
from sampler_bench.bench.measure.profiles.probe import Probe
from sampler_bench.bench.measure.work import SHARDS, Work
from sampler_bench.bench.plan.expand import Labelled
from sampler_bench.bench.plan.grid import Grid
from sampler_bench.models.data.clean import Clean, clean_data
from sampler_bench.models.labels import Condition
from sampler_bench.models.model import Model
from sampler_bench.results import Cell


def profile_work(
    grid: Grid,
    name: str,
    model: Model,
    items: Iterable[Labelled],
    missing: dict[str, str] | None = None,
) -> Iterator[Work]:
    """Yield the work of one model's probes, one for each repeat.

    Args:
        grid: The grid.
        name: What the model is called in records.
        model: The denoiser.
        items: Its probes.
        missing: Where true data that are not here are noted, instead of refused.

    Raises:
        ValueError: If a probe cannot be measured of it, or its true data are not known.
    """
    items = list(items)
    if not items:
        return
    clean: Clean | None = None
    condition = _condition(grid, model)
    for item in items:
        probe: Probe = item.sampler
        try:
            probe.check(model)
            if probe.needs_data and clean is None:
                clean = _clean(grid, name, model, missing)
            declared = probe.declared(model)
        except ValueError as error:
            raise ValueError(f"profile {item.label!r}, model {name!r}: {error}") from None
        own = clean if probe.needs_data else None
        for repeat in range(grid.repeats):
            cell = Cell(
                model_digest=model.card.digest,
                sampler=declared.parts,
                seed_start=grid.first_seed + repeat * grid.samples,
                samples=grid.samples,
                shards=SHARDS,
                precision=model.card.precision,
                quantizer="none",
                extractor="none",
                extractor_digest="",
                metric=probe.metric,
                reference="true data" if probe.needs_data else "none",
                reference_digest=own.digest if own else "",
                condition=condition.declared(model.card.classes),
            )
            yield Work(
                label=item.label,
                name=name,
                settings=declared.settings,
                sampler=probe,
                model=model,
                extractor=None,
                source=ReferenceSource(cell.reference, model),
                condition=condition,
                clean=own,
                cells=[cell],
                nfe=probe.evaluations(model) * (1 if condition.guidance is None else 2),
            )


def _clean(grid: Grid, name: str, model: Model, missing: dict[str, str] | None) -> Clean | None:
    try:
        return clean_data(model, grid.data)
    except ValueError as error:
        if missing is None:
            raise
        missing[f"true data of {name}"] = str(error)
        return None


def _condition(grid: Grid, model: Model) -> Condition:
    """Return how a model is asked: each sample for the class of its own data.

    Raises:
        ValueError: If the grid asks for one class, or for several weights of guidance.
    """
    if grid.class_label is not None:
        raise ValueError("class_label: the samples of profiles have the classes of their data")
    if isinstance(grid.guidance, list):
        raise ValueError("guidance: give one weight where there are profiles")
    condition = Condition(None, grid.guidance)
    condition.check(model.card.classes)
    return condition

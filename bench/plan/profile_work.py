"""The work of a grid's profiles."""

from collections.abc import Iterable, Iterator

from sampler_bench.bench.measure.profiles.measured import OverLevels
from sampler_bench.bench.measure.profiles.probe import Probe
from sampler_bench.bench.measure.work import Work
from sampler_bench.bench.plan.expand import Labelled
from sampler_bench.bench.plan.grid import Grid
from sampler_bench.bench.plan.jobs import jobs
from sampler_bench.models.data.clean import Clean, clean_data
from sampler_bench.models.labels import Condition
from sampler_bench.models.model import Model


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
    condition = _condition(grid, name, model)
    for item in items:
        probe: Probe = item.sampler
        try:
            probe.check(model)
            if probe.needs_data and clean is None:
                clean = _clean(grid, name, model, missing)
            own = clean if probe.needs_data else None
            measurement = OverLevels(probe, own, item.spec)
            nfe = measurement.evaluations(model)
            yield from jobs(grid, item.label, name, model, condition, measurement, nfe)
        except ValueError as error:
            raise ValueError(f"profile {item.label!r}, model {name!r}: {error}") from None


def _clean(grid: Grid, name: str, model: Model, missing: dict[str, str] | None) -> Clean | None:
    try:
        return clean_data(model, grid.data)
    except ValueError as error:
        if missing is None:
            raise
        missing[f"true data of {name}"] = str(error)
        return None


def _condition(grid: Grid, name: str, model: Model) -> Condition:
    """Return how a model is asked: each sample for the class of its own data.

    Raises:
        ValueError: If the grid asks for one class, or for several weights of guidance.
    """
    if grid.class_label is not None:
        raise ValueError("class_label: the samples of profiles have the classes of their data")
    if isinstance(grid.guidance, list):
        raise ValueError("guidance: give one weight where there are profiles")
    if grid.labels == "balanced":
        raise ValueError('labels = "balanced": the samples of profiles have their data\'s classes')
    condition = Condition(None, grid.guidance, null_class=model.card.null_class)
    condition.check(model.card.classes)
    condition.check_guidance(name, model.card, grid.guidance_untrained)
    return condition

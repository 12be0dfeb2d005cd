"""From a grid to cells, and to the work that fills them."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from sampler_bench.bench.features.extractors import Extractor
from sampler_bench.bench.features.references import ReferenceSource
from sampler_bench.bench.features.registry import EXTRACTORS
from sampler_bench.bench.measure.registry import METRICS
from sampler_bench.bench.measure.trajectory import name as trajectory_name
from sampler_bench.bench.measure.work import SHARDS, Work, classes, precision
from sampler_bench.bench.plan.expand import Labelled, Skipped, check_cells, expand
from sampler_bench.bench.plan.grid import Grid
from sampler_bench.bench.plan.inventory import Inventory
from sampler_bench.bench.plan.profile_work import profile_work
from sampler_bench.bench.plan.profiles import expand_profiles
from sampler_bench.kit import own_files
from sampler_bench.models.labels import Condition
from sampler_bench.models.loading import name_of
from sampler_bench.models.network import Execution
from sampler_bench.results import Cell
from sampler_bench.solvers import AnySampler, Incompatible


@dataclass(frozen=True)
class Plan:
    """All work of a grid, what was left out of it, and what has to be fetched before it can run."""

    work: list[Work]
    skipped: list[Skipped]
    missing: dict[str, str] = field(default_factory=dict)

    @property
    def remarks(self) -> list[str]:
        """What a reader should know of how parts go together: "LABEL: of order 1 …"."""
        found = (f"{work.label}: {text}" for work in self.work for text in work.remarks)
        return list(dict.fromkeys(found))

    @property
    def files(self) -> dict[str, str]:
        """Return the SHA-256 of each of a user's own files that it is made of, by path."""
        return {path: digest for work in self.work for path, digest in work.files.items()}

    @property
    def cells(self) -> int:
        """Return the number of cells."""
        return sum(len(work.cells) for work in self.work)

    @property
    def evaluations(self) -> int:
        """Return the denoiser evaluations of all samples together, as far as they are known."""
        return sum(work.evaluations or 0 for work in self.work)

    @property
    def undeclared(self) -> list[Work]:
        """Return the work that says no number of evaluations: it comes on top of the others'."""
        return [work for work in self.work if work.nfe is None]


def make(
    grid: Grid,
    device: str | torch.device = "cpu",
    execution: Execution | None = None,
    dry: bool = False,
) -> Plan:
    """Return the plan of a grid. Loads models and, where features are needed, the extractor.

    Args:
        grid: The grid.
        device: Where models and extractor are put.
        execution: How networks are evaluated.
        dry: Plan with descriptions of published files that are not here, instead of refusing, and
            without models by address that are not; nothing is fetched.

    Raises:
        ValueError: If a name is unknown, a reference cannot be used, a file was not fetched, or
            nothing can run.
    """
    for metric in grid.metrics:
        METRICS.lookup(metric)
    EXTRACTORS.lookup(grid.extractor)
    labelled, skipped = expand(grid)
    probes, left_out = expand_profiles(grid)
    skipped += left_out
    _check_size(grid, labelled, probes)
    _check_names(grid.models)
    inventory = Inventory(device, execution)
    found = {spec: inventory.model(spec, dry) for spec in grid.models}
    loaded = {spec: model for spec, model in found.items() if model is not None}
    if grid.sampler:
        inventory.look_for_references(grid.reference, loaded.values())
    if not dry:
        inventory.check()
    extractor = _extractor(grid, inventory, dry)
    work: dict[str, Work] = {}
    for spec, model in loaded.items():
        jobs = [
            job
            for condition in _conditions(grid, model)
            for job in _jobs(grid, name_of(spec), model, extractor, condition)
        ]
        for item in (item for item in labelled if item.is_for(spec)):
            for job, nfe in _possible(jobs, item, skipped):
                _add(work, _work(grid, job, item, nfe), _steps(item.sampler))
        items = [item for item in probes if item.is_for(spec)]
        missing = inventory.missing if dry else None
        _add(work, profile_work(grid, name_of(spec), model, items, missing), "all levels")
    if not work and len(loaded) == len(found):
        reason = f": {skipped[0].reason}" if skipped else ""
        raise ValueError(f"grid {grid.name!r} has no cell that can run{reason}")
    return Plan(list(work.values()), list(dict.fromkeys(skipped)), inventory.missing)


def _add(work: dict[str, Work], found: Iterable[Work], where: str) -> None:
    for made in found:
        known = work.setdefault(made.key, made)
        if known.label != made.label:
            raise ValueError(
                f"samplers {known.label!r} and {made.label!r} are the same at {where}: give each "
                "cell one label"
            )


def _check_size(grid: Grid, labelled: list[Labelled], probes: list[Labelled]) -> None:
    """Refuse a grid of too many cells before any of them is made."""
    weights = grid.guidance if isinstance(grid.guidance, list) else [grid.guidance]
    each = len(set(grid.metrics)) * len(weights)
    cells = sum(
        sum(each for item in labelled if item.is_for(spec))
        + sum(1 for item in probes if item.is_for(spec))
        for spec in grid.models
    )
    check_cells(cells * grid.repeats)


def _check_names(specs: Iterable[str]) -> None:
    """Refuse two files of one name: records and figures could not tell them apart."""
    named: dict[str, str] = {}
    for spec in specs:
        other = named.setdefault(name_of(spec), spec)
        if other != spec:
            raise ValueError(
                f"models {other!r} and {spec!r} are both called {name_of(spec)!r}: rename one"
            )


@dataclass(frozen=True)
class _Job:
    """What is done with one model: features are taken, or errors measured."""

    name: str
    model: Any
    metrics: list[str]
    source: ReferenceSource
    samples: int
    condition: Condition
    suffix: str


def _conditions(grid: Grid, model: Any) -> list[Condition]:
    """Return what is asked of a model: a condition for each guidance weight.

    Raises:
        ValueError: If it has no classes, or not the one asked for.
    """
    weights = grid.guidance if isinstance(grid.guidance, list) else [grid.guidance]
    conditions = [Condition(grid.class_label, weight) for weight in weights]
    for condition in conditions:
        condition.check(classes(model))
    return conditions


def _jobs(
    grid: Grid, name: str, model: Any, extractor: Extractor | None, condition: Condition
) -> Iterator[_Job]:
    if not grid.sampler:
        return
    suffix = f", guidance = {condition.guidance:g}" if isinstance(grid.guidance, list) else ""
    metrics = list(dict.fromkeys(grid.metrics))
    of_features = [metric for metric in metrics if METRICS[metric].needs != "errors"]
    of_errors = [metric for metric in metrics if METRICS[metric].needs == "errors"]
    if of_features:
        source = ReferenceSource(grid.reference, model, extractor)
        source.check(
            features={"features"} & {METRICS[metric].needs for metric in of_features} != set()
        )
        yield _Job(name, model, of_features, source, grid.samples, condition, suffix)
    if of_errors:
        source = ReferenceSource(trajectory_name(precision(model)), model)
        samples = min(grid.samples, grid.truncation_samples)
        yield _Job(name, model, of_errors, source, samples, condition, suffix)


def _possible(
    jobs: list[_Job], item: Labelled, skipped: list[Skipped]
) -> Iterator[tuple[_Job, int | None]]:
    """Yield the jobs that a sampler can do, and the evaluations per sample without guidance."""
    for job in jobs:
        if job.source.extractor is None and not item.sampler.deterministic:
            reason = "a stochastic sampler, or an author's own, has no exact trajectory to follow"
            skipped.append(Skipped(item.label, f"metrics = {', '.join(job.metrics)}", reason))
            continue
        try:
            nfe = item.sampler.fit(job.model)
        except Incompatible as error:
            at = _steps(item.sampler)
            skipped.append(Skipped(item.label, f"model = {job.name}, {at}", str(error)))
        except ValueError as error:
            raise _told(item, job, error) from None
        else:
            yield job, nfe


def _told(item: Labelled, job: _Job, error: ValueError) -> ValueError:
    return ValueError(f"sampler {item.label!r}, model {job.name!r}: {error}")


def _work(grid: Grid, job: _Job, item: Labelled, nfe: int | None) -> Iterator[Work]:
    """Yield the work of one sampler, one for each repeat."""
    model, extractor = job.model, job.source.extractor
    try:
        with own_files.in_one_line():
            declared = item.sampler.declared(model)
    except ValueError as error:
        raise _told(item, job, error) from None
    nfe = job.condition.evaluations(nfe)
    for repeat in range(grid.repeats):
        cells = [
            Cell(
                model=job.name,
                model_digest=model.digest,
                sampler=declared,
                seed_start=grid.first_seed + repeat * job.samples,
                samples=job.samples,
                shards=SHARDS,
                precision=precision(model),
                quantizer=quantizer(job.source),
                extractor=extractor.name if extractor else "none",
                extractor_digest=extractor.digest if extractor else "",
                metric=metric,
                reference=job.source.kind,
                reference_digest=job.source.digest,
                condition=job.condition.declared(classes(model)),
            )
            for metric in job.metrics
        ]
        label = item.label + job.suffix
        yield Work(label, item.sampler, model, extractor, job.source, job.condition, cells, nfe)


def _extractor(grid: Grid, inventory: Inventory, dry: bool) -> Extractor | None:
    if not grid.sampler or all(METRICS[metric].needs == "errors" for metric in grid.metrics):
        return None
    weights = Path(grid.extractor_weights) if grid.extractor_weights else None
    return inventory.extractor(grid.extractor, weights, dry)


def quantizer(source: ReferenceSource) -> str:
    """Return how samples are rounded before features: images to uint8, other states not at all."""
    if source.extractor is None:
        return "none"
    takes_images_only = source.extractor.input == "uint8"
    return "uint8" if takes_images_only or source.model_makes_images else "none"


def _steps(sampler: AnySampler) -> str:
    return "the same tolerance" if sampler.steps is None else f"steps = {sampler.steps}"

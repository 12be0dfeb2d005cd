"""From a grid to cells, and to the work that fills them."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from sampler_bench import models
from sampler_bench.bench.features.extractors import Extractor
from sampler_bench.bench.features.references import ReferenceSource
from sampler_bench.bench.features.registry import EXTRACTORS
from sampler_bench.bench.measure.metrics import Measure, measures_of
from sampler_bench.bench.measure.samples import FromSamples
from sampler_bench.bench.measure.trajectory import Trajectories
from sampler_bench.bench.measure.trajectory import name as trajectory_name
from sampler_bench.bench.measure.work import Work, classes, precision
from sampler_bench.bench.plan.expand import Labelled, Skipped, expand
from sampler_bench.bench.plan.grid import Grid
from sampler_bench.bench.plan.inventory import Inventory
from sampler_bench.bench.plan.jobs import jobs
from sampler_bench.bench.plan.others import expand_others, other_work
from sampler_bench.bench.plan.profile_work import profile_work
from sampler_bench.bench.plan.profiles import expand_profiles
from sampler_bench.kit import own_files
from sampler_bench.models.labels import Condition
from sampler_bench.models.loading import name_of
from sampler_bench.models.network import Execution
from sampler_bench.solvers import AnySampler, Denoiser, Incompatible
from sampler_bench.solvers.variance import with_variance

COUNTED_STEPS = (128, 256)


@dataclass(frozen=True)
class Plan:
    """All work of a grid, what was left out of it, and what has to be fetched before it can run."""

    work: list[Work]
    skipped: list[Skipped]
    missing: dict[str, str] = field(default_factory=dict)

    @property
    def remarks(self) -> list[str]:
        """What a reader should know of how parts go together: "LABEL: of order 1 …"."""
        found = (f"{work.label}: {text}" for work in self.work for text in work.measurement.remarks)
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
    def evaluations(self) -> float:
        """Return the predicted number of denoiser evaluations, all samples together."""
        return sum(work.nfe * work.cell.samples for work in self.work)


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
        dry: Plan with descriptions of published files that are not here, instead of refusing.

    Raises:
        ValueError: If a name is unknown, a reference cannot be used, a file was not fetched, or
            nothing can run.
    """
    measures = measures_of(grid.metrics)
    trajectories = Trajectories()  # one for all: many samplers share their range and latents
    EXTRACTORS.lookup(grid.extractor)
    labelled, skipped = expand(grid)
    probes, left_out = expand_profiles(grid)
    skipped += left_out
    others = expand_others(grid)
    _check_names(grid.models)
    inventory = Inventory(device, execution)
    loaded = {spec: inventory.model(spec, dry) for spec in grid.models}
    if grid.sampler:
        inventory.look_for_references(grid.reference, loaded.values())
    if not dry:
        inventory.check()
    extractor = _extractor(grid, measures, inventory, dry)
    work: dict[str, Work] = {}
    for spec, model in loaded.items():
        wanted = [
            job
            for condition in _conditions(grid, model)
            for job in _jobs(
                grid, name_of(spec), model, extractor, condition, measures, trajectories
            )
        ]
        for item in (item for item in labelled if item.is_for(spec)):
            for job in _possible(wanted, item, skipped):
                _add(work, _work(grid, job, item), _steps(item.sampler))
        items = [item for item in probes if item.is_for(spec)]
        missing = inventory.missing if dry else None
        _add(work, profile_work(grid, name_of(spec), model, items, missing), "all levels")
        of_others = [item for item in others if item.is_for(spec)]
        _add(work, other_work(grid, name_of(spec), model, of_others), "all seeds")
    if not work:
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
    measures: dict[str, Measure]
    source: ReferenceSource
    samples: int
    condition: Condition
    suffix: str
    trajectories: Trajectories


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
    grid: Grid,
    name: str,
    model: Any,
    extractor: Extractor | None,
    condition: Condition,
    measures: dict[str, Measure],
    trajectories: Trajectories,
) -> Iterator[_Job]:
    if not grid.sampler:
        return
    suffix = f", guidance = {condition.guidance:g}" if isinstance(grid.guidance, list) else ""
    of_features = {n: one for n, one in measures.items() if one.metric.taken_of == "samples"}
    of_errors = {n: one for n, one in measures.items() if one.metric.taken_of != "samples"}
    if of_features:
        source = ReferenceSource(grid.reference, model, extractor)
        source.check(features=any(one.metric.needs == "features" for one in of_features.values()))
        yield _Job(name, model, of_features, source, grid.samples, condition, suffix, trajectories)
    if of_errors:
        source = ReferenceSource(trajectory_name(precision(model)), model)
        samples = min(grid.samples, grid.truncation_samples)
        yield _Job(name, model, of_errors, source, samples, condition, suffix, trajectories)


def _possible(jobs: list[_Job], item: Labelled, skipped: list[Skipped]) -> Iterator[_Job]:
    for job in jobs:
        if job.source.extractor is None and not item.sampler.deterministic:
            reason = "a stochastic sampler, or an author's own, has no exact trajectory to follow"
            skipped.append(Skipped(item.label, f"metrics = {', '.join(job.measures)}", reason))
            continue
        try:
            item.sampler.fit(job.model)
        except Incompatible as error:
            at = _steps(item.sampler)
            skipped.append(Skipped(item.label, f"model = {job.name}, {at}", str(error)))
        else:
            yield job


def _work(grid: Grid, job: _Job, item: Labelled) -> Iterator[Work]:
    """Yield the work of one sampler, one for each repeat."""
    model = job.model
    measurement = FromSamples(
        item.sampler, job.source, job.measures, quantizer(job.source), job.trajectories
    )
    label = item.label + job.suffix
    try:
        nfe = _nfe(item.sampler, model)
        yield from jobs(
            grid, label, job.name, model, job.condition, measurement, nfe, samples=job.samples
        )
    except ValueError as error:
        raise ValueError(f"sampler {item.label!r}, model {job.name!r}: {error}") from None


def _extractor(
    grid: Grid, measures: dict[str, Measure], inventory: Inventory, dry: bool
) -> Extractor | None:
    if not grid.sampler or all(one.metric.taken_of != "samples" for one in measures.values()):
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


def _nfe(sampler: AnySampler, model: Denoiser) -> float:
    """Return the evaluations per sample; of a user's own sampler held against what it says.

    Raises:
        ValueError: If it says another number than it makes.
    """
    counted = predicted_nfe(sampler, model)
    said = sampler.evaluations(model) if sampler.files else None
    if said not in {None, counted}:
        raise ValueError(f"says it makes {said} evaluations per sample, and makes {counted:g}")
    return counted


def predicted_nfe(sampler: AnySampler, model: Denoiser) -> float:
    """Return the evaluations per sample, counted on a stand-in: a Gaussian in one dimension.

    Of many steps only some are counted: each costs as much as any other.
    """
    few, more = COUNTED_STEPS
    if sampler.steps is None or sampler.steps <= more:
        return _counted(sampler, model)
    fewer, counted = (_counted(sampler.with_steps(n), model) for n in COUNTED_STEPS)
    return counted + (sampler.steps - more) * (counted - fewer) / (more - few)


def _counted(sampler: AnySampler, model: Denoiser) -> float:
    # A user's own function may want the model's own shape; for all others one number is as good.
    shape = model.shape if sampler.files else (1,)
    stand_in = models.Counted(_StandIn(model))
    with own_files.in_one_line():
        sampler(stand_in, torch.ones(1, *shape), torch.zeros_like)
    return stand_in.nfe


class _StandIn:
    """The denoiser of N(0, ½²) with another model's limits on σ."""

    shape: tuple[int, ...] = (1,)

    def __init__(self, model: Denoiser) -> None:
        self.sigma_min, self.sigma_max = model.sigma_min, model.sigma_max
        self.denoiser = model

    def round_sigma(self, sigma: torch.Tensor) -> torch.Tensor:
        return self.denoiser.round_sigma(sigma)

    def with_variance(self) -> "_StandIn":
        with_variance(self.denoiser)  # says so if there is none
        return _StandInWithVariance(self.denoiser)

    def __call__(self, x: torch.Tensor, sigma: torch.Tensor) -> torch.Tensor:
        return x * 0.25 / (0.25 + sigma**2)


class _StandInWithVariance(_StandIn):
    def __call__(self, x: torch.Tensor, sigma: torch.Tensor) -> torch.Tensor:
        clean = super().__call__(x, sigma)
        return torch.cat([clean, torch.zeros_like(clean)], 1)

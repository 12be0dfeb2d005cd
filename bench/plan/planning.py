"""From a grid to cells, and to the work that fills them."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch

from sampler_bench.bench.features.extractors import Extractor
from sampler_bench.bench.features.references import ReferenceSource
from sampler_bench.bench.features.registry import EXTRACTORS
from sampler_bench.bench.measure.metrics import Measure, measures_of
from sampler_bench.bench.measure.samples import FromSamples
from sampler_bench.bench.measure.trajectory import Trajectories
from sampler_bench.bench.measure.trajectory import name as trajectory_name
from sampler_bench.bench.measure.work import Work
from sampler_bench.bench.plan import curves
from sampler_bench.bench.plan.asked import within
from sampler_bench.bench.plan.curves import unseen
from sampler_bench.bench.plan.expand import Labelled, Skipped, check_cells, expand
from sampler_bench.bench.plan.floors import floor_work, floors_of
from sampler_bench.bench.plan.grid import Grid
from sampler_bench.bench.plan.idle import idle, unused
from sampler_bench.bench.plan.inventory import Inventory
from sampler_bench.bench.plan.jobs import jobs
from sampler_bench.bench.plan.others import expand_others, other_work
from sampler_bench.bench.plan.profile_work import profile_work
from sampler_bench.bench.plan.profiles import expand_profiles
from sampler_bench.kit.toml import of_file
from sampler_bench.models.labels import Condition
from sampler_bench.models.loading import name_of
from sampler_bench.models.model import Model
from sampler_bench.models.network import Execution
from sampler_bench.results.schema import Rung
from sampler_bench.solvers import AnySampler, Incompatible


@dataclass(frozen=True)
class Plan:
    """All work of a grid, what was left out of it, and what has to be fetched before it can run.

    Attributes:
        work: What is measured, each once.
        skipped: Combinations that are not run, with reasons.
        missing: What has to be fetched, and what to do about it.
        again: What is measured once and is a point of another curve as well.
        folder: Where the grid's file lies.
        rung: Its place in a search: it adds to what the folder's plan has, and does not replace it.
        notes: What of the grid acts on nothing.
    """

    work: list[Work]
    skipped: list[Skipped]
    missing: dict[str, str] = field(default_factory=dict)
    again: list[Work] = field(default_factory=list)
    folder: str = ""
    rung: Rung | None = None
    notes: list[str] = field(default_factory=list)

    @property
    def lines(self) -> list[Work]:
        """All points of curves, in the order of the grid's work."""
        others: dict[str, list[Work]] = {}
        for work in self.again:
            others.setdefault(work.key, []).append(work)
        return [each for work in self.work for each in (work, *others.get(work.key, []))]

    @property
    def remarks(self) -> list[str]:
        """What a reader should know of how parts go together: "LABEL: of order 1 …"."""
        found = (f"{work.label}: {text}" for work in self.lines for text in work.remarks)
        return list(dict.fromkeys([*self.notes, *found]))

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


def with_floors(plan: Plan) -> Plan:
    """Return a plan with the floors of what it samples, after all else: no network is evaluated.

    Of several models judged by one reference it is measured once, and stands beside each. Where
    there is none the plan says why.

    Raises:
        ValueError: If the file that one is in cannot be read; one line.
    """
    work: dict[str, Work] = {}
    again, skipped = [], []
    for found in floors_of(plan.work):
        if isinstance(found, Skipped):
            skipped.append(found)
        elif work.setdefault(found.key, found) is not found:
            again.append(found)
    return replace(
        plan,
        work=[*plan.work, *work.values()],
        again=[*plan.again, *again],
        skipped=list(dict.fromkeys([*plan.skipped, *skipped])),
    )


def make(
    grid: Grid,
    device: str | torch.device = "cpu",
    execution: Execution | None = None,
    dry: bool = False,
) -> Plan:
    """Return the plan of a grid's tables; see :func:`with_floors` for what stands beside them.

    Loads models and, where features are needed, the extractor.

    Args:
        grid: The grid.
        device: Where models and extractor are put.
        execution: How networks are evaluated.
        dry: Plan with descriptions of published files that are not here, instead of refusing, and
            without models by address that are not; nothing is fetched.

    Raises:
        ValueError: If a name is unknown, a reference cannot be used, a file was not fetched, or
            nothing can run; it names the grid's file.
    """
    with of_file(grid.where):
        return _make(grid, device, execution, dry)


def _make(grid: Grid, device: str | torch.device, execution: Execution | None, dry: bool) -> Plan:
    measures = measures_of(grid.metrics)
    trajectories = Trajectories()  # one for all: many samplers share their range and latents
    EXTRACTORS.lookup(grid.extractor)
    labelled, skipped = expand(grid)
    notes = [*unused(grid, measures), *idle(grid)]
    probes, left_out = expand_profiles(grid)
    skipped += left_out
    others = expand_others(grid)
    _check_size(grid, labelled, [*probes, *others])
    _check_names(grid.models)
    null_class = None if grid.null_class is None else {"null_class": grid.null_class}
    inventory = Inventory(device, execution, options=null_class)
    known = {spec: inventory.model(spec, dry) for spec in grid.models}
    loaded = {spec: model for spec, model in known.items() if model is not None}
    if grid.sampler or grid.floor_alone:
        inventory.look_for_references(grid.reference, loaded.values())
    if not dry:
        inventory.check()
    extractor = _extractor(grid, measures, inventory, dry)
    found = _Found(skipped)
    for spec, model in loaded.items():
        wanted = [
            job
            for condition in _conditions(grid, name_of(spec), model)
            for job in _jobs(
                grid, name_of(spec), model, extractor, condition, measures, trajectories
            )
        ]
        for item in (item for item in labelled if item.is_for(spec)):
            for job, sampler, nfe in _possible(wanted, item, skipped):
                found.add(_work(grid, job, replace(item, sampler=sampler), nfe), item)
        for job in wanted if grid.floor_alone else ():
            found.floor(job)
        items = [item for item in probes if item.is_for(spec)]
        missing = inventory.missing if dry else None
        for item in items:
            found.add(profile_work(grid, name_of(spec), model, [item], missing), item)
        for item in (item for item in others if item.is_for(spec)):
            found.add(other_work(grid, name_of(spec), model, [item]), item)
    if not found.work and len(loaded) == len(known):
        reason = f": {skipped[0].reason}" if skipped else ""
        raise ValueError(f"grid {grid.name!r} has no cell that can run{reason}")
    curves.check(found.lines)
    left_out = list(dict.fromkeys(found.skipped))
    work, folder = list(found.work.values()), str(grid.folder)
    return Plan(work, left_out, inventory.missing, found.again, folder, notes=notes)


@dataclass
class _Found:
    """Work as it is found: what is asked for twice is measured once.

    Of one table that is a second value of something that nothing sees, which is skipped; of two it
    is a point of two curves.
    """

    skipped: list[Skipped]
    work: dict[str, Work] = field(default_factory=dict)
    again: list[Work] = field(default_factory=list)
    _tables: dict[tuple[str, str], str] = field(default_factory=dict)
    _curves: dict[tuple[str, ...], Work] = field(default_factory=dict)  # by key and curve
    _labels: dict[tuple[str, str], Work] = field(default_factory=dict)

    @property
    def lines(self) -> list[Work]:
        return [*self.work.values(), *self.again]

    def add(self, found: Iterable[Work], item: Labelled) -> None:
        for made in found:
            self._add(made if item.is_named else self._told_apart(made), item.table)

    def floor(self, job: "_Job") -> None:
        """Add the floors of a grid that asks for nothing else."""
        quantized = quantizer(job.source)
        for made in floor_work(
            job.name, job.source, job.measures, job.samples, quantized, job.condition
        ):
            if isinstance(made, Skipped):
                self.skipped.append(made)
            else:
                self._add(made, "floor")

    def _told_apart(self, made: Work) -> Work:
        first = self._labels.setdefault((made.label, made.name), made)
        return curves.apart(made, first)

    def _add(self, made: Work, table: str) -> None:
        known = self.work.setdefault(made.key, made)
        first = self._tables.setdefault((made.key, table), made.label)
        here = (made.key, *_curve(made))
        if first != made.label:
            what = ", ".join(unseen(known.settings, made.settings))
            told = "; ".join(made.measurement.departures(made.model, made.cell.samples))
            why = f"nothing of it sees {what}" if what else told or "no number of it differs"
            combination = ", ".join(filter(None, [f"model = {made.name}", what]))
            reason = f"the same as {first!r}: {why}"
            self.skipped.append(Skipped(made.label, combination, reason))
        elif known is not made and here not in self._curves:
            self.again.append(made)
        point = self._curves.setdefault(here, made)
        point.asked = tuple(sorted({*point.asked, *made.asked}))


def _curve(work: Work) -> tuple[str, str, str]:
    return work.label, work.name, repr(work.settings)


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
    model: Model
    measures: dict[str, Measure]
    source: ReferenceSource
    samples: int
    condition: Condition
    suffix: str
    trajectories: Trajectories


def _conditions(grid: Grid, name: str, model: Model) -> list[Condition]:
    """Return what is asked of a model: a condition for each guidance weight.

    Raises:
        ValueError: If it has no classes, or not the one asked for.
    """
    weights = grid.guidance if isinstance(grid.guidance, list) else [grid.guidance]
    balanced, null = grid.labels == "balanced", model.card.null_class
    conditions = [Condition(grid.class_label, weight, balanced, null) for weight in weights]
    for condition in conditions:
        condition.check(model.card.classes)
        condition.check_guidance(name, model.card, grid.guidance_untrained)
    return conditions


def _jobs(
    grid: Grid,
    name: str,
    model: Model,
    extractor: Extractor | None,
    condition: Condition,
    measures: dict[str, Measure],
    trajectories: Trajectories,
) -> Iterator[_Job]:
    if not (grid.sampler or grid.floor_alone):
        return
    suffix = f", guidance = {condition.guidance:g}" if isinstance(grid.guidance, list) else ""
    of_features = {n: one for n, one in measures.items() if one.metric.taken_of == "samples"}
    of_errors = {n: one for n, one in measures.items() if one.metric.taken_of != "samples"}
    if of_features:
        source = ReferenceSource(grid.reference, model, extractor)
        source.check(features=any(one.metric.needs == "features" for one in of_features.values()))
        yield _Job(name, model, of_features, source, grid.samples, condition, suffix, trajectories)
    if of_errors:
        source = ReferenceSource(trajectory_name(model.card.precision), model)
        samples = min(grid.samples, grid.truncation_samples)
        yield _Job(name, model, of_errors, source, samples, condition, suffix, trajectories)


def _possible(
    jobs: list[_Job], item: Labelled, skipped: list[Skipped]
) -> Iterator[tuple[_Job, AnySampler, int | None]]:
    """Yield the jobs that a sampler can do, the sampler, and its evaluations without guidance."""
    for job in jobs:
        if job.source.extractor is None and not item.sampler.deterministic:
            reason = "a stochastic sampler, or an author's own, has no exact trajectory to follow"
            skipped.append(Skipped(item.label, f"metrics = {', '.join(job.measures)}", reason))
            continue
        try:
            sampler, nfe = _fitted(item, job)
        except Incompatible as error:
            at = _steps(item.sampler) if item.nfe is None else f"nfe = {item.nfe}"
            skipped.append(Skipped(item.label, f"model = {job.name}, {at}", str(error)))
        except ValueError as error:
            raise _told(item, job, error) from None
        else:
            yield job, sampler, nfe


def _fitted(item: Labelled, job: _Job) -> tuple[AnySampler, int | None]:
    """Return a sampler that can sample with a model, and its evaluations without guidance.

    Raises:
        Incompatible: If it cannot, or not for the evaluations asked for.
    """
    if item.nfe is None:
        return item.sampler, item.sampler.fit(job.model)

    def cost(sampler: AnySampler) -> int | None:
        try:
            sampler.check()
        except ValueError as error:  # more steps than it has levels
            raise Incompatible(str(error)) from None
        return job.condition.evaluations(sampler.fit(job.model))

    found, _ = within(item.sampler, item.nfe, cost)
    return found, found.fit(job.model)


def _told(item: Labelled, job: _Job, error: ValueError) -> ValueError:
    return ValueError(f"sampler {item.label!r}, model {job.name!r}: {error}")


def _work(grid: Grid, job: _Job, item: Labelled, nfe: int | None) -> Iterator[Work]:
    """Yield the work of one sampler, one for each repeat."""
    model = job.model
    measurement = FromSamples(
        item.sampler, job.source, job.measures, quantizer(job.source), job.trajectories
    )
    label = item.label + job.suffix
    try:
        for work in jobs(
            grid, label, job.name, model, job.condition, measurement, nfe, samples=job.samples
        ):
            work.asked = () if item.nfe is None else (item.nfe,)
            yield work
    except ValueError as error:
        raise _told(item, job, error) from None


def _extractor(
    grid: Grid, measures: dict[str, Measure], inventory: Inventory, dry: bool
) -> Extractor | None:
    asked = grid.sampler or grid.floor_alone
    if not asked or all(one.metric.taken_of != "samples" for one in measures.values()):
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

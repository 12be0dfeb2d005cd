"""A task: a measurement of a model on seeds as names and numbers, to be taken anywhere."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import torch

from sampler_bench.bench.features.statistics import SHIPPED
from sampler_bench.bench.measure.measurement import Measured, Tell
from sampler_bench.bench.measure.plugins import load_plugins
from sampler_bench.bench.measure.precision import full_precision
from sampler_bench.bench.measure.work import Work
from sampler_bench.bench.plan import planning
from sampler_bench.bench.plan.grid import Grid
from sampler_bench.kit import own_files
from sampler_bench.kit.luggage import Luggage, unpacked
from sampler_bench.models.ideal import IDEAL
from sampler_bench.models.loading import is_address, name_of
from sampler_bench.models.network import Execution
from sampler_bench.models.published import PUBLISHED, REFERENCES
from sampler_bench.models.registry import MODELS
from sampler_bench.models.zoo.trained import TRAINED
from sampler_bench.results.metric import FLOOR


@dataclass(frozen=True)
class Task:
    """A measurement of a model on seeds: small, picklable, and the same in any process.

    What it names is looked up where it is taken: a part of a package there, a checkpoint or a file
    of statistics at its path. A user's own files travel with it.

    Attributes:
        label: The curve that it is a point of.
        grid: A grid of one model and one table, of which every number is resolved.
        keys: The keys of the cells that are filled from it.
        execution: How a network is evaluated.
        files: The content of users' own files, by the names that the grid has for them.
    """

    label: str
    grid: Mapping[str, Any]
    keys: tuple[str, ...]
    execution: Execution = field(default_factory=Execution)
    files: Mapping[str, bytes] = field(default_factory=dict)

    @classmethod
    def of(cls, work: Work, grid: Grid, execution: Execution | None = None) -> Self:
        """Return the task of some work.

        Args:
            work: The work.
            grid: What it was planned from: it has the names of the model, metrics and extractor.
            execution: How networks are evaluated.

        Raises:
            ValueError: If a file of a user's own is not what it was any more, or a measurement does
                not keep what it was made of; one line.
        """
        luggage, condition = Luggage(), work.condition
        kind, keys = work.measurement.table(work.settings)
        if work.spec:
            keys["kind"] = work.spec
        told = {
            "models": [_model(spec, luggage) for spec in grid.models if name_of(spec) == work.name],
            **seeds(work.cell.seed_start, work.cell.samples),
            "class_label": condition.label,
            "labels": "balanced" if condition.balanced else None,
            "guidance": condition.guidance,
            "guidance_untrained": True if condition.guidance is not None else None,
            "null_class": condition.null_class,
            **(
                {"floor": "only"}
                if kind == "floor"
                else {kind: [table(work.label, luggage.packed(keys))]}
            ),
            "data": _absolute(grid.data),
            **_compared(work, grid, luggage),
        }
        cells = tuple(cell.key for cell in work.cells)
        return cls(work.label, said(told), cells, execution or Execution(), luggage.files)

    def declared(self) -> Grid:
        """Return the grid, with the names that its users' files have here."""
        grid = Grid.model_validate(dict(self.grid))
        grid.place(unpacked(self.files))
        return grid

    def work(self, device: str | torch.device = "cpu") -> Work:
        """Return the work that it is of; what it names is loaded.

        Raises:
            ValueError: If something it names is not here, or is another thing here; one line.
        """
        load_plugins()
        [work] = planning.make(self.declared(), device, self.execution).work
        found = tuple(cell.key for cell in work.cells)
        if found != self.keys:
            raise ValueError(
                f"task {self.label!r}, model {work.name!r}: what it names is another thing here: "
                f"its cells are {', '.join(found)}, and were {', '.join(self.keys)}"
            )
        return work

    def take(
        self,
        shards: Sequence[int],
        batch: int,
        device: str | torch.device = "cpu",
        tell: Tell = lambda samples, evaluations: None,
    ) -> list[Measured]:
        """Return what some shards give, taken together: which, and the batch, decide the last bit.

        Args:
            shards: Their numbers.
            batch: Most samples in one call of the denoiser.
            device: Where the model runs.
            tell: Called after each batch.

        Raises:
            ValueError: As :meth:`work`.
            FloatingPointError: If something is not finite.
        """
        full_precision()
        work = _remembered(self, str(device))
        return work.measurement.take(work.subject, [work.seeds(i) for i in shards], batch, tell)


_LAST: dict[str, tuple[Task, Work]] = {}


def _remembered(task: Task, device: str) -> Work:
    """Return the work of a task on a device, kept until there is another: shards follow each other.

    Its model stays loaded, and the exact trajectories that it knows.
    """
    known, work = _LAST.get(device, (None, None))
    if work is None or known != task:
        work = task.work(device)
        _LAST[device] = task, work
    return work


def seeds(first: int, samples: int) -> dict[str, Any]:
    """Return what a grid says of a job's seeds."""
    count = {"samples": samples, "truncation_samples": samples}
    return {"name": "task", "first_seed": first, **count}


def _model(spec: str, luggage: Luggage) -> str:
    if MODELS.is_own(spec):
        return luggage.packed(spec)
    if spec.startswith(IDEAL):
        return IDEAL + _absolute(spec.removeprefix(IDEAL))
    is_named = spec in MODELS or spec in PUBLISHED or spec in TRAINED or is_address(spec)
    return spec if is_named else _absolute(spec)


def _compared(work: Work, grid: Grid, luggage: Luggage) -> dict[str, Any]:
    """Return what samples are compared in, and with."""
    against = work.measurement.against
    if against is None:
        return {}
    named = {own_files.shown(spec): spec for spec in grid.metrics}
    taken = (name.removesuffix(FLOOR) for name in work.measurement.metrics)
    metrics = [luggage.packed(named[name]) for name in taken]
    if against.extractor is None:
        return {"metrics": metrics}
    name, weights = against.name, grid.extractor_weights
    return {
        "metrics": metrics,
        "extractor": luggage.packed(grid.extractor),
        "extractor_weights": None if weights is None else _absolute(weights),
        "reference": name if name in SHIPPED or name in REFERENCES else _absolute(name),
    }


def _absolute(name: str) -> str:
    """Return a path that does not depend on the working directory; no other name changes."""
    try:
        there = Path(name).exists()
    except (OSError, ValueError):
        there = False
    return str(Path(name).absolute()) if there else name


def table(label: str, keys: Mapping[str, Any]) -> dict[str, Any]:
    """Return a table of one value a key: a list is a value of those keys, not several."""
    one = {k: [v] if isinstance(v, list) and k != "levels" else v for k, v in keys.items()}
    return {"label": label, **said(one)}


def said(told: Mapping[str, Any]) -> dict[str, Any]:
    """Return keys less those that are not said: grids know no ``None``."""
    return {name: value for name, value in told.items() if value is not None}

"""Running a search: every measurement is an ordinary cell of an ordinary run."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import torch
from rich.console import Console

from sampler_bench.bench.measure.work import Work
from sampler_bench.bench.plan.planning import Plan
from sampler_bench.bench.run.progress import Watcher
from sampler_bench.bench.run.runner import Runner
from sampler_bench.bench.run.search import halving
from sampler_bench.bench.run.search.ladder import Rung
from sampler_bench.bench.run.search.prepared import Prepared
from sampler_bench.bench.run.search.tables import Tables
from sampler_bench.results import Record, Store, schema
from sampler_bench.solvers import Churn


@dataclass(frozen=True)
class Outcome:
    """What came of the search of one model.

    Attributes:
        model: Its name.
        deterministic: The deterministic sampler, measured on fresh seeds.
        churned: The best setting that churns, on the same seeds; None if it failed, or all did.
        finalists: The best settings on those seeds, that one first.
        settings: How many other settings were measured.
        spent: Denoiser evaluations, counted, of all samples together; of jobs that failed those
            they would have cost.
        failed: The jobs that failed.
    """

    model: str
    deterministic: Record
    churned: Record | None
    finalists: list[Record]
    settings: int
    spent: int
    failed: list[Work]


@dataclass
class Searcher:
    """Searches one model.

    Attributes:
        search: What is searched.
        store: The run's folder. What it holds is not measured again.
        text: The search's TOML text, kept with the run.
        device: Where models run; recorded.
        batch: Most samples per denoiser call.
        console: Where to write.
        unchecked: Do not look at a network's first samples.
        again, keep: See :class:`~bench.run.runner.Runner`.
    """

    search: Prepared | Tables
    store: Store
    text: str
    device: torch.device
    batch: int
    console: Console
    unchecked: bool = False
    again: bool = False
    keep: bool = False
    _costs: dict[str, int] = field(default_factory=dict)  # by the jobs' keys
    _tried: set[Churn | int] = field(default_factory=set)
    _failed: list[Work] = field(default_factory=list)

    @property
    def spent(self) -> int:
        """Evaluations so far, those of an earlier, interrupted search among them."""
        return sum(self._costs.values())

    def run(self, draw: int) -> Outcome:
        """Search, with ``draw`` the seed of the choice of candidates.

        Raises:
            ValueError: If the folder cannot be written or is in conflict, a network looks broken,
                or the deterministic sampler failed.
        """
        search: Any = self.search  # its space is of candidates, or of settings
        at_once = isinstance(search, Tables)
        order = halving.best(
            search.space, search.ladder, search.samples, draw, self._values, at_once
        )
        chosen = [one.setting for one in order[: search.finalists]]
        deterministic, *churned = self._records(chosen, search.ladder.final)
        assert deterministic is not None
        return Outcome(
            model=search.model,
            deterministic=deterministic,
            churned=churned[0] if churned else None,
            finalists=[record for record in churned if record is not None],
            settings=len(self._tried),
            spent=self.spent,
            failed=self._failed,
        )

    def _values(self, candidates: Sequence[Any], rung: Rung) -> list[float]:
        records = self._records([one.setting for one in candidates], rung)[1:]
        return [math.inf if record is None else record.value for record in records]

    def _records(self, settings: Sequence[Any], rung: Rung) -> list[Record | None]:
        """Measure the baseline and some other settings on one rung; None for what failed."""
        self._tried.update(settings)
        search: Any = self.search
        works = [search.work(setting, rung) for setting in (search.baseline, *settings)]
        self._measure([work for work in works if work.key not in self._costs], rung)
        records = [self.store.record(work.cell.key) for work in works]
        for work, record in zip(works, records, strict=True):
            nfe = self.search.nfe if record is None else record.nfe
            self._costs[work.key] = round(nfe * rung.samples)
        if records[0] is None:
            raise ValueError(
                f"model {self.search.model}: {self.search.called}, by which candidates are "
                f"judged, failed; traceback in {self.store.root / 'failures'}"
            )
        return records

    def _measure(self, works: list[Work], rung: Rung) -> None:
        self.console.print(
            f"{self.search.model}: {len(works)} settings on {rung.samples:,} samples, seeds from "
            f"{rung.first_seed:,}; {self.spent:,} evaluations so far",
            markup=False,
            soft_wrap=True,
        )
        rungs = list(self.search.ladder.rungs)
        place: int | Literal["fresh"] = rungs.index(rung) if rung in rungs else "fresh"
        where = schema.Rung(search=self.search.model, rung=place, over=self.search.over)
        plan = Plan(works, [], rung=where)
        with Watcher(plan, self.console) as watcher:
            runner = Runner(
                self.store,
                self.device,
                self.batch,
                watcher,
                unchecked=self.unchecked,
                again=self.again,
                keep=self.keep,
            )
            self._failed += runner.run(plan, self.text)
        self.unchecked = True  # one look is enough

"""Running a plan: resumable at any moment, by one process or by several on one folder."""

import json
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch

from sampler_bench.bench.measure.trajectory import Trajectories
from sampler_bench.bench.measure.work import Work
from sampler_bench.bench.plan.planning import Plan
from sampler_bench.bench.run import preflight
from sampler_bench.bench.run.devices import full_precision
from sampler_bench.bench.run.leases import LOOK_AGAIN, Holder, Leases
from sampler_bench.bench.run.worker import Failed, Observer, Worker
from sampler_bench.results import Record, Store
from sampler_bench.results.store import agreeing_records

Recorded = dict[str, list[Path]]


@dataclass
class Runner:
    """Fills a store with the records of a plan.

    Attributes:
        store: Where shards and records are kept.
        device: Where models run; recorded.
        batch: Most samples per denoiser call; halved for a shard that runs out of memory. Which
            shards are measured together is decided by that of the first process at work.
        observer: Told what happens.
        unchecked: Do not look at networks' first samples before running.
    """

    store: Store
    device: torch.device
    batch: int
    observer: Observer
    unchecked: bool = field(default=False, kw_only=True)
    _trajectories: Trajectories = field(default_factory=Trajectories)

    def run(self, plan: Plan, grid_text: str) -> list[Work]:
        """Run what is missing and return the jobs that failed.

        Raises:
            ValueError: If the directory cannot be written, what it holds is in conflict, or a
                network's first samples are not what they could be.
        """
        full_precision()
        self._refuse_other_texts(plan)
        if not self.unchecked:
            self._look_first(plan)
        self.store.sweep()
        with Leases(self.store.root / "leases") as leases:
            together = self._agree(plan, grid_text, leases)
            worker = Worker(
                self.store,
                leases,
                self.device,
                self.batch,
                together,
                self.observer,
                self._trajectories,
            )
            return self._work(plan.work, worker)

    def _refuse_other_texts(self, plan: Plan) -> None:
        """Refuse a folder with results of another text of a user's own file: they would be mixed.

        Raises:
            ValueError: If there is one.
        """
        if not plan.files:
            return
        planned = {cell.key: cell.but_for_files for work in plan.work for cell in work.cells}
        for record in self.store.records():
            cell = record.cell
            if cell.key not in planned and cell.but_for_files in planned.values():
                raise ValueError(
                    f"{self.store.root} holds results of another text of {record.label!r}'s file: "
                    "give another folder by --out (bench check compares the two), or remove it"
                )

    def _look_first(self, plan: Plan) -> None:
        """Take one look at each network that is still to be run, with each of its references."""
        looked, recorded = set(), self._recorded()
        for work in plan.work:
            cell = work.cell
            which = (cell.model, cell.extractor, cell.reference_digest, str(dict(cell.condition)))
            if which not in looked and not _is_done(work, recorded):
                preflight.check(work, self.batch)
                looked.add(which)

    def _agree(self, plan: Plan, grid_text: str, leases: Leases) -> int:
        """Write what is asked for; return the batch of the run: of the first who is at work."""
        while not leases.take("plan"):
            time.sleep(LOOK_AGAIN / 10)
        together = (self.store.planned_batch() if leases.others() else None) or self.batch
        self.store.write_text("grid.toml", grid_text)
        self.store.write_text("plan.json", json.dumps(_described(plan, together), indent=1))
        leases.drop("plan")
        return together

    def _work(self, works: Sequence[Work], worker: Worker) -> list[Work]:
        """Work on each job, and again on those that others hold, till none is left."""
        failed: list[Work] = []
        told: list[Holder] = []
        while works:
            left, recorded = [], self._recorded()
            for work in works:
                try:
                    if not self._is_finished(work, worker, recorded):
                        left.append(work)
                except Failed as fault:
                    self.observer.failed(work, fault.reason)
                    failed.append(work)
            works = left
            if works:
                others = worker.leases.others()
                if others != told:
                    self.observer.waiting(others)
                told = others
                time.sleep(LOOK_AGAIN)
        return failed

    def _is_finished(self, work: Work, worker: Worker, recorded: Recorded) -> bool:
        records: Sequence[Record] | None
        if _is_done(work, recorded):
            records = [agreeing_records(recorded[cell.key])[0] for cell in work.cells]
            worker.settle(work, records)
        else:
            self.observer.begin(work)
            records = worker.work_on(work)
        if records is None:
            return False
        self.observer.finished(work, records, resumed=not worker.wrote(work))
        return True

    def _recorded(self) -> Recorded:
        """Return the files of all records, by key; none is opened."""
        found: Recorded = defaultdict(list)
        for path in self.store.record_files():
            found[path.name.partition("-")[0]].append(path)
        return found


def _is_done(work: Work, recorded: Recorded) -> bool:
    return all(cell.key in recorded for cell in work.cells)


def _described(plan: Plan, together: int) -> dict[str, object]:
    """Return what ``plan.json`` keeps.

    The cells by key, the batch of the run, its jobs, what was skipped and why, users' files.
    """
    return {
        "cells": {cell.key: work.label for work in plan.work for cell in work.cells},
        "batch": together,
        "jobs": [
            {
                "key": work.key,
                "label": work.label,
                "steps": work.steps,
                "model": work.cell.model,
                "cells": [cell.key for cell in work.cells],
                "samples": work.cell.samples,
                "shards": work.cell.shards,
                "nfe": work.nfe,
            }
            for work in plan.work
        ],
        "skipped": [asdict(item) for item in plan.skipped],
        **({"files": plan.files} if plan.files else {}),
    }

"""Running a plan: resumable at any moment, by one process or by several on one folder."""

import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch

from sampler_bench.bench.measure.precision import full_precision
from sampler_bench.bench.measure.work import Work
from sampler_bench.bench.plan.planning import Plan
from sampler_bench.bench.run import preflight
from sampler_bench.bench.run.codes import Codes, other_code
from sampler_bench.bench.run.leases import LOOK_AGAIN, Holder, Leases
from sampler_bench.bench.run.planned import plan_file
from sampler_bench.bench.run.worker import Failed, Observer, Worker
from sampler_bench.results import Record, Store

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
        again: Measure anew what other code made; its records go to ``replaced/``.
        keep: Keep records that other code made, and say so in them.
    """

    store: Store
    device: torch.device
    batch: int
    observer: Observer
    unchecked: bool = field(default=False, kw_only=True)
    again: bool = field(default=False, kw_only=True)
    keep: bool = field(default=False, kw_only=True)
    _codes: Codes = field(default_factory=Codes)

    def run(self, plan: Plan, grid_text: str) -> list[Work]:
        """Run what is missing and return the jobs that failed.

        Raises:
            ValueError: If the directory cannot be written, what it holds is in conflict, or a
                network's first samples are not what they could be.
        """
        full_precision()
        self._face_other_code(plan)
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
                self._codes,
            )
            return self._work(plan.work, worker)

    def _face_other_code(self, plan: Plan) -> None:
        """Refuse records and shards that other code made, or do with them what was asked for.

        Shards of two codes never meet in one record: those by other code are measured anew.
        """
        other = other_code(self.store, plan.work, self._codes)
        if not other:
            return
        if not (self.again or self.keep):
            raise ValueError(
                f"{self.store.root} holds {other}; measure anew by --again, or keep them by --keep"
            )
        for record in other.records:
            if self.again:
                self.store.replace(record)
            else:
                self.store.write_record(replace(record, kept=True))
        self.store.drop(other.shards)

    def _look_first(self, plan: Plan) -> None:
        """Take one look at each network that is still to be run, with each of its references."""
        looked, recorded = set(), self._recorded()
        for work in plan.work:
            cell = work.cell
            which = (work.name, cell.extractor, cell.reference_digest, str(dict(cell.condition)))
            if which not in looked and not _is_done(work, recorded):
                preflight.check(work, self.batch)
                looked.add(which)

    def _agree(self, plan: Plan, grid_text: str, leases: Leases) -> int:
        """Write what is asked for; return the batch of the run: of the first who is at work."""
        while not leases.take("plan"):
            time.sleep(LOOK_AGAIN / 10)
        before = self.store.plan()
        theirs = before.batch if before and leases.others() else None
        together = theirs or self.batch
        goes_on = plan.rung is not None and self.store.grid_text() == grid_text
        self.store.write_text("grid.toml", grid_text)
        self.store.write_plan(plan_file(plan, together, before if goes_on else None))
        leases.drop("plan")
        return together

    def _work(self, works: Sequence[Work], worker: Worker) -> list[Work]:
        """Work on each job, and again on those that others hold, till none is left."""
        failed: list[Work] = []
        told: list[Holder] = []
        while works:
            left, recorded, worker.refused = [], self._recorded(), False
            for work in works:
                try:
                    if not self._is_finished(work, worker, recorded):
                        left.append(work)
                except Failed as fault:
                    self.observer.failed(work, fault.reason)
                    failed.append(work)
            works = left
            if works and worker.refused:  # else there is something to do at once
                others = worker.leases.others()
                if others != told:
                    self.observer.waiting(others)
                told = others
                time.sleep(LOOK_AGAIN)
        return failed

    def _is_finished(self, work: Work, worker: Worker, recorded: Recorded) -> bool:
        records: Sequence[Record] | None
        if _is_done(work, recorded):
            records = worker.settled(work)
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

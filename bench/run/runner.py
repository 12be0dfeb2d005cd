"""Running a plan: shard by shard, resumable at any moment, merged into records."""

import json
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import Protocol, TypeVar

import numpy as np
import torch

from sampler_bench.bench.measure.profiles.measured import measure_profile
from sampler_bench.bench.measure.profiles.probe import VALUES, Probe, profile
from sampler_bench.bench.measure.registry import METRICS
from sampler_bench.bench.measure.samples import Measured, measure
from sampler_bench.bench.measure.trajectory import Trajectories
from sampler_bench.bench.measure.work import Work
from sampler_bench.bench.plan.planning import Plan
from sampler_bench.bench.run import preflight, provenance
from sampler_bench.bench.run.devices import full_precision
from sampler_bench.kit import files
from sampler_bench.results import Cell, Record, Shard, Store

T = TypeVar("T")


class Observer(Protocol):
    """Whoever watches a run."""

    def begin(self, work: Work) -> None:
        """A job starts; its shards that are already there are not measured again."""

    def sampled(self, samples: int, evaluations: int) -> None:
        """A batch is done."""

    def finished(self, work: Work, records: Sequence[Record], resumed: bool) -> None:
        """All cells of a job have their record; ``resumed`` if they had them before."""

    def failed(self, work: Work, reason: str) -> None:
        """A job was given up; the others go on."""


@dataclass
class Runner:
    """Fills a store with the records of a plan.

    Attributes:
        store: Where shards and records are kept.
        device: Where models run; recorded.
        batch: Most samples per denoiser call; halved for a shard that runs out of memory.
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
        self.store.write_text("grid.toml", grid_text)
        self.store.write_text("plan.json", json.dumps(_described(plan), indent=1))
        return [work for work in plan.work if not self._finish(work)]

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
        looked = set()
        for work in plan.work:
            cell = work.cell
            which = (cell.model, cell.extractor, cell.reference_digest, str(dict(cell.condition)))
            if which not in looked and not self._is_done(work):
                preflight.check(work, self.batch)
                looked.add(which)

    def _is_done(self, work: Work) -> bool:
        return all(self.store.record(cell.key) is not None for cell in work.cells)

    def _finish(self, work: Work) -> bool:
        """Measure and merge one job; return whether it has all its records now."""
        known = [self.store.record(cell.key) for cell in work.cells]
        records = [record for record in known if record is not None]
        if len(records) == len(work.cells):
            for record in records:
                self.store.drop_merged(record)
            self.observer.finished(work, records, resumed=True)
            return True
        self.observer.begin(work)
        try:
            shards = self._shards(work)
            records = [self._record(work, cell, shards) for cell in work.cells]
        except _Failed as failed:
            self.observer.failed(work, failed.reason)
            return False
        for record in records:
            self.store.write_record(record)
        self.store.drop_shards(work.key)
        self.observer.finished(work, records, resumed=False)
        return True

    def _shards(self, work: Work) -> list[Shard]:
        """Return all shards of a job: from the store, or measured now."""
        found = self._found(work)
        for together in self._chunks(work):
            if not found.keys() >= set(together):
                measured = self._guarded(work, together[0], partial(self._new, work, together))
                found = measured | found
        return [found[index] for index in range(work.cell.shards)]

    def _found(self, work: Work) -> dict[int, Shard]:
        found = {}
        for index, path in self.store.shards(work.key).items():
            try:
                shard = self.store.read_shard(path)
            except ValueError:
                files.remove(path)  # a torn copy; measuring it again is cheaper than asking
                continue
            if _holds(shard, work.needs):
                found[index] = shard
                self.observer.sampled(len(work.seeds(index)), 0)
        return found

    def _chunks(self, work: Work) -> Iterator[list[int]]:
        """Yield shards that together fill a batch: small ones alone would waste most of it.

        They are the same ones whatever is missing, because the other samples of a batch decide the
        last bit of a matrix product, and a resumed run has to end with the same bits.
        """
        size = max(1, self.batch * work.cell.shards // work.cell.samples)
        for start in range(0, work.cell.shards, size):
            yield list(range(start, min(start + size, work.cell.shards)))

    def _new(self, work: Work, shards: list[int]) -> dict[int, Shard]:
        measured, batch = self._measured(work, shards)
        origin = provenance.collect(self.device, batch, work.model)
        kept = {}
        for index, one in zip(shards, measured, strict=True):
            if one.shown:
                self.store.write_samples(work.key, one.shown)
            meta = {
                "checks": _checks(one.arrays),
                "seconds": one.seconds,
                "provenance": origin,
                "reference_error": one.reference_error,
            }
            path = self.store.write_shard(work.key, index, one.arrays, meta)
            self.store.clear_failure(work.key, index)
            kept[index] = self.store.read_shard(path)
        return kept

    def _measured(self, work: Work, shards: list[int]) -> tuple[list[Measured], int]:
        batch = self.batch
        while True:
            try:
                return self._measure(work, shards, batch), batch
            except (torch.OutOfMemoryError, MemoryError):
                if batch == 1:
                    raise
                batch //= 2

    def _measure(self, work: Work, shards: list[int], batch: int) -> list[Measured]:
        if isinstance(work.sampler, Probe):
            return measure_profile(work, shards, batch, self.observer.sampled)
        return measure(work, shards, batch, self._trajectories, self.observer.sampled)

    def _record(self, work: Work, cell: Cell, shards: Sequence[Shard]) -> Record:
        value, loo = self._guarded(work, 0, partial(_merged, work, cell, shards))
        nfe = np.concatenate([shard.arrays["nfe"] for shard in shards])
        origin = dict(shards[0].meta["provenance"])
        own_error = shards[0].meta["reference_error"]
        if own_error is not None:
            origin["reference_error"] = repr(own_error)
        return Record(
            cell=cell,
            label=work.label,
            value=value,
            loo=tuple(loo),
            nfe=float(nfe.mean()),
            nfe_min=float(nfe.min()),
            nfe_max=float(nfe.max()),
            seconds=sum(shard.meta["seconds"] for shard in shards),
            provenance=origin,
            profile=profile(shards) if isinstance(work.sampler, Probe) else {},
            shards=tuple(_receipt(shard) for shard in shards),
        )

    def _guarded(self, work: Work, index: int, function: Callable[[], T]) -> T:
        """Call ``function``; keep the traceback of what it raises, and give up this job only."""
        try:
            return function()
        except Exception as error:
            self.store.write_failure(work.key, index, traceback.format_exc())
            raise _Failed(f"{type(error).__name__}: {error}") from error


class _Failed(Exception):  # noqa: N818 - a signal between two methods
    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = " ".join(reason.split())


def _merged(work: Work, cell: Cell, shards: Sequence[Shard]) -> tuple[float, list[float]]:
    """Return the value over all shards, and with each left out."""
    if isinstance(work.sampler, Probe):
        return work.sampler.merge(shards)
    return METRICS[cell.metric].merge(shards, work.source)


def _holds(shard: Shard, needs: set[str]) -> bool:
    names = {"moments": "outer", "features": "features", "errors": "squared_error", VALUES: VALUES}
    return all(names[need] in shard.arrays for need in needs)


def _checks(arrays: dict[str, np.ndarray]) -> dict[str, float]:
    """Return a few sums by which two shards can be told apart when their arrays are gone."""
    return {name: float(np.abs(array).sum()) for name, array in arrays.items()}


def _receipt(shard: Shard) -> dict[str, object]:
    return {
        "index": shard.index,
        "digest": shard.digest,
        "n": len(shard.arrays["nfe"]),
        "nfe_total": float(shard.arrays["nfe"].sum()),
        "seconds": shard.meta["seconds"],
        "checks": shard.meta["checks"],
    }


def _described(plan: Plan) -> dict[str, object]:
    """Return what ``plan.json`` keeps: the cells by key, what was skipped and why, users' files."""
    return {
        "cells": {cell.key: work.label for work in plan.work for cell in work.cells},
        "skipped": [asdict(item) for item in plan.skipped],
        **({"files": plan.files} if plan.files else {}),
    }

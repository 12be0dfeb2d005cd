"""One process at one job of a run that others may be working on, too."""

import contextlib
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Protocol, TypeVar

import torch

from sampler_bench.bench.measure.counting import hold_to_plan
from sampler_bench.bench.measure.work import Work
from sampler_bench.bench.run import provenance, recorded
from sampler_bench.bench.run.codes import Codes
from sampler_bench.bench.run.groups import groups, measured
from sampler_bench.bench.run.leases import Holder, Leases
from sampler_bench.kit import files
from sampler_bench.kit.text import cut, one_line
from sampler_bench.results import Cell, Record, Shard, Store
from sampler_bench.results.estimate import Estimate

T = TypeVar("T")


class Observer(Protocol):
    """Whoever watches a run."""

    def begin(self, work: Work) -> None:
        """Turn to a job, maybe not for the first time; what others measured is not again."""

    def sampled(self, samples: int, evaluations: int) -> None:
        """A batch is done."""

    def measured(self, work: Work, samples: int, seconds: float) -> None:
        """A group of shards is kept: so many samples, which took ``seconds`` without features."""

    def finished(self, work: Work, records: Sequence[Record], resumed: bool) -> None:
        """All cells of a job have their record; ``resumed`` if nothing of it was made here."""

    def failed(self, work: Work, reason: str) -> None:
        """A job was given up; the others go on."""

    def waiting(self, others: Sequence[Holder]) -> None:
        """What is left is being worked on by others; told when these change."""


class Failed(Exception):  # noqa: N818 - a signal between two methods
    """A job is given up, for one reason, in one line."""

    def __init__(self, reason: str) -> None:
        self.reason = cut(one_line(" ".join(reason.split())))
        super().__init__(self.reason)


@dataclass
class Worker:
    """Brings jobs to their records, together with whoever else works in the run's folder.

    Attributes:
        store: Where shards and records are kept.
        leases: What this process holds there.
        device: Where models run; recorded.
        batch: Most samples per denoiser call.
        together: Most samples of shards that are measured together: the batch of the run.
        observer: Told what happens.
        codes: The code of each job: shards carry it, and a record is made of shards of one.
        refused: Whether somebody else held a lease, since this was last unset.
    """

    store: Store
    leases: Leases
    device: torch.device
    batch: int
    together: int
    observer: Observer
    codes: Codes = field(default_factory=Codes)
    refused: bool = False
    _written: dict[str, set[Path]] = field(default_factory=dict)  # shards, by job

    def work_on(self, work: Work) -> list[Record] | None:
        """Measure what is free of a job, and make its records if all of it is there.

        Returns:
            The records; None if others still work on some of it, or have just made them.

        Raises:
            Failed: If it has to be given up.
            Unwritable: If the folder cannot be written.
            Conflict: If the folder holds two results of one shard.
        """
        for group in groups(work, self.together):
            if self._missing(work, group):
                with self._lease(work, f"{group[0]:03d}") as free:
                    # Others may have finished these, or all of it, between the look and the lease.
                    if free and self._missing(work, group) and not self.has_records(work):
                        self._guarded(work, group[0], partial(self._measure, work, group))
        if any(self._missing(work, group) for group in groups(work, self.together)):
            return None
        return self._merge(work)

    def has_records(self, work: Work) -> bool:
        """Return whether all cells of a job have their record; none is opened."""
        folder = self.store.root / "records"
        return all(next(folder.glob(f"{cell.key}-*.json"), None) for cell in work.cells)

    def settle(self, work: Work, records: Sequence[Record]) -> None:
        """Clear away what led to the records of a job: a run may have died before it did."""
        for record in records:
            self.store.drop_merged(record)
        self.store.clear_failures(work.key)

    def wrote(self, work: Work) -> bool:
        """Return whether some of a job was measured by this process."""
        return work.key in self._written

    def settled(self, work: Work) -> list[Record]:
        """Return the records of a job that has them, and clear away what led to them."""
        code = self.codes.of(work).digest
        found = [self.store.record(cell.key, code) for cell in work.cells]
        records = [one.of(work.label, work.name, work.settings) for one in found if one is not None]
        self.settle(work, records)
        return records

    @contextlib.contextmanager
    def _lease(self, work: Work, what: str) -> Iterator[bool]:
        with self.leases.holding(f"{work.key}-{what}") as free:
            self.refused |= not free
            yield free

    def _missing(self, work: Work, group: Sequence[int]) -> set[int]:
        return set(group) - self.store.lying(work.key)

    def _measure(self, work: Work, group: list[int]) -> None:
        """Measure a group of shards, and keep those that are missing."""
        missing = self._missing(work, group)
        found, batch = measured(work, group, self.batch, self.observer.sampled)
        hold_to_plan(work, (one.arrays["nfe"] for one in found))
        origin = provenance.collect(self.device, batch, work.model)
        written = []
        for index, one in zip(group, found, strict=True):
            if index not in missing:
                continue
            if one.shown:
                self.store.write_samples(work.key, one.shown)
            meta = {
                "checks": recorded.checks(one.arrays),
                "seconds": one.seconds,
                "provenance": origin,
                "reference_error": one.reference_error,
                "code": self.codes.of(work).model_dump(),
            }
            written.append(self.store.write_shard(work.key, index, one.arrays, meta))
            self.store.clear_failure(work.key, index)
        samples = sum(len(work.seeds(index)) for index in missing)
        self.observer.measured(work, samples, sum(one.seconds for one in found))
        self._written.setdefault(work.key, set()).update(written)
        if self.has_records(work):  # a lease was lost, and others needed none of these
            self.store.drop(written)

    def _merge(self, work: Work) -> list[Record] | None:
        with self._lease(work, "record") as free:
            if not free or self.has_records(work):  # the next look finds them
                return None
            shards = self._read(work)
            if len(shards) < work.cell.shards:
                return None
            ordered = [shards[index] for index in range(work.cell.shards)]
            values = self._guarded(work, None, partial(work.measurement.merge, ordered))
            make = [partial(self._record, work, cell, values, ordered) for cell in work.cells]
            records = [self._guarded(work, None, one) for one in make]
            for record in records:
                self.store.write_record(record)
            self.store.drop_shards(work.key)
            return records

    def _record(
        self, work: Work, cell: Cell, values: Mapping[str, Estimate], shards: Sequence[Shard]
    ) -> Record:
        return recorded.record(work, cell, values[cell.metric], shards, self.codes.of(work))

    def _read(self, work: Work) -> dict[int, Shard]:
        """Return a job's shards, by number, but for those that are gone or have to be made again.

        Raises:
            Failed: If one that was written here cannot be read.
        """
        found = {}
        for index, path in self.store.shards(work.key).items():
            try:
                shard = self.store.read_shard(path)
                sound = work.measurement.needs <= shard.arrays.keys()
                code = shard.told.code.digest
            except ValueError as wrong:
                if path in self._written.get(work.key, ()) and path.exists():
                    raise Failed(str(wrong)) from wrong
                sound = False
            if sound and code != self.codes.of(work).digest:
                raise Failed(f"{path} was just made by other code: run one of the two at a time")
            if sound:
                found[index] = shard
            else:  # torn, or without what is wanted now; measuring it again is cheaper than asking
                files.remove(path)
        return found

    def _guarded(self, work: Work, index: int | None, function: Callable[[], T]) -> T:
        """Call ``function``; keep the traceback of what it raises, and give up this job only.

        Code of others' that ends the program fails like any other. A disk that cannot be written
        is no fault of the job's, and comes again with the next.
        """
        try:
            return function()
        except files.Unwritable:
            raise
        except (Exception, SystemExit) as error:
            self.store.write_failure(work.key, index, traceback.format_exc())
            raise Failed(f"{type(error).__name__}: {error}") from error

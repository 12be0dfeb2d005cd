"""Where measurements are kept: a folder of immutable files, merged by copying."""

import contextlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from sampler_bench.kit import files
from sampler_bench.results import agreement, format_1, sealed, shard
from sampler_bench.results import record as records_of
from sampler_bench.results.damaged import set_aside
from sampler_bench.results.record import Record
from sampler_bench.results.schema import Code, FailureFile, PlanFile, read_json
from sampler_bench.results.shard import Arrays, Conflict, Shard


@dataclass(frozen=True)
class Failure:
    """A shard that could not be measured, or a record that could not be made (of no index), and
    the traceback; `planned` if the plan asks for it.
    """

    work_key: str
    index: int | None
    text: str
    planned: bool = True

    @property
    def file_name(self) -> str:
        """What its file is called."""
        return _failure_name(self.work_key, self.index)


@dataclass(frozen=True)
class Store:
    """One run's folder.

    grid.toml  plan.json             what was asked for
    shards/WORKKEY/007-DIGEST.npz    finished work
    records/KEY-DIGEST.json          finished cells
    failures/WORKKEY-007.json        work that raised; -record.json: what makes its record
    samples/WORKKEY.npz              a few samples to look at
    leases/WORKKEY-007               who works on shards from this number on
    damaged/                         files that were not what they said
    replaced/                        records by other code, measured anew since
    report/                          figures and tables

    Every file is written whole or not at all, and names its contents, so several processes
    may fill one folder, and files of two machines' runs lie side by side. Writing raises
    ValueError, in one line, where the folder cannot be written. Reading raises OSError where a
    file is there and cannot be read: only what was read can be called damaged.
    """

    root: Path
    _names: dict[str, Any] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "root", Path(self.root))

    def write_text(self, name: str, text: str) -> Path:
        """Write a text file of the run (`grid.toml`, `plan.json`)."""
        path = self.root / name
        files.write_whole(path, text)
        return path

    def sweep(self) -> None:
        """Clear up after runs that were interrupted; to be called before anything is written.

        What they left half written is removed, if it is older than a day. The folders that they
        made are on disk when this returns: a kill may have come before they were synced.
        """
        files.settle(self.root.parent, self.root, self.root / "shards")
        below = [self.root / name for name in ("records", "failures", "samples", "report")]
        files.sweep([self.root, *below, *files.listed(self.root / "shards")])

    # -- the plan

    def write_plan(self, plan: PlanFile) -> Path:
        """Keep what was asked for."""
        return self.write_text("plan.json", plan.text())

    def grid_text(self) -> str:
        """The text of the grid, or of the search; empty if there is none."""
        path = self.root / "grid.toml"
        return files.read(path).decode("utf-8", "replace") if path.is_file() else ""

    def plan(self) -> PlanFile | None:
        """What was asked for; None if it is not known. A damaged plan is set aside."""
        format_1.convert_if_any(self.root)
        path = self.root / "plan.json"
        if not path.is_file():
            return None
        try:
            return read_json(path, PlanFile)
        except ValueError as wrong:
            set_aside(self.root, path, wrong)
            return None

    # -- shards

    def write_shard(
        self, work_key: str, index: int, arrays: Arrays, meta: Mapping[str, Any]
    ) -> Path:
        """Keep one shard; `meta` (JSON) is stored inside but does not count as content."""
        return shard.write(self.root / "shards" / work_key, index, arrays, meta)

    def shards(self, work_key: str) -> dict[int, Path]:
        """The finished shards, one file per index. Files are opened only where two claim one index.

        Raises Conflict if two readable files of one index disagree beyond float noise.
        """
        return {index: _agreeing(paths) for index, paths in self._shard_files(work_key).items()}

    def lying(self, work_key: str) -> set[int]:
        """The numbers of the shards that are there. No file is opened."""
        return set(self._shard_files(work_key))

    def read_shard(self, path: Path) -> Shard:
        """Read a shard. Raises ValueError naming a file that is truncated or foreign."""
        return shard.read(Path(path))

    def shard_codes(self, work_key: str) -> Iterator[tuple[Path, Code]]:
        """Each readable shard's file, and the code that made it."""
        for paths in self._shard_files(work_key).values():
            for path in paths:
                with contextlib.suppress(ValueError):
                    yield path, shard.code_of(path)

    def drop_shards(self, work_key: str) -> None:
        """Remove the shards, and the failures on the way to them, of work that is finished."""
        self.drop(path for paths in self._shard_files(work_key).values() for path in paths)
        self.clear_failures(work_key)

    def drop_merged(self, record: Record) -> None:
        """Remove the shards that a record was merged from: a run may die between the two.

        Other shards of the same work are left alone; if they disagree they are a conflict.
        """
        lying = self._shard_files(record.cell.work_key)
        self.drop(
            path
            for receipt in record.shards
            for path in lying.get(int(receipt["index"]), [])
            if path.stem.endswith(receipt["digest"])
        )

    def drop(self, shards: Iterable[Path]) -> None:
        """Remove shards that a record stands for, or that are to be measured anew."""
        for number, path in enumerate(shards):
            if number == 0:  # whoever wrote the record may not have come to syncing its name
                files.settle(self.root / "records", self.root)
            files.remove(path)

    def _shard_files(self, work_key: str) -> dict[int, list[Path]]:
        found: dict[int, list[Path]] = defaultdict(list)
        for path in files.listed(self.root / "shards" / work_key, "*.npz"):
            if named := shard.parse_name(path):
                found[named[0]].append(path)
        return dict(sorted(found.items()))

    # -- records

    def write_record(self, record: Record) -> Path:
        """Keep one finished cell."""
        return self.write_text(f"records/{record.file_name}", record.text())

    def records(self) -> Iterator[Record]:
        """All records, ordered by key; of one cell several, if other code gave other numbers.

        Damaged files are set aside. Raises Conflict if two records of one cell and code disagree.
        """
        found = agreement.versions(self.found())
        return (record for versions in found.values() for record in versions)

    def versions(self, key: str) -> list[Record]:
        """The records of one cell: one, or one for each code that gave other numbers."""
        return agreement.versions(self._read(self._files_of(key))).get(key, [])

    def replace(self, record: Record) -> None:
        """Put a record aside, into `replaced/`: its cell is to be measured anew."""
        name = f"records/{record.file_name}"
        files.move(self.root / name, self.root / "replaced" / record.file_name)

    def record(self, key: str, code: str = "") -> Record | None:
        """The record of one cell, by this code (its digest) if there is one; None without any."""
        versions = self.versions(key)
        by_code = [record for record in versions if record.code.digest == code]
        return next(iter(by_code or versions), None)

    def found(self) -> list[agreement.Found]:
        """The files of all records, each with what is in it."""
        return list(self._read(self.record_files()))

    def record_files(self) -> list[Path]:
        """The files of all records."""
        format_1.convert_if_any(self.root)
        return files.listed(self.root / "records", "*.json")

    def _files_of(self, key: str) -> list[Path]:
        """The files of one cell's records, by a listing that is made again when it has changed."""
        folder = self.root / "records"
        try:
            changed = folder.stat().st_mtime_ns
        except OSError:
            return []
        if self._names.get("changed") != changed:
            names: dict[str, list[str]] = defaultdict(list)
            for path in self.record_files():
                names[path.name.partition("-")[0]].append(path.name)
            self._names.update(changed=changed, names=dict(names))
        if names := self._names["names"].get(key):
            return [folder / name for name in names]
        # Of two changes in one tick of the disk's clock the second is not seen by the time.
        return files.listed(folder, f"{key}-*.json")

    def drop_record(self, record: Record) -> None:
        """Remove the file of a record."""
        files.remove(self.root / "records" / record.file_name)

    def _read(self, paths: Iterable[Path]) -> Iterator[agreement.Found]:
        known = self._names.setdefault("read", {})
        for path in paths:
            try:
                changed = path.stat().st_mtime_ns
                if known.get(path, (None,))[0] != changed:
                    known[path] = changed, records_of.read(path)
                yield path, known[path][1]
            except FileNotFoundError:  # taken away by another process
                continue
            except ValueError as wrong:
                set_aside(self.root, path, wrong)

    def conflicts(self) -> list[Conflict]:
        """Everything in this folder that claims one measurement and disagrees beyond noise."""
        found: list[Conflict] = []
        for folder in files.listed(self.root / "shards"):
            for paths in self._shard_files(folder.name).values():
                found += _raised(paths)
        try:
            records = list(self.records())
        except Conflict as conflict:
            return [*found, conflict]
        for record in records:
            found += self._against_receipts(record)
        return found

    def _against_receipts(self, record: Record) -> Iterator[Conflict]:
        lying = self._shard_files(record.cell.work_key)
        for receipt in record.shards:
            for path in lying.get(int(receipt["index"]), []):
                if path.stem.endswith(receipt["digest"]):
                    continue
                try:
                    checks = shard.read(path).told.checks
                except ValueError:  # damaged: whoever goes on measures it again
                    continue
                if text := _check_difference(receipt["checks"], checks):
                    names = f"record {record.cell.key} ({record.label}) and {path}"
                    yield Conflict(f"{names} disagree: {text}; delete the wrong one")

    # -- failures

    def write_failure(self, work_key: str, index: int | None, text: str) -> Path:
        """Keep the traceback of a shard that raised, or of what makes the record of all."""
        body = sealed.text({"work_key": work_key, "index": index, "text": text})
        return self.write_text(f"failures/{_failure_name(work_key, index)}", body)

    def failures(self) -> list[Failure]:
        """What raised, of work that nobody has finished since."""
        found = []
        plan = self.plan()
        planned = {job.key: job.cells for job in plan.jobs} if plan else {}
        for path in files.listed(self.root / "failures", "*.json"):
            try:
                told = read_json(path, FailureFile)
            except FileNotFoundError:  # somebody has just finished it
                continue
            except ValueError as wrong:
                set_aside(self.root, path, wrong)
                continue
            failure = Failure(
                told.work_key, told.index, told.text, told.work_key in planned or not planned
            )
            is_measured = failure.index in self._shard_files(failure.work_key)
            if not is_measured and not self._has_records(failure.work_key, planned):
                found.append(failure)
        return found

    def _has_records(self, work_key: str, planned: Mapping[str, Sequence[str]]) -> bool:
        """Whether work is finished: all records that are planned, or else any, are there."""
        if work_key in planned:
            keys = {path.name.partition("-")[0] for path in self.record_files()}
            return keys.issuperset(planned[work_key])
        return any(record.cell.work_key == work_key for record in self.records())

    def clear_failure(self, work_key: str, index: int) -> None:
        """Forget a failure, if there is one."""
        files.remove(self.root / "failures" / _failure_name(work_key, index))

    def clear_failures(self, work_key: str) -> None:
        """Forget all failures of work that is finished."""
        for path in (self.root / "failures").glob(f"{work_key}-*.json"):
            files.remove(path)

    # -- samples

    def write_samples(self, work_key: str, arrays: Arrays) -> Path:
        """Keep what there is to look at.

        `images` uint8 [k, C, H, W], `points` float [k, 2], or, of trajectories in one dimension,
        `t` and `sigma` [levels], `x` and its `slope` dx/dt [k, levels].
        """
        path = self.root / "samples" / f"{work_key}.npz"
        with files.whole(path) as file:
            shard.write_arrays(file, arrays, {})
        return path

    def samples(self, work_key: str) -> dict[str, np.ndarray] | None:
        """The kept samples, None if there are none. A damaged file is set aside."""
        path = self.root / "samples" / f"{work_key}.npz"
        if not path.exists():
            return None
        try:
            return read_samples(path)
        except ValueError as wrong:
            set_aside(self.root, path, wrong)
            return None


_SAMPLES = {"images": 4, "points": 2, "t": 1, "sigma": 1, "s": 1, "x": 2, "slope": 2}
"""How many dimensions the arrays have that are kept to look at."""


def read_samples(path: Path) -> dict[str, np.ndarray]:
    """Read kept samples. Raises ValueError naming a file that is damaged, or cannot be shown."""
    arrays = shard.read_arrays(path)[0]
    _check_samples(path, arrays)
    return arrays


def _check_samples(path: Path, arrays: Arrays) -> None:
    for name, array in arrays.items():
        if name in _SAMPLES and (array.ndim != _SAMPLES[name] or not array.size):
            raise ValueError(f"{path}: {name} has the shape {array.shape}")
        if name == "images" and array.dtype != np.uint8:
            raise ValueError(f"{path}: images are {array.dtype}, not uint8")
        if name in _SAMPLES and name != "images":
            _check_numbers(path, name, array)


def _check_numbers(path: Path, name: str, array: np.ndarray) -> None:
    if array.dtype.kind != "f":
        raise ValueError(f"{path}: {name} are {array.dtype}, not floats")
    if not np.isfinite(array).all():
        raise ValueError(f"{path}: {name} are not finite")
    if name == "points" and array.shape[1] != 2:
        raise ValueError(f"{path}: points have {array.shape[1]} coordinates, not 2")


def _failure_name(work_key: str, index: int | None) -> str:
    return f"{work_key}-{'record' if index is None else f'{index:03d}'}.json"


def _agreeing(paths: list[Path]) -> Path:
    """The first readable of several files of one shard; raises Conflict if they disagree."""
    if len(paths) == 1:
        return paths[0]
    first: tuple[Path, Shard] | None = None
    for path in paths:
        try:
            content = shard.read(path)
        except ValueError:
            continue  # a damaged copy beside a good one
        if first is None:
            first = path, content
        elif text := shard.difference(first[1].arrays, content.arrays):
            raise Conflict(f"{first[0]} and {path} disagree: {text}; delete the wrong one")
    return first[0] if first else paths[0]


def _raised(paths: list[Path]) -> list[Conflict]:
    try:
        _agreeing(paths)
    except Conflict as conflict:
        return [conflict]
    return []


def _check_difference(one: Mapping[str, float], other: Mapping[str, float]) -> str | None:
    arrays = [{name: np.asarray(value) for name, value in side.items()} for side in (one, other)]
    return shard.difference(arrays[0], arrays[1])

"""Where measurements are kept: a folder of immutable files, merged by copying."""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sampler_bench.kit import files
from sampler_bench.results import shard
from sampler_bench.results.record import Record
from sampler_bench.results.shard import Arrays, Conflict, Shard

_VALUE_RTOL = 1e-4  # a distance is a difference of near-equal traces: it amplifies float noise
_PROFILE_RTOL = 1e-3  # errors of single steps are differences of states 10,000 times as large,
_PROFILE_ATOL = 1e-6  # and the smallest of a column (relative to its largest) more still


@dataclass(frozen=True)
class Failure:
    """A shard that could not be measured, and the traceback; `planned` if the plan asks for it."""

    work_key: str
    index: int
    text: str
    planned: bool = True


@dataclass(frozen=True)
class Store:
    """One run's folder.

    grid.toml  plan.json             what was asked for
    shards/WORKKEY/007-DIGEST.npz    finished work
    records/KEY-DIGEST.json          finished cells
    failures/WORKKEY-007.json        work that raised
    samples/WORKKEY.npz              a few samples to look at
    leases/WORKKEY-007               who works on shards from this number on
    report/                          figures and tables

    Every file is written whole or not at all, and names its contents, so several processes
    may fill one folder, and files of two machines' runs lie side by side. Writing raises
    ValueError, in one line, where the folder cannot be written.
    """

    root: Path

    def __post_init__(self) -> None:
        object.__setattr__(self, "root", Path(self.root))

    def write_text(self, name: str, text: str) -> Path:
        """Write a text file of the run (`grid.toml`, `plan.json`)."""
        path = self.root / name
        files.write_whole(path, text)
        return path

    def sweep(self) -> None:
        """Remove what interrupted writes left behind more than a day ago."""
        files.sweep(self.root)

    def planned_labels(self) -> list[str]:
        """The samplers' labels in the order of the grid (`plan.json`); empty without a plan."""
        try:
            plan = json.loads((self.root / "plan.json").read_text())
            return list(dict.fromkeys(str(label) for label in plan["cells"].values()))
        except (OSError, ValueError, KeyError, AttributeError, TypeError):
            return []

    def planned_files(self) -> dict[str, str]:
        """The SHA-256 of each of a user's own files that the run was made with (`plan.json`)."""
        try:
            plan = json.loads((self.root / "plan.json").read_text())
            return {str(path): str(digest) for path, digest in plan["files"].items()}
        except (OSError, ValueError, KeyError, AttributeError, TypeError):
            return {}

    def planned_jobs(self) -> dict[str, list[str]]:
        """The keys of the cells of all work by its key (`plan.json`); empty if nobody said."""
        try:
            jobs = json.loads((self.root / "plan.json").read_text())["jobs"]
            return {str(job["key"]): [str(key) for key in job["cells"]] for job in jobs}
        except (OSError, ValueError, KeyError, AttributeError, TypeError):
            return {}

    def planned_batch(self) -> int | None:
        """Most samples of shards that are measured together (`plan.json`); None if nobody said."""
        try:
            batch = json.loads((self.root / "plan.json").read_text())["batch"]
        except (OSError, ValueError, KeyError, AttributeError, TypeError):
            return None
        return batch if isinstance(batch, int) and batch > 0 else None

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
        """Remove shards that a record stands for."""
        for path in shards:
            files.remove(path)

    def _shard_files(self, work_key: str) -> dict[int, list[Path]]:
        found: dict[int, list[Path]] = defaultdict(list)
        for path in sorted((self.root / "shards" / work_key).glob("*.npz")):
            if named := shard.parse_name(path):
                found[named[0]].append(path)
        return dict(sorted(found.items()))

    # -- records

    def write_record(self, record: Record) -> Path:
        """Keep one finished cell."""
        text = json.dumps(record.to_json(), indent=1, ensure_ascii=False, allow_nan=False)
        return self.write_text(f"records/{record.cell.key}-{record.digest}.json", text + "\n")

    def records(self) -> Iterator[Record]:
        """The finished cells, ordered by key.

        Raises Conflict if two files of one cell disagree, ValueError on an unreadable file.
        """
        return iter(agreeing_records(self.record_files()))

    def record(self, key: str) -> Record | None:
        """The record of one cell, None if it is not finished. Raises as `records` does."""
        found = agreeing_records(sorted((self.root / "records").glob(f"{key}-*.json")))
        return found[0] if found else None

    def record_files(self) -> list[Path]:
        """The files of all records."""
        return sorted((self.root / "records").glob("*.json"))

    def conflicts(self) -> list[Conflict]:
        """Everything in this folder that claims one measurement and disagrees beyond noise."""
        found: list[Conflict] = []
        for folder in sorted((self.root / "shards").glob("*")):
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
                if text := _check_difference(receipt["checks"], shard.read(path).meta["checks"]):
                    names = f"record {record.cell.key} ({record.label}) and {path}"
                    yield Conflict(f"{names} disagree: {text}; delete the wrong one")

    # -- failures

    def write_failure(self, work_key: str, index: int, text: str) -> Path:
        """Keep the traceback of a shard that raised."""
        body = json.dumps({"work_key": work_key, "index": index, "text": text}, indent=1)
        return self.write_text(f"failures/{work_key}-{index:03d}.json", body)

    def failures(self) -> list[Failure]:
        """Shards that raised, of work that nobody has finished since."""
        found = []
        planned = self.planned_jobs()
        for path in sorted((self.root / "failures").glob("*.json")):
            try:
                told = json.loads(path.read_text())
            except FileNotFoundError:
                continue  # somebody has just finished it
            failure = Failure(**told, planned=told["work_key"] in planned or not planned)
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
        (self.root / f"failures/{work_key}-{index:03d}.json").unlink(missing_ok=True)

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
        """The kept samples, None if there are none. Raises ValueError on a damaged file."""
        path = self.root / "samples" / f"{work_key}.npz"
        return shard.read_arrays(path)[0] if path.exists() else None


def read_record(path: Path) -> Record:
    """Read one record. Raises ValueError naming a file that is damaged or not a record."""
    try:
        return Record.from_json(json.loads(path.read_text()))
    except (OSError, ValueError, AttributeError) as wrong:
        raise ValueError(f"{path}: not a readable record ({wrong})") from wrong


def agreeing_records(paths: Iterable[Path]) -> list[Record]:
    """One record per cell, ordered by key; the first of several files that agree.

    Raises Conflict, naming both files, if two files of one cell disagree beyond float noise.
    """
    kept: dict[str, tuple[Path, Record]] = {}
    for path in sorted(paths, key=lambda path: (path.name, str(path))):
        record = read_record(path)
        first, agreed = kept.setdefault(record.cell.key, (path, record))
        gap = abs(record.value - agreed.value)
        if gap > _VALUE_RTOL * abs(agreed.value) or record.nfe != agreed.nfe:
            raise Conflict(
                f"{first} and {path} disagree on {record.label!r}: value {agreed.value:.8g} and"
                f" {record.value:.8g}, NFE {agreed.nfe:g} and {record.nfe:g}; delete the wrong one"
            )
        if text := _profile_difference(agreed.profile, record.profile):
            raise Conflict(
                f"{first} and {path} disagree on {record.label!r}: {text}; delete the wrong one"
            )
    return [kept[key][1] for key in sorted(kept)]


def _profile_difference(
    one: Mapping[str, Sequence[float]], other: Mapping[str, Sequence[float]]
) -> str | None:
    """Say in which column two profiles differ beyond float noise; None if in none."""
    if names := sorted(set(one) ^ set(other)):
        return f"only one of them has a profile of {', '.join(names)}"
    for name in sorted(one):
        a, b = np.asarray(one[name]), np.asarray(other[name])
        if a.shape != b.shape:
            return f"their profiles of {name} have {len(a)} and {len(b)} entries"
        noise = _PROFILE_ATOL * np.abs(a).max(initial=0)
        if not np.allclose(b, a, rtol=_PROFILE_RTOL, atol=noise):
            return f"their profiles of {name} differ by up to {np.abs(a - b).max():.2g}"
    return None


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

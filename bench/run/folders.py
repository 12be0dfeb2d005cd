"""Several folders of one grid's run, put together in one."""

import itertools
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from sampler_bench.kit import files
from sampler_bench.results import Conflict, Record, Shard, Store, shard
from sampler_bench.results.agreement import versions
from sampler_bench.results.record import read as read_record
from sampler_bench.results.schema import PlanFile
from sampler_bench.results.store import read_samples


@dataclass
class Merged:
    """What a merged folder holds: records, shards of unfinished work, and what was not taken."""

    records: int = 0
    shards: int = 0
    left_out: list[str] = field(default_factory=list)


def merge(runs: Sequence[Path], out: Path) -> Merged:
    """Put into ``out`` what is in several folders; each file is read and verified first.

    What ``out`` holds already counts as one more of them: a merge that was killed is done again,
    and a folder may be merged into itself. Where several files say the same within noise, the
    first is taken. Damaged files are left out, and said.

    Raises:
        ValueError: If a folder is no run, the grids differ, or ``out`` cannot be written.
        Conflict: If two files claim one measurement and disagree; nothing is written then.
    """
    begun = [out] if (out / "plan.json").is_file() else []
    folders = list({path.resolve(): path for path in (*begun, *runs)}.values())
    plan, grid = merged_plans(folders)
    merging = _Merging([Store(folder) for folder in folders], out)
    records = merging.records()
    finished = _finished(plan, records)
    shards = merging.shards(records, finished)
    files.write_whole(out / "grid.toml", grid)
    Store(out).write_plan(plan)
    for path in (*shards.values(), *merging.samples(), *merging.failures(shards)):
        merging.take(path)
    for path, _ in records.values():
        merging.take(path)
    for key in finished:
        Store(out).drop_shards(key)
    return Merged(len(records), len(shards), merging.left_out)


def merged_plans(folders: Sequence[Path]) -> tuple[PlanFile, str]:
    """Return what ``plan.json`` and ``grid.toml`` of all folders together say.

    Lines are united, of what else differs (the batch) the first is taken.

    Raises:
        ValueError: If a folder has no plan, or plans are not of one grid and one text of its files.
    """
    first, text = folders[0], _grid(folders[0])
    united = _plan(first)
    for folder in folders[1:]:
        plan, grid = _plan(folder), _grid(folder)
        if grid != text:
            raise ValueError(
                f"{first} and {folder} are runs of two grids: {_difference(text, grid)}; "
                "bench report --together reads them together"
            )
        if name := _other_text(united.files, plan.files):
            raise ValueError(f"{first} and {folder} were made with two texts of {name}")
        united = united.model_copy(
            update={
                "lines": _both(united.lines, plan.lines),
                "skipped": _both(united.skipped, plan.skipped),
                "remarks": _both(united.remarks, plan.remarks),
                "files": {**plan.files, **united.files},
                "batch": united.batch or plan.batch,
            }
        )
    return united, text


def _plan(folder: Path) -> PlanFile:
    if not folder.is_dir():
        raise ValueError(f"{folder}: no such run directory")
    plan = Store(folder).plan()
    if plan is None:
        raise ValueError(f"{folder}: not a run: no plan.json in it")
    return plan


def _both(one: list[Any], other: list[Any]) -> list[Any]:
    return [*one, *(line for line in other if line not in one)]


def _grid(folder: Path) -> str:
    try:
        return (folder / "grid.toml").read_text("utf-8")
    except (OSError, UnicodeDecodeError) as wrong:
        raise ValueError(f"{folder}: its grid.toml cannot be read ({wrong})") from None


def _difference(one: str, other: str) -> str:
    """Return the first line in which two texts differ."""
    pairs = itertools.zip_longest(one.splitlines(), other.splitlines(), fillvalue="nothing")
    return next((f"{a.strip()!r} and {b.strip()!r}" for a, b in pairs if a != b), "line ends")


def _other_text(one: Mapping[str, str], other: Mapping[str, str]) -> str | None:
    """Return the name of a user's file that two runs were made with different texts of."""
    texts: list[dict[str, set[str]]] = [defaultdict(set), defaultdict(set)]
    for found, told in zip(texts, (one, other), strict=True):
        for path, digest in told.items():
            found[Path(path).name].add(digest)
    return next(
        (name for name in texts[0] if texts[1].get(name, texts[0][name]) != texts[0][name]), None
    )


def _finished(plan: PlanFile, records: Mapping[str, tuple[Path, Record]]) -> set[str]:
    """Return the keys of the work that has all its records."""
    jobs = {job.key: job.cells for job in plan.jobs}
    some = {record.cell.work_key for _, record in records.values()}
    keys = {record.cell.key for _, record in records.values()}
    return {key for key in some if keys >= set(jobs.get(key, ()))}


@dataclass
class _Merging:
    """The folders that are merged, the one that is written first if it is among them."""

    stores: list[Store]
    out: Path
    left_out: list[str] = field(default_factory=list)

    def records(self) -> dict[str, tuple[Path, Record]]:
        """Return one file for each record: by key, and by code where that gave other numbers.

        Raises Conflict.
        """
        found = []
        for path in itertools.chain(*(store.record_files() for store in self.stores)):
            try:
                found.append((path, read_record(path)))
            except FileNotFoundError:  # taken away by a run that goes on
                continue
            except ValueError as wrong:
                self.left_out.append(str(wrong))
        kept = [record for each in versions(found).values() for record in each]
        paths = {id(record): path for path, record in found}
        several = Counter(record.cell.key for record in kept)
        names = [r.cell.key + (f" {r.code.digest}" * (several[r.cell.key] > 1)) for r in kept]
        return {n: (paths[id(r)], r) for n, r in zip(names, kept, strict=True)}

    def shards(
        self, records: Mapping[str, tuple[Path, Record]], finished: set[str]
    ) -> dict[tuple[str, int], Path]:
        """Return one file for each shard of work that is not finished. Raises Conflict."""
        receipts = {
            (record.cell.work_key, int(receipt["index"])): (path, record, receipt)
            for path, record in records.values()
            for receipt in record.shards
        }
        found: dict[tuple[str, int], tuple[Path, Shard]] = {}
        for key, path, content in self._lying():
            name = key, content.index
            if name in receipts:
                _hold_against(*receipts[name], path, content)
            if key in finished:
                continue
            first, known = found.setdefault(name, (path, content))
            if text := shard.difference(known.arrays, content.arrays):
                sides = _sides(known.told.provenance, content.told.provenance)
                raise Conflict(
                    f"{first} and {path} disagree: {text}; delete the wrong one ({sides})"
                )
        return {name: path for name, (path, _) in found.items()}

    def _lying(self) -> Iterator[tuple[str, Path, Shard]]:
        for store in self.stores:
            for path in sorted(store.root.glob("shards/*/*.npz")):
                try:
                    content = store.read_shard(path)
                    content.told  # noqa: B018 - held against its schema
                except ValueError as wrong:
                    self.left_out.append(str(wrong))
                else:
                    yield path.parent.name, path, content

    def samples(self) -> list[Path]:
        """Return one file for each job's samples."""
        found: dict[str, Path] = {}
        for store in self.stores:
            for path in sorted(store.root.glob("samples/*.npz")):
                try:
                    read_samples(path)
                except ValueError as wrong:
                    self.left_out.append(str(wrong))
                else:
                    found.setdefault(path.name, path)
        return list(found.values())

    def failures(self, shards: Collection[tuple[str, int | None]]) -> list[Path]:
        """Return one file for each shard that failed and is there from nobody, and each record.

        Those of finished work go with its shards.
        """
        found: dict[str, Path] = {}
        for store in self.stores:
            for failure in store.failures():
                name = failure.file_name
                done = (failure.work_key, failure.index) in shards
                if not done:
                    found.setdefault(name, store.root / "failures" / name)
        return list(found.values())

    def take(self, path: Path) -> None:
        """Copy a file of one of the folders, unless that is the one which is written."""
        roots = [store.root for store in self.stores if path.is_relative_to(store.root)]
        root = max(roots, key=lambda root: len(root.parts))  # a folder may lie within another
        if root.resolve() != self.out.resolve():
            files.write_whole(self.out / path.relative_to(root), path.read_bytes())


def _hold_against(
    record_path: Path, record: Record, receipt: Mapping[str, Any], path: Path, content: Shard
) -> None:
    """Raise Conflict if a shard is not what a record says of it."""
    sides = (
        {name: np.asarray(value) for name, value in told.items()}
        for told in (receipt["checks"], content.told.checks)
    )
    if text := shard.difference(*sides):
        both = _sides(record.provenance, content.told.provenance)
        raise Conflict(f"{record_path} and {path} disagree: {text}; delete the wrong one ({both})")


def _sides(*provenances: Mapping[str, str]) -> str:
    """Say where two files come from: device, commit and time of each."""
    return "; ".join(
        ", ".join(told.get(name, f"{name} unknown") for name in ("device", "commit", "created"))
        for told in provenances
    )

"""Whether a run goes on rightly from what a crash left on the disk."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from tests.crashes.disks import EMPTY, Disk
from tests.crashes.miniature import OWN, Kept, Look, Miniature, Ran

NOISE = 1e-4
"""By how much values of one cell may differ, relatively: as the store has it."""


@dataclass
class Verdict:
    """What is wrong with a run on a disk; nothing, if it is as it has to be.

    ran      what it did
    wrong    one line for each thing
    """

    ran: Ran
    wrong: list[str] = field(default_factory=list)


def judge(mini: Miniature, disk: Disk, kept: Iterable[Kept] = (), damaged: str = "") -> Verdict:
    """Run the plan on a disk and say what is wrong.

    Args:
        mini: The plan.
        disk: What is there.
        kept: What the store had said is on disk, before the crash.
        damaged: A file that is not what was written: it, and nothing else, may be measured again.
    """
    kept = list(kept)
    ran = mini.run(disk)
    told = Verdict(ran)
    _look(told.wrong, "before", ran.before, mini)
    if not damaged:
        told.wrong += [line for one in kept if (line := _text_lost(one, disk, mini))]
    if ran.fault:
        told.wrong.append(f"traceback: {ran.fault.splitlines()[-1]}")
    if ran.refused:
        told.wrong.append(f"refused: {ran.refused}")
    told.wrong += [f"failed: {reason}" for reason in ran.failed]
    if told.wrong:
        return told
    _look(told.wrong, "after", ran.after, mini)
    if missing := mini.rows.keys() - ran.after.rows.keys():
        told.wrong.append(f"not measured: {', '.join(sorted(missing))}")
    if again := made_again(mini, ran, kept, _job_of(damaged, mini)):
        told.wrong.append(f"lost: {again} samples that were on disk are made again")
    if left := [path for path in ran.left.files if path.endswith(".npz") and "/shards/" in path]:
        told.wrong.append(f"left lying: {', '.join(left)}")
    return told


def made_again(mini: Miniature, ran: Ran, kept: Iterable[Kept], but_for: str = "") -> int:
    """How many samples a run made though they had been kept, those of one job not counted."""
    saved = {one.shard for one in kept if one.shard and one.shard[0] != but_for} & mini.shards
    return max(0, ran.made - (mini.all - len(saved) * mini.batch))


def _look(wrong: list[str], when: str, look: Look, mini: Miniature) -> None:
    if look.fault:
        wrong.append(f"traceback of a reader {when}: {look.fault.splitlines()[-1]}")
    if look.refused:
        wrong.append(f"a reader is refused {when}: {look.refused}")
    for key, row in look.rows.items():
        if key not in mini.rows or not _equal(row, mini.rows[key]):
            wrong.append(f"wrong numbers {when}: {key}: {row}")


def _equal(one: tuple[object, ...], other: tuple[object, ...]) -> bool:
    (value, loo, *rest), (value_, loo_, *rest_) = one, other
    same = np.shape(loo) == np.shape(loo_) and rest == rest_
    return same and np.allclose([value, *loo], [value_, *loo_], rtol=NOISE, atol=0)


def _text_lost(kept: Kept, disk: Disk, mini: Miniature) -> str:
    """Say that a text of the run is not there whole, though it was."""
    if not kept.text:
        return ""
    found, whole = disk.files.get(kept.text), mini.whole.left.files[kept.text]
    if found is None or (kept.text.endswith(".json") and not _is_json(found)):
        return f"lost: {kept.text}"
    return "" if kept.text.endswith(".json") or found == whole else f"torn: {kept.text}"


def _is_json(data: bytes) -> bool:
    try:
        json.loads(data)
    except ValueError:
        return False
    return True


def _job_of(path: str, mini: Miniature) -> str:
    """The key of the job whose shard, or record, a file is; empty if it is of none."""
    for job, cells in mini.jobs.items():
        if f"/{job}" in path or any(f"/{cell}" in path for cell in cells):
            return job
    return ""


def own_files(mini: Miniature) -> list[str]:
    """Say which of a user's own files, in a run's folder, are not left alone."""
    ran = mini.run(Disk({**EMPTY.files, **OWN}, frozenset({"run"})))
    return [f"a user's own file is gone: {name}" for name in OWN if name not in ran.left.files]

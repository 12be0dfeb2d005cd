"""Whether a run goes on rightly from what a crash left on the disk."""

import json
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from tests.crashes.disks import EMPTY, Disk
from tests.crashes.miniature import OWN, Kept, Look, Miniature, Ran

NOISE = 1e-4
"""By how much values of one cell may differ, relatively: as the store has it."""


@dataclass
class Verdict:
    """What a run on a disk did.

    wrong    what is wrong with it, whatever was kept: one line for each thing
    made     samples
    waited   seconds, for nobody
    """

    wrong: list[str]
    made: int
    waited: float


def judge(mini: Miniature, disk: Disk, kept: Iterable[Kept] = (), damaged: str = "") -> list[str]:
    """Run the plan on a disk, unless it was, and say what is wrong.

    Args:
        mini: The plan.
        disk: What is there.
        kept: What the store had said is on disk, before the crash.
        damaged: A file that is not what was written: it, and nothing else, may be measured again.
    """
    kept, digest = list(kept), disk.digest
    if digest not in mini.verdicts:
        mini.verdicts[digest] = verdict(mini, mini.run(disk))
    found = mini.verdicts[digest]
    wrong = list(found.wrong)
    if found.waited and "/leases/" not in damaged:  # whose a damaged one is nobody knows
        wrong.append(f"waits for {found.waited:g} s, and nobody is there")
    if not damaged:
        wrong += [line for one in kept if (line := _text_lost(one, disk, mini))]
    again = made_again(mini, found.made, kept, _job_of(damaged, mini))
    if again and not found.wrong:
        wrong.append(f"lost: {again} samples that were on disk are made again")
    return wrong


def verdict(mini: Miniature, ran: Ran) -> Verdict:
    """Say what is wrong with a run, whatever was kept before it."""
    wrong: list[str] = []
    _look(wrong, "before", ran.before, mini)
    if ran.fault:
        wrong.append(f"traceback: {ran.fault.splitlines()[-1]}")
    if ran.refused:
        wrong.append(f"refused: {ran.refused}")
    wrong += [f"failed: {reason}" for reason in ran.failed]
    if wrong:
        return Verdict(wrong, ran.made, ran.waited)
    _look(wrong, "after", ran.after, mini)
    if missing := mini.rows.keys() - ran.after.rows.keys():
        wrong.append(f"not measured: {', '.join(sorted(missing))}")
    if left := [path for path in ran.left.files if path.endswith(".npz") and "/shards/" in path]:
        wrong.append(f"left lying: {', '.join(left)}")
    return Verdict(wrong, ran.made, ran.waited)


def made_again(mini: Miniature, made: int, kept: Iterable[Kept], but_for: str = "") -> int:
    """How many samples were made though they had been kept, those of one job aside."""
    saved = {one.shard for one in kept if one.shard and one.shard[0] != but_for} & mini.shards
    return max(0, made - (mini.all - len(saved) * mini.batch))


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

"""Whether records of one cell are one measurement, two versions of it, or in conflict."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from sampler_bench.results.record import Record
from sampler_bench.results.shard import Conflict

_VALUE_RTOL = 1e-4  # a distance is a difference of near-equal traces: it amplifies float noise
_PROFILE_RTOL = 1e-3  # errors of single steps are differences of states 10,000 times as large,
_PROFILE_ATOL = 1e-6  # and the smallest of a column (relative to its largest) more still

Found = tuple[Path, Record]


def versions(found: Iterable[Found]) -> dict[str, list[Record]]:
    """The records of each key, ordered by key: one, or one for each code that gave other numbers.

    Records that agree within float noise are one measurement, whatever their code; the first of
    them, by the name of its file, stands for all. Raises Conflict, naming both files, device,
    commit and time, if two of one code disagree.
    """
    kept: dict[str, list[Found]] = defaultdict(list)
    for path, record in sorted(found, key=lambda one: (one[0].name, str(one[0]))):
        known = kept[record.cell.key]
        against = [(other, difference(other[1], record)) for other in known]
        if any(text is None for _, text in against):
            continue
        for (other_path, other), text in against:
            if other.code.digest == record.code.digest:
                raise Conflict(
                    f"{other_path} ({_origin(other)}) and {path} ({_origin(record)}) disagree on "
                    f"{record.label!r}: {text}; delete the wrong one"
                )
        known.append((path, record))
    return {key: [record for _, record in kept[key]] for key in sorted(kept)}


def difference(one: Record, other: Record) -> str | None:
    """Say in what two records of one cell differ beyond float noise; None if in nothing."""
    gap = abs(other.value - one.value)
    if gap > _VALUE_RTOL * abs(one.value) or other.nfe != one.nfe:
        return f"value {one.value:.8g} and {other.value:.8g}, NFE {one.nfe:g} and {other.nfe:g}"
    return _profile_difference(one.profile, other.profile)


def _origin(record: Record) -> str:
    told = (record.provenance.get(name, "") for name in ("device", "commit", "created"))
    return ", ".join(text for text in told if text) or "of unknown origin"


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

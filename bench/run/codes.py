"""The code of jobs, and what a run's folder holds by other code."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sampler_bench.bench.measure.code_of import code_of
from sampler_bench.bench.measure.work import Work
from sampler_bench.kit.code import UNKNOWN, changed
from sampler_bench.results import Record, Store
from sampler_bench.results.schema import Code

_NAMED = 3
"""So many definitions are named in a message; the others are counted."""


@dataclass
class Codes:
    """The code of each job, listed once for all that are made of the same parts."""

    _known: dict[Any, Code] = field(default_factory=dict)

    def of(self, work: Work) -> Code:
        """Return the code of a job."""
        told = [value for part in work.settings.values() for value in part.values()]
        names = tuple(value for value in told if isinstance(value, str))
        which = (type(work.measurement), *work.measurement.metrics, work.name, *names)
        which += (work.cell.extractor, work.cell.reference, bool(work.cell.condition))
        if which not in self._known:
            found = code_of(work)
            self._known[which] = Code(digest=found.digest, names=dict(found.names))
        return self._known[which]


@dataclass
class Other:
    """What a folder holds of a plan's cells that other code than the present one made.

    Attributes:
        records: Records, where there is none by the present code.
        shards: Files of shards.
        names: In what definitions the code differs.
        of: The jobs they are of.
    """

    records: list[Record] = field(default_factory=list)
    shards: list[Any] = field(default_factory=list)
    names: dict[str, None] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.records or self.shards)

    def note(self, old: Code, new: Code) -> None:
        """Note in what two codes differ."""
        if old.names and new.names:
            self.names.update(dict.fromkeys(changed(old.names, new.names)))
        elif old.digest != new.digest:
            self.names.setdefault(old.digest, None)

    def __str__(self) -> str:
        """Say how much it is, and in what the code differs; one line."""
        counts = ((len(self.records), "record"), (len(self.shards), "unfinished shard"))
        told = " and ".join(f"{n} {what}{'s' * (n > 1)}" for n, what in counts if n)
        names = list(self.names)
        more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
        return f"{told} made by other code: {', '.join(names[:_NAMED])}{more}"


def other_code(store: Store, works: Iterable[Work], codes: Codes) -> Other:
    """Return what a folder holds of jobs' cells that other code made."""
    found = Other()
    for work in works:
        code = codes.of(work)
        for cell in work.cells:
            records = store.versions(cell.key)
            if records and not any(record.code.digest == code.digest for record in records):
                found.records += records
                found.note(records[0].code, code)
        for path, theirs in store.shard_codes(work.key):
            if theirs.digest != code.digest:
                found.shards.append(path)
                found.note(theirs, code)
    return found


def unknown(works: Sequence[Work], codes: Codes) -> list[str]:
    """Return what of jobs' code cannot be followed: changes of it are not seen."""
    found: dict[str, None] = {}
    for work in works:
        names = codes.of(work).names
        found.update(dict.fromkeys(name for name, told in names.items() if told == UNKNOWN))
    return [name.removeprefix("sampler_bench.") for name in found]

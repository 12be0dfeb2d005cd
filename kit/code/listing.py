"""The code of a record: what it ran, as a list of definitions and their digests."""

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, field

from sampler_bench.kit.code.graph import UNKNOWN, Graph, Live, Node, Table, Target, registry
from sampler_bench.kit.code.objects import Objects
from sampler_bench.kit.code.sources import OURS, Compiled, Installed, Sources
from sampler_bench.kit.code.text import hexed

DIGITS = 12
"""Of the digest over a list."""


@dataclass(frozen=True)
class Code:
    """What a record ran.

    Attributes:
        names: Eight hex digits of each top-level definition by its qualified name; of what an
            instance, a closure or a class made by a function holds, by the name and ``()``; of a
            file that code names, by its module and ``:FILE``; of another distribution by its name
            and version. ``"unknown"`` for what nothing can be said of.
    """

    names: Mapping[str, str]

    @property
    def digest(self) -> str:
        """Twelve hex digits over the list; ``"unknown"`` if it is empty, or something in it is."""
        if not self.names or UNKNOWN in self.names.values():
            return UNKNOWN
        return hexed("\n".join(f"{k} {v}" for k, v in sorted(self.names.items())), DIGITS)


def changed(old: Mapping[str, str], new: Mapping[str, str]) -> list[str]:
    """Return the names by which two lists of code differ, without the package's own name.

    Args:
        old, new: As ``Code.names``.
    """
    names = sorted(name for name in {*old, *new} if old.get(name) != new.get(name))
    return [name.removeprefix(f"{OURS}.") for name in names]


@dataclass(eq=False)
class Reader:
    """Lists code; what it once read of a module it does not read again.

    Attributes:
        sources: Where modules are found.
        without: Modules and packages that make no numbers: names lead no further there.
    """

    sources: Sources = field(default_factory=Sources)
    without: Set[str] = frozenset()

    def __post_init__(self) -> None:
        self._graph = Graph(self.sources)

    def code(
        self, *parts: object, kinds: Iterable[object] = (), settings: Iterable[str] = ()
    ) -> Code:
        """Return the code of some objects, and of all that they use.

        Args:
            parts: Functions, classes and instances; what those hold enters by value.
            kinds: Objects whose values something else answers for: a model's weights.
            settings: Names, of which those that are rows of registries that the code asks for a
                row by a variable are parts, too.
        """
        objects = Objects(self._graph)
        for part in parts:
            objects.part(part)
        for kind in kinds:
            objects.kind(kind)
        names = self._followed(objects, frozenset(settings))
        for name, told in objects.values.items():
            names.setdefault(name, set()).update(told)
        return Code({name: _one(told) for name, told in sorted(names.items())})

    def _followed(self, objects: Objects, settings: Set[str]) -> dict[str, set[str]]:
        """Return the digests of all definitions that objects lead to."""
        names: dict[str, set[str]] = {}
        done: set[Target] = set()
        while objects.targets:
            target = objects.targets.pop()
            if target in done:
                continue
            done.add(target)
            if isinstance(target, Node) and self._is_left_out(target):
                continue
            told: Mapping[str, str] = {}
            if isinstance(target, Node):
                edges = self._graph.edges(target)
                told = edges.digests
                objects.targets += edges.targets
            elif isinstance(target, Table):
                _rows(objects, target, settings)
            elif isinstance(target, Live):
                objects.part(target.thing, target.shown)
            elif isinstance(target, Compiled):
                told = self._graph.compiled(target)
            elif isinstance(target, Installed):
                text = f"{target.name} {target.version}"
                told = {text: hexed(text)}
            for name, digest in told.items():
                names.setdefault(name, set()).add(digest)
        return names

    def _is_left_out(self, node: Node) -> bool:
        words = node.module.place.name.split(".")
        return any(".".join(words[:n]) in self.without for n in range(1, len(words) + 1))


def _rows(objects: Objects, table: Table, settings: Set[str]) -> None:
    """Take in a row that is asked for by a constant, or those that settings name."""
    rows = registry(table)
    wanted = settings if table.key is None else {table.key}
    for name in sorted(wanted):
        if name in rows:
            objects.part(rows[name])


def _one(told: Set[str]) -> str:
    """Return one digest of what bears one name: two instances, two users' files of one name."""
    if len(told) == 1:
        return next(iter(told))
    return UNKNOWN if UNKNOWN in told else hexed(" ".join(sorted(told)))

"""From a definition to those it uses: names are followed, as far as the code is one's own."""

import ast
import importlib
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sampler_bench.kit.code import files
from sampler_bench.kit.code.module import Definition, Module
from sampler_bench.kit.code.sources import Compiled, Found, Installed, Sources
from sampler_bench.kit.code.text import hexed
from sampler_bench.kit.code.uses import Import, Use

UNKNOWN = "unknown"
_REGISTRY = "sampler_bench.kit.registry"
_FARTHEST = 20
"""Names that stand for names that stand for names …"""


@dataclass(frozen=True)
class Node:
    """A name at the top level of a module."""

    module: Module
    name: str

    @property
    def shown(self) -> str:
        """What the list calls it."""
        return f"{self.module.place.name}.{self.name}"


@dataclass(frozen=True)
class Table:
    """A registry, or one row of it: followed no further than to rows that are asked for.

    Attributes:
        module, name: Where it stands.
        key: The row's name; ``None`` where any row may be meant.
    """

    module: str
    name: str
    key: str | None = None


@dataclass(frozen=True)
class Live:
    """What only the running module has, not its text.

    Attributes:
        thing: The object.
        shown: What the list calls it.
    """

    thing: Any = field(compare=False)
    shown: str


Target = Node | Table | Live | Installed | Compiled


@dataclass
class Edges:
    """What a definition is, and leads to.

    Attributes:
        digests: Eight hex digits by what the list calls them: its own, of files that it names.
        targets: What it uses.
    """

    digests: dict[str, str]
    targets: list[Target]


@dataclass(eq=False)
class Graph:
    """Definitions and what they use; each is looked at once."""

    sources: Sources
    _known: dict[Node, Edges] = field(default_factory=dict)

    def edges(self, node: Node) -> Edges:
        """Return what a definition is and uses."""
        if node not in self._known:
            self._known[node] = self._edges(node)
        return self._known[node]

    def _edges(self, node: Node) -> Edges:
        definition = node.module.definitions[node.name]
        digests = {node.shown: definition.digest}
        for path in files.named(node.module, definition):
            digests[self._named(node.module, path)] = self._of_bytes(path)
        targets: dict[Target, None] = {}
        for imported in node.module.imports.get(node.name, ()):
            targets |= dict.fromkeys(self._imported(node.module, imported, ()))
        for use in definition.uses:
            targets |= dict.fromkeys(self._used(node.module, use))
        return Edges(digests, [target for target in targets if target != node])

    def _named(self, module: Module, path: Path) -> str:
        assert module.place.path is not None
        try:
            shown = path.relative_to(module.place.path.parent)
        except ValueError:
            shown = Path(path.name)
        return f"{module.place.name}:{shown.as_posix()}"

    def _of_bytes(self, path: Path) -> str:
        try:
            return hexed(path.read_bytes())
        except OSError:
            return UNKNOWN

    def compiled(self, found: Compiled) -> dict[str, str]:
        """Return the digest of a compiled module's bytes."""
        return {found.name: self._of_bytes(found.path)}

    def is_registry(self, module: Module, definition: Definition) -> bool:
        """Whether a name is a registry: a call of that class."""
        for statement, _ in definition.pieces:
            match statement:
                case (
                    ast.Assign(value=ast.Call(func=made)) | ast.AnnAssign(value=ast.Call(func=made))
                ):
                    pass
                case _:
                    continue
            made = made.value if isinstance(made, ast.Subscript) else made
            if isinstance(made, ast.Name):
                found = [i for i in module.imports.get(made.id, ()) if i.attribute == "Registry"]
                if any(each.module == _REGISTRY for each in found):
                    return True
        return False

    def _used(self, module: Module, use: Use) -> Iterator[Target]:
        if isinstance(use.name, Import):
            yield from self._imported(module, use.name, use.attributes, use.key)
        else:
            yield from self.resolved(module, use.name, use.attributes, use.key)

    def resolved(
        self,
        module: Module,
        name: str,
        attributes: tuple[str, ...] = (),
        key: str | None = None,
        depth: int = 0,
    ) -> Iterator[Target]:
        """Yield what a name in a module stands for."""
        if depth > _FARTHEST:
            return
        definition = module.definitions.get(name)
        if definition is not None and self.is_registry(module, definition):
            yield Table(module.place.name, name, None if attributes else key)
            return
        if definition is not None:
            yield Node(module, name)
            return
        imported = module.imports.get(name, [])
        for each in imported:
            yield from self._imported(module, each, attributes, key, depth + 1)
        if not imported:
            yield from self._elsewhere(module, name, attributes, key, depth + 1)

    def _imported(
        self,
        module: Module,
        what: Import,
        attributes: tuple[str, ...],
        key: str | None = None,
        depth: int = 0,
    ) -> Iterator[Target]:
        if what.attribute and what.attribute != "*":
            attributes = (what.attribute, *attributes)
        found = self.sources.imported(module, what)
        name = what.module if what.deep and not what.level else ""
        if found is None and not what.level and attributes:  # a folder without __init__.py
            name = name or what.module.partition(".")[0]
            found = self.sources.beside(module, f"{name}.{attributes[0]}")
            attributes = attributes[1:]
        yield from self._within(found, attributes, key, depth)

    def _within(
        self, found: Found, attributes: tuple[str, ...], key: str | None, depth: int
    ) -> Iterator[Target]:
        """Yield what a module's attribute stands for."""
        if isinstance(found, Installed | Compiled):
            yield found
        elif isinstance(found, Module) and attributes:
            yield from self.resolved(found, attributes[0], attributes[1:], key, depth)

    def _elsewhere(
        self, module: Module, name: str, attributes: tuple[str, ...], key: str | None, depth: int
    ) -> Iterator[Target]:
        """Yield what a name stands for that the module's text neither defines nor imports."""
        for star in module.imports.get("*", ()):
            found = self.sources.imported(module, star)
            if isinstance(found, Installed | Compiled):
                yield found
            elif isinstance(found, Module) and _has(found, name):
                yield from self.resolved(found, name, attributes, key, depth)
                return
        place = module.place
        if place.package == place.name:  # a package: one of its modules
            inner = self.sources.beside(module, f"{place.name}.{name}")
            if inner is not None:
                yield from self._within(inner, attributes, key, depth)
                return
        yield from _live(module, name)


def _has(module: Module, name: str) -> bool:
    return name in module.definitions or name in module.imports


def _live(module: Module, name: str) -> Iterator[Live]:
    """Yield what a module has of a name, if its text does not say: a cell's other cells, …."""
    space = module.namespace
    if space is None:
        space = vars(sys.modules.get(module.place.name, object))
    if name in space and not name.startswith("__"):
        yield Live(space[name], f"{module.place.name}.{name}")
        return
    finds = getattr(sys.modules.get(module.place.name), "__getattr__", None)
    if finds is not None and not name.startswith("__"):
        try:
            found = finds(name)
        except (AttributeError, ImportError):
            return
        yield Live(found, f"{module.place.name}.{name}")


def registry(table: Table) -> Any:
    """Return a registry itself."""
    return getattr(importlib.import_module(table.module), table.name)

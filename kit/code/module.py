"""A module's source, taken apart: what gives each of its names its meaning."""

import ast
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from sampler_bench.kit.code.text import Text, hexed, is_string
from sampler_bench.kit.code.uses import Import, Use, base_of, imports, uses

_LOOSE = (ast.For, ast.AsyncFor, ast.While, ast.With, ast.AsyncWith, ast.Match, ast.Expr)
"""Statements that give meaning to whatever names they mention."""


@dataclass(frozen=True)
class Place:
    """Where a module stands.

    Attributes:
        name: What it is called in lists of code; never a path.
        path: Its file; ``None`` for a cell of a notebook.
        package: What its relative imports start from.
        folder: Where modules beside it are looked for first; ``None`` for nowhere.
        texts: Those of files that were loaded, by path, as they were then.
    """

    name: str
    path: Path | None
    package: str = ""
    folder: Path | None = None
    texts: Mapping[str, bytes] = field(default_factory=dict, compare=False)


@dataclass(eq=False)
class Definition:
    """All statements at the top level of a module that give a name its meaning.

    Attributes:
        text: The module's.
        pieces: The statements, and the conditions they stand under.
    """

    text: Text
    pieces: list[tuple[ast.stmt, tuple[ast.expr, ...]]] = field(default_factory=list)

    @cached_property
    def digest(self) -> str:
        """Eight hex digits of the text."""
        told = []
        for statement, conditions in self.pieces:
            told += [f"if {self.text.plain(condition)}:" for condition in conditions]
            told.append(self.text.plain(statement))
        return hexed("\n".join(told))

    @cached_property
    def uses(self) -> set[Use]:
        """The names that it uses."""
        nodes = (node for statement, conditions in self.pieces for node in (statement, *conditions))
        return {use for node in nodes for use in uses(node)}

    @property
    def is_function(self) -> bool:
        """Whether it is a function, as far as the text says."""
        functions = ast.FunctionDef | ast.AsyncFunctionDef
        return any(isinstance(statement, functions) for statement, _ in self.pieces)


class Module:
    """A parsed module.

    Args:
        place: Where it stands.
        source: Its text.
        namespace: Its names as they are, where a text is only a part of what made them.

    Raises:
        SyntaxError: If it is not Python. ValueError as well, for a zero byte.

    Attributes:
        definitions: By name.
        imports: What imports bind each name to.
    """

    def __init__(
        self, place: Place, source: str, namespace: Mapping[str, Any] | None = None
    ) -> None:
        self.place, self.namespace = place, namespace
        self.text = Text(source)
        self.definitions: dict[str, Definition] = {}
        self.imports: dict[str, list[Import]] = {}
        loose = []
        for statement, conditions in _flat(ast.parse(source).body, ()):
            if isinstance(statement, ast.Import | ast.ImportFrom):
                self._bind(statement)
            elif isinstance(statement, _LOOSE):
                loose.append((statement, conditions))
            else:
                self._add(_named(statement), statement, conditions)
        for statement, conditions in loose:
            self._add(self._mentioned(statement), statement, conditions)

    def statement_at(self, line: int) -> list[str]:
        """Return the names that the statement around a line gives their meaning."""
        return [
            name
            for name, definition in self.definitions.items()
            if any(_first_line(s) <= line <= (s.end_lineno or 0) for s, _ in definition.pieces)
        ]

    def _bind(self, statement: ast.Import | ast.ImportFrom) -> None:
        for name, imported in imports(statement).items():
            self.imports.setdefault(name, []).append(imported)

    def _add(
        self, names: Iterable[str], statement: ast.stmt, conditions: tuple[ast.expr, ...]
    ) -> None:
        for name in dict.fromkeys(names):
            definition = self.definitions.setdefault(name, Definition(self.text))
            definition.pieces.append((statement, conditions))
            definition.pieces.sort(key=lambda piece: (piece[0].lineno, piece[0].col_offset))

    def _mentioned(self, statement: ast.stmt) -> Iterator[str]:
        """Yield the module's own names in a statement, and those it stores to."""
        for node in ast.walk(statement):
            match node:
                case ast.Name(id=name, ctx=ast.Store()):
                    yield name
                case ast.Name(id=name) if name in self.definitions or name in self.imports:
                    yield name
                case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                    yield name
                case ast.Import() | ast.ImportFrom():
                    self._bind(node)


def _flat(
    body: list[ast.stmt], conditions: tuple[ast.expr, ...]
) -> Iterator[tuple[ast.stmt, tuple[ast.expr, ...]]]:
    """Yield statements and what they stand under, those of all branches among them."""
    for statement in body:
        if isinstance(statement, ast.If):
            yield from _branches(statement, conditions)
        elif isinstance(statement, ast.Try | ast.TryStar):
            handled = [one for handler in statement.handlers for one in handler.body]
            for part in (statement.body, handled, statement.orelse, statement.finalbody):
                yield from _flat(part, conditions)
        elif not (is_string(statement) or isinstance(statement, ast.Assert | ast.Pass)):
            yield statement, conditions


def _branches(
    statement: ast.If, conditions: tuple[ast.expr, ...]
) -> Iterator[tuple[ast.stmt, tuple[ast.expr, ...]]]:
    test = statement.test
    if _last(test) == "TYPE_CHECKING":  # for annotations; and for names that packages find later
        for inner, _ in _flat(statement.body, conditions):
            if isinstance(inner, ast.ImportFrom):
                yield inner, ()
        yield from _flat(statement.orelse, conditions)
        return
    if not (isinstance(test, ast.Compare) and base_of(test.left) == "__name__"):  # of a script
        yield from _flat(statement.body, (*conditions, test))
    yield from _flat(statement.orelse, (*conditions, test))


def _last(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else base_of(node)


def _named(statement: ast.stmt) -> Iterator[str]:
    """Yield the names that a statement binds, or changes an attribute or an item of."""
    match statement:
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            yield statement.name
        case ast.Assign(targets=targets) | ast.Delete(targets=targets):
            yield from (name for target in targets for name in _targets(target))
            yield from _walrus(statement)
        case ast.AnnAssign(target=target, value=ast.expr()) | ast.AugAssign(target=target):
            yield from _targets(target)
            yield from _walrus(statement)
        case _ if type(statement).__name__ == "TypeAlias":
            yield base_of(statement.name)  # type: ignore[attr-defined]


def _targets(target: ast.expr) -> Iterator[str]:
    if isinstance(target, ast.Tuple | ast.List):
        for each in target.elts:
            yield from _targets(each)
    elif name := base_of(target):
        yield name


def _walrus(statement: ast.stmt) -> Iterator[str]:
    for node in ast.walk(statement):
        if isinstance(node, ast.NamedExpr):
            yield node.target.id


def _first_line(statement: ast.stmt) -> int:
    decorators = getattr(statement, "decorator_list", ())
    return min([statement.lineno, *(decorator.lineno for decorator in decorators)])

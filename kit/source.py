"""What a module's source says of a name, read without importing the module or one above it."""

import ast
import builtins
import math
import operator
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import Any

_OPERATORS: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
}


class UnreadableError(Exception):
    """The source does not tell; the object does."""


@dataclass(frozen=True)
class Module:
    """A parsed module.

    Attributes:
        name: In full.
        package: What its relative imports start from.
        names: The last statement at its top level that gives each name its meaning.
        attributes: Of ``name.attribute = value`` there.
    """

    name: str
    package: str
    names: dict[str, ast.stmt]
    attributes: dict[str, dict[str, ast.expr]]


@dataclass(frozen=True)
class Defined:
    """A function or class, and the module it stands in."""

    module: Module
    node: ast.FunctionDef | ast.ClassDef


@cache
def module_of(name: str) -> Module:
    """Return a module, found as an import would find it.

    Raises:
        UnreadableError: If there is none, or it has no source.
    """
    spec = specification(name)
    try:
        source = spec.loader.get_source(name)  # type: ignore[union-attr]
    except (AttributeError, ImportError, OSError, ValueError):
        raise UnreadableError(f"{name}: no source") from None
    package = name if spec.submodule_search_locations is not None else name.rpartition(".")[0]
    return _parsed(name, package, source)


def module_at(path: Path) -> Module:
    """Return the module in a file, which need not be where an import would find it.

    Raises:
        UnreadableError: If it cannot be read, or is not Python.
    """
    try:
        return _parsed(path.name, "", path.read_bytes())
    except (OSError, ValueError) as error:
        raise UnreadableError(f"{path}: {error}") from None


def _parsed(name: str, package: str, source: str | bytes | None) -> Module:
    try:
        body = ast.parse(source).body  # type: ignore[arg-type]
    except (TypeError, SyntaxError, ValueError):
        raise UnreadableError(f"{name}: no source") from None
    module = Module(name, package, {}, {})
    for statement in _flat(body):
        for bound in _bound(statement):
            module.names[bound] = statement
        match statement:
            case ast.Assign(targets=[ast.Attribute(value=ast.Name(id=owner), attr=attribute)]):
                module.attributes.setdefault(owner, {})[attribute] = statement.value
    return module


def specification(name: str) -> ModuleSpec:
    """Find a module as an import would, component by component, without importing any.

    Raises:
        UnreadableError: If there is none.
    """
    parent = name.rpartition(".")[0]
    path = specification(parent).submodule_search_locations if parent else None
    if parent and path is None:
        raise UnreadableError(f"{parent} is no package")
    loaded = getattr(sys.modules.get(name), "__spec__", None)
    if loaded is not None:
        return loaded
    for finder in sys.meta_path:
        find = getattr(finder, "find_spec", None)
        found = find(name, path) if find else None
        if found is not None:
            return found
    raise UnreadableError(f"no module {name}")


def _flat(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield statements, those of every branch of ``if`` and ``try`` among them."""
    for statement in body:
        yield statement
        if isinstance(statement, ast.If | ast.Try):
            for part in ("body", "orelse", "finalbody"):
                yield from _flat(getattr(statement, part, []))


def _bound(statement: ast.stmt) -> list[str]:
    match statement:
        case ast.FunctionDef() | ast.ClassDef():
            return [statement.name]
        case ast.Assign():
            return [target.id for target in statement.targets if isinstance(target, ast.Name)]
        case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr()):
            return [name]
        case ast.ImportFrom():
            return [alias.asname or alias.name for alias in statement.names]
        case ast.Import():
            return [alias.asname or alias.name.partition(".")[0] for alias in statement.names]
    return []


def plain_name(node: ast.expr) -> str:
    """Return the last of the names that an expression is made of; empty for any other."""
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def is_class(found: Any) -> bool:
    """Return whether something found is the definition of a class."""
    return isinstance(found, Defined) and isinstance(found.node, ast.ClassDef)


def named(module: Module, name: str) -> Any:
    """Return what a name stands for: a definition, a module, or a value and where it stands."""
    statement = module.names.get(name)
    match statement:
        case ast.FunctionDef() | ast.ClassDef():
            return Defined(module, statement)
        case ast.Assign(value=value) | ast.AnnAssign(value=ast.expr() as value):
            return module, value
        case ast.ImportFrom():
            above = module.package.split(".")[: -(statement.level - 1) or None]
            parts = [*(above if statement.level else []), *filter(None, [statement.module])]
            original = next(a.name for a in statement.names if (a.asname or a.name) == name)
            return named(module_of(".".join(parts)), original)
        case ast.Import():
            alias = next(a for a in statement.names if name in _bound(ast.Import([a])))
            return module_of(alias.name if alias.asname else name)
    return module_of(f"{module.name}.{name}")


def meant(module: Module, node: ast.expr) -> Any:
    """Return the definition or module that an expression names."""
    if isinstance(node, ast.Attribute):
        owner = meant(module, node.value)
        if not isinstance(owner, Module):
            raise UnreadableError(f"{module.name}: {ast.unparse(node)}")
        found = named(owner, node.attr)
    elif isinstance(node, ast.Name):
        found = named(module, node.id)
    else:
        raise UnreadableError(f"{module.name}: {ast.unparse(node)}")
    return meant(*found) if isinstance(found, tuple) else found


def value_of(module: Module, node: ast.expr) -> Any:
    """Return the value of a constant: a literal, a name of one, or their arithmetic."""
    match node:
        case ast.Name():
            found = named(module, node.id)
            if isinstance(found, tuple):
                return value_of(*found)
        case ast.BinOp() if type(node.op) in _OPERATORS:
            left, right = value_of(module, node.left), value_of(module, node.right)
            return _OPERATORS[type(node.op)](left, right)
        case ast.UnaryOp(op=ast.USub()):
            return -value_of(module, node.operand)
        case ast.Attribute(value=ast.Name(id="math")):
            return getattr(math, node.attr)
        case ast.Call(func=ast.Attribute(value=ast.Name(id="math"))):
            return value_of(module, node.func)(*(value_of(module, each) for each in node.args))
        case _:
            try:
                return ast.literal_eval(node)
            except ValueError:
                pass
    raise UnreadableError(f"{module.name}: {ast.unparse(node)} is no constant")


def _is_standard(module: Module, node: ast.expr) -> bool:
    """Return whether a class is Python's own: ABC, Generic, Exception."""
    while isinstance(node, ast.Attribute):
        node = node.value
    match module.names.get(plain_name(node)):
        case ast.ImportFrom(module=str(name), level=0) | ast.Import(names=[ast.alias(name=name)]):
            return name.partition(".")[0] in sys.stdlib_module_names
        case None:
            return hasattr(builtins, plain_name(node))
    return False


def lineage(found: Defined) -> list[Defined]:
    """Return a class and those it inherits from, nearest first, without Python's own."""
    line = [found]
    assert isinstance(found.node, ast.ClassDef)
    for base in found.node.bases:
        if isinstance(base, ast.Subscript):  # Generic[T]
            base = base.value
        if _is_standard(found.module, base):
            continue
        above = meant(found.module, base)
        if not is_class(above):
            raise UnreadableError(f"{found.module.name}: {ast.unparse(base)} is no class")
        line += lineage(above)
    return line

"""Files that code names relative to its own: data that it reads, of which the bytes count."""

import ast
from collections.abc import Iterator
from pathlib import Path

from sampler_bench.kit.code.module import Definition, Module

_SAME = {"Path", "PurePath", "str", "fspath", "abspath", "realpath", "resolve", "absolute"}
_FILES = "files"
"""What a part calls the files it reads: ``f.files = ["data.npz"]``, or so in a class."""


def named(module: Module, definition: Definition) -> Iterator[Path]:
    """Yield the files that a definition names; those it says it reads need not be there."""
    path = module.place.path
    if path is None:
        return
    names_itself = "__file__" in module.text.source
    for statement, _ in definition.pieces:
        for found in _outermost(module, statement) if names_itself else ():
            if found != path and found.is_file():
                yield found
        yield from (path.parent / name for name in _said(statement))


def _outermost(module: Module, node: ast.AST) -> Iterator[Path]:
    """Yield the places that the longest expressions stand for."""
    place = _place(module, node) if isinstance(node, ast.expr) else None
    if isinstance(place, Path):
        yield place
        return
    for child in ast.iter_child_nodes(node):
        yield from _outermost(module, child)


def _place(module: Module, node: ast.AST | str, depth: int = 0) -> Path | str | None:
    """Return the path that an expression makes of ``__file__``; a text that is a part of one."""

    def inner(each: ast.AST | str) -> Path | str | None:
        return _place(module, each, depth)

    match node:
        case str(text) | ast.Constant(value=str(text)):
            return text
        case ast.Name(id=name):
            return module.place.path if name == "__file__" else _constant(module, name, depth)
        case ast.Attribute(value=value, attr="parent"):
            found = inner(value)
            return found.parent if isinstance(found, Path) else None
        case ast.Subscript(
            value=ast.Attribute(value=value, attr="parents"), slice=ast.Constant(value=int(up))
        ):
            found = inner(value)
            return found.parents[up] if isinstance(found, Path) else None
        case ast.BinOp(left=left, op=ast.Div() | ast.Add() as how, right=right):
            return _joined([inner(left), inner(right)], isinstance(how, ast.Add))
        case ast.JoinedStr(values=values):
            return _joined([inner(getattr(value, "value", value)) for value in values], True)
        case ast.Call(func=function, args=arguments, keywords=[]):
            return _called(function, [inner(each) for each in arguments], inner)
    return None


def _called(function: ast.expr, given: list[Path | str | None], inner: object) -> Path | str | None:
    assert callable(inner)
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    owner = inner(function.value) if isinstance(function, ast.Attribute) else None
    if isinstance(owner, Path):
        texts = [each for each in given if isinstance(each, str)]
        if len(texts) != len(given):
            return None
        if name == "joinpath":
            return owner.joinpath(*texts)
        if name in {"with_name", "with_suffix", "with_stem"} and len(texts) == 1:
            return getattr(owner, name)(*texts)
        return owner if name in _SAME and not texts else None
    if name == "dirname" and len(given) == 1:
        return given[0].parent if isinstance(given[0], Path) else None
    if name == "join" or (name in _SAME and given):
        return _joined(given, False)
    return None


def _joined(parts: list[Path | str | None], as_text: bool) -> Path | str | None:
    """Return what begins with a path, and goes on with texts."""
    first, *others = parts or [None]
    if not isinstance(first, Path | str) or not all(isinstance(each, str) for each in others):
        return None
    texts = [str(each) for each in others]
    if isinstance(first, str):
        return "".join([first, *texts]) if as_text else None
    return Path("".join([str(first), *texts])) if as_text else first.joinpath(*texts)


def _constant(module: Module, name: str, depth: int) -> Path | str | None:
    definition = module.definitions.get(name)
    if definition is None or len(definition.pieces) != 1 or depth > 10:
        return None
    match definition.pieces[0][0]:
        case (
            ast.Assign(targets=[ast.Name()], value=value) | ast.AnnAssign(value=ast.expr() as value)
        ):
            return _place(module, value, depth + 1)
    return None


def _said(statement: ast.stmt) -> Iterator[str]:
    """Yield the names in ``f.files = [...]``, and in a class's ``files = [...]``."""
    body = statement.body if isinstance(statement, ast.ClassDef) else [statement]
    for each in body:
        match each:
            case ast.Assign(
                targets=[ast.Attribute(attr=attribute) | ast.Name(id=attribute)],
                value=ast.List(elts=names) | ast.Tuple(elts=names),
            ) if attribute == _FILES and not (
                each is statement and isinstance(each.targets[0], ast.Name)
            ):
                yield from (str(n.value) for n in names if isinstance(n, ast.Constant))

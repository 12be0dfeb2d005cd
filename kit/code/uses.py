"""Which names of its module a piece of code uses; annotations use none."""

import ast
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_LOOKED_UP = ("lookup", "get")
"""Methods by which a row of a registry is asked for by name."""


@dataclass(frozen=True)
class Import:
    """What an import binds a name to.

    Attributes:
        module: The module's name, as it is written.
        level: How many dots stand before it.
        attribute: What of it; empty for the module itself, and for all of it "*".
        deep: Whether a module's whole name is bound (``import a.b as c``), not its first word.
    """

    module: str
    level: int = 0
    attribute: str = ""
    deep: bool = True


@dataclass(frozen=True)
class Use:
    """A name that is used.

    Attributes:
        name: The name; or what a function's own import binds it to.
        attributes: Those that are asked of it, in their order.
        key: The constant text it is subscripted with, if it is.
    """

    name: str | Import
    attributes: tuple[str, ...] = ()
    key: str | None = None


Bound = Mapping[str, Import | None]
"""Names of the functions around; those that are imported there, and from where."""


def uses(node: ast.AST) -> set[Use]:
    """Return the names that a statement or expression uses, and does not bind itself."""
    return set(_uses(node, {}))


def imports(statement: ast.Import | ast.ImportFrom) -> dict[str, Import]:
    """Return what a statement binds, by name; ``*`` stands for all names of a module."""
    if isinstance(statement, ast.ImportFrom):
        place, level = statement.module or "", statement.level
        return {
            alias.asname or alias.name: Import(place, level, alias.name)
            for alias in statement.names
        }
    return {
        alias.asname or alias.name.partition(".")[0]: Import(
            alias.name, deep=alias.asname is not None
        )
        for alias in statement.names
    }


def base_of(node: ast.AST) -> str:
    """Return the name that attributes and subscripts are asked of; empty if it is none."""
    while isinstance(node, ast.Attribute | ast.Subscript | ast.Starred):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def _uses(node: ast.AST, bound: Bound) -> Iterator[Use]:
    if isinstance(node, _FUNCTIONS):
        yield from _in_function(node, bound)
    elif isinstance(node, _COMPREHENSIONS):
        first, *others = node.generators
        yield from _uses(first.iter, bound)
        inner = {**bound, **dict.fromkeys(_stored(g.target for g in node.generators))}
        parts = [*first.ifs, *(x for g in others for x in (g.iter, *g.ifs))]
        parts += [getattr(node, name) for name in ("elt", "key", "value") if hasattr(node, name)]
        yield from _all(parts, inner)
    elif isinstance(node, ast.AnnAssign):
        yield from _all([node.target, *([node.value] if node.value else [])], bound)
    elif isinstance(node, ast.Name | ast.Attribute | ast.Subscript):
        yield from _chain(node, bound)
    elif isinstance(node, ast.Call):
        yield from _row(node, bound)
        yield from _all(ast.iter_child_nodes(node), bound)
    elif isinstance(node, ast.Global):
        yield from (Use(name) for name in node.names)
    else:
        skipped = getattr(node, "type_params", [])
        yield from _all((n for n in ast.iter_child_nodes(node) if n not in skipped), bound)


def _all(nodes: Iterable[ast.AST], bound: Bound) -> Iterator[Use]:
    for node in nodes:
        yield from _uses(node, bound)


def _chain(node: ast.Name | ast.Attribute | ast.Subscript, bound: Bound) -> Iterator[Use]:
    """Yield the use of ``name.attribute.attribute["key"]``, or of what stands in its place."""
    key, inner = None, node
    if isinstance(node, ast.Subscript):
        yield from _uses(node.slice, bound)
        if isinstance(node.slice, ast.Constant) and isinstance(node.slice.value, str):
            key = node.slice.value
        inner = node.value  # type: ignore[assignment]
    attributes: list[str] = []
    while isinstance(inner, ast.Attribute):
        attributes.append(inner.attr)
        inner = inner.value  # type: ignore[assignment]
    if not isinstance(inner, ast.Name):
        yield from _uses(inner, bound)
    elif inner is node and isinstance(node.ctx, ast.Store):
        return  # what a statement of a module or a class binds
    elif inner.id not in bound:
        yield Use(inner.id, tuple(attributes[::-1]), key)
    elif (imported := bound[inner.id]) is not None:
        yield Use(imported, tuple(attributes[::-1]), key)


def _row(call: ast.Call, bound: Bound) -> Iterator[Use]:
    """Yield the use of a row: ``REGISTRY.lookup("name")`` asks for what ``["name"]`` does."""
    match call:
        case ast.Call(
            func=ast.Attribute(value=ast.Name() | ast.Attribute() as table, attr=method),
            args=[ast.Constant(value=str(key)), *_],
        ) if method in _LOOKED_UP:
            yield from _chain(ast.Subscript(table, ast.Constant(key)), bound)


def _in_function(
    node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda, bound: Bound
) -> Iterator[Use]:
    given = node.args
    defaults = [*given.defaults, *(d for d in given.kw_defaults if d is not None)]
    yield from _all([*getattr(node, "decorator_list", ()), *defaults], bound)
    body = [node.body] if isinstance(node, ast.Lambda) else node.body
    parameters = [*given.posonlyargs, *given.args, *given.kwonlyargs]
    parameters += [a for a in (given.vararg, given.kwarg) if a is not None]
    inner: dict[str, Import | None] = {**bound, **{a.arg: None for a in parameters}}
    inner |= {p.name: None for p in getattr(node, "type_params", ())}
    names, own = _bound_in(body)
    inner |= dict.fromkeys(names)
    inner |= own
    for name in _global_in(body):
        inner.pop(name, None)
    yield from (Use(imported) for imported in own.values())
    yield from _all(body, inner)


def _bound_in(body: Iterable[ast.AST]) -> tuple[set[str], dict[str, Import]]:
    """Return the names that a function's own statements bind, and those that they import."""
    names: set[str] = set()
    imported: dict[str, Import] = {}
    for node in _own(body):
        match node:
            case ast.Name(id=name, ctx=ast.Store() | ast.Del()):
                names.add(name)
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                names.add(node.name)
            case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)):
                names.add(name)
            case ast.MatchStar(name=str(name)) | ast.MatchMapping(rest=str(name)):
                names.add(name)
            case ast.Import() | ast.ImportFrom():
                imported |= imports(node)
    return names, imported


def _global_in(body: Iterable[ast.AST]) -> Iterator[str]:
    for node in _own(body):
        if isinstance(node, ast.Global):
            yield from node.names


def _own(body: Iterable[ast.AST]) -> Iterator[ast.AST]:
    """Yield the nodes of a function, without those of functions and classes inside it.

    What a comprehension's loop binds is its own; what ``:=`` binds there is the function's.
    """
    todo = list(body)
    while todo:
        node = todo.pop()
        yield node
        if isinstance(node, (*_FUNCTIONS, ast.ClassDef)):
            continue
        if isinstance(node, _COMPREHENSIONS):
            todo += [each for each in ast.walk(node) if isinstance(each, ast.NamedExpr)]
            continue
        todo += ast.iter_child_nodes(node)


def _stored(targets: Iterable[ast.AST]) -> set[str]:
    nodes = (node for target in targets for node in ast.walk(target))
    return {node.id for node in nodes if isinstance(node, ast.Name)}

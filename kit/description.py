"""What a part says of itself: its docstring's beginning, its parameters, and facts beside it."""

import ast
import contextlib
import dataclasses
import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from sampler_bench.kit.parameters import keywords
from sampler_bench.kit.source import (
    Defined,
    Module,
    UnreadableError,
    is_class,
    lineage,
    meant,
    module_at,
    module_of,
    named,
    plain_name,
    value_of,
)

Function = TypeVar("Function", bound=Callable[..., Any])
_NO_PARAMETER = "version"
TOLD = "told"
"""The attribute of an object that a decorator made, in which it keeps what was told of it."""


@dataclass(frozen=True)
class Description:
    """What a part says of itself.

    Attributes:
        summary: The first paragraph of its docstring, on one line, without its full stop.
        defaults: Its parameters that have a default, and that.
        facts: What stands beside its definition: ``@facts(order=2)``, ``function.order = 2``, the
            constants another decorator is given, or the keyword arguments of the row that holds it.
        takes: The positional parameters of a function, by which its form is known.
    """

    summary: str
    defaults: Mapping[str, Any] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)
    takes: tuple[str, ...] = field(default=(), compare=False)


def facts(**told: Any) -> Callable[[Function], Function]:
    """Return a decorator that says something of a function: its attributes, in the end."""

    def told_of(function: Function) -> Function:
        for name, value in told.items():
            setattr(function, name, value)
        return function

    return told_of


def of(thing: Any, wrap: str = "", method: str = "") -> Description:
    """Return what an imported object says of itself, as :func:`read` does of its source.

    Args:
        thing: A function, a class, an instance of one, or a row that holds a function.
        wrap: ``"module:Row"``, the class of such rows: a dataclass, whose first field is the
            function; the others are facts.
        method: The method whose keyword-only arguments are the parameters, if not the fields or
            ``__init__``.
    """
    if wrap and type(thing).__name__ == wrap.partition(":")[2]:
        first, *others = (f.name for f in dataclasses.fields(thing))
        held = of(getattr(thing, first))
        defaults = thing.defaults() if hasattr(thing, "defaults") else held.defaults
        return Description(held.summary, defaults, {name: getattr(thing, name) for name in others})
    said = inspect.unwrap(thing)  # the function that made it
    cls = said if isinstance(said, type) or inspect.isroutine(said) else type(said)
    told = getattr(thing, TOLD, {})
    summary = _summary(cls.__doc__ or "", cls.__name__)
    return Description(summary, _own_defaults(thing, method), told)


def _own_defaults(thing: Any, method: str) -> dict[str, Any]:
    if method:
        return _with_default(keywords(getattr(thing, method)))
    if not isinstance(thing, type) and hasattr(thing, "defaults"):
        return dict(thing.defaults())
    cls: type = thing if isinstance(thing, type) else type(thing)
    if dataclasses.is_dataclass(cls):
        fields = [f for f in dataclasses.fields(cls) if f.name != _NO_PARAMETER]
        return {f.name: f.default for f in fields if f.default is not dataclasses.MISSING}
    return _with_default(keywords(thing)) if callable(thing) else {}


def _with_default(parameters: Mapping[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in parameters.items() if v is not inspect.Parameter.empty}


def _summary(document: str, name: str = "") -> str:
    if name and document.startswith(f"{name}("):  # made by dataclasses, from the fields
        return ""
    paragraph = inspect.cleandoc(document).split("\n\n")[0]
    line = " ".join(paragraph.split()).removeprefix("Return ").removesuffix(".")
    line = line.replace("``", "")
    # Words begin with a capital; σ(t), s(t) and names do not.
    return line[:1].upper() + line[1:] if re.match(r"(a|[a-z]{2,})( |$)", line) else line


def read(target: str, wrap: str = "", method: str = "") -> Description:
    """Return what an object says of itself; neither its module nor a package above is imported.

    Args:
        target: ``"module:name"``, or ``"path.py:name"``.
        wrap, method: As for :func:`of`.

    Raises:
        UnreadableError: If there is no source, or it does not say so plainly.
    """
    place, _, name = target.rpartition(":")
    try:
        module = module_at(Path(place)) if place.endswith(".py") else module_of(place)
        return _Reader(wrap, method).read(module, name)
    except (ArithmeticError, AttributeError, RecursionError, TypeError) as error:
        raise UnreadableError(f"{target}: {error}") from None


@dataclass(frozen=True)
class _Reader:
    wrap: str
    method: str

    def read(self, module: Module, name: str) -> Description:
        """Describe what a name stands for."""
        told: dict[str, Any] = {}
        found = named(module, name)
        if isinstance(found, tuple):  # a value: of a row, or of another name
            place, value = found
            if isinstance(value, ast.Call):
                found, told = self._called(place, value)
            else:
                found = meant(place, value)
        if not isinstance(found, Defined):
            raise UnreadableError(f"{module.name}:{name} is no definition")
        if self.wrap and isinstance(found.node, ast.FunctionDef):
            told = self._usual() | _facts(found) | told
        summary = _summary(ast.get_docstring(found.node, clean=False) or "")
        return Description(summary, self._defaults(found), told, _positional(found))

    def _usual(self) -> dict[str, Any]:
        """Return the facts of a row whose function says nothing else."""
        module, _, name = self.wrap.partition(":")
        row = named(module_of(module), name)
        return {name: value for name, value in _constants(_fields(row)) if name != _NO_PARAMETER}

    def _called(self, module: Module, call: ast.Call) -> tuple[Any, dict[str, Any]]:
        """Return the function that a row holds, and its facts; or the class of an instance."""
        tables = any(isinstance(keyword.value, ast.Dict) for keyword in call.keywords)
        holder = self.wrap.partition(":")[2]
        if plain_name(call.func) == holder and len(call.args) == 1 and not tables:
            return meant(module, call.args[0]), dict(_constants(_given(module, call)))
        found = meant(module, call.func)
        if call.args or call.keywords or not is_class(found):
            raise UnreadableError(f"{module.name}: a call that may make anything")
        return found, {}

    def _defaults(self, found: Defined) -> dict[str, Any]:
        if not isinstance(found.node, ast.ClassDef):
            return _keywords(found)
        if self.method or not _is_dataclass(found.node):
            return _method_keywords(found, self.method or "__init__")
        return {
            name: value_of(*value)
            for name, value in _fields(found).items()
            if name != _NO_PARAMETER
        }


_Values = dict[str, tuple[Module, ast.expr]]


def _constants(values: _Values) -> Iterator[tuple[str, Any]]:
    """Yield those values that are constants; functions are for those who call them."""
    for name, value in values.items():
        with contextlib.suppress(UnreadableError):
            yield name, value_of(*value)


def _given(module: Module, call: ast.Call) -> _Values:
    """Return a call's keyword arguments."""
    return {given.arg: (module, given.value) for given in call.keywords if given.arg}


def _facts(found: Defined) -> dict[str, Any]:
    values: _Values = {}
    for decorator in found.node.decorator_list:
        if isinstance(decorator, ast.Call):
            values |= _given(found.module, decorator)
    beside = found.module.attributes.get(found.node.name, {})
    return dict(_constants(values | {name: (found.module, node) for name, node in beside.items()}))


def _keywords(found: Defined) -> dict[str, Any]:
    """Return a function's keyword-only parameters that have a default."""
    assert not isinstance(found.node, ast.ClassDef)
    given = zip(found.node.args.kwonlyargs, found.node.args.kw_defaults, strict=True)
    return {a.arg: value_of(found.module, default) for a, default in given if default is not None}


def _positional(found: Defined) -> tuple[str, ...]:
    """Return the positional parameters of a function; none of a class."""
    if isinstance(found.node, ast.ClassDef):
        return ()
    given = found.node.args
    return tuple(a.arg for a in (*given.posonlyargs, *given.args))


@dataclass(frozen=True)
class Definition:
    """A function or class as it is written.

    Attributes:
        name: Its name.
        takes: Positional parameters of a function; ``None`` for a class.
        bases: Names of the classes that a class inherits from, as far as sources tell.
        methods: Names of those that a class defines.
    """

    name: str
    takes: tuple[str, ...] | None
    bases: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()


def defined_in(path: Path) -> Iterator[Definition]:
    """Yield the public functions and classes of a file, in their order, from its source.

    Raises:
        UnreadableError: If it cannot be read, or is not Python.
    """
    module = module_at(path)
    for name, statement in module.names.items():
        if name.startswith("_") or not isinstance(statement, ast.FunctionDef | ast.ClassDef):
            continue
        found = Defined(module, statement)
        if isinstance(statement, ast.FunctionDef):
            yield Definition(name, _positional(found))
            continue
        bases = [plain_name(base) for base in statement.bases]
        with contextlib.suppress(UnreadableError):
            bases = [above.node.name for above in lineage(found)[1:]]
        methods = tuple(each.name for each in statement.body if isinstance(each, ast.FunctionDef))
        yield Definition(name, None, tuple(bases), methods)


def _method_keywords(found: Defined, method: str) -> dict[str, Any]:
    for cls in lineage(found):
        for statement in cls.node.body:
            if isinstance(statement, ast.FunctionDef) and statement.name == method:
                return _keywords(Defined(cls.module, statement))
    return {}


def _is_dataclass(node: ast.FunctionDef | ast.ClassDef) -> bool:
    return any("dataclass" in ast.unparse(decorator) for decorator in node.decorator_list)


def _fields(found: Defined) -> _Values:
    """Return the fields of a dataclass that have a default, those of its bases first."""
    fields: _Values = {}
    for cls in reversed(lineage(found)):
        for statement in cls.node.body if _is_dataclass(cls.node) else ():
            match statement:
                case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                    if "ClassVar" not in ast.unparse(statement.annotation):
                        fields[name] = (cls.module, value)
    return {name: given for name, given in fields.items() if not _is_made_each_time(given[1])}


def _is_made_each_time(value: ast.expr) -> bool:
    return isinstance(value, ast.Call) and any(k.arg == "default_factory" for k in value.keywords)

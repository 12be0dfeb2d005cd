"""From objects to the definitions they run, and to the values that they hold."""

import dataclasses
import decimal
import enum
import functools
import inspect
import numbers
import re
import sys
import types
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from pathlib import Path
from typing import Any

from sampler_bench.kit.code.graph import UNKNOWN, Graph, Node, Target
from sampler_bench.kit.code.module import Module
from sampler_bench.kit.code.sources import Compiled, Found, Installed, is_environment
from sampler_bench.kit.code.text import hexed
from sampler_bench.kit.registry import Registry

_PLAIN = (type(None), bool, int, float, complex, str, bytes, type(Ellipsis), range, slice)
_EMPTY = (dict, set)
"""A network's modules have a dozen of them each: hooks that nobody set."""
_WRAPS = ("__wrapped__", "py_func")
"""Where a decorated function, and one that numba compiles, keep the function they are of."""
_BUILTINS = (types.BuiltinFunctionType, types.WrapperDescriptorType, types.MethodDescriptorType)
_NOT_TOLD = {
    "__repr__",
    "__module__",
    "__dict__",
    "__weakref__",
    "__doc__",
    "__qualname__",
    "__annotations__",
}
_NOT_TOLD |= {"__dataclass_fields__", "__dataclass_params__", "__match_args__", "__hash__"}
_NOT_TOLD |= {"__abstractmethods__", "_abc_impl", "__parameters__", "__orig_bases__", "__eq__"}
_NOT_TOLD |= {"__firstlineno__", "__static_attributes__", "__annotate__", "__annotate_func__"}


class UnknownValueError(Exception):
    """A value of which nothing can be said that is the same in another process."""


class Objects:
    """Takes objects apart.

    Args:
        graph: Where their modules are found.

    Attributes:
        targets: The definitions they run.
        values: What instances and closures hold, hexed, by what the list calls them.
    """

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.targets: list[Target] = []
        self.values: dict[str, set[str]] = {}
        self._told: dict[int, str] = {}
        self._within: set[int] = set()
        self._kept: list[Any] = []
        self._classes: dict[type, str] = {}

    def part(self, thing: Any, shown: str = "") -> None:
        """Take in an object: what it runs, and what it holds, by value.

        Args:
            thing: The object.
            shown: What the list calls its value; unless given its definition, and brackets.
        """
        name = told = _full_name(thing if hasattr(thing, "__name__") else type(thing))
        try:
            name = self._label(thing)
            told = self.told(thing)
        except UnknownValueError:
            self.values.setdefault(shown or f"{name}()", set()).add(UNKNOWN)
            return
        if told not in {name, f"{name}()"}:
            self.values.setdefault(shown or f"{name}()", set()).add(hexed(told))

    def kind(self, thing: Any) -> None:
        """Take in what an object runs, and none of its values: something else answers for them."""
        todo, seen = [thing], set()
        while todo:
            one = todo.pop()
            if id(one) in seen:
                continue
            seen.add(id(one))
            self._kept.append(one)
            try:
                todo += self._inside(one)
            except UnknownValueError as error:
                self.values.setdefault(f"{error}()", set()).add(UNKNOWN)

    def _inside(self, thing: Any) -> Iterator[Any]:
        """Yield what may have code in an object, and note the object's own."""
        if type(thing) in _PLAIN or isinstance(thing, str | bytes | Registry) or _is_array(thing):
            return
        if isinstance(thing, Mapping):
            yield from thing.values()
        elif isinstance(thing, Sequence | Set):
            yield from thing
        elif isinstance(thing, type):
            self._class(thing)
        elif callable(thing) and (held := [*self._called(thing)]):
            yield from held
        elif not isinstance(thing, types.ModuleType | types.BuiltinFunctionType):
            self._class(type(thing))
            if self._is_followed(type(thing)) or _is_network(thing):
                inside = getattr(thing, "__dict__", {}).values()
                yield from (each for each in inside if not (isinstance(each, _EMPTY) and not each))

    def _called(self, thing: Any) -> Iterator[Any]:
        """Yield what a function is made of, itself for one, and note its own definition."""
        if isinstance(thing, functools.partial):
            yield from (thing.func, *thing.args, *thing.keywords.values())
        elif isinstance(thing, types.MethodType):
            yield from (thing.__func__, thing.__self__)
        elif isinstance(thing, types.FunctionType):
            self._function(thing)
            yield from (thing, *_cells(thing), *_wrapped(thing))
        else:
            yield from _wrapped(thing)

    def _is_followed(self, cls: type) -> bool:
        return _is_nowhere(cls) or isinstance(self._module(cls), Module)

    def _label(self, thing: Any) -> str:
        """Return what the list calls an object: its definition, or that of its class."""
        if isinstance(thing, functools.partial):
            return self._label(thing.func)
        if isinstance(thing, types.MethodType):
            return self._label(thing.__func__)
        if isinstance(thing, types.FunctionType):
            return self._function(thing)
        if isinstance(thing, type):
            return self._class(thing)
        for wrapped in _wrapped(thing):
            return self._label(wrapped)
        if isinstance(thing, _BUILTINS):
            return _full_name(thing)
        return self._class(type(thing))

    def told(self, thing: Any) -> str:
        """Return a text that says an object's value; of what runs, its definition's name.

        Raises:
            UnknownValueError: If there is none.
        """
        if type(thing) in _PLAIN:
            return f"{type(thing).__name__} {thing!r}"
        if id(thing) in self._told:
            return self._told[id(thing)]
        if id(thing) in self._within:
            return "itself"
        self._within.add(id(thing))
        try:
            told = self._text(thing)
        finally:
            self._within.discard(id(thing))
        self._told[id(thing)] = told
        self._kept.append(thing)  # so that no other has its id meanwhile
        return told

    def _text(self, thing: Any) -> str:
        for is_kind, say in _KINDS:
            if is_kind(thing):
                return say(self, thing)
        return self._instance(thing)

    def _many(self, things: Any) -> str:
        return ", ".join(self.told(each) for each in things)

    def _instance(self, thing: Any) -> str:
        cls = type(thing)
        if not self._is_followed(cls) and not _is_network(thing):
            raise UnknownValueError(f"{cls.__module__}.{cls.__qualname__}")
        held = {name: self.told(value) for name, value in _fields(thing).items()}
        for name in _WRAPS:
            if name in getattr(thing, "__dict__", {}):
                held[name] = self.told(vars(thing)[name])
        return f"{self._class(cls)}({', '.join(f'{n} = {v}' for n, v in held.items())})"

    def _function(self, function: Any) -> str:
        """Note where a function of Python is defined; return what the list calls it."""
        if is_environment(function.__globals__.get("__name__") or "builtins"):
            for wrapped in _wrapped(function):  # by a decorator of Python's, or torch's
                return self._label(wrapped)
            return _full_name(function)
        found = self.graph.sources.of_function(function)
        if not isinstance(found, Module):
            return self._foreign(found, function)
        names = [_outermost(function)]
        if names[0] not in found.definitions:  # a lambda, or a decorator's
            names = found.statement_at(function.__code__.co_firstlineno)
        if not names:
            raise UnknownValueError(f"{found.place.name}.{function.__qualname__}")
        self.targets += [Node(found, name) for name in names]
        return Node(found, names[0]).shown

    def _class(self, cls: type) -> str:
        """Note the classes that a class is made of; return what the list calls it."""
        for one in cls.__mro__[::-1]:
            if one not in self._classes:
                self._classes[one] = _full_name(one)  # its own functions may ask for it
                self._classes[one] = self._one_class(one)
        return self._classes[cls]

    def _one_class(self, cls: type) -> str:
        if _is_nowhere(cls):
            self.values.setdefault(f"{cls.__name__}()", set()).add(self._held_by_class(cls))
            return cls.__name__
        found = self._module(cls)
        if not isinstance(found, Module):
            return self._foreign(found, cls)
        definition = found.definitions.get(_outermost(cls))
        name = f"{found.place.name}.{cls.__qualname__}"
        if definition is not None:
            node = Node(found, _outermost(cls))
            self.targets.append(node)
            name = node.shown
        if definition is None or definition.is_function:
            self.values.setdefault(f"{name}()", set()).add(self._held_by_class(cls))
        return name

    def _held_by_class(self, cls: type) -> str:
        """Return what a class holds that was made by a function."""
        held = {k: v for k, v in vars(cls).items() if k not in _NOT_TOLD and not _generated(v)}
        try:
            return hexed(", ".join(f"{name} = {self.told(v)}" for name, v in held.items()))
        except UnknownValueError:
            return UNKNOWN

    def _module(self, cls: type) -> Found:
        return None if is_environment(cls.__module__) else self.graph.sources.of_class(cls)

    def _foreign(self, found: Found, thing: Any) -> str:
        """Note what is of no module that has a text; return what it is called."""
        name = _full_name(thing)
        if isinstance(found, Installed | Compiled):
            self.targets.append(found)
        elif not is_environment(thing.__module__ or "builtins"):
            raise UnknownValueError(name)
        return name


def _function_text(objects: Objects, function: Any) -> str:
    name = objects._function(function)
    held = [*_wrapped(function), *(cell for cell in _cells(function) if cell is not function)]
    if "<" in function.__qualname__:  # made by another: its defaults may be values of that one's
        held += [*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values()]
        held += [v for k, v in vars(function).items() if k not in _WRAPS]
    return f"{name}({objects._many(held)})" if held else name


def _builtin_text(objects: Objects, function: Any) -> str:
    owner = getattr(function, "__self__", None)
    if owner is not None and not isinstance(owner, types.ModuleType):
        return f"{_full_name(function)} of {objects.told(owner)}"
    module = function.__module__ or "builtins"
    if not is_environment(module):
        found = objects.graph.sources.of_name(module)
        if found is None or isinstance(found, Module):
            raise UnknownValueError(_full_name(function))
        objects.targets.append(found)
    return _full_name(function)


def _partial_text(objects: Objects, made: Any) -> str:
    given = [*made.args, *made.keywords.values()]
    names = ", ".join(made.keywords)
    return f"{objects.told(made.func)}({objects._many(given)}; {names})"


def _array_text(objects: Objects, array: Any) -> str:
    if array.dtype.hasobject:
        return f"array {array.shape} [{objects._many(array.ravel().tolist())}]"
    return f"array {array.dtype} {array.shape} {hexed(array.tobytes(), 64)}"


def _tensor_text(objects: Objects, tensor: Any) -> str:
    told = f"tensor {tensor.dtype} {tuple(tensor.shape)}"
    if tensor.is_meta:
        return told
    try:
        flat = tensor.detach().cpu().resolve_conj().resolve_neg().contiguous().reshape(-1)
        data = flat.view(sys.modules["torch"].uint8).numpy().tobytes()
    except (RuntimeError, TypeError, NotImplementedError):
        raise UnknownValueError(told) from None
    return f"{told} {hexed(data, 64)}"


def _module_text(objects: Objects, module: Any) -> str:
    if is_environment(module.__name__):
        return module.__name__
    found = objects.graph.sources.of_name(module.__name__)
    if found is None or isinstance(found, Module):
        raise UnknownValueError(module.__name__)
    objects.targets.append(found)
    return module.__name__


def _path_text(objects: Objects, path: Path) -> str:
    try:
        return f"file {hexed(path.read_bytes(), 64)}"
    except OSError:
        raise UnknownValueError(f"{path}") from None


def _table_text(objects: Objects, table: Any) -> str:
    return f"registry of {table.what}s"


def _mapping_text(objects: Objects, mapping: Any) -> str:
    pairs = [f"{objects.told(key)}: {objects.told(value)}" for key, value in mapping.items()]
    return f"{_container(objects, mapping)} {{{', '.join(pairs)}}}"


def _sequence_text(objects: Objects, things: Any) -> str:
    return f"{_container(objects, things)} [{objects._many(things)}]"


def _container(objects: Objects, thing: Any) -> str:
    cls = type(thing)
    return cls.__name__ if is_environment(cls.__module__) else objects._class(cls)


def _class_text(objects: Objects, cls: type) -> str:
    return objects._class(cls)


def _held_text(objects: Objects, thing: Any) -> str:
    """Say a static method, a property or a method: what it is of."""
    names = ("__func__", "__self__", "fget", "fset", "func")
    held = [getattr(thing, name, None) for name in names]
    return f"{type(thing).__name__}({objects._many([each for each in held if each is not None])})"


def _wrapper_text(objects: Objects, thing: Any) -> str:
    return f"{_full_name(type(thing))} of {objects._many(_wrapped(thing))}"


_KINDS: list[tuple[Callable[[Any], bool], Callable[[Objects, Any], str]]] = [
    (lambda x: isinstance(x, Registry), _table_text),
    (lambda x: isinstance(x, type), _class_text),
    (lambda x: isinstance(x, types.FunctionType), _function_text),
    (lambda x: isinstance(x, functools.partial), _partial_text),
    (
        lambda x: isinstance(
            x,
            types.MethodType | staticmethod | classmethod | property | functools.cached_property,
        ),
        _held_text,
    ),
    (lambda x: isinstance(x, _BUILTINS), _builtin_text),
    (lambda x: isinstance(x, types.ModuleType), _module_text),
    (
        lambda x: isinstance(x, enum.Enum),
        lambda o, x: f"{o._class(type(x))}.{x.name} = {o.told(x.value)}",
    ),
    (lambda x: _is_tensor(x), _tensor_text),
    (lambda x: _is_array(x), _array_text),
    (lambda x: isinstance(x, Path), _path_text),
    (
        lambda x: (
            isinstance(x, numbers.Number | decimal.Decimal | str | bytes) or _is_named_constant(x)
        ),
        lambda o, x: f"{type(x).__name__} {x!s}",
    ),
    (
        lambda x: isinstance(x, re.Pattern),
        lambda o, x: f"pattern {x.pattern!r} {x.flags}",
    ),
    (lambda x: type(x).__name__ == "ufunc", lambda o, x: f"ufunc {x.__name__}"),
    (lambda x: callable(x) and any(_wrapped(x)) and not dataclasses.is_dataclass(x), _wrapper_text),
    (lambda x: isinstance(x, Mapping), _mapping_text),
    (
        lambda x: isinstance(x, Set),
        lambda o, x: f"{type(x).__name__} {{{', '.join(sorted(map(o.told, x)))}}}",
    ),
    (lambda x: isinstance(x, Sequence), _sequence_text),
]
"""How objects are told, the first that fits."""


def _cells(function: Any) -> Iterator[Any]:
    for cell in function.__closure__ or ():
        try:
            yield cell.cell_contents
        except ValueError:  # not bound yet
            yield None


def _wrapped(thing: Any) -> Iterator[Any]:
    """Yield the functions that a decorated one was made of."""
    for name in _WRAPS:
        found = getattr(thing, "__dict__", {}).get(name) or (
            getattr(type(thing), name, None) is not None and getattr(thing, name, None)
        )
        if found:
            yield found


def _fields(thing: Any) -> dict[str, Any]:
    """Return what an instance holds, without what it remembers of what it once computed."""
    cls = type(thing)
    if dataclasses.is_dataclass(cls):
        compared = [f.name for f in dataclasses.fields(cls) if f.compare]
        return {name: getattr(thing, name) for name in compared if hasattr(thing, name)}
    slots = [name for one in cls.__mro__ for name in _slots(one) if hasattr(thing, name)]
    held = {name: getattr(thing, name) for name in slots} | getattr(thing, "__dict__", {})
    remembered = functools.cached_property
    return {
        name: value
        for name, value in held.items()
        if not isinstance(inspect.getattr_static(cls, name, None), remembered)
    }


def _slots(cls: type) -> Sequence[str]:
    slots = vars(cls).get("__slots__", ())
    names = (slots,) if isinstance(slots, str) else tuple(slots)
    return [name for name in names if name not in {"__dict__", "__weakref__"}]


def _generated(thing: Any) -> bool:
    """Whether something in a class was made by Python: of a text, or for a slot."""
    code = getattr(thing, "__code__", None)
    descriptors = types.MemberDescriptorType | types.GetSetDescriptorType
    return isinstance(thing, descriptors) or (code is not None and code.co_filename == "<string>")


def _outermost(thing: Any) -> str:
    return thing.__qualname__.partition(".")[0]


def _is_nowhere(cls: type) -> bool:
    """Whether it was made by ``make_dataclass`` before Python 3.12, or by ``new_class``."""
    return cls.__module__ == "types" and not hasattr(types, _outermost(cls))


def _root(thing: Any) -> str:
    return type(thing).__module__.partition(".")[0]


_FAMILIES: dict[type, frozenset[tuple[str, str]]] = {}


def _families(cls: type) -> frozenset[tuple[str, str]]:
    """Return a class and those above it, by the first word of their modules and their names."""
    if cls not in _FAMILIES:
        names = ((c.__module__.partition(".")[0], c.__name__) for c in cls.__mro__)
        _FAMILIES[cls] = frozenset(names)
    return _FAMILIES[cls]


def _is_tensor(thing: Any) -> bool:
    return ("torch", "Tensor") in _families(type(thing))


def _is_array(thing: Any) -> bool:
    found = _families(type(thing))
    return not found.isdisjoint({("torch", "Tensor"), ("numpy", "ndarray"), ("numpy", "generic")})


def _is_network(thing: Any) -> bool:
    return ("torch", "Module") in _families(type(thing))


def _is_named_constant(thing: Any) -> bool:
    """Whether it is a data type or a device, of torch or NumPy, or a type that others are in."""
    names = {c.__name__ for c in type(thing).__mro__}
    if _root(thing) in {"torch", "numpy"} and names & {"dtype", "device", "layout"}:
        return True
    return _root(thing) in {"typing", "types"} and "__origin__" in dir(thing)


def _full_name(thing: Any) -> str:
    name = getattr(thing, "__qualname__", None) or thing.__name__
    return f"{getattr(thing, '__module__', None) or 'builtins'}.{name}"

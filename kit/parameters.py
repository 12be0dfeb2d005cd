"""A part's own parameters: declared once, where they are used, by name, type, range and default.

    def step(flow, x, t, t_next, *, alpha: Positive = 1.0): ...

    @dataclass
    class Noise:
        P_std: Annotated[float, Field(gt=0, lt=100)] = 1.2

Those of a function are its keyword-only arguments, those of a class all that it is made of. An
annotation says what a value may be, and no other place does: ``int`` is a whole number, ``float`` a
finite one (``Field(allow_inf_nan=True)``: or infinite), ``bool`` no number, ``str`` a word,
``Literal`` one of a few, ``pathlib.Path`` a file, or its path as a text; bounds are pydantic's
``Field``, whose ``description`` replaces the words for them. Without an annotation a value must be
of its default's kind. Where a range depends on other values, :func:`require` says so.
"""

import contextlib
import inspect
import typing
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property, lru_cache, partial
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from sampler_bench.kit.names import shown, unknown

Positive = Annotated[float, Field(gt=0)]
NotNegative = Annotated[float, Field(ge=0)]
Fraction = Annotated[float, Field(gt=0, lt=1)]
Count = Annotated[int, Field(ge=1, le=1_000_000)]

_FUNCTION = "or a function of one's own: FILE.py:NAME"
Function = Annotated[str, _FUNCTION]
"""A word, or the name of a function of a user's own, which is pinned when a sampler is built."""

_STRICT = ConfigDict(strict=True, allow_inf_nan=False, arbitrary_types_allowed=True)


@dataclass(frozen=True)
class Parameter:
    """What a part says of one of its parameters.

    Attributes:
        name: What it is called.
        annotation: What it may be; ``Any`` for anything.
        default: What it is if it is not given; ``inspect.Parameter.empty`` if it has to be.
    """

    name: str
    annotation: Any
    default: Any

    @cached_property
    def is_file(self) -> bool:
        """Whether it is a file's path."""
        return Path in {self.annotation, *get_args(self.annotation)}

    @cached_property
    def is_function(self) -> bool:
        """Whether its value may name a function of a user's own: ``"mine.py:beta"``."""
        return _FUNCTION in getattr(self.annotation, "__metadata__", ())

    @property
    def nesting(self) -> int:
        """How deeply its values are lists of lists: 0 for none."""
        return nesting(self.annotation)

    def check(self, value: Any, where: str = "") -> None:
        """Raise ValueError, one line that begins with ``where``, for a value that cannot be."""
        if self.is_file and isinstance(value, str):
            value = Path(value)
        place = _wrong(self._adapter, value)
        if place is None:
            return
        words = _words(self.annotation)
        if words:
            raise ValueError(where + unknown(value, words, self.name))
        name, needed = self.name, allowed(self.annotation)
        if place:  # one item of a list
            name, value, needed = f"{name}[{place[0]}]", value[place[0]], needed.split("each ")[-1]
        raise ValueError(f"{where}{name} = {shown(value)} is not allowed: it must be {needed}")

    def read(self, value: Any) -> Any:
        """Return a value, or what a text means where it must be no text: "16", "0.5", "yes".

        Raises:
            ValueError: If it cannot be, one line.
        """
        if isinstance(value, str) and _wrong(self._adapter, value) is not None:
            with contextlib.suppress(ValidationError):
                return self._adapter.validate_strings(value, strict=False)
        self.check(value)
        return self._adapter.validate_python(value)

    @cached_property
    def _adapter(self) -> TypeAdapter[Any]:
        return TypeAdapter(self.annotation, config=_STRICT)


@lru_cache(maxsize=1024)
def parameters(part: Callable[..., Any]) -> Mapping[str, Parameter]:
    """Return the parameters of a function or class, by name."""
    signature = inspect.signature(part).parameters.values()
    is_class = inspect.isclass(part)
    own = [p for p in signature if is_class or p.kind is p.KEYWORD_ONLY]
    own = [p for p in own if p.kind not in {p.VAR_KEYWORD, p.VAR_POSITIONAL}]
    hints = _hints(part.__init__ if is_class else part)
    return {p.name: Parameter(p.name, _annotation(p, hints), p.default) for p in own}


def keywords(part: Callable[..., Any]) -> dict[str, Any]:
    """Return the parameters of a function or class and their defaults."""
    return {name: parameter.default for name, parameter in parameters(part).items()}


def check(
    part: Callable[..., Any],
    given: Mapping[str, Any],
    where: str = "",
    what: str = "key",
    without: Collection[str] = (),
) -> None:
    """Raise ValueError, in one line, unless a part can be made of what is given.

    Args:
        part: A function or a class.
        given: Values by name.
        where: What messages begin with: "noise edm: ".
        what: What a name is called in messages.
        without: Parameters that are not the user's to give.

    Raises:
        ValueError: For a name that there is not (with the nearest that there is), a value that
            cannot be (with what can), and a parameter that is missing.
    """
    known = {name: p for name, p in parameters(part).items() if name not in without}
    for name, value in given.items():
        if name not in known:
            raise ValueError(where + unknown(name, known, what))
        known[name].check(value, where)
    for name, parameter in known.items():
        if parameter.default is inspect.Parameter.empty and name not in given:
            raise ValueError(f"{where}{what} {name!r} is missing")


def check_fields(made: Any, where: str = "", without: Collection[str] = ()) -> None:
    """Raise ValueError, in one line, for a field of a dataclass that cannot be what it is."""
    kind: Any = type(made)
    known = parameters(kind)
    for field in fields(made):
        if field.init and field.name not in without:
            known[field.name].check(getattr(made, field.name), where)


def nesting(annotation: Any) -> int:
    """Return how many lists an annotation has in one another: 2 for ``tuple[tuple[int, …], …]``."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return nesting(arguments[0])
    if origin in {Union, UnionType}:
        return max(map(nesting, arguments))
    if origin in {list, tuple, Sequence}:
        return 1 + max((nesting(one) for one in arguments if one is not ...), default=0)
    return 0


def require(condition: bool, name: str, value: object, allowed: str) -> None:
    """Raise the ValueError of a parameter out of range, unless ``condition`` holds."""
    if not condition:
        raise ValueError(f"{name} = {shown(value)} is not allowed: it must be {allowed}")


def allowed(annotation: Any) -> str:
    """Return in words what an annotation allows: "a whole number from 1 to 64"."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _bounded(arguments[0], arguments[1:])
    if origin in {Union, UnionType}:  # None is what is not given
        kinds = [allowed(kind) for kind in arguments if kind is not NoneType]
        return " or ".join(dict.fromkeys(kinds))
    if origin is Literal:
        several = len(arguments) > 1
        return f"one of {', '.join(map(str, arguments))}" if several else repr(arguments[0])
    if origin is dict or (isinstance(annotation, type) and issubclass(annotation, BaseModel)):
        return "a table"
    if origin in {list, tuple, Sequence}:
        return f"a list, each {allowed(arguments[0])}" if arguments else "a list"
    names = {int: "a whole number", float: "a finite number", bool: "true or false", str: "a word"}
    names[Path] = "a file's path"
    return names.get(annotation, f"a {getattr(annotation, '__name__', annotation)}")


def _bounded(kind: Any, metadata: Sequence[Any]) -> str:
    """Return ``kind`` in words, with the bounds that pydantic's ``Field`` holds."""
    inner = [m for one in metadata for m in getattr(one, "metadata", [one])]
    said = [m.description for m in metadata if getattr(m, "description", None)]
    bounds = {n: getattr(m, n) for m in inner for n in ("gt", "ge", "lt", "le") if hasattr(m, n)}
    name = {int: "a whole number", float: "a number"}.get(kind)
    if said or name is None or not bounds:
        return f"{name or allowed(kind)} {said[0]}" if said else allowed(kind)
    return f"{name} {_range(bounds)}"


def _range(bounds: Mapping[str, float]) -> str:
    texts = {name: f"{x:,}" if isinstance(x, int) else f"{x:g}" for name, x in bounds.items()}
    match sorted(texts):
        case ["ge", "le"]:
            return f"from {texts['ge']} to {texts['le']}"
        case ["gt", "lt"]:
            return f"between {texts['gt']} and {texts['lt']}"
        case ["ge"] | ["le"]:
            return (
                f"of at {'least' if 'ge' in texts else 'most'} {texts.get('ge', texts.get('le'))}"
            )
    words = {"gt": "above", "ge": "at least", "lt": "below", "le": "at most"}
    return " and ".join(f"{words[name]} {texts[name]}" for name in words if name in texts)


def _wrong(adapter: TypeAdapter[Any], value: Any) -> list[int] | None:
    """Return in which item of a value what is wrong lies ([]: in none); ``None`` if nothing is.

    Lists will do for tuples, and the other way round.
    """
    places = []
    for way in (_as_it_is, partial(_all_as, tuple), partial(_all_as, list)):
        try:
            adapter.validate_python(way(value))
            return None
        except ValidationError as error:
            found = [part for part in error.errors()[0]["loc"] if isinstance(part, int)]
            places.append([at for at in found if at < len(value)])
    return max(places)


def _as_it_is(value: Any) -> Any:
    return value


def _all_as(kind: type[list[Any]] | type[tuple[Any, ...]], value: Any) -> Any:
    """Return a value with all lists and tuples in it as one of the two."""
    if not isinstance(value, list | tuple):
        return value
    return kind(_all_as(kind, one) for one in value)


def _words(annotation: Any) -> list[str]:
    """Return the words there are to choose from, if it is nothing but words (or left out)."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin in {Union, UnionType}:
        kinds = [kind for kind in arguments if kind is not NoneType]
        return _words(kinds[0]) if len(kinds) == 1 else []
    if origin is Literal and all(isinstance(word, str) for word in arguments):
        return list(arguments)
    return []


def _hints(function: Callable[..., Any]) -> dict[str, Any]:
    try:
        return typing.get_type_hints(function, include_extras=True)
    except (NameError, TypeError):  # of names that only a type checker can see
        return {}


def _annotation(parameter: inspect.Parameter, hints: Mapping[str, Any]) -> Any:
    """Return what a parameter may be; where nothing is said, what its default is."""
    if parameter.name in hints:
        return hints[parameter.name]
    default = parameter.default
    if default is None:
        return int | float | None
    if type(default) in {int, float}:
        return int | float
    return type(default) if type(default) in {bool, str} else Any

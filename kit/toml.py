"""TOML files that declare something: read strictly, refused in one line."""

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, Field, ValidationError
from pydantic_core import ErrorDetails

from sampler_bench.kit.bounds import text_in
from sampler_bench.kit.names import shown, unknown
from sampler_bench.kit.parameters import allowed
from sampler_bench.kit.paths import expanded

Declared = TypeVar("Declared", bound=BaseModel)
MOST_BYTES = 1_000_000
_DOTTED = re.compile(r"(?:^|[{,\[])[ \t]*+(?:[\w\"'-]++[ \t]*+\.[ \t]*+){100}", re.MULTILINE)
"""A key of a hundred keys within another; of many more nobody can tell what is wrong."""


def parse(text: str, where: str) -> dict[str, Any]:
    """Return a TOML text's keys and values.

    Raises:
        ValueError: If it is not TOML, or nobody could read it; one line that names ``where``.
    """
    try:
        if _DOTTED.search(text):
            raise RecursionError
        return tomllib.loads(text)
    except ValueError as error:  # Python's own, of a number with thousands of digits, is another
        raise ValueError(f"{where}: not TOML: {error}") from None
    except RecursionError:
        raise ValueError(f"{where}: not TOML: nested too deeply") from None


def validated(values: Mapping[str, Any], model: type[Declared], where: str) -> Declared:
    """Return what was declared as a model.

    Args:
        values: Keys and values.
        model: What they have to be.
        where: What they were read from, in messages.

    Raises:
        ValueError: One line that names ``where``, the key and the value, what is allowed, and for
            unknown keys the nearest known one.
    """
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise ValueError(f"{where}: {_one_line(error.errors(), model)}") from None


@contextmanager
def of_file(where: str) -> Iterator[None]:
    """Name the file in what is refused of its values long after it was read.

    Args:
        where: What the file is called in messages; empty where the values are from no file.

    Raises:
        ValueError: Whichever is raised inside, with the file's name before it; one line.
    """
    try:
        yield
    except ValueError as error:
        if not where or str(error).startswith(where):
            raise
        raise ValueError(f"{where}: {error}") from error


def text_of(name_or_path: str, shipped: Mapping[str, Path], what: str) -> tuple[str, str]:
    """Return what a file is called in messages, and its text.

    Args:
        name_or_path: The name of one that ships, or a path.
        shipped: Those that ship, by name.
        what: What it is: "grid", "configuration".

    Raises:
        ValueError: If there is no such file, or it cannot be read as text.
    """
    if name_or_path in shipped:
        return f"{what} {name_or_path}", shipped[name_or_path].read_text("utf-8")
    path = expanded(name_or_path)
    try:
        is_file = path.is_file()
    except (OSError, ValueError):
        is_file = False
    if not is_file:
        raise ValueError(f"{unknown(name_or_path, shipped, what)}, and there is no such file")
    return str(path), text_in(path, MOST_BYTES)


def toml_files(folder: Path) -> dict[str, Path]:
    """Return the TOML files of a folder by their names without suffix, sorted."""
    return {path.stem: path for path in sorted(folder.glob("*.toml"))}


def _one_line(errors: Sequence[ErrorDetails], model: type[BaseModel]) -> str:
    """Say of a value where it is, what was found, and what is allowed.

    What may be one of several kinds fails as each of them: the kind that fits farthest says where.
    """
    places = [_place(error, model) for error in errors]
    first = places[0][0]
    within = [i for i, (key, _) in enumerate(places) if key[: len(first)] == first]
    is_of_kind = [not error["type"].endswith("_type") for error in errors]
    chosen = max(within, key=lambda i: (len(places[i][0]), is_of_kind[i]))  # of equals the first
    error, (location, kind) = errors[chosen], places[chosen]
    key = ".".join(f"[{part}]" if isinstance(part, int) else part for part in location)
    key = key.replace(".[", "[")
    if error["type"] == "missing":
        return f"key '{key}' is missing"
    if error["type"] == "extra_forbidden":
        return unknown(key, _siblings(model, location), "key")
    told = f"{key} = {shown(error['input'])}"
    if error["type"] == "value_error":
        reason = str(error["ctx"]["error"])
        if not key:  # keys that do not fit together: it names them
            return reason
        own = f"{location[-1]} = "  # it names the value, too
        return f"{key} = {reason[len(own) :]}" if reason.startswith(own) else f"{told}: {reason}"
    if kind is not None and (needed := _needed(kind, error["type"])):
        return f"{told} is not allowed: it must be {needed}"
    return f"{told}: {error['msg'][0].lower()}{error['msg'][1:]}"


def _needed(kind: Any, error: str) -> str:
    """Return in words what a value may be; "" where pydantic says more of what is wrong."""
    if error in {"too_short", "too_long"}:
        return ""
    told = _told(kind)
    is_text = error.startswith(("string_pattern", "string_too"))
    return "" if is_text and told == allowed(str) else told


def _told(kind: Any) -> str:
    """Return in words what a value may be: those of its ``Field``, if it has some."""
    said = [getattr(one, "description", None) for one in getattr(kind, "__metadata__", ())]
    if any(said):
        return next(text for text in said if text)
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in {Union, UnionType}:
        each = dict.fromkeys(_told(one) for one in arguments if one is not NoneType)
        return " or ".join(sorted(each, key=lambda text: text.startswith("a list")))
    if origin is list:
        return f"a list, each {_told(arguments[0])}"
    if origin is Annotated and get_origin(arguments[0]) in {list, Union, UnionType}:
        return _told(arguments[0])
    return allowed(kind)


def _place(error: ErrorDetails, model: type[BaseModel]) -> tuple[list[Any], Any]:
    """Return keys and positions as a user wrote them, and what stands there; None if unknown.

    Members of a union leave their own names in an error's location.
    """
    found: list[Any] = []
    kind: Any = model
    for at, part in enumerate(error["loc"]):
        kinds = _kinds(kind)
        within: list[Any]
        if isinstance(part, int):
            within = [get_args(one)[0] for one in kinds if get_origin(one) in {list, tuple}]
        else:
            tables = [one for one in kinds if isinstance(one, type) and issubclass(one, BaseModel)]
            within = [value for table in tables for value in _values(table, part)]
            within += [get_args(one)[1] for one in kinds if get_origin(one) is dict]
            is_unknown = error["type"] == "extra_forbidden" and at == len(error["loc"]) - 1
            if not within and not is_unknown:
                continue
        found.append(part)
        kind = None if not within else Union[tuple(within)]  # noqa: UP007 - of what is there
    return found, kind


def _kinds(kind: Any) -> list[Any]:
    """Return what a value may be, each kind by itself."""
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return _kinds(arguments[0])
    if origin in {Union, UnionType}:
        return [each for one in arguments for each in _kinds(one)]
    return [] if kind is None else [kind]


def _values(table: type[BaseModel], key: str) -> list[Any]:
    """Return what a table's key may be; nothing if it has none of that name."""
    field = table.model_fields.get(key)
    if field is not None:
        described = [Field(description=field.description)] if field.description else []
        several = (*field.metadata, *described)
        return [Annotated[(field.annotation, *several)] if several else field.annotation]
    extra = get_args(table.__annotations__.get("__pydantic_extra__"))
    return [extra[1]] if extra else []


def _siblings(model: type[BaseModel], location: list[Any]) -> list[str]:
    """Return the keys there are where ``location`` is, in full."""
    tables = [model]
    for part in location[:-1]:
        if isinstance(part, str):  # a position in a list is of the list's kind
            fields = [table.model_fields[part] for table in tables if part in table.model_fields]
            tables = [table for field in fields for table in _tables(field.annotation)]
    before = "".join(
        f"[{part}]." if isinstance(part, int) else f"{part}." for part in location[:-1]
    )
    return [before.replace(".[", "[") + name for table in tables for name in table.model_fields]


def _tables(kind: Any) -> list[type[BaseModel]]:
    """Return the models among which, or lists of which, a field's value is."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return [kind]
    return [table for each in get_args(kind) for table in _tables(each)]

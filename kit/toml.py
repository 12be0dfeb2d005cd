"""TOML files that declare something: read strictly, refused in one line."""

import re
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from sampler_bench.kit.bounds import text_in
from sampler_bench.kit.names import shown, unknown
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
        raise ValueError(f"{where}: {_one_line(error.errors()[0], model)}") from None


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


def _one_line(error: ErrorDetails, model: type[BaseModel]) -> str:
    """Say of one validation error where it is, what was found, and what is allowed."""
    # Union members leave their own names in the location; keys and positions are what a user wrote.
    location = [part for part in error["loc"] if _is_users(part)]
    key = ".".join(f"[{part}]" if isinstance(part, int) else part for part in location)
    key = key.replace(".[", "[")
    if error["type"] == "missing":
        return f"key '{key}' is missing"
    if error["type"] == "extra_forbidden":
        return unknown(key, _siblings(model, location), "key")
    if error["type"] == "value_error" and not key:  # keys that do not fit together: it names them
        return str(error["ctx"]["error"])
    return f"{key} = {shown(error['input'])}: {error['msg'][0].lower()}{error['msg'][1:]}"


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


def _is_users(part: int | str) -> bool:
    return isinstance(part, int) or not (
        part in {"str", "int", "float", "__pydantic_extra__"} or "[" in part or "-" in part
    )

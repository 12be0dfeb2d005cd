"""One text for one set of declared inputs, so that its hash can serve as an identity.

Keys of cells, digests of records and of networks, and the metadata of checkpoints go through here.
"""

import hashlib
import json
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

KEY_LENGTH = 16
_INFINITIES = {math.inf: "inf", -math.inf: "-inf"}


def plain(value: Any, where: str = "value") -> Any:
    """Turn `value` into what JSON can hold, the same for equal declarations.

    Infinities become "inf" and "-inf", tuples lists. Whole floats become integers, because a grid
    that says `rho = 7` and one that says `rho = 7.0` declare the same thing. Raises ValueError on
    NaN and on other types.
    """
    return _jsonable(value, where, _whole)


def faithful(value: Any, where: str = "value") -> Any:
    """As `plain`, but floats stay floats: what is to be read again as it was."""
    return _jsonable(value, where, float)


def _jsonable(value: Any, where: str, number: Callable[[float], Any]) -> Any:
    if value is None or isinstance(value, str | int):
        return value
    if isinstance(value, float):
        if math.isnan(value):
            raise ValueError(f"{where} is not a number (nan)")
        return _INFINITIES[value] if math.isinf(value) else number(value)
    if isinstance(value, Mapping):
        return {str(k): _jsonable(value[k], f"{where}.{k}", number) for k in sorted(value)}
    if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray):
        return [_jsonable(item, f"{where}[{i}]", number) for i, item in enumerate(value)]
    kind = type(value).__name__
    raise ValueError(f"{where} is a {kind}: only names, numbers and none are allowed")


def _whole(value: float) -> float | int:
    return int(value) if value.is_integer() and abs(value) < 2**53 else float(value)


def restored(value: Any) -> Any:
    """Undo `plain` or `faithful`: "inf" and "-inf" are numbers again, at any depth."""
    if isinstance(value, Mapping):
        return {name: restored(item) for name, item in value.items()}
    if isinstance(value, list):
        return [restored(item) for item in value]
    return float(value) if value in ("inf", "-inf") else value


def text_of(value: Any) -> str:
    """The one JSON text of `value`: keys sorted, no spaces, infinities and whole floats plain."""
    return json.dumps(plain(value), sort_keys=True, separators=(",", ":"), allow_nan=False)


def hash_of(fields: Mapping[str, Any], length: int = KEY_LENGTH) -> str:
    """The first `length` hex digits of the SHA-256 of the canonical JSON of `fields`."""
    return hashlib.sha256(text_of(fields).encode()).hexdigest()[:length]

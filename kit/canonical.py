"""One text for one set of declared inputs, so that its hash can serve as an identity."""

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

KEY_LENGTH = 16


def plain(value: Any, where: str = "value") -> Any:
    """Turn `value` into what JSON can hold: infinities become "inf" and "-inf".

    Whole floats become integers, because a grid that says `rho = 7` and one that says
    `rho = 7.0` declare the same thing. Raises ValueError on NaN and on other types.
    """
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        raise ValueError(f"{where} is {value}: only names, numbers and none are allowed")
    if isinstance(value, int):
        return value
    if isinstance(value, float):
        return _plain_float(value, where)
    if isinstance(value, Mapping):
        return {str(name): plain(value[name], f"{where}.{name}") for name in sorted(value)}
    if isinstance(value, Sequence):
        return [plain(item, f"{where}[{i}]") for i, item in enumerate(value)]
    kind = type(value).__name__
    raise ValueError(f"{where} is a {kind}: only names, numbers and none are allowed")


def _plain_float(value: float, where: str) -> float | int | str:
    if math.isnan(value):
        raise ValueError(f"{where} is not a number (nan)")
    if math.isinf(value):
        return "inf" if value > 0 else "-inf"
    return int(value) if value.is_integer() and abs(value) < 2**53 else float(value)


def number_or_name(value: Any) -> Any:
    """Undo `plain` for one entry: "inf" and "-inf" are numbers again."""
    return float(value) if value in ("inf", "-inf") else value


def hash_of(fields: Mapping[str, Any], length: int = KEY_LENGTH) -> str:
    """The first `length` hex digits of the SHA-256 of the canonical JSON of `fields`."""
    text = json.dumps(plain(fields), sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:length]

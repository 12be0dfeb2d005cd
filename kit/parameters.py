"""A part's own parameters are its keyword-only arguments: declared once, where they are used."""

import inspect
from collections.abc import Callable
from typing import Any


def keywords(function: Callable[..., Any]) -> dict[str, Any]:
    """Return the keyword-only parameters of ``function`` and their defaults."""
    signature = inspect.signature(function).parameters.values()
    return {p.name: p.default for p in signature if p.kind is p.KEYWORD_ONLY}


def require(condition: bool, name: str, value: object, allowed: str) -> None:
    """Raise the ValueError of a parameter out of range, unless ``condition`` holds."""
    if not condition:
        raise ValueError(f"{name} = {value!r} is not allowed: it must be {allowed}")

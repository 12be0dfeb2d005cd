"""Names that are looked up in registries, and what to say when they are not there."""

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import TypeVar

T = TypeVar("T")
RUN = r"\w[\w.-]*"
LONGEST_RUN = 100
RUN_IN_WORDS = f"up to {LONGEST_RUN} letters, digits and _, or . and - but not first"
"""What a run may be called: files are named after it."""
_LONGEST = 100
_MOST, _NEAR = 400, 12


def lookup(registry: Mapping[str, T], name: str, what: str) -> T:
    """Return ``registry[name]``.

    Raises:
        ValueError: If there is none; the message names the nearest and the allowed ones.
    """
    if not isinstance(name, str) or name not in registry:
        raise ValueError(unknown(name, registry, what))
    return registry[name]


def shown(value: object) -> str:
    """Return a value as messages show it: as it is written, but not all of a long one."""
    text = repr(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def unknown(name: object, allowed: Iterable[str], what: str, listed: str | None = None) -> str:
    """Return one line that says ``name`` is unknown, what is nearest, and what is allowed.

    Args:
        name: What was given.
        allowed: All that there are; the nearest is one of them.
        what: What they are: "solver".
        listed: What to say instead of all their names, where they are many.
    """
    known = sorted(set(allowed))
    if not known:
        return f"unknown {what} {shown(name)}: there are none here"
    nearest = get_close_matches(str(name)[:_LONGEST], known, n=1, cutoff=0.5)
    hint = f"; did you mean {nearest[0]!r}?" if nearest else ""
    return f"unknown {what} {shown(name)}{hint} (known: {listed or _some(known, str(name))})"


def _some(known: list[str], name: str) -> str:
    """Return all names, or, where they are many, those that are nearest and how many others."""
    if len(", ".join(known)) <= _MOST:
        return ", ".join(known)
    near = get_close_matches(name[:_LONGEST], known, n=_NEAR, cutoff=0.0)
    return f"{', '.join(sorted(near))} and {len(known) - len(near)} others"

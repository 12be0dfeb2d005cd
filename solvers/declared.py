"""What a sampler says of itself: what stands in a cell's key, and every number resolved."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sampler_bench.kit import file_parameters, own_files
from sampler_bench.kit.canonical import text_of

Part = Mapping[str, Any]
ALWAYS = frozenset({"rho", "power", "epsilon_s", "M", "C_1", "C_2", "j_0"})
"""Numbers of levels and schedules that stand in a key at their defaults, too. One that is added
later is not among them: no key that there was may change by it."""


@dataclass(frozen=True)
class Declared:
    """What was asked for, twice: as an identity, and to be read.

    Attributes:
        parts: What decides the samples, part by part: "rule" or "whole", "grid", "path",
            "schedule", "scaling", "options". A part that nothing of the sampler sees, and a number
            at its neutral value, are not there, so that new options change no old key.
        settings: Every name and number, resolved: of a "sampler" the arguments of
            :func:`solvers.build`, and those of another "measurement".
    """

    parts: Mapping[str, Part]
    settings: Mapping[str, Part]


def part(name: str, own: Mapping[str, Any], neutral: Mapping[str, Any]) -> dict[str, Any]:
    """Return a part with those of its own numbers that are not neutral.

    Args:
        name: Its name; of one's own, pinned to a text.
        own: Its numbers.
        neutral: Their values where nothing is asked for.
    """
    differing = {k: v for k, v in own.items() if k not in neutral or v != neutral[k]}
    return {"name": own_files.shown(name), **numbers(differing)}


def added(defaults: Mapping[str, Any]) -> dict[str, Any]:
    """Return those of the defaults of levels, or of a schedule, that are in no key."""
    return {name: value for name, value in defaults.items() if name not in ALWAYS}


def numbers(own: Mapping[str, Any]) -> dict[str, Any]:
    """Return numbers as a key holds them: of files what is in them, of functions their name."""
    return {name: _plain(value) for name, value in own.items()}


def settings(own: Mapping[str, Any]) -> dict[str, Any]:
    """Return numbers as a table shows them: as a key holds them, lists as texts."""
    plain = numbers(own)
    return {k: text_of(v) if isinstance(v, list | tuple) else v for k, v in plain.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, str) and own_files.parsed(value):
        return own_files.shown(value)
    return file_parameters.in_key(value)

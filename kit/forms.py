"""What a part of one's own may be: told from how it is written, before anything is made of it."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Forms:
    """The forms of one kind of part.

    Attributes:
        row: ``"module:function"``: makes a row of an object, or raises ValueError, one line.
        functions: Positional parameters of a function, by what the form is called.
        bases: The last names of classes that a class may inherit from: "Schedule".
        others: What else it may be, in words.
        keywords: Whether a function's keyword-only arguments can be set.
        reserved: Names of modules that stand for something else: "ideal" in ``ideal:DATA``.
    """

    row: str
    functions: Mapping[str, Sequence[str]] = field(default_factory=dict)
    bases: Sequence[str] = ()
    others: Sequence[str] = ()
    keywords: bool = True
    reserved: Sequence[str] = ()

    def of(self, takes: Sequence[str]) -> str | None:
        """Return the form of a function by its positional parameters; ``None`` if it has none."""
        found = [form for form, names in self.functions.items() if tuple(takes) == tuple(names)]
        return found[0] if found else None

    def of_function(self, function: Callable[..., Any]) -> str | None:
        """Return the form of a function; ``None`` if it has none."""
        return self.of(positional(function))

    def refused(self, what: str, name: str, found: Any) -> ValueError:
        """Return the error of an object that has no form: what it is, and all that it may be."""
        allowed = [
            f"{form} f({', '.join(takes)})".strip() for form, takes in self.functions.items()
        ]
        if allowed:
            allowed[-1] += ", parameters of its own after *"
        allowed += [f"a class on {base}" for base in self.bases]
        *most, last = [*allowed, *self.others]
        either = f"{', '.join(most)} or {last}" if most else last
        return ValueError(f"{what} {name} is {_told(found)}; it must be {either}")


def positional(function: Callable[..., Any]) -> tuple[str, ...]:
    """Return the names of a function's positional parameters."""
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    signature = inspect.signature(function).parameters.values()
    return tuple(p.name for p in signature if p.kind in kinds)


def _told(found: Any) -> str:
    if inspect.isclass(found):
        return f"class {found.__name__}"
    if inspect.isroutine(found):
        return f"a function of ({', '.join(inspect.signature(found).parameters)})"
    return f"a {type(found).__name__}"

"""What a part of one's own may be: told from how it is written, before anything is made of it."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sampler_bench.kit.description import Definition


@dataclass(frozen=True)
class Forms:
    """The forms of one kind of part.

    Attributes:
        row: ``"module:function"``: makes a row of an object, or raises ValueError, one line.
        functions: Positional parameters of a function, by what the form is called.
        bases: The last names of classes that a class may inherit from: "Schedule".
        methods: What a class may have instead of inheriting from one of them.
        others: What else it may be, in words.
        keywords: Whether a function's keyword-only arguments can be set.
        reserved: Names of modules that stand for something else: "ideal" in ``ideal:DATA``.
    """

    row: str
    functions: Mapping[str, Sequence[str]] = field(default_factory=dict)
    bases: Sequence[str] = ()
    methods: Sequence[str] = ()
    others: Sequence[str] = ()
    keywords: bool = True
    reserved: Sequence[str] = ()

    def take(self, found: Definition) -> bool:
        """Return whether a function or class of a file is written as one of them."""
        if found.takes is not None:  # a function without arguments may be anything
            return bool(found.takes) and self.of(found.takes) is not None
        has_methods = set(self.methods) <= set(found.methods) if self.methods else False
        return has_methods or not set(self.bases).isdisjoint(found.bases)

    def of(self, takes: Sequence[str]) -> str | None:
        """Return the form of a function by its positional parameters; ``None`` if it has none."""
        found = [form for form, names in self.functions.items() if tuple(takes) == tuple(names)]
        return found[0] if found else None

    def of_function(self, function: Callable[..., Any]) -> str | None:
        """Return the form of a function; ``None`` if it has none."""
        return self.of(positional(function))

    def refused(self, what: str, name: str, found: Any) -> ValueError:
        """Return the error of an object that has no form: what it is, and all that it may be."""
        return ValueError(f"{what} {name} is {_told(found)}; {self.allowed}")

    @property
    def allowed(self) -> str:
        """All that a part may be, in words."""
        allowed = [f"{form} f({', '.join(takes)})" for form, takes in self.functions.items()]
        if allowed and self.keywords:
            allowed[-1] += ", parameters of its own after *"
        allowed += [f"a class on {base}" for base in self.bases]
        *most, last = [*allowed, *self.others]
        either = f"{', '.join(most)} or {last}" if most else last
        return f"it must be {either}"


def positional(function: Callable[..., Any]) -> tuple[str, ...]:
    """Return the names of a function's positional parameters."""
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    signature = inspect.signature(function).parameters.values()
    return tuple(p.name for p in signature if p.kind in kinds)


def _told(found: Any) -> str:
    if inspect.isclass(found):
        return f"the class {found.__name__}"
    if inspect.isroutine(found):
        return f"a function of ({', '.join(inspect.signature(found).parameters)})"
    return f"a {type(found).__name__}"

"""Parts by name: a row is imported when it is first used, and described from its source."""

import dataclasses
import inspect
import pkgutil
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any, Generic, TypeVar

from sampler_bench.kit import description, own_files
from sampler_bench.kit.description import defined_in
from sampler_bench.kit.forms import Forms
from sampler_bench.kit.names import lookup
from sampler_bench.kit.source import UnreadableError

T = TypeVar("T")


class Registry(MutableMapping[str, T], Generic[T]):
    """A dictionary of rows, of which some are still to be imported.

    A row that is a text, ``"module:name"``, is the object of that name, imported when the row is
    first asked for; its name alone (iteration, ``in``) imports nothing. Any other row is itself.
    Where there are ``forms``, a name may also stand for a part of a user's own (``own_files``):
    such a row is there by being asked for, and not listed.

    Args:
        what: What one row is, in messages: "solver".
        rows: The rows that ship, by name.
        wrap: ``"module:Row"``, a dataclass whose first field is a function: an imported function
            becomes such a row, whose other fields are the function's attributes of those names
            (:func:`~sampler_bench.kit.description.facts`); an imported class one of its instances.
        method: The method of imported classes whose keyword-only arguments are their parameters.
        group: Other packages add rows by entry points ``sampler_bench.GROUP``; none if empty.
        forms: What a row may be made of, and how; not every object is one then.
    """

    def __init__(
        self,
        what: str,
        rows: Mapping[str, Any],
        *,
        wrap: str = "",
        method: str = "",
        group: str = "",
        forms: Forms | None = None,
    ) -> None:
        self.what, self.group, self.forms = what, group, forms
        self._rows: dict[str, Any] = dict(rows)
        self._wrap, self._method = wrap, method
        self._own: dict[str, T] = {}

    def __getitem__(self, name: str) -> T:
        """Return a row, imported.

        Raises:
            KeyError: If there is none.
            ValueError: If it cannot be imported; one line.
        """
        if name not in self._rows and self.is_own(name):
            return self._own_row(name)
        row = self._rows[name]
        if isinstance(row, str):
            row = self._rows[name] = self._imported(name, row)
        return row

    def is_own(self, name: object) -> bool:
        """Return whether a name is spelled as a part of a user's own, and is no row's."""
        spec = None if self.forms is None else own_files.parsed(name)
        if self.forms is None or spec is None or name in self._rows:
            return False
        return spec.place.partition(":")[0] not in self.forms.reserved

    def pinned(self, name: str) -> str:
        """Return a name; of a user's own part one that stands for its present text.

        Raises:
            ValueError: If there is no such file or name; one line.
        """
        return own_files.pinned(name, self.what) if self.is_own(name) else name

    @property
    def allowed(self) -> str:
        """All that a row of a user's own may be made of, in words."""
        return self.forms.allowed if self.forms else "none"

    def form_of(self, told: description.Description) -> str | None:
        """Return what the form of a function is called; ``None`` if it has none."""
        return self.forms.of(told.takes) if self.forms else None

    def own_in(self, path: str) -> list[str]:
        """Return the names of the parts of this kind in a user's own file.

        Raises:
            ValueError: If it cannot be read as Python; one line.
        """
        forms = self.forms or Forms("")
        own_files.text_of(Path(path), "")
        return [f"{path}:{each.name}" for each in defined_in(Path(path)) if forms.take(each)]

    def __setitem__(self, name: str, row: T | str) -> None:
        self._rows[name] = row

    def __delitem__(self, name: str) -> None:
        del self._rows[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)

    def __contains__(self, name: object) -> bool:
        return name in self._rows or self.is_own(name)

    def __repr__(self) -> str:
        return f"<{self.what}s: {', '.join(self)}>"

    @contextmanager
    def in_one_line(self, name: str) -> Iterator[None]:
        """Turn what a user's own part raises into a ValueError of one line that names the part."""
        with own_files.in_one_line(f"{self.what} {own_files.shown(name)}: "):
            yield

    def lookup(self, name: str) -> T:
        """Return a row.

        Raises:
            ValueError: If there is none; one line that names the nearest and the allowed ones.
        """
        return lookup(self, name, self.what)

    def described(self, name: str) -> description.Description:
        """Return what a row says of itself; it is imported only where its source does not tell.

        Raises:
            ValueError: If it then cannot be imported; one line.
        """
        row = name if self.is_own(name) else self._rows[name]
        if isinstance(row, str):
            try:
                return description.read(row, self._wrap, self._method)
            except UnreadableError:
                row = self[name]
        return description.of(row, self._wrap, self._method)

    def add_entry_points(self) -> None:
        """Add the rows of other packages, which are imported when they are used.

        Raises:
            ValueError: If one would replace a row that is there.
        """
        for point in entry_points(group=f"sampler_bench.{self.group}") if self.group else ():
            if point.name in self:
                where = f"plugin {point.value}: {self.group}"
                raise ValueError(f"{where} already has a {point.name!r}")
            self._rows[point.name] = _target(point)

    def _imported(self, name: str, target: str) -> T:
        try:
            return self._made(name, pkgutil.resolve_name(target))
        except (Exception, SystemExit) as error:
            reason = " ".join(f"{type(error).__name__}: {error}".split())
            raise ValueError(
                f"{self.what} {name!r}: {target} cannot be loaded: {reason}"
            ) from error

    def _own_row(self, name: str) -> T:
        if name in self._own:
            return self._own[name]
        loaded = own_files.load(name, self.what)
        pinned = str(loaded.spec)
        if pinned not in self._own:
            told = own_files.shown(pinned)
            with own_files.in_one_line(f"{self.what} {told}: "):
                self._own[pinned] = self._made(told, loaded.thing)
        return self._own[pinned]

    def _made(self, name: str, found: Any) -> Any:
        if self.forms is not None:
            return pkgutil.resolve_name(self.forms.row)(name, found)
        return self._wrapped(found) if self._wrap else found

    def _wrapped(self, found: Any) -> Any:
        if inspect.isclass(found):
            return found()
        if not inspect.isroutine(found):
            return found
        row = pkgutil.resolve_name(self._wrap)
        names = [f.name for f in dataclasses.fields(row)][1:]
        return row(found, **{name: getattr(found, name) for name in names if hasattr(found, name)})


def _target(point: EntryPoint) -> str:
    return f"{point.module}:{point.attr}" if point.attr else point.module

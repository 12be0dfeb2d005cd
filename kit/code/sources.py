"""Finding the source of a module: ours, a user's beside another, an installed one's, a cell's."""

import importlib.util
import linecache
import sys
import sysconfig
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import metadata
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
from types import ModuleType
from typing import Any

from sampler_bench.kit import own_files
from sampler_bench.kit.code.module import Module, Place
from sampler_bench.kit.code.uses import Import
from sampler_bench.kit.source import UnreadableError, specification

OURS = __name__.partition(".")[0]
ENVIRONMENT = frozenset({"torch", "numpy"})
"""With Python what everything runs on: recorded, and no part of the code."""
_LIBRARIES = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
_SITES = {"site-packages", "dist-packages"}


@dataclass(frozen=True)
class Installed:
    """Another distribution, known by name and version."""

    name: str
    version: str


@dataclass(frozen=True)
class Compiled:
    """A module without source that is nobody's distribution: known by its bytes."""

    name: str
    path: Path


Found = Module | Installed | Compiled | None
"""``None`` is the environment, or nothing at all."""


@dataclass(eq=False)
class Sources:
    """Modules, each read once: what a process imported does not change while it lives.

    Args:
        read: Returns the bytes of a file.
    """

    read: Callable[[Path], bytes] = Path.read_bytes
    _known: dict[Any, Found] = field(default_factory=dict)
    _kept: list[Any] = field(default_factory=list)

    def of_name(self, name: str) -> Found:
        """Return a module as an import would find it, without importing it."""
        if name not in self._known:
            self._known[name] = self._of_name(name)
        return self._known[name]

    def of_function(self, function: Any) -> Found:
        """Return the module that a function of Python stands in."""
        namespace = function.__globals__
        own = _own(lambda module: vars(module) is namespace)
        if own is not None:
            return self._of_own(*own)
        name = namespace.get("__name__", function.__module__)
        return self._of_namespace(namespace, name, function.__code__.co_filename)

    def of_class(self, cls: type) -> Found:
        """Return the module that a class stands in."""
        outermost = cls.__qualname__.partition(".")[0]
        functions = [f for f in vars(cls).values() if _is_of(f, cls)]
        if functions:
            return self.of_function(functions[0])
        name = cls.__module__
        own = _own(lambda m: m.__name__ == name and vars(m).get(outermost) is cls)
        own = own or _own(lambda m: m.__name__ == name)
        if own is not None:
            return self._of_own(*own)
        module = sys.modules.get(cls.__module__)
        return self._of_namespace({} if module is None else vars(module), cls.__module__, "")

    def imported(self, module: Module, what: Import) -> Found:
        """Return the module that an import names."""
        name = what.module if what.deep else what.module.partition(".")[0]
        if what.level:
            above = module.place.package.split(".")
            above = above[: len(above) - what.level + 1]
            name = ".".join([*above, name] if name else above)
        return self.beside(module, name)

    def beside(self, module: Module, name: str) -> Found:
        """Return a module by its name, as it is known from within another."""
        place = module.place
        if place.folder is None:
            return self.of_name(name)
        path = _file(place.folder, name)
        if path is None:
            return self.of_name(name)
        return self._of_file(name, path, place.folder, place.texts)

    def _of_name(self, name: str) -> Found:
        root = name.partition(".")[0]
        if root in ENVIRONMENT or root in sys.stdlib_module_names or root == "__main__":
            return None
        try:
            origin = specification(name).origin
            package = specification(name).submodule_search_locations is not None
            installed = None if root == OURS else _distribution(root, specification(root))
        except UnreadableError:
            return None
        if installed is not None or origin is None:
            return installed
        if origin.endswith(tuple(EXTENSION_SUFFIXES)):
            return Compiled(name, Path(origin))
        place = Place(name, Path(origin), name if package else name.rpartition(".")[0])
        try:
            return self._parsed(place)
        except OSError:
            return None

    def _of_own(self, module: ModuleType, loaded: own_files.Texts) -> Found:
        """Return a module of a user's own, by its text as it was loaded."""
        path = Path(str(module.__file__))
        name = path.stem if path == loaded.path else module.__name__
        return self._of_file(name, path, loaded.path.parent, loaded.texts)

    def _of_file(self, name: str, path: Path, folder: Path, texts: Mapping[str, bytes]) -> Found:
        if path.name.endswith(tuple(EXTENSION_SUFFIXES)):
            return Compiled(name, path)
        key = (name, path, id(texts))
        if key not in self._known:
            self._kept.append(texts)  # so that no other ever has its id
            package = name if path.name == "__init__.py" else name.rpartition(".")[0]
            self._known[key] = self._parsed(Place(name, path, package, folder, texts))
        return self._known[key]

    def _of_namespace(self, namespace: Mapping[str, Any], name: str, filename: str) -> Found:
        if name != "__main__":
            return self.of_name(name)
        file = namespace.get("__file__")
        if file is not None and filename in {"", "<string>", file, str(Path(file).resolve())}:
            path = Path(file).resolve()
            return self._of_file(path.stem, path, path.parent, _NO_TEXTS)
        return self._of_cell(namespace, filename)

    def _of_cell(self, namespace: Mapping[str, Any], filename: str) -> Found:
        """Return a cell of a notebook, or what was typed: the text that Python keeps of it."""
        if filename not in self._known:
            text = "".join(linecache.getlines(filename))
            place = Place("__main__", None, folder=Path.cwd())
            self._known[filename] = Module(place, text, namespace) if text else None
        return self._known[filename]

    def _parsed(self, place: Place) -> Found:
        assert place.path is not None
        data = place.texts.get(str(place.path)) or self.read(place.path)
        try:
            return Module(place, importlib.util.decode_source(data))
        except (SyntaxError, ValueError, RecursionError):  # compiled, and its source is gone
            return Compiled(place.name, place.path)


_NO_TEXTS: dict[str, bytes] = {}


def is_environment(name: str) -> bool:
    """Whether a module belongs to Python, or to what everything runs on."""
    root = name.partition(".")[0]
    return root in ENVIRONMENT or (root in sys.stdlib_module_names and root != "__main__")


def _own(is_it: Callable[[ModuleType], bool]) -> tuple[ModuleType, own_files.Texts] | None:
    found = (each for each in own_files.modules() if is_it(each[0]))
    return next(found, None)


def _is_of(function: Any, cls: type) -> bool:
    """Whether a class's attribute is a function of Python that stands in the class's module."""
    names = getattr(function, "__globals__", {})
    return names.get("__name__") == cls.__module__ and hasattr(function, "__code__")


def _file(folder: Path, name: str) -> Path | None:
    """Return the file of a module in a folder."""
    if str(folder) in _LIBRARIES:
        return None
    base = folder.joinpath(*name.split("."))
    candidates = [base / "__init__.py"]
    candidates += [base.with_name(base.name + suffix) for suffix in (*EXTENSION_SUFFIXES, ".py")]
    return next((path for path in candidates if path.is_file()), None)


def _distribution(root: str, spec: Any) -> Installed | None:
    """Return the distribution of a module by its first word, if it was installed as it is.

    One that stands elsewhere is worked on: an editable one, or a file.
    """
    places = [spec.origin or "", *(spec.submodule_search_locations or ())]
    if not any(part in _SITES for place in places for part in Path(place).parts):
        return None
    try:
        return Installed(root, metadata.version(root))
    except metadata.PackageNotFoundError:
        names = _distributions().get(root)
        return Installed(names[0], metadata.version(names[0])) if names else None


@cache
def _distributions() -> Mapping[str, list[str]]:
    return metadata.packages_distributions()

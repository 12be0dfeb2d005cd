"""Parts from a file of one's own: ``"mine.py:two_thirds"``, without a package or an installation.

A file is run as a module of a private name, from the bytes that were read. Modules beside it may be
imported at its top; they come before all others, are read anew with it, and stay its own. A module
that can be imported (``"my_package.steps:two_thirds"``) is named in the same way.

What enters a key is the name and a digest of the text, that of modules beside it included, never a
path. A name that is *pinned*, ``"/home/me/mine.py:two_thirds@0123456789abcdef"``, stands for this
text for as long as the process lives, whatever becomes of the file.
"""

import ast
import hashlib
import importlib
import inspect
import sys
import sysconfig
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

from sampler_bench.kit.bounds import SMALL, content, reason, size_of
from sampler_bench.kit.canonical import KEY_LENGTH
from sampler_bench.kit.names import unknown

_SUFFIX = ".py"
_KEPT = "own_file"
"""What the private names of such modules begin with."""


@dataclass(frozen=True)
class Spec:
    """What the text ``PLACE:NAME@DIGEST`` says.

    Attributes:
        place: A path that ends in ``.py``, or a module's name.
        name: What it is called there.
        digest: Of which text; empty for whatever stands there now.
    """

    place: str
    name: str
    digest: str = ""

    @property
    def is_file(self) -> bool:
        """Whether the place is a file."""
        return self.place.endswith(_SUFFIX)

    def __str__(self) -> str:
        return f"{self.place}:{self.name}" + (f"@{self.digest}" if self.digest else "")


@dataclass(frozen=True)
class Loaded:
    """An object of a user's own.

    Attributes:
        thing: The object.
        spec: What it was loaded from, pinned.
        files: SHA-256 of every text that it was made of, by path; the file's own first.
    """

    thing: Any
    spec: Spec
    files: Mapping[str, str]


@dataclass(frozen=True)
class Texts:
    """What a user's file was made of, as it was when it was run.

    Attributes:
        path: The file.
        texts: Its bytes, and those of modules beside it, by path.
    """

    path: Path
    texts: Mapping[str, bytes]


@dataclass(frozen=True)
class _Run:
    module: ModuleType
    digest: str
    files: Mapping[str, str]
    texts: Texts | None = None
    beside: Sequence[ModuleType] = ()


_RUNS: dict[tuple[str, str], _Run] = {}
"""By place and digest: the text of a pinned name stays."""


def parsed(text: object) -> Spec | None:
    """Return what a text names; ``None`` if it is not spelled as a part of one's own."""
    if not isinstance(text, str):
        return None
    place, _, name = text.rpartition(":")
    name, at, digest = name.partition("@")
    if not name.isidentifier() or bool(at) != (len(digest) == KEY_LENGTH):
        return None
    is_module = all(word.isidentifier() for word in place.split("."))
    return Spec(place, name, digest) if place.endswith(_SUFFIX) or is_module else None


def absolute(text: str, folder: Path) -> str:
    """Return a name whose path, if it has one, does not depend on where it is read."""
    spec = parsed(text)
    if spec is None or not spec.is_file:
        return text
    try:
        place = (folder / Path(spec.place).expanduser()).resolve()
    except (OSError, RuntimeError, ValueError):  # no home; a loop of links; a zero byte
        return text
    return str(Spec(str(place), spec.name, spec.digest))


def pinned(text: str, what: str) -> str:
    """Return a name that stands for the present text of its file.

    Raises:
        ValueError: As :func:`load`.
    """
    return str(load(text, what).spec)


def shown(text: str) -> str:
    """Return what labels and keys call a part: ``file:NAME`` if it is of one's own."""
    spec = parsed(text)
    return text if spec is None else f"file:{spec.name}"


def in_key(kind: str, text: str) -> dict[str, str]:
    """Return a part's settings in a cell's key; the digest stands beside the name.

    Args:
        kind: What it is: "solver".
        text: Its name, pinned if it is of one's own.
    """
    spec = parsed(text)
    return {kind: shown(text)} | ({f"{kind}_file": spec.digest} if spec else {})


def files(text: str) -> Mapping[str, str]:
    """Return the SHA-256 of each file that a pinned part was made of; none for any other name."""
    spec = parsed(text)
    run = _RUNS.get((spec.place, spec.digest)) if spec else None
    return {} if run is None else run.files


def texts(text: str) -> Texts | None:
    """Return what a pinned part of a file was made of; ``None`` for any other name."""
    spec = parsed(text)
    run = _RUNS.get((spec.place, spec.digest)) if spec else None
    return None if run is None else run.texts


def modules() -> Iterator[tuple[ModuleType, Texts]]:
    """Yield the modules that users' files and those beside them became, and their texts."""
    for run in _RUNS.values():
        if run.texts is not None:
            yield from ((module, run.texts) for module in (run.module, *run.beside))


def load(text: str, what: str) -> Loaded:
    """Return what stands in a file or module.

    Args:
        text: Its name; a path in it is relative to the working directory.
        what: What it is to be, in messages: "solver".

    Raises:
        ValueError: If there is no such file, module or name, it is not Python, or it raises
            something; one line. Also if a pinned text is not there any more.
    """
    told = parsed(text)
    if told is None:
        raise ValueError(f"{what} {text!r} is not spelled FILE.py:NAME or MODULE:NAME")
    spec = told if told.digest else parsed(absolute(text, Path.cwd())) or told
    where = f"{what} '{told.place}:{told.name}': "
    run = _RUNS.get((spec.place, spec.digest))
    if run is None:
        run = _run(Path(spec.place), where) if spec.is_file else _import(spec.place, where)
    if spec.digest not in {"", run.digest}:
        raise ValueError(f"{where}{spec.place} was changed since")
    if not hasattr(run.module, spec.name):
        known = public(run.module)
        raise ValueError(where + unknown(spec.name, known, f"name in {Path(spec.place).name}"))
    thing = getattr(run.module, spec.name)
    return Loaded(thing, Spec(spec.place, spec.name, run.digest), run.files)


def public(module: ModuleType) -> list[str]:
    """Return the names that a module gives to things of its own."""
    return [
        name
        for name, thing in vars(module).items()
        if not name.startswith("_")
        and not inspect.ismodule(thing)
        and getattr(thing, "__module__", module.__name__) == module.__name__
    ]


def digest_of(path: Path) -> str:
    """Return the SHA-256 of a file.

    Raises:
        OSError: If it cannot be read.
    """
    size_of(path)  # or a pipe would be waited for
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def changed(files: Mapping[str, str]) -> str:
    """Return what is no longer as it was, in words; empty if all is.

    Args:
        files: SHA-256 by path, as :class:`Loaded` has them, or its beginning.
    """
    for path, digest in files.items():
        try:
            if not digest_of(Path(path)).startswith(digest):
                return f"{path} was changed since"
        except FileNotFoundError:
            return f"{path} is not there any more"
        except OSError as error:
            return f"{path} cannot be read: {error.strerror}"
    return ""


def text_of(path: Path, where: str) -> bytes:
    """Return the text of a file of Python.

    Raises:
        ValueError: If it cannot be read, or is none; one line that begins with ``where``.
    """
    try:
        text = content(path, SMALL)
    except FileNotFoundError:
        raise ValueError(f"{where}there is no file {path}") from None
    except (OSError, ValueError) as error:
        raise ValueError(f"{where}{path} cannot be read: {reason(error)}") from None
    try:
        compile(text, path, "exec", dont_inherit=True)
    except Exception as error:
        raise ValueError(where + told(error, path)) from None
    return text


def _digest(text: bytes) -> str:
    return hashlib.sha256(text).hexdigest()


def _run(path: Path, where: str) -> _Run:
    """Run a file, unless this text of it was run before."""
    text = text_of(path, where)
    beside = _beside(path.parent, text)
    texts = {str(path): text}
    try:
        texts |= {str(each): each.read_bytes() for paths in beside.values() for each in paths}
    except OSError as error:
        raise ValueError(f"{where}{error.filename} cannot be read: {error.strerror}") from None
    files = {place: _digest(each) for place, each in texts.items()}
    own, *others = files.values()
    # A lone file's digest is its own, so that anybody can make it again.
    digest = _digest("".join([own, *sorted(others)]).encode()) if others else own
    digest = digest[:KEY_LENGTH]
    key = (str(path), digest)
    if key not in _RUNS:
        module = ModuleType(f"{_KEPT}_{path.stem}_{digest}")
        module.__file__ = str(path)
        sys.modules[module.__name__] = module  # dataclasses look for it there
        try:
            with _first(path.parent, beside, texts) as found:
                exec(compile(text, path, "exec", dont_inherit=True), vars(module))
        except (Exception, SystemExit) as error:
            del sys.modules[module.__name__]
            raise ValueError(where + told(error, path)) from error
        _RUNS[key] = _Run(module, digest, files, Texts(path, texts), found.modules)
    return _RUNS[key]


def _import(name: str, where: str) -> _Run:
    """Import a module; a text that was imported stays for as long as the process lives."""
    try:
        module = importlib.import_module(name)
    except (Exception, SystemExit) as error:
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        raise ValueError(f"{where}{name} cannot be imported: {reason}") from error
    known = [run for run in _RUNS.values() if run.module is module]
    if known:
        return known[0]
    try:
        path = Path(inspect.getsourcefile(module) or "")
        digest = digest_of(path)
    except (OSError, TypeError):
        raise ValueError(f"{where}{name} has no source, which its digest is of") from None
    run = _Run(module, digest[:KEY_LENGTH], {str(path): digest})
    return _RUNS.setdefault((name, run.digest), run)


class _AsWritten(SourceFileLoader):
    """Loads a module from its text alone.

    Python's cache of compiled modules goes by time and size: a text changed within a second, of the
    same length, would run as it was before.
    """

    texts: Mapping[str, bytes] = {}

    def get_code(self, fullname: str) -> CodeType:
        """Return the compiled text."""
        path = self.get_filename(fullname)
        return self.source_to_code(self.texts.get(path) or self.get_data(path), path)


class _first:  # noqa: N801 - used as a function
    """While it is entered, modules beside a file come before all others; then they are gone."""

    def __init__(
        self, folder: Path, beside: Mapping[str, list[Path]], texts: Mapping[str, bytes]
    ) -> None:
        self.folder, self.names, self.texts = str(folder), set(beside), texts
        self.modules: list[ModuleType] = []

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: object = None
    ) -> ModuleSpec | None:
        """Find a module beside the file, as finders in ``sys.meta_path`` do."""
        if fullname.partition(".")[0] not in self.names:
            return None
        spec = PathFinder.find_spec(fullname, [self.folder] if path is None else path)
        if spec is not None and isinstance(spec.loader, SourceFileLoader):
            spec.loader = _AsWritten(spec.loader.name, spec.loader.path)
            spec.loader.texts = self.texts
        return spec

    def __enter__(self) -> "_first":
        self.others = self._taken_out()
        sys.meta_path.insert(0, self)
        sys.path.insert(0, self.folder)
        importlib.invalidate_caches()  # a file that was written a moment ago
        return self

    def __exit__(self, *error: object) -> None:
        sys.meta_path.remove(self)
        with suppress(ValueError):  # the file itself may have put it elsewhere
            sys.path.remove(self.folder)
        self.modules += self._taken_out().values()
        sys.modules.update(self.others)

    def _taken_out(self) -> dict[str, ModuleType]:
        names = [name for name in sys.modules if name.partition(".")[0] in self.names]
        return {name: sys.modules.pop(name) for name in names}


def _beside(folder: Path, text: bytes) -> dict[str, list[Path]]:
    """Return the files of modules in a folder that a text imports, and those they import."""
    found: dict[str, list[Path]] = {}
    if str(folder) in {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}:
        return found
    todo = [text]
    while todo:
        for name in _imported(todo.pop()):
            if name not in found and (files := _files(folder, name)):
                found[name] = files
                todo += [path.read_bytes() for path in files]
    return found


def _files(folder: Path, name: str) -> list[Path]:
    if (folder / name / "__init__.py").is_file():
        return sorted((folder / name).rglob("*.py"))
    path = folder / f"{name}.py"
    return [path] if path.is_file() else []


def _imported(text: bytes) -> Iterator[str]:
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):  # said when it is run
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            yield node.module.partition(".")[0]


@contextmanager
def in_one_line(where: str = "") -> Iterator[None]:
    """Turn what a user's own code raises into a ValueError of one line that says where.

    What other code raised is no fault of the user's; kinds of ValueError have a meaning of theirs.

    Args:
        where: What the line begins with.
    """
    try:
        yield
    except (Exception, SystemExit) as error:
        has_meaning = isinstance(error, ValueError) and type(error) is not ValueError
        if has_meaning or _place(error) is None:
            raise
        raise ValueError(where + told(error)) from error


def told(error: BaseException, path: Path | None = None) -> str:
    """Return what an exception says, and at which line of a file of one's own; one line.

    Args:
        error: The exception.
        path: A file that is being run; those that were are known.
    """
    place = _place(error, path)
    reason = error.msg if isinstance(error, SyntaxError) else str(error)
    said = f"{place}: " if place else ""
    return " ".join(f"{said}{type(error).__name__}: {reason}".split())


def _place(error: BaseException, path: Path | None = None) -> str | None:
    if isinstance(error, SyntaxError) and error.filename:
        return f"{Path(error.filename).name}, line {error.lineno}"
    known = {next(iter(run.files)) for run in _RUNS.values()} | {str(path)}
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if frame.filename in known]
    return f"{Path(own[-1].filename).name}, line {own[-1].lineno}" if own else None

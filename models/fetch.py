"""Published files, brought to this machine by name: ``bench fetch NAME``.

    path = models.fetch.fetch("edm-cifar10-32x32-cond-vp")
    path = models.fetch.verified("edm-cifar10-32x32-cond-vp")  # later, and without a network

A file's digest is pinned when it first comes, and compared ever after.
"""

import hashlib
import pickle
import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from filelock import Timeout

from sampler_bench.kit.content import misnamed, mistaken_file
from sampler_bench.kit.files import make_folder, put, remove, sweep, whole
from sampler_bench.kit.names import unknown
from sampler_bench.models.cache import Cache, FetchError, chunks_of, digest_of
from sampler_bench.models.checkpoints import opcodes
from sampler_bench.models.download import Progress, Received, download, shown
from sampler_bench.models.published import (
    PUBLISHED,
    REFERENCES,
    Published,
    PublishedFile,
    PublishedReference,
)


class NotHere(FetchError):  # noqa: N818
    """Something that is published but not on this machine.

    Attributes:
        name: What it is called.
        command: What to type.
    """

    def __init__(self, name: str) -> None:
        self.name, self.command = name, f"bench fetch {name}"
        super().__init__(f"{name} is not on this machine; type: {self.command}")


@dataclass(frozen=True)
class Item:
    """Something that can be fetched.

    Attributes:
        name: What the user calls it: a published name, or an address.
        folder: Its place in the cache.
        files: Its files.
        release: The published row, if it is one.
    """

    name: str
    folder: str
    files: tuple[PublishedFile, ...]
    release: Published | PublishedReference | None = None

    def path(self, cache: Cache) -> Path:
        """Return where it lies: its file, or its folder if it has several."""
        folder = cache.root / self.folder
        return folder / self.files[0].name if len(self.files) == 1 else folder

    def is_here(self, cache: Cache) -> bool:
        """Return whether all of its files are on this machine."""
        return all((cache.root / self.key(file)).is_file() for file in self.files)

    def key(self, file: PublishedFile) -> str:
        """Return a file's place in the cache, which is also what it is pinned under."""
        return f"{self.folder}/{file.name}"


def find(name: str) -> Item:
    """Return what is called ``name``: a published checkpoint or reference, or an http(s) address.

    Raises:
        FetchError: If there is nothing of that name; the message has the nearest one.
    """
    if name in PUBLISHED:
        return Item(name, f"models/{name}", PUBLISHED[name].files, PUBLISHED[name])
    if name in REFERENCES:
        return Item(name, f"references/{name}", REFERENCES[name].files, REFERENCES[name])
    if "://" in name:
        return _at_address(name)
    listed = "those of bench list models and bench list references"
    raise FetchError(unknown(name, [*PUBLISHED, *REFERENCES], "checkpoint or reference", listed))


def path_of(name: str, cache: Path | None = None) -> Path | None:
    """Return where something lies if it is on this machine, unchecked; otherwise ``None``."""
    item, place = find(name), _cache(cache)
    return item.path(place) if item.is_here(place) else None


def verified(name: str, cache: Path | None = None) -> Path:
    """Return where something lies, after comparing its digest with the pinned one.

    Raises:
        NotHere: If it is not on this machine.
        FetchError: If there is nothing of that name, or it is not what was pinned.
    """
    item, place = find(name), _cache(cache)
    if not item.is_here(place):
        raise NotHere(name)
    for file in item.files:
        _verify(item, file, place)
    return item.path(place)


def fetch(
    name: str,
    progress: Progress | None = None,
    cache: Path | None = None,
    again: bool = False,
    source: Path | None = None,
) -> Path:
    """Return where something lies, after bringing what of it is missing.

    Args:
        name: A published checkpoint or reference, or an http(s) address.
        progress: Told what is going on, the bytes that are here, and how many it will be.
        cache: The cache's folder, instead of the usual one.
        again: Bring it even if it is here, and pin it anew.
        source: Take this file (or folder, where there are several) instead of downloading.

    Raises:
        FetchError: If it cannot be brought, or is not what was pinned; one line. What came is kept
            for the next call to go on with, but never in the place of the whole file.
    """
    item, place = find(name), _cache(cache)
    with _alone(item, place, progress):
        sweep([place.root, place.root / item.folder])
        for file in item.files:
            if source is not None:
                _take(item, file, place, source, again)
            elif again or not (place.root / item.key(file)).is_file():
                _bring(item, file, place, again, progress)
            else:
                _verify(item, file, place)
    return item.path(place)


def _cache(root: Path | None) -> Cache:
    return Cache.usual() if root is None else Cache(root)


def _at_address(url: str) -> Item:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise FetchError(f"{shown(url)}: only http:// and https:// addresses can be fetched")
    last = unquote(parts.path).rpartition("/")[2]
    name = re.sub(r"[^A-Za-z0-9_.-]", "_", last).lstrip(".-")[-100:].lstrip(".-") or "file"
    try:
        file = PublishedFile(name=name, url=url)
    except ValueError:
        raise FetchError(f"{shown(url)}: not an address") from None
    return Item(url, f"urls/{hashlib.sha256(url.encode()).hexdigest()[:16]}", (file,))


@contextmanager
def _alone(item: Item, cache: Cache, progress: Progress | None) -> Iterator[None]:
    """Keep other processes from bringing the same; the second to come finds it there."""
    with ExitStack() as stack:
        try:
            stack.enter_context(cache.lock(item.folder, wait=False))
        except Timeout:
            if progress:
                progress("waiting for another process that fetches the same", 0, None)
            stack.enter_context(cache.lock(item.folder))
        yield


def _bring(
    item: Item, file: PublishedFile, cache: Cache, again: bool, progress: Progress | None
) -> None:
    if file.url is None:
        raise FetchError(
            f"{item.name}: there is no direct link; download {file.name} from {file.page} in a "
            f"browser, then type: bench fetch {item.name} --from {file.name}"
        )
    path = cache.root / item.key(file)
    part = path.with_name(f"{path.name}.part")
    with cache.writing():
        make_folder(part.parent)
    received = download(file.url, part, _label(item, file), file.bytes, progress)
    if wrong := _wrong(item, file, cache, received, again, part):
        remove(part)
        raise FetchError(wrong)
    # The pin first: if the machine stops between the two, the next download is compared with it.
    cache.set_pin(item.key(file), received.digest, received.size, shown(file.url))
    with cache.writing():
        put(part, path)


def _take(item: Item, file: PublishedFile, cache: Cache, source: Path, again: bool) -> None:
    """Copy a file that a person brought."""
    path = source / file.name if len(item.files) > 1 else source
    digest, size = hashlib.sha256(), 0
    if not path.is_file():
        raise FetchError(f"{item.name}: there is no file {path}")
    try:
        if problem := mistaken_file(path, file.name):
            raise FetchError(f"{item.name}: {path} {problem}")
    except OSError as error:
        raise FetchError(f"{path}: cannot be read: {error.strerror}") from None
    with cache.writing(), whole(cache.root / item.key(file)) as out:
        for chunk in chunks_of(path):
            out.write(chunk)
            digest.update(chunk)
            size += len(chunk)
        received = Received(digest.hexdigest(), size)
        if wrong := _wrong(item, file, cache, received, again, path):
            raise FetchError(wrong)
        cache.set_pin(item.key(file), received.digest, received.size, path.name)


def _wrong(
    item: Item, file: PublishedFile, cache: Cache, received: Received, again: bool, path: Path
) -> str:
    """Return why a whole file must not get its place; empty if it is what it should be."""
    if problem := mistaken_file(path, file.name):
        return f"{_label(item, file)}: what came {problem}"
    pinned = None if again else cache.pin(item.key(file))
    if problem := _difference(file, received, pinned):
        return f"{_label(item, file)}: {problem}{_anew(item, file, pinned)}"
    problem = misnamed(path, file.name) or _spoiled(path, file.name)
    return f"{_label(item, file)}: what came as {file.name} {problem}" if problem else ""


def _spoiled(path: Path, name: str) -> str:
    """Return what is wrong with a pickle whose opcodes are looked over, and not run."""
    with path.open("rb") as came:
        if not (name.lower().endswith(".pkl") and came.read(1) == pickle.PROTO):
            return ""
        came.seek(0)
        try:
            opcodes.scan(came, path.stat().st_size, opcodes.OURS | opcodes.TORCH)
        except opcodes.RefusedError as error:
            return str(error)
    return ""


def _verify(item: Item, file: PublishedFile, cache: Cache) -> None:
    key = item.key(file)
    path, pinned = cache.root / key, cache.pin(key)
    try:
        found = Received(digest_of(path), path.stat().st_size)
    except OSError as error:
        raise FetchError(f"{path}: cannot be read: {error.strerror}") from None
    problem = _difference(file, found, pinned)
    if problem:
        raise FetchError(f"{path}: {problem}" + _anew(item, file, pinned))
    if pinned is None:
        if problem := misnamed(path, file.name):
            raise FetchError(f"{path}: {problem}; type: bench fetch {item.name} --again")
        cache.set_pin(key, found.digest, found.size, "found in the cache")


def _difference(file: PublishedFile, found: Received, pinned: str | None) -> str:
    """Return how a file is not what was published, or what was pinned; empty if it is."""
    if file.bytes not in {None, found.size}:
        return f"has {found.size:,} bytes, {file.bytes:,} were published"
    if file.sha256 not in {None, found.digest}:
        return f"its SHA-256 is {found.digest}, {file.sha256} was published"
    if pinned not in {None, found.digest}:
        return f"its SHA-256 is {found.digest}, but {pinned} was pinned when it first came"
    return ""


def _anew(item: Item, file: PublishedFile, pinned: str | None) -> str:
    command = f"bench fetch {item.name} --again" + ("" if file.url else f" --from {file.name}")
    what = "if that is wanted, type" if pinned else "type"
    return f"; {what}: {command}"


def _label(item: Item, file: PublishedFile) -> str:
    if len(item.files) > 1:
        return f"{item.name}/{file.name}"
    return item.name if item.release else file.name

"""One address into one file: with progress, resumed after a cut connection, checked for its length.

An ETag that has changed, or a server that cannot resume, makes a download start over: pieces of two
versions are never joined.
"""

import hashlib
import os
import re
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import BinaryIO

import httpx

from sampler_bench.kit.content import is_page
from sampler_bench.models.cache import FetchError, chunks_of
from sampler_bench.models.part import Part, Resumable

Progress = Callable[[str, int, int | None], None]
"""Called with what is going on, the bytes that are here, and the bytes in all if known."""

ATTEMPTS = 5
"""How often in a row a connection may be cut without one new byte."""
BACKOFF = 1.0
"""Seconds to wait after the first cut; doubled after each that follows."""
TIMEOUT = 30.0
MOST_REDIRECTS = 10
SYNC = 1 << 24
"""Bytes after which what came is brought to the disk."""
LOWEST, WINDOW = 1024.0, 60.0
"""Bytes a second that must come, and the seconds over which they are counted."""
MOST_UNTOLD = 1 << 32
"""Bytes of a file whose server does not say how long it is."""
SPARE = 1 << 28
"""Bytes that such a file must leave free on the disk."""


class _CutError(Exception):
    """The connection ended early, or the server asks to come again."""


@dataclass(frozen=True)
class Received:
    """A finished download: its SHA-256 and number of bytes."""

    digest: str
    size: int


def download(
    url: str, part: Path, name: str, size: int | None = None, progress: Progress | None = None
) -> Received:
    """Bring what lies at ``url`` to ``part``, going on where an earlier call stopped.

    Args:
        url: An http or https address.
        part: Where to put it; kept if the connection is cut, so that the next call resumes.
        name: What it is called in messages.
        size: The number of bytes it must have, if known.
        progress: What to tell of the progress.

    Raises:
        FetchError: If there is no network, no such file, no space, a web page instead of a file,
            another size than announced, or the connection is cut again and again.
    """
    return _Transfer(url, part, name, size, progress or (lambda *_: None)).run()


def shown(url: str) -> str:
    """Return an address for people to read: without password and query, which may be secrets."""
    bare = url.partition("?")[0].partition("#")[0]
    return re.sub(r"//[^/@]*@", "//", bare)


class _Transfer:
    def __init__(
        self, url: str, path: Path, name: str, size: int | None, progress: Progress
    ) -> None:
        self.url, self.part, self.name, self.size = url, Part(path, url), name, size
        self.progress = progress
        self.digest, self.hashed = hashlib.sha256(), 0
        self.received = False  # whether this call has got anything

    def run(self) -> Received:
        try:
            return self._run()
        except FetchError:
            if not self.part.resumable:
                self.part.forget()  # nothing could go on with it
            raise

    def _run(self) -> Received:
        try:
            with httpx.Client(
                follow_redirects=True,
                max_redirects=MOST_REDIRECTS,
                timeout=TIMEOUT,
                # Compressed content could be neither resumed nor checked for its length.
                headers={"Accept-Encoding": "identity"},
            ) as client:
                return self._attempts(client)
        except FetchError:
            raise
        except httpx.TooManyRedirects:
            raise self._error(f"redirected more than {MOST_REDIRECTS} times") from None
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            raise self._error(str(error) or type(error).__name__) from None
        except OSError as error:
            reason = f"{self.part.path.parent}: {error.strerror or error}"
            raise self._error(f"{reason}; {self._kept()}") from None

    def _attempts(self, client: httpx.Client) -> Received:
        failures, most = 0, self.part.size
        while True:
            try:
                return self._attempt(client)
            except httpx.UnsupportedProtocol:
                raise
            except (_CutError, httpx.TransportError) as error:
                reason = _reason(error)
                if isinstance(error, _UNREACHABLE) and not self.received:
                    # Nothing has come: waiting does not bring a network.
                    raise self._error(f"cannot be reached ({reason}); {self._kept()}") from None
            # Only new bytes count: a server whose ETag changes all the time ends as well.
            failures = 0 if self.part.size > most else failures + 1
            most = max(most, self.part.size)
            if failures >= ATTEMPTS:
                raise self._error(f"{reason}, {ATTEMPTS} times in a row; {self._kept()}")
            time.sleep(BACKOFF * 2 ** max(failures - 1, 0))

    def _attempt(self, client: httpx.Client) -> Received:
        state = self.part.resumable
        offset = state.synced if state else 0
        if state and offset == state.length:
            return self._finished(offset)  # all of it came, but nobody was left to say so
        headers = {"Range": f"bytes={offset}-", "If-Range": state.etag} if state and offset else {}
        with client.stream("GET", self.url, headers=headers) as response:
            self._check_answer(response)
            self._check_content(response)
            if response.status_code == 206:
                self._check_goes_on(response, offset, state)
            else:
                offset = 0
            length = self._length(response, offset)
            if offset == 0:
                self.part.begin(response.headers.get("ETag", ""), length)
            self._write(response, offset, length)
        return self._finished(length)

    # ---- what the server says -------------------------------------------------------------------

    def _check_answer(self, response: httpx.Response) -> None:
        code = response.status_code
        if code == 416:
            self.part.forget()
            raise _CutError("the server does not have the missing part (HTTP 416)")
        if code in {408, 429} or code >= 500:
            raise _CutError(f"the server answers HTTP {code}")
        if code not in {200, 206}:
            reason = _REFUSALS.get(code, "the server refuses")
            raise self._error(f"{reason} (HTTP {code})")

    def _check_content(self, response: httpx.Response) -> None:
        for step in (*response.history, response):
            if self.url.startswith("https:") and step.url.scheme != "https":
                raise self._error(f"redirected to {step.url.host} without encryption")
        if response.headers.get("Content-Type", "").lower().startswith("text/html"):
            raise self._error(_WEB_PAGE)
        if response.headers.get("Content-Encoding", "identity").lower() != "identity":
            raise self._error("sent compressed, though asked not to be")

    def _check_goes_on(
        self, response: httpx.Response, offset: int, state: Resumable | None
    ) -> None:
        """See that a part is the one asked for, of the same file."""
        said = response.headers.get("Content-Range", "").strip()
        found = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", said)
        same = (
            state is not None
            and found is not None
            and int(found[1]) == offset
            and found[2] in {"*", str(state.length)}
            and response.headers.get("ETag", state.etag) == state.etag
        )
        if not same:
            self.part.forget()
            raise _CutError("the server sends another part than the missing one")

    def _length(self, response: httpx.Response, offset: int) -> int | None:
        """Return the whole file's length; ``None`` if the end is marked instead (chunked)."""
        announced = response.headers.get("Content-Length")
        if announced is None:
            chunked = response.headers.get("Transfer-Encoding", "").lower() == "chunked"
            if not chunked and self.size is None:
                raise self._error(
                    "the server does not say how long the file is: a cut would not be noticed"
                )
            return self.size
        length = offset + int(announced)
        if self.size not in {None, length}:
            raise self._error(f"has {length:,} bytes, {self.size:,} were expected")
        free = shutil.disk_usage(self.part.path.parent).free
        if free < length - offset:
            raise self._error(
                f"{length - offset:,} bytes are needed, {free:,} are free in "
                f"{self.part.path.parent}; {self._kept()}"
            )
        return length

    # ---- what comes -----------------------------------------------------------------------------

    def _write(self, response: httpx.Response, offset: int, length: int | None) -> None:
        self._hash_up_to(offset)
        with self.part.path.open("r+b" if offset else "wb") as file:
            file.seek(offset)
            file.truncate()
            synced, pace = offset, _Pace()
            try:
                for chunk in response.iter_raw():
                    if self.hashed == 0 and is_page(chunk):
                        self.part.forget()
                        raise self._error(_WEB_PAGE)
                    file.write(chunk)
                    self.digest.update(chunk)
                    self.hashed += len(chunk)
                    self.received = True
                    self.progress(self.name, self.hashed, length)
                    self._check_end(length)
                    if not pace.kept(len(chunk)):
                        raise self._error(
                            f"fewer than {LOWEST:,g} bytes a second came for {WINDOW:g} s; the "
                            "same command tries again"
                        )
                    if self.hashed - synced >= SYNC:
                        synced = self._sync(file)
            finally:
                self._sync(file)

    def _sync(self, file: BinaryIO) -> int:
        """Bring what came to the disk, note that it is there, and return how much it is."""
        file.flush()
        os.fsync(file.fileno())
        size = file.tell()
        self.part.synced(size)
        return size

    def _check_end(self, length: int | None) -> None:
        """See that a file ends where it should, or fits where nothing is said of its end."""
        if length is not None and self.hashed > length:
            self.part.forget()
            raise self._error(f"more than the {length:,} bytes came that were expected")
        if length is None:
            free = shutil.disk_usage(self.part.path.parent).free
            if self.hashed > MOST_UNTOLD or free < SPARE:
                raise self._error(
                    f"the server does not say how long the file is, and {self.hashed:,} bytes came "
                    f"({MOST_UNTOLD:,} are allowed, {free:,} are free in {self.part.path.parent})"
                )

    def _hash_up_to(self, offset: int) -> None:
        """Bring the digest to where the file goes on: its end, or 0."""
        if self.hashed != offset:
            self.digest, self.hashed = hashlib.sha256(), 0
            for chunk in chunks_of(self.part.path) if offset else ():
                self.digest.update(chunk[: offset - self.hashed])
                self.hashed = min(self.hashed + len(chunk), offset)

    def _finished(self, length: int | None) -> Received:
        size = self.part.size
        self._hash_up_to(size)
        if length not in {None, size}:
            self.part.forget()
            raise self._error(f"{size:,} bytes came, {length:,} were expected")
        self.part.finish()
        return Received(self.digest.hexdigest(), size)

    # ---- messages -------------------------------------------------------------------------------

    def _error(self, reason: str) -> FetchError:
        return FetchError(f"{self.name}: {shown(self.url)}: {reason}")

    def _kept(self) -> str:
        if self.part.size and self.part.resumable:
            return f"{self.part.size:,} bytes are kept, the same command resumes"
        return "the same command tries again"


class _Pace:
    """Whether enough bytes come, window after window."""

    def __init__(self) -> None:
        self._since, self._came = monotonic(), 0

    def kept(self, came: int) -> bool:
        """Return whether it was kept in the window that ends now, if one does."""
        self._came += came
        passed = monotonic() - self._since
        if passed < WINDOW:
            return True
        enough = self._came >= LOWEST * passed
        self._since, self._came = monotonic(), 0
        return enough


_UNREACHABLE = (httpx.ConnectError, httpx.ConnectTimeout, httpx.ProxyError)
_REFUSALS = {
    401: "a login is needed",
    403: "access is refused",
    404: "there is no such file",
    410: "there is no such file any more",
}
_WEB_PAGE = (
    "a web page came instead of the file (a login or a notice?); download it in a browser, then "
    "give it with --from FILE"
)


def _reason(error: Exception) -> str:
    if isinstance(error, httpx.TimeoutException):
        return f"no answer within {TIMEOUT:g} s"
    if isinstance(error, _CutError | httpx.ConnectError | httpx.ProxyError):
        return str(error) or "no connection"
    return "the connection was cut"

"""A download that is not finished: its bytes so far, and what it takes to go on with them."""

import hashlib
import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from sampler_bench.kit.files import remove, write_whole


@dataclass(frozen=True)
class Resumable:
    """What the server said of the file when its first bytes came, and what of it is safe.

    Attributes:
        etag: Its ETag.
        length: Its length in bytes.
        synced: How many bytes are known to be on the disk. After a power cut a file may have its
            length and zeros behind them.
    """

    etag: str
    length: int
    synced: int


@dataclass(frozen=True)
class Part:
    """The file ``path`` grows in; beside it, ``path`` + ``.json`` says what it is a part of.

    Attributes:
        path: The bytes so far.
        url: Where they come from.
    """

    path: Path
    url: str

    @property
    def size(self) -> int:
        """The number of bytes so far."""
        return self.path.stat().st_size if self.path.exists() else 0

    @property
    def resumable(self) -> Resumable | None:
        """What it takes to go on; ``None`` if the download has to start over."""
        try:
            state = json.loads(self._state.read_text("utf-8"))
            found = Resumable(str(state["etag"]), int(state["length"]), int(state["synced"]))
        except (OSError, ValueError, TypeError, KeyError):
            return None
        same = state["url"] == _fingerprint(self.url)
        whole = 0 <= found.synced <= self.size <= found.length
        return found if same and whole else None

    def begin(self, etag: str, length: int | None) -> None:
        """Start over, with a file of this ETag and length."""
        self.forget()
        # A weak ETag (W/"…") does not promise equal bytes.
        if length is not None and etag.startswith('"'):
            self._note(Resumable(etag, length, 0))

    def synced(self, size: int) -> None:
        """Note that the first ``size`` bytes are on the disk, if the download can be resumed."""
        if state := self.resumable:
            self._note(replace(state, synced=size))

    def finish(self) -> None:
        """Leave the file alone."""
        remove(self._state)

    def forget(self) -> None:
        """Remove everything."""
        # The bytes first: without the other file they are never gone on with.
        remove(self.path)
        self.finish()

    def _note(self, state: Resumable) -> None:
        write_whole(self._state, json.dumps({"url": _fingerprint(self.url), **asdict(state)}))

    @property
    def _state(self) -> Path:
        return self.path.with_name(self.path.name + ".json")


def _fingerprint(url: str) -> str:
    """Return what tells addresses apart without keeping what may be secret in them."""
    return hashlib.sha256(url.encode()).hexdigest()

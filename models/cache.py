"""Where fetched files lie, and the digests they are pinned to."""

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import platformdirs
from filelock import FileLock

from sampler_bench.kit import environment
from sampler_bench.kit.files import Unwritable, make_folder, write_whole

_CHUNK = 1 << 20


class FetchError(ValueError):
    """What could not be fetched, or is not what was fetched before: one line that says why."""


@dataclass(frozen=True)
class Cache:
    """A folder of fetched files, each pinned to the SHA-256 it had when it came.

    ``pins.json`` holds the pins; files lie in ``models/NAME/``, ``references/NAME/`` and ``urls/``.
    """

    root: Path

    @classmethod
    def usual(cls) -> "Cache":
        """Return the cache in ``$SAMPLER_BENCH_CACHE``, or where caches go on this system."""
        return cls(environment.cache() or platformdirs.user_cache_path("sampler-bench"))

    def pin(self, key: str) -> str | None:
        """Return the digest a file is pinned to; ``None`` if it is not."""
        pin = self._pins().get(key)
        return None if pin is None else pin["sha256"]

    def set_pin(self, key: str, digest: str, size: int, source: str) -> None:
        """Pin a file, replacing its pin if it has one.

        Raises:
            FetchError: If ``pins.json`` is damaged or cannot be written.
        """
        with self.lock("pins"):
            now = datetime.now(UTC).isoformat(timespec="seconds")
            pin = {"sha256": digest, "bytes": size, "source": source, "pinned": now}
            text = json.dumps(self._pins() | {key: pin}, indent=1, sort_keys=True)
            with self.writing():
                write_whole(self._pins_path, text + "\n")

    @contextmanager
    def lock(self, name: str, wait: bool = True) -> Iterator[None]:
        """Keep other processes out until the block ends.

        Raises:
            filelock.Timeout: If one is in, unless ``wait``.
            FetchError: If the folder cannot be written.
        """
        folder = self.root / "locks"
        lock = FileLock(folder / f"{name.replace('/', '-')}.lock")
        with self.writing():
            make_folder(folder)
            lock.acquire(timeout=-1 if wait else 0)
        try:
            yield
        finally:
            lock.release()

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Turn what goes wrong with the folder into one line that says how to choose another."""
        try:
            yield
        except TimeoutError:
            raise  # the lock's; it is an OSError
        except (OSError, Unwritable) as error:
            reason = error.reason if isinstance(error, Unwritable) else error.strerror or error
            raise FetchError(
                f"cannot write to the cache {self.root}: {reason}; {environment.CACHE} chooses "
                "another folder"
            ) from None

    @property
    def _pins_path(self) -> Path:
        return self.root / "pins.json"

    def _pins(self) -> dict[str, dict[str, Any]]:
        try:
            pins = json.loads(self._pins_path.read_text("utf-8"))
            if all(isinstance(pin["sha256"], str) for pin in pins.values()):
                return pins
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise FetchError(f"{self._pins_path}: cannot be read: {error.strerror}") from None
        except (ValueError, TypeError, KeyError, AttributeError):
            pass
        # Not started anew silently: pins that vanish protect nobody.
        raise FetchError(
            f"{self._pins_path}: damaged; without it fetched files cannot be checked: restore it, "
            "or delete it to pin them as they are"
        )


def digest_of(path: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal."""
    digest = hashlib.sha256()
    for chunk in chunks_of(path):
        digest.update(chunk)
    return digest.hexdigest()


def chunks_of(path: Path) -> Iterator[bytes]:
    """Yield a file's content, a megabyte at a time."""
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            yield chunk

"""Saved states of a training run: whole or not there, the newest one is gone on from.

A state is a folder of tensors (safetensors), of JSON, and of the SHA-256 of both: nothing that is
read can execute, and nothing damaged is gone on from in silence.
"""

import hashlib
import json
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from sampler_bench.kit.files import Unwritable, make_folder, put, whole_by_name, write_whole
from sampler_bench.kit.names import shown
from sampler_bench.models.training.saved import Numbers, Saved

_TENSORS, _ABOUT, _SUMS = "state.safetensors", "about.json", "SHA256SUMS"
_EARLIER = ("model.safetensors", "optimizer.bin", "custom_checkpoint_0.pkl")
_NUMBER = re.compile("[0-9]{12,}")
_LARGEST = 1 << 20  # bytes of a file of text


class _DamagedError(ValueError):
    """Not as it was saved."""


class _About(Numbers):
    """``about.json``."""

    version: Literal[2]
    configuration: dict[str, Any]
    data: str


class States:
    """The folder of a run's states; each is a folder named by the images seen.

    The newest two are kept: if the one is damaged, the run goes on from the other.

    Args:
        folder: Where they are.
        about: What the run is (configuration, digest of the data): states of another are refused.
        saved: What is saved of it.

    Attributes:
        damaged: What is wrong with states that were passed over, a line each, newest first.
        last: The state that was last saved or gone on from.
    """

    def __init__(self, folder: Path, about: Mapping[str, Any], saved: Saved) -> None:
        self.folder, self.about, self._saved = folder, dict(about), saved
        self.damaged: dict[Path, str] = {}
        self.last: Path | None = None

    def newest(self) -> Path | None:
        """Return the newest state that is whole; ``None`` if there is no state.

        Raises:
            ValueError: If it is of another run (the line names the first difference) or of an
                earlier version, or if all are damaged; one line.
        """
        self.damaged = {}
        for state in reversed(self._all()):
            try:
                self._read(state)
            except _DamagedError as error:
                self.damaged[state] = f"{state}: damaged: {error}"
            else:
                return state
        if self.damaged:
            raise ValueError(f"{next(iter(self.damaged.values()))}; remove it to begin anew")
        return None

    def load(self, state: Path) -> None:
        """Give the run's parts what was saved in a state that :meth:`newest` looked at.

        Raises:
            ValueError: If it is another now; one line.
        """
        try:
            about = _about(state / _ABOUT, int(state.name))
            self._saved.take(load_file(state / _TENSORS), about)
        except Exception as error:  # safetensors' has nothing in common with others
            raise ValueError(f"{state}: damaged: {_line(error)}; remove it to begin anew") from None
        self.last = state

    def save(self, images: int, accelerator: Any) -> Path:
        """Save all of the run; drop all states but the newest two.

        All processes have to call this; the first of them writes.

        Raises:
            OSError: If it cannot be written. The older state is still there then.
        """
        path = self.folder / f"{images:012d}"
        if accelerator.is_main_process:
            self._write(path)
        accelerator.wait_for_everyone()
        self.last = path
        return path

    def _write(self, path: Path) -> None:
        temporary = path.with_suffix(".tmp")
        try:
            shutil.rmtree(temporary, ignore_errors=True)
            make_folder(temporary)
            with whole_by_name(temporary / _TENSORS) as name:
                save_file(self._saved.tensors(), name)
            about = {"version": 2, **self.about, **self._saved.numbers()}
            write_whole(temporary / _ABOUT, json.dumps(about, indent=1))
            write_whole(temporary / _SUMS, _sums(temporary))
            self._finish(temporary, path)
        except BaseException as error:
            shutil.rmtree(temporary, ignore_errors=True)
            if isinstance(error, Exception) and not isinstance(error, OSError):
                # A full disk is an error of its own to safetensors.
                reason = error.reason if isinstance(error, Unwritable) else _line(error)
                raise OSError(f"{path}: cannot be written: {reason}") from error
            raise

    def _finish(self, temporary: Path, path: Path) -> None:
        if path in self.damaged:
            shutil.rmtree(path, ignore_errors=True)
        # If it exists, it is the same: there must never be no whole state, not for a moment.
        if not path.exists():
            put(temporary, path)
        self._drop_all_but(path)

    def _drop_all_but(self, kept: Path) -> None:
        """Drop states but this one and the newest before it that is not known to be damaged."""
        older = [path for path in self._all() if path < kept and path not in self.damaged][-1:]
        for path in self.folder.iterdir():
            ours = _NUMBER.fullmatch(path.name.removesuffix(".tmp"))
            if ours and path not in {kept, *older}:
                shutil.rmtree(path, ignore_errors=True)

    def _all(self) -> list[Path]:
        """Return the states, oldest first."""
        found = [path for path in self.folder.glob("*") if _NUMBER.fullmatch(path.name)]
        return sorted(found, key=lambda path: (int(path.name), path.name))

    def _read(self, state: Path) -> _About:
        """Return what a state says of itself, after looking at all of it.

        Raises:
            _DamagedError: If anything is not as it was saved.
            ValueError: If it is of another run or an earlier version; one line.
        """
        if not (state / _SUMS).exists() and any((state / name).exists() for name in _EARLIER):
            raise ValueError(
                f"{state}: was saved by an earlier version of sampler-bench, as code that this one "
                "does not run; train on with that version, or give another folder"
            )
        self._check_files(state)
        about = _about(state / _ABOUT, int(state.name))
        found = {"configuration": about.configuration, "data": about.data}
        difference = _difference(found, self.about)
        if difference:
            raise ValueError(
                f"{state}: is of another run: {difference}; give another folder, or remove this one"
            )
        self._check_tensors(state / _TENSORS)
        return about

    def _check_files(self, state: Path) -> None:
        """Compare digests; files are looked at before they are read: they may have no end."""
        limits = {_SUMS: _LARGEST, _ABOUT: _LARGEST, _TENSORS: self._saved.largest}
        try:
            for name, limit in limits.items():
                path = state / name
                if not path.is_file():
                    raise _DamagedError(f"no state of a training run: {name} is no file")
                if path.stat().st_size > limit:
                    raise _DamagedError(f"{name} has {path.stat().st_size:,} bytes, too many")
            if (state / _SUMS).read_bytes() != _sums(state).encode():
                raise _DamagedError(f"its files are not those that {_SUMS} tells of")
        except OSError as error:
            raise _DamagedError(_line(error)) from None

    def _check_tensors(self, path: Path) -> None:
        try:
            with safe_open(path, "pt") as file:
                slices = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118
                self._saved.check({name: tuple(s.get_shape()) for name, s in slices.items()})
        except Exception as error:  # safetensors' has nothing in common with others
            raise _DamagedError(f"{path.name}: {_line(error)}") from None


def _sums(state: Path) -> str:
    """Return what ``sha256sum`` says of a state's files."""
    lines = []
    for name in (_ABOUT, _TENSORS):
        with (state / name).open("rb") as file:
            lines.append(f"{hashlib.file_digest(file, 'sha256').hexdigest()}  {name}\n")
    return "".join(lines)


def _about(path: Path, images: int) -> _About:
    try:
        found = _About.model_validate(json.loads(path.read_bytes()))
    except ValidationError as error:
        first = error.errors()[0]
        where = shown(".".join(map(str, first["loc"])))
        raise _DamagedError(f"{path.name}: {where}: {first['msg'].lower()}") from None
    except (ValueError, RecursionError) as error:
        raise _DamagedError(f"{path.name}: no JSON: {_line(error)}") from None
    if found.progress.images != images:
        raise _DamagedError(f"{path.name}: is of image {found.progress.images}")
    return found


def _difference(before: Any, now: Any, key: str = "") -> str:
    """Return the first difference between two nested dicts, in words; empty if there is none."""
    if isinstance(before, dict) and isinstance(now, dict):
        for name in [*before, *(name for name in now if name not in before)]:
            inner = f"{key}.{name}" if key else name
            found = _difference(before.get(name), now.get(name), inner)
            if found:
                return found
        return ""
    known = key if key.isprintable() and len(key) <= 100 else shown(key)
    return "" if before == now else f"{known} was {shown(before)} and is {shown(now)} now"


def _line(error: BaseException) -> str:
    return " ".join(f"{error}".split())[:300] or type(error).__name__

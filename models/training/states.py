"""Saved states of a training run: whole or not there, the newest one is gone on from."""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sampler_bench.kit.files import make_folder, put, write_whole

_ABOUT = "about.json"


class States:
    """The folder of a run's states; each is a folder named by the images seen.

    Args:
        folder: Where they are.
        about: What the run is (configuration, digest of the data): states of another are refused.
    """

    def __init__(self, folder: Path, about: Mapping[str, Any]) -> None:
        self.folder, self.about = folder, dict(about)

    def newest(self) -> Path | None:
        """Return the newest state, or ``None``.

        Raises:
            ValueError: If it is of another run; one line that names the first difference.
        """
        found = sorted(path for path in self.folder.glob("[0-9]*") if path.suffix != ".tmp")
        if not found:
            return None
        self._check(found[-1])
        return found[-1]

    def load(self, state: Path, accelerator: Any) -> None:
        """Give an accelerator's parts what was saved.

        Raises:
            ValueError: If the state is damaged; one line.
        """
        try:
            accelerator.load_state(str(state))
        except Exception as error:  # safetensors', pickle's and PyTorch's have nothing in common
            raise ValueError(f"{state}: damaged: {_line(error)}; remove it to begin anew") from None

    def save(self, images: int, accelerator: Any) -> Path:
        """Save everything prepared by or registered with an accelerator; drop older states.

        All processes have to call this; the first of them writes.

        Raises:
            OSError: If it cannot be written. The older state is still there then.
        """
        path = self.folder / f"{images:012d}"
        temporary = path.with_suffix(".tmp")
        try:
            if accelerator.is_main_process:
                shutil.rmtree(temporary, ignore_errors=True)
                make_folder(temporary)
            accelerator.wait_for_everyone()
            accelerator.save_state(str(temporary))
            accelerator.wait_for_everyone()
            if accelerator.is_main_process:
                self._finish(temporary, path)
        except BaseException as error:
            shutil.rmtree(temporary, ignore_errors=True)
            if isinstance(error, Exception) and not isinstance(error, OSError):
                # A full disk is an error of their own to safetensors and to torch.save.
                raise OSError(f"{path}: cannot be written: {_line(error)}") from error
            raise
        return path

    def _finish(self, temporary: Path, path: Path) -> None:
        write_whole(temporary / _ABOUT, json.dumps(self.about, indent=1))
        # If it exists, it is the same: there must never be no whole state, not for a moment.
        if not path.exists():
            put(temporary, path)
        self._drop_all_but(path)

    def _drop_all_but(self, kept: Path) -> None:
        for path in self.folder.iterdir():
            if path != kept:
                shutil.rmtree(path, ignore_errors=True)

    def _check(self, state: Path) -> None:
        try:
            found = json.loads((state / _ABOUT).read_text("utf-8"))
        except (OSError, ValueError) as error:
            raise ValueError(f"{state}: is no state of a training run: {error}") from None
        difference = _difference(found, self.about)
        if difference:
            raise ValueError(
                f"{state}: is of another run: {difference}; give another folder, or remove this one"
            )


def _difference(before: Any, now: Any, key: str = "") -> str:
    """Return the first difference between two nested dicts, in words; empty if there is none."""
    if isinstance(before, dict) and isinstance(now, dict):
        for name in [*before, *(name for name in now if name not in before)]:
            inner = f"{key}.{name}" if key else name
            found = _difference(before.get(name), now.get(name), inner)
            if found:
                return found
        return ""
    return "" if before == now else f"{key} was {before!r} and is {now!r} now"


def _line(error: Exception) -> str:
    return " ".join(f"{error}".split())[:300] or type(error).__name__

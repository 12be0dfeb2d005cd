"""What a user's own files are elsewhere: their content travels, and their names with it."""

import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from sampler_bench.kit import files as files_of
from sampler_bench.kit import own_files
from sampler_bench.kit.canonical import KEY_LENGTH
from sampler_bench.kit.file_parameters import File
from sampler_bench.kit.own_files import Spec


@dataclass
class Luggage:
    """Takes files along, under names that say what is in them: ``DIGEST/mine.py``.

    Attributes:
        files: The content of each, by the name it travels under.
    """

    files: dict[str, bytes] = field(default_factory=dict)

    def packed(self, value: Any) -> Any:
        """Return a value that means the same where the files were unpacked.

        Args:
            value: The name of a part, pinned if it is from a file of one's own; a file; a list or
                table of such; or anything else, which stays what it is.

        Raises:
            ValueError: If a file is not what it was, or not there any more; one line.
        """
        if isinstance(value, Mapping):
            return {name: self.packed(item) for name, item in value.items()}
        if isinstance(value, list | tuple):
            return [self.packed(item) for item in value]
        if isinstance(value, Path):
            return self._file(value)
        spec = own_files.parsed(value)
        return self._part(value) if spec and spec.is_file else value

    def _part(self, name: str) -> str:
        pinned = own_files.pinned(name, "part")
        spec, made_of = own_files.parsed(pinned), own_files.texts(pinned)
        assert spec is not None and made_of is not None
        for path, text in made_of.texts.items():
            beside = Path(path).relative_to(made_of.path.parent).as_posix()
            self.files[f"{spec.digest}/{beside}"] = text
        return str(Spec(f"{spec.digest}/{made_of.path.name}", spec.name))

    def _file(self, path: Path) -> str:
        try:
            content = path.read_bytes()
        except OSError as error:
            raise ValueError(f"{path} cannot be read: {error.strerror}") from None
        digest = own_files.digest_of(path)[:KEY_LENGTH]
        if isinstance(path, File) and path.digest not in {"", digest}:
            raise ValueError(f"{path} was changed since")
        name = f"{digest}/{path.name}"
        self.files[name] = content
        return name


def unpacked(files: Mapping[str, bytes]) -> Path:
    """Return a folder in which files lie under their names, for as long as the process lives."""
    folder = Path(_folder(os.getpid()).name)
    for name, content in files.items():
        path = folder / name
        if not path.exists():
            files_of.write_whole(path, content)
    return folder


@cache
def _folder(process: int) -> "tempfile.TemporaryDirectory[str]":
    """Return the folder of this process: one that was forked off has its own."""
    return tempfile.TemporaryDirectory(prefix="sampler-bench-")

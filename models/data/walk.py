"""The one walk over folders and archives of images, for all that read them.

- Every sub-folder is entered, and every link to a file or folder is followed.
- A link to a folder that is read anyway, by its own name or by another link, is left out.
- Names that begin with a dot, and ``__MACOSX``, are left out, as is what is no file.
- The order is that of names, folder by folder, with numbers in the order of numbers: 2 before 10.

Images that are left out, and links that lead nowhere, are said (:class:`LeftOut`).
"""

import os
import re
import warnings
import zipfile
from dataclasses import dataclass, field
from pathlib import Path

SUFFIXES = (".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")
_FOREIGN = "__MACOSX"
_DIGITS = re.compile(r"(\d+)")
_SHOWN = 3


class LeftOut(UserWarning):
    """Something that lies in a folder of images and is not read; one line."""


@dataclass
class Names:
    """What a folder or archive holds, by names relative to it.

    Attributes:
        images: The images, in order.
        folders: The folders right below it, in order.
        left_out: What looks like an image, or a folder of them, and is not read, with reasons.
    """

    images: list[str] = field(default_factory=list)
    folders: list[str] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)

    def say(self, source: Path) -> None:
        """Warn, in one line, of what is left out."""
        reasons: dict[str, list[str]] = {}
        for name, reason in self.left_out.items():
            reasons.setdefault(reason, []).append(name)
        for reason, names in reasons.items():
            more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
            told = f"{source}: not read: {', '.join(names[:_SHOWN])}{more} ({reason})"
            warnings.warn(told, LeftOut, stacklevel=3)


def in_order(name: str) -> tuple[list[list[tuple[int, int, str]]], str]:
    """Return what names are sorted by: folder by folder, numbers as numbers."""
    return [[_part(part) for part in _DIGITS.split(each)] for each in name.split("/")], name


def _part(text: str) -> tuple[int, int, str]:
    # Digits that int() takes no number from (some that are, by Unicode) stay text.
    return (0, int(text), "") if text.isdecimal() and len(text) < 4000 else (1, 0, text)


def is_image(name: str) -> bool:
    """Return whether a file's name is one of an image."""
    return name.lower().endswith(SUFFIXES)


def in_folder(source: Path) -> Names:
    """Return what a folder holds.

    Raises:
        ValueError: If a folder in it cannot be read; one line that names it.
    """
    found, images, folders = Names(), [], []
    root = os.path.realpath(source)
    read = {root}  # what folders really are, whatever links lead to them
    todo = [(str(source), "", root)]
    while todo:
        path, before, around = todo.pop()
        inner: list[tuple[str, str]] = []
        for entry in _entries(path):
            name = before + entry.name
            if entry.is_dir() and not _is_foreign(entry.name):
                inner.append((name, entry.path))
            elif reason := _left_out(entry):
                found.left_out[name] = reason
            elif is_image(entry.name):
                images.append(name)
        inner.sort(key=lambda each: in_order(each[0]))
        folders += [] if before else [name for name, _ in inner]
        entered = []
        for name, place in inner:
            linked = Path(place).is_symlink()
            real = (
                os.path.realpath(place) if linked else f"{around.rstrip(os.sep)}/{Path(name).name}"
            )
            if real in read or (linked and _is_read(real, root)):
                found.left_out[name] = "a link to what is read by another name"
            else:
                read.add(real)
                entered.append((place, f"{name}/", real))
        todo += reversed(entered)
    found.images, found.folders = sorted(images, key=in_order), folders
    return found


def _is_read(real: str, root: str) -> bool:
    """Return whether a folder is one that is read by its own name, or lies around them all."""
    if _within(root, real):
        return True
    return _within(real, root) and not any(map(_is_foreign, Path(real).relative_to(root).parts))


def _left_out(entry: os.DirEntry[str]) -> str:
    """Return why something that could have been read is not; empty if there is nothing to say."""
    if _is_foreign(entry.name):
        return "hidden" if is_image(entry.name) or entry.is_dir() else ""
    if entry.is_symlink() and not Path(entry.path).exists():
        return "a link that leads nowhere"
    return "no file" if is_image(entry.name) and not entry.is_file() else ""


def in_zip(archive: zipfile.ZipFile) -> Names:
    """Return what an archive holds."""
    found = Names()
    names = [member.filename for member in archive.infolist()]
    hidden = [name for name in names if any(map(_is_foreign, name.split("/")))]
    found.left_out = dict.fromkeys(filter(is_image, hidden), "hidden")
    kept = set(names) - set(hidden)
    images = {name for name in kept if is_image(name)}
    folders = {name.partition("/")[0] for name in kept if "/" in name}
    found.images, found.folders = sorted(images, key=in_order), sorted(folders, key=in_order)
    return found


def _entries(path: str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(path) as entries:
            return list(entries)
    except OSError as error:
        raise ValueError(f"{path}: cannot be read: {error.strerror}") from None


def _is_foreign(name: str) -> bool:
    return name.startswith(".") or name == _FOREIGN


def _within(path: str, folder: str) -> bool:
    return os.path.commonpath([path, folder]) == folder

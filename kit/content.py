"""What a file is by its content, where it is not what its name says."""

import json
import zipfile
from pathlib import Path

_HEAD = 4096
_MOST_JSON = 10_000_000
_PAGES = (b"<!doctype html", b"<html")
_POINTER = b"version https://git-lfs.github.com/spec/"
_PACKED = {
    b"\x1f\x8b": ("gzip", (".gz", ".tgz")),
    b"\xfd7zXZ\x00": ("xz", (".xz", ".txz")),
    b"\x28\xb5\x2f\xfd": ("zstd", (".zst",)),
    b"BZh": ("bzip2", (".bz2", ".tbz2")),
    b"7z\xbc\xaf\x27\x1c": ("7-Zip", (".7z",)),
    b"Rar!\x1a\x07": ("RAR", (".rar",)),
}
_ZIP = b"PK\x03\x04"
_PICKLES = tuple(bytes([0x80, protocol]) for protocol in (2, 3, 4, 5))
_TORCH = ("of PyTorch", (_ZIP, *_PICKLES))
_STARTS = {
    ".npz": ("of NumPy's arrays (.npz)", (_ZIP,)),
    ".pkl": ("of a pickle", (_ZIP, *_PICKLES)),
    **dict.fromkeys((".pt", ".pth", ".bin", ".ckpt"), _TORCH),
}


def is_page(head: bytes) -> bool:
    """Return whether a file that begins so is a web page."""
    return head.lstrip().lower().startswith(_PAGES)


def mistaken(head: bytes, name: str = "") -> str:
    """Return what a file is that stands where data should; empty if nothing is known against it.

    Args:
        head: Its first bytes, 6 or more where it has them.
        name: What it is called: a ``.gz`` may be packed.
    """
    if not head:
        return "is empty"
    if is_page(head):
        return "is a web page, not the file"
    if head.lstrip().startswith(b"<?xml"):
        return "is an XML text, as a server's refusal is, not the file"
    if head.startswith(_POINTER):
        return "is a git-lfs pointer, not the file it stands for: git lfs pull brings that"
    for start, (kind, endings) in _PACKED.items():
        if head.startswith(start) and not name.lower().endswith(endings):
            return f"is packed ({kind}): unpack it first"
    return ""


def mistaken_file(path: Path, name: str = "") -> str:
    """Return the same of a file, by its own name if no other is given.

    Raises:
        OSError: If it cannot be read.
    """
    with path.open("rb") as file:
        return mistaken(file.read(_HEAD), name or path.name)


def misnamed(path: Path, name: str) -> str:
    """Return why a whole file cannot be what ``name`` ends in; empty if nothing speaks against it.

    Only what costs nothing is looked at: its first bytes, its length, an archive's directory; a
    small JSON text whole.

    Raises:
        OSError: If it cannot be read.
    """
    with path.open("rb") as file:
        head = file.read(_HEAD)
    if problem := mistaken(head, name):
        return problem
    suffix = Path(name).suffix.lower()
    if suffix in _STARTS:
        what, starts = _STARTS[suffix]
        if not head.startswith(starts):
            return f"does not begin as a file {what} does"
        whole = not head.startswith(_ZIP) or zipfile.is_zipfile(path)
        return "" if whole else f"does not end as a file {what} does"
    if suffix == ".safetensors":
        length = int.from_bytes(head[:8], "little")
        whole = head[8:9] == b"{" and 8 + length <= path.stat().st_size
        return "" if whole else "does not begin as a safetensors file does"
    if suffix == ".json" and path.stat().st_size <= _MOST_JSON:
        try:
            json.loads(path.read_bytes())
        except (ValueError, RecursionError):
            return "is no JSON"
    return ""

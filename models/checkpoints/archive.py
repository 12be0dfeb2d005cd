"""The zip archive around PyTorch's present format, verified before PyTorch opens it."""

import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

from sampler_bench.models.checkpoints.opcodes import RefusedError

MAGIC = b"PK\x03\x04"
_PIECE = 1 << 20
_MOST_RECORDS = 100_000
_END = b"PK\x05\x06"
_END_SIZE = 22
"""The last bytes of an archive that nothing follows, not even a comment."""


@contextmanager
def verified(file: BinaryIO, size: int) -> Iterator[BinaryIO]:
    """Verify an archive of ``torch.save`` and give its ``data.pkl``.

    Args:
        file: The archive.
        size: Its length in bytes.

    Raises:
        RefusedError: If records are compressed, overlap, have other names than PyTorch's, or differ
            from their checksums.
    """
    file.seek(max(0, size - _END_SIZE))
    if file.read(len(_END)) != _END:
        raise RefusedError("does not end as an archive does: it is cut short, or has been added to")
    try:
        with zipfile.ZipFile(file) as archive:
            records = archive.infolist()
            _check_layout(archive, records, size)
            name = _check_names([record.filename for record in records])
            for record in records:
                with archive.open(record) as content:  # which raises if the checksum is not right
                    while content.read(_PIECE):
                        pass
            with archive.open(name) as content:
                yield content  # type: ignore[misc]
    except RefusedError:
        raise
    except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError, ValueError) as error:
        raise RefusedError(f"is a damaged archive: {' '.join(str(error).split())[:150]}") from None


def _check_layout(archive: zipfile.ZipFile, records: list[zipfile.ZipInfo], size: int) -> None:
    if len(records) > _MOST_RECORDS:
        raise RefusedError(f"has {len(records):,} records")
    for record in records:
        if record.compress_type != zipfile.ZIP_STORED or record.file_size != record.compress_size:
            raise RefusedError("has compressed records, as torch.save never writes")
        if record.flag_bits & 1:
            raise RefusedError("has encrypted records")
    if sum(record.file_size for record in records) > size:
        raise RefusedError(f"claims records of more than its {size:,} bytes")
    if min((r.header_offset for r in records), default=0) != 0:
        raise RefusedError("has something before its archive")


def _check_names(names: list[str]) -> str:
    """Return the name of the pickle, if these are the names of one ``torch.save``."""
    roots = {name.split("/")[0] for name in names}
    if len(roots) != 1 or any(_strange(name) for name in names):
        raise RefusedError("has records of other names than torch.save gives")
    if len({name.lower() for name in names}) != len(names):  # PyTorch ignores case
        raise RefusedError("has two records of one name")
    root = roots.pop()
    if any(name.startswith((f"{root}/code/", f"{root}/constants.pkl")) for name in names):
        raise RefusedError("is a TorchScript program, not a checkpoint")
    if f"{root}/data.pkl" not in names:
        raise RefusedError("has no record data.pkl")
    return f"{root}/data.pkl"


def _strange(name: str) -> bool:
    parts = name.split("/")
    return len(parts) < 2 or any(part in {"", ".", ".."} or "\\" in part for part in parts)

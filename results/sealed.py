"""JSON files that say the SHA-256 of all their other bytes: a flipped bit does not go unseen."""

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

_SEAL = re.compile(rb'\A\{\n "sha256": "([0-9a-f]{64})",\n')


def text(data: Mapping[str, Any]) -> str:
    """The file's text: `data` as JSON, after the digest of all that is not the digest."""
    body = json.dumps(dict(data), indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    # Names of files that are no UTF-8 have halves of signs: as JSON writes these.
    body = body.encode("utf-8", "backslashreplace").decode()
    assert body.startswith("{\n"), "sealed tables are not empty"
    digest = hashlib.sha256(body.encode()).hexdigest()
    return f'{{\n "sha256": "{digest}",\n{body[2:]}'


def opened(content: bytes) -> dict[str, Any]:
    """Undo `text`. Raises ValueError, one line, if a byte is not what it was."""
    seal = _SEAL.match(content)
    if seal is None:
        raise ValueError("it does not begin with the SHA-256 of its contents")
    if hashlib.sha256(b"{\n" + content[seal.end() :]).hexdigest().encode() != seal[1]:
        raise ValueError("its contents do not have the SHA-256 that it says")
    try:
        data = json.loads(content)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    del data["sha256"]
    return data

"""Bytes that are lost, moved, added or changed."""

import random
from collections.abc import Callable, Mapping


def spoiled(content: bytes, way: str, at: int, until: int, draw: random.Random) -> bytes:
    """Return a file's content with something done to it between two places.

    way  "flip" is one bit; "noise" stands for what was there, "more" beside it; "twice" has a part
         again, "again" all; "before" and "behind" come to it
    """
    head, tail = content[:at], content[until:]
    ways: Mapping[str, Callable[[], bytes]] = {
        "cut": lambda: head,
        "flip": lambda: head + bytes([content[at] ^ 1 << draw.randrange(8)]) + content[at + 1 :],
        "hole": lambda: head + tail,
        "zeros": lambda: head + bytes(until - at) + tail,
        "noise": lambda: head + draw.randbytes(until - at) + tail,
        "more": lambda: head + draw.randbytes(draw.randrange(1, 20)) + content[at:],
        "twice": lambda: content[:until] + content[at:until] + tail,
        "again": lambda: content + content,
        "before": lambda: draw.randbytes(draw.randrange(1, 40)) + content,
        "behind": lambda: content + draw.randbytes(draw.randrange(1, 40)),
    }
    return ways[way]()

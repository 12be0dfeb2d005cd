"""Texts that others wrote, as they may be printed: one line, nothing that acts, not too long.

A label, a file's name or another program's message may hold line breaks, a terminal's commands or
a megabyte of anything.
"""

import re
import unicodedata

LINE = 500
"""Most characters of a line that says what went wrong."""
_WORD, _ENDS = 160, (100, 56)
_TAIL = 190
_BREAKS = re.compile(r"\s*[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]\s*")
_TURNS = {*map(chr, (0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)))}
"""They change the direction that what follows is read in."""


def one_line(text: str) -> str:
    r"""Return a text with a space for each line break, and what acts on a terminal in words.

    >>> one_line("a\nb \x1b[31mred")
    'a b \\x1b[31mred'
    """
    return harmless(_BREAKS.sub(" ", text)) if not text.isprintable() else text


def harmless(text: str) -> str:
    """Return a text whose control characters, all but line breaks and tabs, are written out."""
    if text.isprintable():
        return text
    return "".join(_written(sign) if _acts(sign) else sign for sign in text)


def cut(text: str, most: int = LINE) -> str:
    """Return a text that is no longer than ``most``, of which beginning and end are there.

    A message begins with where something is wrong, and ends with what is allowed: of a long one
    very long words go first, then its middle.
    """
    if len(text) <= most:
        return text
    head, tail = _ENDS
    text = " ".join(
        word if len(word) <= _WORD else f"{word[:head]}…{word[-tail:]}" for word in text.split(" ")
    )
    if len(text) <= most:
        return text
    tail = _TAIL * most // LINE
    return f"{text[: most - tail - 3].rstrip()} … {text[-tail:].lstrip()}"


def _acts(sign: str) -> bool:
    kind = unicodedata.category(sign)
    return (kind in {"Cc", "Cs"} and sign not in "\n\t") or sign in _TURNS


def _written(sign: str) -> str:
    return sign.encode("unicode_escape").decode()

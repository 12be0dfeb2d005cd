"""The text of a definition as its digest sees it: without comments, docstrings and blank lines.

Positions come from the parser and the tokenizer, the text from the file as it was written: what
either of them would print again differs between versions of Python.
"""

import ast
import hashlib
import io
import token
import tokenize
from collections.abc import Iterator

DIGITS = 8
"""Of a definition's digest."""
_OPENING = {getattr(token, f"{kind}STRING_START", None) for kind in "FT"} - {None}
_CLOSING = {getattr(token, f"{kind}STRING_END", None) for kind in "FT"} - {None}
"""Python 3.12 and later take formatted strings apart."""
_INSIDE = "\0"
"""Stands for the end of a line inside a string; no source of Python holds one."""

_MARKS = ("#", '"""', "'''", "\\\n")
"""Without any of them there is no comment, and no string of several lines."""

Span = tuple[int, int]


def hexed(data: str | bytes, digits: int = DIGITS) -> str:
    """Return the first hex digits of a SHA-256."""
    told = data.encode("utf-8", "surrogatepass") if isinstance(data, str) else data
    return hashlib.sha256(told).hexdigest()[:digits]


class Text:
    """A module's text, of which statements are cut out by their positions.

    Args:
        source: The text; its lines end with ``\\n``.
    """

    def __init__(self, source: str) -> None:
        self.source = source
        self._starts = [0]
        for line in source.split("\n"):
            self._starts.append(self._starts[-1] + len(line) + 1)

    def plain(self, node: ast.stmt | ast.expr) -> str:
        """Return a node's text, decorators included, without what changes no number."""
        start, stop = self._span(node)
        text = self.source[start:stop]
        cut = [(a - start, b - start) for a, b in self._silent(node)]
        kept: list[Span] = []
        if any(mark in _without(text, cut) for mark in _MARKS):
            comments, kept = _tokens(text)
            cut += [span for span in comments if not any(a <= span[0] < b for a, b in cut)]
        for a, b in kept:
            text = text[:a] + text[a:b].replace("\n", _INSIDE) + text[b:]
        lines = (line.rstrip() for line in _without(text, cut).split("\n"))
        return "\n".join(line for line in lines if line).replace(_INSIDE, "\n")

    def _span(self, node: ast.stmt | ast.expr) -> Span:
        first = self._offset(node.lineno, node.col_offset)
        for decorator in getattr(node, "decorator_list", ()):
            at = self._offset(decorator.lineno, decorator.col_offset)
            first = min(first, self.source.rindex("@", 0, at))
        assert node.end_lineno is not None and node.end_col_offset is not None
        return first, self._offset(node.end_lineno, node.end_col_offset)

    def _offset(self, line: int, column: int) -> int:
        """Return the place of a character; the parser's columns are bytes."""
        start = self._starts[line - 1]
        text = self.source[start : self._starts[line]]
        return start + (column if text.isascii() else len(text.encode()[:column].decode()))

    def _silent(self, node: ast.AST) -> Iterator[Span]:
        """Yield where strings stand that are statements by themselves: docstrings, and below."""
        for block in ("body", "orelse", "finalbody", "handlers", "cases"):
            inner = getattr(node, block, None)
            for one in inner if isinstance(inner, list) else ():
                if isinstance(one, ast.stmt) and is_string(one):
                    yield self._span(one)
                yield from self._silent(one)


def is_string(statement: ast.stmt) -> bool:
    """Whether a statement is a string, and nothing else."""
    value = statement.value if isinstance(statement, ast.Expr) else None
    return isinstance(value, ast.Constant) and isinstance(value.value, str)


def _without(text: str, cut: list[Span]) -> str:
    for start, stop in sorted(cut, reverse=True):
        text = text[:start] + text[stop:]
    return text


def _tokens(text: str) -> tuple[list[Span], list[Span]]:
    """Return where comments stand, and where strings of several lines do."""
    starts = [0]
    for line in text.split("\n"):
        starts.append(starts[-1] + len(line) + 1)

    def at(place: tuple[int, int]) -> int:
        return starts[place[0] - 1] + place[1]

    comments, strings, open_since = [], [], []
    for found in tokenize.generate_tokens(io.StringIO(text).readline):
        if found.type in _OPENING:
            open_since.append(at(found.start))
        elif found.type in _CLOSING:
            strings.append((open_since.pop(), at(found.end)))
        elif found.type == token.STRING:
            strings.append((at(found.start), at(found.end)))
        elif found.type == token.COMMENT and not open_since:
            comments.append((at(found.start), at(found.end)))
    return comments, [(a, b) for a, b in strings if "\n" in text[a:b]]

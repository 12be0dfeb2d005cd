"""A pickle's opcodes, looked over before anything is built from them.

An unpickler believes its file: it allocates what a length claims, keeps a memo as long as the
largest index, hashes whatever is a key. Here the file is read once, as data, with Python's own
``pickletools``, and everything that a checkpoint does not need is refused.
"""

import pickletools
from dataclasses import dataclass, field
from typing import IO, Any, BinaryIO, NamedTuple, cast

_MOST_OPCODES = 1_000_000
"""A network of 500 tensors takes 50,000; each opcode can cost some hundred bytes."""
_MOST_TEXT = 1 << 24
"""In a string of 16 M characters, each can take 4 bytes where the file has one."""
_MOST_LINE = 1000
_MOST_TUPLE = 100_000
_MOST_TUPLE_DEPTH = 50

_PLAIN = {
    *("PROTO", "FRAME", "STOP", "MARK", "NONE", "NEWTRUE", "NEWFALSE", "BINFLOAT"),
    *("BININT", "BININT1", "BININT2", "LONG1"),
    *("BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8"),
    *("BINBYTES", "SHORT_BINBYTES", "BINBYTES8"),
    *("EMPTY_DICT", "EMPTY_LIST", "EMPTY_SET", "EMPTY_TUPLE"),
    *("TUPLE", "TUPLE1", "TUPLE2", "TUPLE3"),
    *("APPEND", "APPENDS", "SETITEM", "SETITEMS", "ADDITEMS"),
    *("BINPUT", "LONG_BINPUT", "MEMOIZE", "BINGET", "LONG_BINGET"),
    *("GLOBAL", "REDUCE", "BUILD", "NEWOBJ"),
}
OURS = frozenset(_PLAIN | {"STACK_GLOBAL"})
"""What protocols 2 to 5 write for objects; no extension registry, persistent or INST/OBJ."""
TORCH = frozenset(_PLAIN | {"BINPERSID"})
"""What ``torch.save`` writes: storages are persistent objects."""


class RefusedError(ValueError):
    """What a pickle holds that no checkpoint needs."""


class _Reader:
    """A file that refuses to be read past ``end``, before any memory is taken for it."""

    def __init__(self, file: BinaryIO, end: int) -> None:
        self._file, self._left = file, end - file.tell()
        self.tell = file.tell

    def read(self, size: int) -> bytes:
        if size > self._left:
            raise RefusedError(
                f"is cut short: {size:,} bytes are claimed where {self._left:,} are left"
            )
        self._left -= size
        return self._file.read(size)

    def readline(self) -> bytes:
        line = self._file.readline(min(_MOST_LINE, self._left))
        self._left -= len(line)
        if not line.endswith(b"\n"):
            raise RefusedError("has a line without an end")
        return line

    @property
    def left(self) -> int:
        return self._left


class _Shape(NamedTuple):
    """How large an object is when it is hashed: only tuples are hashed item by item."""

    weight: int = 1
    depth: int = 0


_MARK = _Shape(0)
_TUPLES = {"EMPTY_TUPLE": 0, "TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}


@dataclass
class _Machine:
    """The unpickler's stack and memo, holding only sizes."""

    stack: list[_Shape] = field(default_factory=list)
    memo: dict[int, _Shape] = field(default_factory=dict)

    def step(self, op: Any, arg: Any) -> None:
        name = op.name
        if name == "MARK":
            self.stack.append(_MARK)
        elif name in {"BINPUT", "LONG_BINPUT", "MEMOIZE"}:
            self._put(len(self.memo) if name == "MEMOIZE" else arg)
        elif name in {"BINGET", "LONG_BINGET"}:
            if arg not in self.memo:
                raise RefusedError(f"refers to object {arg}, which is not in it")
            self.stack.append(self.memo[arg])
        elif name == "TUPLE":
            self._tuple(self._to_mark())
        elif name in _TUPLES:
            self._tuple([self._pop() for _ in range(_TUPLES[name])])
        else:
            self._other(op)

    def _put(self, index: int) -> None:
        # The unpickler's memo is an array as long as twice the largest index.
        if index > 2 * len(self.memo) + 256:
            raise RefusedError(f"numbers its objects up to {index:,}, and has not that many")
        self.memo[index] = self._top()

    def _tuple(self, items: list[_Shape]) -> None:
        made = _Shape(
            1 + sum(item.weight for item in items),
            1 + max((item.depth for item in items), default=0),
        )
        if made.weight > _MOST_TUPLE or made.depth > _MOST_TUPLE_DEPTH:
            raise RefusedError("has tuples nested without reason")
        self.stack.append(made)

    def _other(self, op: Any) -> None:
        taken = op.stack_before
        if pickletools.stackslice in taken:
            self._to_mark()
            taken = taken[: taken.index(pickletools.markobject)]
        for _ in taken:
            self._pop()
        self.stack.extend(_Shape() for _ in op.stack_after)

    def _top(self) -> _Shape:
        if not self.stack or self.stack[-1] is _MARK:
            raise RefusedError("takes an object where there is none")
        return self.stack[-1]

    def _pop(self) -> _Shape:
        top = self._top()
        self.stack.pop()
        return top

    def _to_mark(self) -> list[_Shape]:
        items = []
        while self.stack and self.stack[-1] is not _MARK:
            items.append(self.stack.pop())
        if not self.stack:
            raise RefusedError("takes objects where there are none")
        self.stack.pop()
        return items


class Scanned(NamedTuple):
    """What is in a pickle.

    Attributes:
        names: Of its GLOBAL opcodes, ``"module name"``.
        longest: Characters of its longest text.
        calls: How often it calls what it names.
    """

    names: list[str]
    longest: int
    calls: int


def scan(file: BinaryIO, end: int, allowed: frozenset[str]) -> Scanned:
    """Look over the pickle that begins at the file's position, and leave the file behind it.

    Args:
        file: A file that can seek.
        end: Where its bytes end.
        allowed: The opcodes that may be in it, :data:`OURS` or :data:`TORCH`.

    Raises:
        RefusedError: If it is cut short, claims more than it holds, or has other opcodes in it.
    """
    reader, machine, names = _Reader(file, end), _Machine(), list[str]()
    longest = calls = 0
    try:
        for count, (op, arg, _) in enumerate(pickletools.genops(cast(IO[bytes], reader))):
            if op.name not in allowed:
                raise RefusedError(f"has the opcode {op.name}, which no checkpoint needs")
            if count >= _MOST_OPCODES:
                raise RefusedError(f"has more than {_MOST_OPCODES:,} opcodes")
            _check_argument(op.name, arg, reader.left)
            if op.name == "GLOBAL":
                names.append(str(arg))
            elif isinstance(arg, str):
                longest = max(longest, len(arg))
            calls += op.name == "REDUCE"
            machine.step(op, arg)
    except RefusedError:
        raise
    except (ValueError, OverflowError, UnicodeError) as error:  # from pickletools
        raise RefusedError(f"is no pickle: {' '.join(str(error).split())[:150]}") from None
    return Scanned(names, longest, calls)


def _check_argument(name: str, arg: Any, left: int) -> None:
    if name == "FRAME" and arg > left:
        raise RefusedError(f"is cut short: {arg:,} bytes are claimed where {left:,} are left")
    if name == "LONG1" and arg.bit_length() > 128:
        raise RefusedError("has a whole number of more than 128 bits")
    if isinstance(arg, str) and len(arg) > _MOST_TEXT:
        raise RefusedError(f"has a text of {len(arg):,} characters")
    if name == "PROTO" and arg not in {2, 3, 4, 5}:
        raise RefusedError(f"is of pickle protocol {arg}; 2 to 5 are known")

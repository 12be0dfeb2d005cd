"""Each limit of the look over opcodes by itself, since the unpickler behind it refuses much too."""

import io
import struct

import pytest

from sampler_bench.models.checkpoints import opcodes

PROTO = b"\x80\x04"


def doubled(levels):
    """Return a tuple that holds itself twice at each level."""
    return b"N\x85\x94" + b"".join(b"h" + bytes([n]) + b"\x86\x94" for n in range(levels))


CASES = {
    "past the end": (b"\x8e" + struct.pack("<Q", 1 << 40), "is cut short"),
    "end itself": (b"N", "is cut short"),
    "frame": (b"\x95" + struct.pack("<Q", 1 << 40) + b"N.", "is cut short"),
    "opcode": (b"N\x82\x01.", "opcode EXT1"),
    "count": (b"](" + b"N" * 1_000_001 + b"e.", "more than 1,000,000 opcodes"),
    "memo": (b"Nr\xff\xff\xff\x7f.", "numbers its objects"),
    "memo that is not there": (b"h\x07.", "refers to object 7"),
    "tuple weight": (doubled(40) + b".", "tuples nested"),
    "tuple depth": (b"N" + b"\x85" * 60 + b".", "tuples nested"),
    "integer": (b"\x8a\x20" + b"\x7f" * 32 + b".", "128 bits"),
    "text": (b"X" + struct.pack("<I", 1 << 25) + b"a" * (1 << 25) + b".", "a text of"),
    "protocol": (b"\x80\x09N.", "protocol 9"),
    "line": (b"c" + b"a" * 5000 + b"\nb\nR.", "line without an end"),
    "empty stack": (b"R.", "where there is none"),
    "no mark": (b"Nt.", "where there are none"),
}


@pytest.mark.parametrize("name", CASES)
def test_each_limit(name):
    body, said = CASES[name]
    data = PROTO + body
    with pytest.raises(opcodes.RefusedError, match=said):
        opcodes.scan(io.BytesIO(data), len(data), opcodes.OURS)


@pytest.mark.parametrize("depth", [1, 40])
def test_what_is_within_them(depth):
    data = PROTO + b"N" + b"\x85" * depth + b"."
    assert opcodes.scan(io.BytesIO(data), len(data), opcodes.OURS) == ([], 0, 0)

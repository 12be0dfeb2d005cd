import codecs
import itertools
import re
from typing import Annotated, Literal

import pytest
from pydantic import BaseModel, Field, StrictBool, StrictInt, StrictStr, create_model

from sampler_bench.kit.toml import parse, text_of, validated


def test_a_text_becomes_keys_and_values():
    assert parse("a = 1\n[b]\nc = [inf]", "x.toml") == {"a": 1, "b": {"c": [float("inf")]}}


@pytest.mark.parametrize(
    "text",
    ["a = ", "a = 1\na = 2", f"a = {'9' * 5000}", "a = " + "[" * 20_000],
    ids=["no value", "twice", "a number that Python refuses", "nested too deeply"],
)
def test_what_nobody_can_read_is_one_line(text):
    with pytest.raises(ValueError, match=r"^x\.toml: not TOML: ") as caught:
        parse(text, "x.toml")
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 200


class Inner(BaseModel, extra="forbid"):
    left: int = 0


class Outer(BaseModel, extra="forbid"):
    several: list[Inner] = []
    maybe: Inner | None = None


@pytest.mark.parametrize("where", ["several[0]", "maybe"])
def test_an_unknown_key_of_a_table_within_is_told_with_the_nearest(where):
    inner = {"laft": 1}
    values = {"maybe": inner} if where == "maybe" else {"several": [inner]}
    with pytest.raises(ValueError, match=f"did you mean '{re.escape(where)}.left'"):
        validated(values, Outer, "it")


@pytest.mark.parametrize("mark", [b"", codecs.BOM_UTF8])
def test_a_byte_order_mark_is_read_over(tmp_path, mark):
    path = tmp_path / "x.toml"
    path.write_bytes(mark + 'label = "σ"\r\n'.encode())
    where, text = text_of(str(path), {}, "grid")
    assert parse(text, where) == {"label": "σ"}


@pytest.mark.parametrize("codec", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "latin-1"])
@pytest.mark.parametrize("mark", [True, False])
def test_other_encodings_are_named_or_refused(tmp_path, codec, mark):
    path, marks = tmp_path / "x.toml", {"utf-16-le": "utf-16-le", "utf-16-be": "utf-16-be"}
    start = "\ufeff" if mark and codec in marks else ""
    path.write_bytes((start + 'label = "é"\n').encode(codec))
    with pytest.raises(ValueError) as error:
        parse(*reversed(text_of(str(path), {}, "grid")))
    told = str(error.value)
    assert str(path) in told and "\n" not in told
    if codec == "utf-16" or start:
        assert "it is UTF-16" in told and "save it as UTF-8" in told


@pytest.mark.parametrize(
    "text", ["a." * 99 + "b = 1", 'a = "' + "b." * 500 + '"', "a = 0.1 #" + "." * 500]
)
def test_dots_that_are_no_nested_keys_are_read(text):
    assert "a" in parse(text, "x.toml")


KINDS = {
    "a whole number from 1 to 9": Annotated[StrictInt, Field(ge=1, le=9)],
    "true or false": StrictBool,
    "'only'": Literal["only"],
    "one of left, right": Literal["left", "right"],
    "a word": StrictStr,
    "a number above 0": Annotated[float, Field(gt=0, strict=True)],
    "a colour": Annotated[StrictStr, Field(pattern="^#", description="a colour")],
    "a table": Inner,
    "a list, each a whole number from 1 to 9": list[Annotated[StrictInt, Field(ge=1, le=9)]],
}
"""What a value may be, by how that is told."""
FITTING = (3, True, "only", "left", "#f", 2.5, {"left": 1}, [4], {"a": 1}, [1, 0], ["x"], "x", -1)


@pytest.mark.parametrize("several", [*itertools.combinations(KINDS, 2)])
@pytest.mark.parametrize("within", [False, True], ids=["a key", "in a list"])
def test_of_a_value_that_may_be_of_two_kinds_both_are_told(several, within):
    kind = KINDS[several[0]] | KINDS[several[1]]
    model = create_model("Grid", key=(list[kind] if within else kind, ...))
    refused = 0
    for value in FITTING:
        try:
            validated({"key": [3, value] if within else value}, model, "g.toml")
        except ValueError as error:
            message = str(error)
        else:
            continue
        refused += 1
        assert message.startswith(("g.toml: key", "g.toml: unknown key 'key"))
        if within and message.startswith("g.toml: key[0]"):  # 3 is neither
            message = message.replace("key[0]", "key[1]")
            value = 3
        place = "key[1]" if within else "key"
        if message.startswith(f"g.toml: {place} = "):
            told = message.removeprefix(f"g.toml: {place} = {value!r} is not allowed: it must be ")
            assert all(words in told for words in several), message
        else:  # of the list, or of the table, that it is
            assert message.startswith((f"g.toml: {place}[", f"g.toml: unknown key '{place}."))
            assert set(several) & {"a table", "a list, each a whole number from 1 to 9"}
    assert refused


def test_a_name_is_told_in_words():
    model = create_model("Grid", name=(Annotated[StrictStr, Field(pattern="^a$")], ...))
    with pytest.raises(ValueError, match="name = 'b': string should match"):
        validated({"name": "b"}, model, "g.toml")


@pytest.mark.parametrize("other", [words for words in KINDS if not words.startswith("a list")])
def test_of_a_list_among_the_kinds_the_wrong_item_is_told(other):
    count = "a whole number from 1 to 9"
    model = create_model("Grid", key=(KINDS[other] | KINDS[f"a list, each {count}"], ...))
    with pytest.raises(ValueError, match=rf"^g: key\[1\] = 'b' .* must be {count}$"):
        validated({"key": [3, "b"]}, model, "g")

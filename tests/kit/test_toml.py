import codecs
import re

import pytest
from pydantic import BaseModel

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

import re

import pytest
from pydantic import BaseModel

from sampler_bench.kit.toml import parse, validated


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

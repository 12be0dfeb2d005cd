"""What an annotation says is what is allowed, and what a message says."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

import pytest
from pydantic import Field

from sampler_bench.kit.parameters import (
    Count,
    Fraction,
    NotNegative,
    Positive,
    allowed,
    check,
    check_fields,
    keywords,
    parameters,
)

HUGE = 10**309


def part(
    x,
    *,
    whole: int = 1,
    number: float = 1.0,
    flag: bool = False,
    word: str = "a",
    one: Literal["red", "green"] = "red",
    maybe: Literal["red", "green"] | None = None,
    count: Count = 1,
    positive: Positive = 1.0,
    least: NotNegative = 0.0,
    share: Fraction = 0.5,
    high: Annotated[float, Field(ge=0, allow_inf_nan=True)] = math.inf,
    optional: Annotated[float, Field(ge=1e-13, lt=1)] | None = None,
    gamma: Annotated[float, Field(gt=0, le=0.4, description="above 0 and at most √2 − 1")] = 0.1,
    levels: list[int] = [1],  # noqa: B006
    pair: tuple[float, float] = (0.0, 1.0),
    many: Sequence[Annotated[int, Field(ge=1, le=64)]] = (),
    bare=1.0,
    bare_whole=2,
    bare_none=None,
    bare_word="x",
    bare_flag=True,
):
    """A part."""


RIGHT = {
    "whole": [3, -3],
    "number": [3, -0.5, 1e300],
    "flag": [True, False],
    "word": ["b", ""],
    "one": ["green"],
    "maybe": ["green", None],
    "count": [1, 1_000_000],
    "positive": [1e-300, 5],
    "least": [0, 0.0, 2],
    "share": [0.1],
    "high": [0, math.inf],
    "optional": [None, 1e-13, 0.5],
    "gamma": [0.4],
    "levels": [[1, 2], (1, 2), []],
    "pair": [(1, 2), [0.5, 1]],
    "many": [[1, 64], (3,)],
    "bare": [1, 2.5],
    "bare_whole": [1, 2.5],
    "bare_none": [1, 2.5, None],
    "bare_word": ["y"],
    "bare_flag": [False],
}
WRONG = {
    "whole": ([True, 1.0, 1.5, "1", None, math.nan], "a whole number"),
    "number": ([True, "1", None, math.nan, math.inf, HUGE, [1], 1j, {}], "a finite number"),
    "flag": ([0, 1, "true", None], "true or false"),
    "word": ([1, None, True, ["a"]], "a word"),
    "count": ([0, 1_000_001, 2.0, True, HUGE], "a whole number from 1 to 1,000,000"),
    "positive": ([0, -1.0, math.nan, math.inf, True], "a number above 0"),
    "least": ([-1e-300, math.nan, math.inf], "a number of at least 0"),
    "share": ([0, 1, math.nan], "a number between 0 and 1"),
    "high": ([-1, math.nan, "inf"], "a number of at least 0"),
    "optional": ([0, 1, math.nan, "x"], "a number at least 1e-13 and below 1"),
    "gamma": ([0, 0.5, math.nan], "a number above 0 and at most √2 − 1"),
    "levels": ([1, "ab", {1}], "a list, each a whole number"),
    "pair": ([(1,), (1, 2, 3)], "a list, each a finite number"),
    "many": (["ab", 3], "a list, each a whole number from 1 to 64"),
    "bare": (["1", None, True, math.nan, math.inf], "a whole number or a finite number"),
    "bare_whole": (["1", None, True], "a whole number or a finite number"),
    "bare_word": ([1, None], "a word"),
    "bare_flag": ([1, "x"], "true or false"),
}


@pytest.mark.parametrize(("name", "value"), [(n, v) for n, values in RIGHT.items() for v in values])
def test_what_an_annotation_allows(name, value):
    check(part, {name: value})


@pytest.mark.parametrize(
    ("name", "value", "words"), [(n, v, words) for n, (vs, words) in WRONG.items() for v in vs]
)
def test_what_it_does_not_allow_is_one_line_that_says_what_is(name, value, words):
    with pytest.raises(ValueError) as caught:
        check(part, {name: value}, "here: ")
    said = str(caught.value)
    assert said.startswith(f"here: {name} = {repr(value)[:100]}")
    assert said.endswith(f" is not allowed: it must be {words}") and len(said) < 300


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("levels", [1, 2.0, True], "levels[1] = 2.0 is not allowed: it must be a whole number"),
        ("levels", (None,), "levels[0] = None is not allowed: it must be a whole number"),
        ("many", [1, 65], "many[1] = 65 is not allowed: it must be a whole number from 1 to 64"),
        ("pair", [1, math.nan], "pair[1] = nan is not allowed: it must be a finite number"),
    ],
)
def test_the_item_that_is_wrong_is_named(name, value, said):
    with pytest.raises(ValueError) as caught:
        check(part, {name: value})
    assert str(caught.value) == said


def test_every_parameter_of_the_part_is_tried():
    assert parameters(part).keys() == RIGHT.keys() == WRONG.keys() | {"one", "maybe", "bare_none"}
    assert keywords(part)["share"] == 0.5


@pytest.mark.parametrize("name", ["one", "maybe"])
@pytest.mark.parametrize("value", ["gren", 3, True, ["green"], math.nan])
def test_a_word_of_a_few_is_answered_with_all(name, value):
    with pytest.raises(ValueError, match=rf"^unknown {name} .*\(known: green, red\)") as caught:
        check(part, {name: value})
    assert ("did you mean 'green'" in str(caught.value)) == (value in ("gren", ["green"]))


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("count", "16", 16),
        ("share", "0.5", 0.5),
        ("flag", "yes", True),
        ("flag", "false", False),
        ("word", "16", "16"),
        ("one", "green", "green"),
        ("number", 3, 3.0),
        ("flag", True, True),
    ],
)
def test_texts_are_read_where_no_text_is_asked_for(name, text, value):
    found = parameters(part)[name].read(text)
    assert found == value and type(found) is type(value)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        *(("count", text) for text in ("0", "1.5", "9" * 5000, 1.0)),
        *(("flag", text) for text in ("maybe", 1)),
        *(("number", text) for text in ("inf", True)),
        ("share", "nan"),
        ("one", "blue"),
    ],
)
def test_texts_that_mean_nothing_are_refused(name, text):
    with pytest.raises(ValueError) as caught:
        parameters(part)[name].read(text)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 300


def test_a_name_that_there_is_not_is_answered_with_the_nearest():
    with pytest.raises(
        ValueError, match=r"^noise x: unknown constant 'wholly'; did you mean 'whol"
    ):
        check(part, {"wholly": 1}, "noise x: ", "constant")
    with pytest.raises(ValueError, match="unknown key 'x'"):
        check(part, {"x": 1})
    with pytest.raises(ValueError, match="unknown key 'whole'"):
        check(part, {"whole": 1}, without=["whole"])


@dataclass(frozen=True)
class Made:
    needed: Positive
    low: float = 0.0
    extra: Any = None
    own: Any = field(init=False, default=None)

    def __post_init__(self):
        check_fields(self, "made: ")


def test_a_class_is_what_it_is_made_of():
    check(Made, {"needed": 1.0, "extra": object()})
    with pytest.raises(ValueError, match=r"^made: constant 'needed' is missing$"):
        check(Made, {"low": 1.0}, "made: ", "constant")
    check(Made, {"low": 1.0}, without=["needed"])
    for name in ("own", "version"):
        with pytest.raises(ValueError, match=f"unknown key '{name}'"):
            check(Made, {name: 1.0})
    with pytest.raises(ValueError, match=r"^made: needed = 0 is not allowed"):
        Made(0)


def test_annotations_that_only_a_type_checker_can_read_are_none():
    def step(*, alpha: "Nowhere" = 1.0):  # noqa: F821
        """A step."""

    check(step, {"alpha": 2})
    with pytest.raises(ValueError, match="alpha = 'x' is not allowed"):
        check(step, {"alpha": "x"})


def test_other_words():
    assert allowed(Annotated[float, Field(lt=3)]) == "a number below 3"
    assert allowed(Annotated[int, Field(le=3)]) == "a whole number of at most 3"
    assert allowed(Annotated[float, Field(gt=0, le=1e6)]) == "a number above 0 and at most 1e+06"
    assert allowed(Literal[1, "x"]) == "one of 1, x"
    assert allowed(Annotated[list[int], Field(max_length=3)]) == "a list, each a whole number"

import math

import pytest

from sampler_bench.kit.canonical import faithful, hash_of, plain, restored, text_of


def test_the_text_is_pinned():
    """Another text forgets every measurement made so far."""
    value = {"b": (1.0, 2.5, -math.inf), "a": {"z": None, "y": True}, "c": [math.inf, "x", 2.0**60]}
    assert text_of(value) == (
        '{"a":{"y":true,"z":null},"b":[1,2.5,"-inf"],"c":["inf","x",1.152921504606847e+18]}'
    )
    assert hash_of(value) == "01acbc3fff12f521"


def test_whole_numbers_are_one_and_written_faithfully_they_are_not():
    assert plain([7, 7.0, -0.0]) == [7, 7, 0] and type(plain(7.0)) is int
    assert type(faithful(7.0)) is float and faithful((1, math.inf)) == [1, "inf"]


@pytest.mark.parametrize("number", [math.inf, -1.5, "name", None, [1, {"a": -math.inf}]])
def test_plain_is_undone(number):
    assert restored(plain(number)) == restored(faithful(number)) == number


@pytest.mark.parametrize("write", [plain, faithful])
@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"a": [1, math.nan]}, "x.a[1] is not a number (nan)"),
        ({"a": {1, 2}}, "x.a is a set"),
        (b"12", "x is a bytes"),
        (1j, "x is a complex"),
    ],
)
def test_what_has_no_one_text_is_refused(write, value, message):
    with pytest.raises(ValueError) as caught:
        write(value, "x")
    assert str(caught.value).startswith(message)

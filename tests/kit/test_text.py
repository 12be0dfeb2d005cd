import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from sampler_bench.kit.text import LINE, cut, harmless, one_line

SIGNS = st.sampled_from("ab =_$\n\r\t\x00\x07\x1b\x7f\x85\x9b\u2028\u202e\u2066\ud800éσ😀")
TEXTS = st.text(SIGNS, max_size=40)


@given(TEXTS)
def test_one_line_of_which_a_terminal_does_nothing(text):
    told = one_line(text)
    assert len(told.splitlines()) <= 1
    assert not {unicodedata.category(sign) for sign in told.replace("\t", "")} & {"Cc", "Cs"}
    assert not set("\u202e\u2066") & set(told)
    assert one_line(told) == told
    told.encode()  # lone halves of signs are written out, too


@given(TEXTS)
def test_lines_stay_lines_where_several_are_meant(text):
    assert harmless(text).count("\n") == text.count("\n")
    assert harmless("two\tcolumns, σ and 😀") == "two\tcolumns, σ and 😀"


@given(st.lists(st.text("ab/", max_size=900), max_size=40), st.sampled_from([LINE, 20_000]))
def test_a_long_line_keeps_its_beginning_and_its_end(words, most):
    text = " ".join(["/data/grid.toml: sampler[3].rho =", *words, "it must be a number above 0"])
    told = cut(text, most)
    assert len(told) <= most
    assert told.startswith("/data/grid.toml: sampler[3].rho =")
    assert told.endswith("it must be a number above 0")
    assert (told == text) == (len(text) <= most)


def test_of_a_long_value_both_ends_are_told():
    told = cut(f"g.toml: name = '{'x' * 10**6}': it must be one of a, b")
    assert told.startswith("g.toml: name = 'xxx") and told.endswith("xxx': it must be one of a, b")

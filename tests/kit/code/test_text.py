"""A definition's digest: what changes it, and what does not; the same on every Python."""

import ast

import pytest

from sampler_bench.kit.code import Sources
from sampler_bench.kit.code.module import Module, Place
from sampler_bench.kit.code.text import Text

SMALL = '''
import functools

SHARE = 0.5  # of what?
"""How much."""


@functools.cache  # once
def gain(x: "Tensor", /, *, α=1.0, name="ä  #"):  # noqa: D
    """Return "ä" times # x.

    More.
    """

    text = """one···

    # two"""; y = f"{x!r:>{len(text)}} # {name}"
    # nothing
    return SHARE * x + len(y)···

if SHARE:
    class Odd:
        "A docstring."
        size: int = 3
        """Its size."""

        def half(self):
            r"""Half."""
            return self.size \\
                / 2
'''.replace("·", " ")
PINNED = {"SHARE": "7791ded1", "gain": "adb2579c", "Odd": "66a4d226"}
"""On Python 3.11, 3.12 and 3.13."""


def digests(source):
    module = Module(Place("m", None), source)
    return {name: definition.digest for name, definition in module.definitions.items()}


def plain(source):
    return Text(source).plain(ast.parse(source).body[0])


def test_digests_are_the_same_on_every_python():
    assert digests(SMALL) == PINNED


SILENT = [
    ("  # of what?", ""),
    ("  # once", "  # twice"),
    ("  # noqa: D", ""),
    ("    # nothing\n", ""),
    ('Return "ä" times # x.', "Something else, é."),
    ('    """Return "ä" times # x.\n\n    More.\n    """\n', ""),
    ('"""How much."""', '"""What it is."""'),
    ('"A docstring."', "'Another.'"),
    ('        """Its size."""\n', ""),
    ('r"""Half."""', '"half"'),
    ("    return SHARE", "\n\n    return SHARE"),
    ("len(y)   ", "len(y)"),
]
LOUD = [
    ("0.5", "0.6", {"SHARE"}),
    ("α=1.0", "α=1.5", {"gain"}),
    ("@functools.cache", "@functools.lru_cache", {"gain"}),
    ("ä  #", "ä #", {"gain"}),
    ("one   \n", "one\n", {"gain"}),
    ("    # two", "    # three", {"gain"}),
    ('"""one   \n\n', '"""one   \n', {"gain"}),
    ("} # {", "} {", {"gain"}),
    ("SHARE * x", "(SHARE * x)", {"gain"}),
    ("size: int = 3", "size: int = 4", {"Odd"}),
    ("/ 2", "/ 3", {"Odd"}),
    ("if SHARE:", "if not SHARE:", {"Odd"}),
]


@pytest.mark.parametrize(("old", "new"), SILENT)
def test_what_changes_no_number_changes_no_digest(old, new):
    assert old in SMALL
    assert digests(SMALL.replace(old, new, 1)) == PINNED


@pytest.mark.parametrize(("old", "new", "names"), LOUD)
def test_whatever_may_change_a_number_does(old, new, names):
    assert old in SMALL
    found = digests(SMALL.replace(old, new, 1))
    assert {name for name in PINNED if found[name] != PINNED[name]} == names


def test_the_text_itself():
    assert plain('@a  # b\ndef f(é): "é"; return "é#"  # é\n') == '@a\ndef f(é): ; return "é#"'
    assert plain("x = 1; y = 2") == "x = 1"
    assert plain("x = [\n    1,  # one\n\n    2,\n]\n") == "x = [\n    1,\n    2,\n]"
    assert plain('x = """a\n\n b  \n"""') == 'x = """a\n\n b  \n"""'


def test_a_change_of_lines_above_changes_nothing():
    assert digests("\n# é\n\n" + SMALL) == PINNED


def test_windows_ends_of_lines_are_the_same(tmp_path):
    path = tmp_path / "m.py"
    path.write_bytes(b"\xef\xbb\xbf" + SMALL.replace("\n", "\r\n").encode())
    module = Sources()._parsed(Place("m", path))
    assert {name: one.digest for name, one in module.definitions.items()} == PINNED

"""The code of a part of one's own: every construct that is followed, and those that are not."""

import shutil
import subprocess
import sys
from importlib.machinery import EXTENSION_SUFFIXES

import pytest

from sampler_bench.kit import own_files
from sampler_bench.kit.code import UNKNOWN, Reader, changed

MINE = '''
import functools
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import helper
import package.inner as renamed
from helper import gain as scaled
from package import exported
from stars import *

if TYPE_CHECKING:
    from helper import Hint

try:
    from fast import quick
except ImportError:

    def quick(x):
        return x + 1.5

if helper.FLAG:
    KIND = "a"
else:
    KIND = "b"

FIRST, (SECOND, *REST) = 1, (2, 3, 4)
TOTAL = 1
TOTAL += 10
RULES = {}
EXTRA = {"a": 20}
RULES.update(EXTRA)
for number in range(30):
    RULES[number] = number
HERE = Path(__file__).parent
DATA = (HERE / "data.toml").read_text()
UNUSED = 40


def kept(function):
    @functools.wraps(function)
    def wrapper(x):
        return function(x) * 50

    return wrapper


def lost(function):
    def wrapper(x):
        return function(x) * 60

    return wrapper


@kept
def one(x):
    return x + 70


@lost
def two(x):
    return x + 80


double = lambda x: 90 * x  # noqa: E731


class Base:
    def inherited(self):
        return 100


class Meant(Base):
    share = 110

    def __call__(self, x):
        return self.inherited() + self.share


def noted(x):
    return x


def note(x):
    return 120


noted.also = note
noted.files = ["said.bin"]


def annotated(x: "helper.Hint") -> "Typed":
    value: Typed = x
    return value


class Typed:
    number = 130


def factory(k):
    def made(x, *, shift=lambda: 140):
        return x + k + shift()

    return made


closed = factory(150)
bound = partial(factory, 160)


@dataclass(frozen=True)
class Row:
    function: object
    values: dict = field(default_factory=lambda: {"a": 170})

    def __call__(self, x):
        return self.function(x)


row = Row(note, {"b": 180})


def inner_import(x):
    from later import LATER

    return LATER * x


def by_text(x):
    return globals()["hidden"](x) + getattr(helper, "unseen")


def hidden(x):
    return 190


def part(x):
    """Everything."""
    return one(two(double(x))) + renamed.deep() + quick(x) + scaled(x) + helper.other()


def names():
    return KIND, SECOND, TOTAL, RULES, DATA, starred, exported


if __name__ == "__main__":
    print(part(200))
'''
BESIDE = {
    "helper.py": """
FLAG = True
LIMIT = 210
unseen = 220
class Hint: number = 230
def gain(x): return x * LIMIT
def other(): return _least()
def _least(): return 240
def nobody(): return 250
""",
    "package/__init__.py": "from .inner import exported\nFAR = 260\n",
    "package/inner.py": "from . import other\nfrom .. import nowhere\n"
    "def exported(): return 270\ndef deep(): return other.number + 280\n",
    "package/other.py": "number = 290\nnot_used = 300\n",
    "stars.py": "starred = 310\nnot_starred = 320\n",
    "later.py": "LATER = 330\n",
    "tests.py": "def gain(x): return 340\n",
    "data.toml": "number = 350\n",
    "said.bin": "360",
    "unsaid.bin": "370",
}
BESIDE["package/inner.py"] = BESIDE["package/inner.py"].replace("from .. import nowhere\n", "")


BEFORE = {}
"""The code of parts of the files as they are, by name; where they lie does not change it."""


@pytest.fixture
def write(tmp_path, monkeypatch):
    """Return a function that writes the files anew, edited, and returns the code of a part."""
    monkeypatch.setitem(sys.modules, "helper", type(sys)("helper"))  # of somebody else

    def code(name, *edits, folder="a"):
        if not edits and folder == "a" and name in BEFORE:
            return BEFORE[name]
        place = tmp_path / folder
        shutil.rmtree(place, ignore_errors=True)
        texts = {"mine.py": MINE, **BESIDE}
        for old, new in edits:
            assert sum(old in text for text in texts.values()) == 1, old
            texts = {path: text.replace(old, new) for path, text in texts.items()}
        for path, text in texts.items():
            (place / path).parent.mkdir(parents=True, exist_ok=True)
            (place / path).write_text(text)
        found = Reader().code(own_files.load(f"{place / 'mine.py'}:{name}", "part").thing)
        return found if edits or folder != "a" else BEFORE.setdefault(name, found)

    return code


def test_a_list(write):
    assert set(write("part").names) == {
        *("mine.part", "mine.one", "mine.kept", "mine.two", "mine.lost", "mine.double"),
        *("mine.quick", "helper.gain", "helper.LIMIT", "helper.other", "helper._least"),
        *("package.inner.deep", "package.other.number"),
    }


FOLLOWED = [
    ("part", "return one(", "return 1 + one("),
    ("part", "+ 70", "+ 71"),
    ("part", "* 50", "* 51"),
    ("part", "+ 80", "+ 81"),
    ("part", "* 60", "* 61"),
    ("part", "90 *", "91 *"),
    ("part", "x + 1.5", "x + 1.6"),
    ("part", "LIMIT = 210", "LIMIT = 211"),
    ("part", "240", "241"),
    ("part", "280", "281"),
    ("part", "290", "291"),
    ("one", "+ 70", "+ 71"),
    ("one", "* 50", "* 51"),
    ("two", "+ 80", "+ 81"),
    ("two", "* 60", "* 61"),
    ("double", "90 *", "91 *"),
    ("names", 'KIND = "a"', 'KIND = "c"'),
    ("names", 'KIND = "b"', 'KIND = "c"'),
    ("names", "FLAG = True", "FLAG = 1"),
    ("names", "(2, 3, 4)", "(5, 3, 4)"),
    ("names", "TOTAL += 10", "TOTAL += 11"),
    ("names", '{"a": 20}', '{"a": 21}'),
    ("names", "range(30)", "range(31)"),
    ("names", "number = 350", "number = 351"),
    ("names", "310", "311"),
    ("names", "270", "271"),
    ("Meant", "100", "101"),
    ("Meant", "110", "111"),
    ("noted", "return 120", "return 121"),
    ("noted", "360", "361"),
    ("closed", "150", "151"),
    ("closed", "140", "141"),
    ("closed", "x + k", "x - k"),
    ("bound", "160", "161"),
    ("bound", "x + k", "x - k"),
    ("row", "180", "181"),
    ("row", "120", "121"),
    ("row", "self.function(x)", "-self.function(x)"),
    ("inner_import", "330", "331"),
]
NOT = {
    "part": [
        ('"""Everything."""', '"""All."""'),
        ("UNUSED = 40", "UNUSED = 41"),
        ("250", "251"),
        ("300", "301"),
        ("340", "341"),
        ("260", "261"),
        ("part(200)", "part(201)"),
    ],
    "names": [("320", "321")],
    "noted": [("370", "371")],
    "annotated": [("130", "131"), ("230", "231")],  # annotations are not followed
    "by_text": [("190", "191"), ("220", "221")],  # limits: names that texts ask for at run time
}
"""Edits that a part's code does not see; all at once."""


@pytest.mark.parametrize(("name", "old", "new"), FOLLOWED)
def test_what_a_part_uses_is_followed(write, name, old, new):
    before, after = write(name), write(name, (old, new))
    assert UNKNOWN not in {before.digest, after.digest}
    assert before.digest != after.digest
    assert 1 <= len(changed(before.names, after.names)) <= 2


@pytest.mark.parametrize("name", NOT)
def test_what_it_does_not_use_is_not(write, name):
    assert write(name) == write(name, *NOT[name])


@pytest.mark.parametrize("name", ["part", "names", "row", "closed", "noted", "inner_import"])
def test_where_files_lie_is_no_part_of_it(write, name):
    assert write(name).digest == write(name, folder="elsewhere").digest != UNKNOWN


def test_the_text_is_that_which_was_loaded(write, tmp_path):
    before = write("part", folder="b")
    thing = own_files.load(f"{tmp_path / 'b' / 'mine.py'}:part", "part").thing
    for name in ("mine.py", "helper.py"):
        (tmp_path / "b" / name).write_text("LIMIT = 5\n")
    assert Reader().code(thing) == before


def test_two_files_of_one_name_are_both_in_it(tmp_path):
    def part(folder, text):
        (tmp_path / folder).mkdir(exist_ok=True)
        (tmp_path / folder / "mine.py").write_text(text)
        return own_files.load(f"{tmp_path / folder / 'mine.py'}:f", "part").thing

    one, other = part("a", "f = lambda x: x"), part("b", "f = lambda x: -x")
    codes = [Reader().code(one), Reader().code(other), Reader().code(one, other)]
    assert len({code.digest for code in codes}) == 3
    assert all(code.names.keys() == {"mine.f"} for code in codes)
    assert Reader().code(other, one) == codes[-1]


def test_what_was_said_to_be_read_and_is_not_there_is_unknown(write):
    code = write("noted", ('["said.bin"]', '["gone.bin"]'))
    assert code.names["mine:gone.bin"] == code.digest == UNKNOWN


def code_of(path, name="part"):
    return Reader().code(own_files.load(f"{path}:{name}", "part").thing)


def test_neighbours_are_those_of_the_file_and_not_of_the_working_directory(tmp_path, monkeypatch):
    for folder, number in (("a", 1), ("b", 2)):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "helper.py").write_text(f"NUMBER = {number}\n")
    (tmp_path / "a" / "mine.py").write_text("import helper\ndef part(): return helper.NUMBER\n")
    before = code_of(tmp_path / "a" / "mine.py")
    monkeypatch.chdir(tmp_path / "b")
    monkeypatch.syspath_prepend(tmp_path / "b")
    assert before == code_of(tmp_path / "a" / "mine.py")
    (tmp_path / "b" / "helper.py").write_text("NUMBER = 3\n")
    assert before == code_of(tmp_path / "a" / "mine.py")


def test_a_compiled_module_beside_it_enters_by_its_bytes(tmp_path):
    text = "try:\n    import fast\nexcept ImportError:\n    fast = None\n"
    text += "def part(x): return fast.go(x)\n"
    (tmp_path / "mine.py").write_text(text)
    codes = []
    for data in ("one", "other"):
        (tmp_path / f"fast{EXTENSION_SUFFIXES[0]}").write_text(data)
        codes.append(code_of(tmp_path / "mine.py"))
    assert changed(codes[0].names, codes[1].names) == ["fast"]


def test_a_module_that_can_be_imported_is_followed_like_ours(tmp_path, monkeypatch):
    """A lone file, a package, a folder without ``__init__.py``: whatever is not installed."""
    monkeypatch.syspath_prepend(tmp_path)
    for name, text in {
        "lone_part.py": "import lone_package as p\nimport lone_folder.inner\n"
        "def part(): return p.FAR + p.near() + lone_folder.inner.deep()\n",
        "lone_package/__init__.py": "from lone_package.near import near\nFAR = 1\n",
        "lone_package/near.py": "def near(): return 2\n",
        "lone_folder/inner.py": "def deep(): return 3\n",
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    assert set(code_of("lone_part").names) == {
        *("lone_part.part", "lone_package.FAR", "lone_package.near.near"),
        "lone_folder.inner.deep",
    }


SCRIPT = """
import neighbour
from sampler_bench.kit.code import Reader
class Part:
    k = 1
def part(x): return neighbour.f(x)
if __name__ == "__main__":
    print(*Reader().code(part, Part).names)
"""


def test_a_script_is_a_file_of_ones_own(tmp_path):
    (tmp_path / "script.py").write_text(SCRIPT)
    (tmp_path / "neighbour.py").write_text("def f(x): return x\n")
    told = subprocess.run(
        [sys.executable, "script.py"], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    assert told.stdout.split() == ["neighbour.f", "script.Part", "script.part"]

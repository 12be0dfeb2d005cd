"""Rows that are imported when they are used, and described from their source before that."""

import sys
import zipfile
from dataclasses import dataclass
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import spec_from_file_location

import pytest

from sampler_bench.kit.registry import Registry

STEPS = '''
import math
from dataclasses import dataclass
from typing import ClassVar

from sampler_bench.kit.description import facts

LARGEST = math.sqrt(2) - 1


@facts(order=3)
def decorated(x, *, alpha: float = 0.5, gamma=LARGEST, required):
    """Return a step
    of two lines.

    And more.
    """


def attributed(x, *, j=-2, name="word", nothing=None):
    """σ(t) and no capital."""


attributed.order = 2
attributed.evaluations = lambda n: 2 * n


def bare(x):
    pass


@dataclass
class Base:
    version: int = 3
    kind: ClassVar[str] = "no field"
    rtol: float = 1e-4
    needed: str = "overridden"


@dataclass
class Derived(Base):
    """Return a thing."""

    needed: str = "by all"

    @classmethod
    def fit(cls, low, *, epsilon=1e-3):
        return cls()
'''
ROWS = """
from elsewhere import Row, made
from .steps import decorated as renamed, attributed, Derived as Class

HELD = Row(attributed, order=5, check=lambda given: None)
INSTANCE = Class()
FACTORY = made()
"""
ELSEWHERE = '''
from dataclasses import dataclass
from typing import Any


@dataclass
class Row:
    function: Any
    order: int
    note: str = "usual"
    check: Any = None


def made():
    """Return what no source tells."""
    row = lambda x, *, beta=7: x
    row.__doc__ = "Return what was made."
    return row
'''


@pytest.fixture
def packages(tmp_path, monkeypatch):
    """Write a package that cannot be imported by accident, and import nothing of it."""
    folder = tmp_path / "site"
    (folder / "foreign").mkdir(parents=True)
    (folder / "foreign" / "__init__.py").write_text("imported = True\n")
    (folder / "foreign" / "steps.py").write_text(STEPS)
    (folder / "foreign" / "rows.py").write_text(ROWS)
    (folder / "foreign" / "broken.py").write_text("raise SystemExit(0)\n")
    (folder / "elsewhere.py").write_text(ELSEWHERE)
    monkeypatch.syspath_prepend(folder)
    yield folder
    _forget()


def _forget():
    from sampler_bench.kit.source import module_of

    module_of.cache_clear()
    for name in [*sys.modules]:
        if name.partition(".")[0] in {"foreign", "elsewhere"}:
            del sys.modules[name]


def imported():
    return [name for name in sys.modules if name.partition(".")[0] in {"foreign", "elsewhere"}]


def one(target, **given):
    return Registry("thing", {"row": target}, **given)


WRAP = "elsewhere:Row"


def test_a_row_is_imported_when_it_is_used(packages):
    registry = Registry("thing", {"a": "foreign.steps:decorated", "b": "foreign.steps:bare"})
    assert list(registry) == ["a", "b"] and len(registry) == 2
    assert "a" in registry and "c" not in registry and ["a"] not in [*registry]
    assert not imported()
    assert registry["a"].__name__ == "decorated"
    assert registry["a"] is registry["a"]
    assert dict(registry.items()) == {"a": registry["a"], "b": registry["b"]}


def test_it_is_a_dictionary(packages):
    registry: Registry[int] = Registry("thing", {"a": 1})
    registry["b"] = 2
    registry["c"] = "foreign.steps:LARGEST"
    assert {**registry} == {"a": 1, "b": 2, "c": 2**0.5 - 1}
    del registry["a"]
    with pytest.raises(KeyError):
        registry["a"]
    assert registry.get("a") is None


def test_unknown_names_are_answered_with_the_nearest():
    with pytest.raises(ValueError, match=r"unknown thing 'hoin'; did you mean 'heun'\?"):
        Registry("thing", {"heun": 1, "euler": 2}).lookup("hoin")


def test_functions_become_rows_with_their_facts(packages):
    row = one("foreign.steps:decorated", wrap=WRAP)["row"]
    assert type(row).__name__ == "Row"
    assert (row.function.__name__, row.order, row.note) == ("decorated", 3, "usual")
    assert one("foreign.rows:HELD", wrap=WRAP)["row"].order == 5
    assert one("foreign.rows:Class", wrap=WRAP)["row"].rtol == 1e-4


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        ("foreign.nowhere:x", "ModuleNotFoundError: No module named 'foreign.nowhere'"),
        ("foreign.steps:nothing", "has no attribute 'nothing'"),
        ("foreign.broken:row", "SystemExit: 0"),
        ("foreign.steps:bare", "missing 1 required positional argument: 'order'"),
    ],
)
def test_a_row_that_cannot_be_loaded_is_one_line(packages, target, reason):
    registry = one(target, wrap=WRAP)
    for ask in (registry.__getitem__, registry.lookup):
        with pytest.raises(ValueError) as caught:
            ask("row")
        assert str(caught.value).startswith(f"thing 'row': {target} cannot be loaded: ")
        assert reason in str(caught.value) and "\n" not in str(caught.value)


CASES = {
    "foreign.steps:decorated": (
        "A step of two lines",
        {"alpha": 0.5, "gamma": 2**0.5 - 1},
        {"order": 3, "note": "usual"},
    ),
    "foreign.rows:renamed": (
        "A step of two lines",
        {"alpha": 0.5, "gamma": 2**0.5 - 1},
        {"order": 3, "note": "usual"},
    ),
    "foreign.steps:attributed": (
        "σ(t) and no capital",
        {"j": -2, "name": "word", "nothing": None},
        {"order": 2, "note": "usual"},
    ),
    "foreign.rows:HELD": (
        "σ(t) and no capital",
        {"j": -2, "name": "word", "nothing": None},
        {"order": 5, "note": "usual"},
    ),
    "foreign.rows:INSTANCE": ("A thing", {"rtol": 1e-4, "needed": "by all"}, {}),
    "foreign.steps:Derived": ("A thing", {"rtol": 1e-4, "needed": "by all"}, {}),
    "foreign.steps:Base": ("", {"rtol": 1e-4, "needed": "overridden"}, {}),
}


@pytest.mark.parametrize("target", CASES)
def test_the_source_says_what_the_object_says(packages, target):
    summary, defaults, facts = CASES[target]
    registry = one(target, wrap=WRAP)
    read = registry.described("row")
    assert not imported()
    assert (read.summary, read.defaults) == (summary, defaults)
    assert {name: read.facts.get(name) for name in facts} == facts
    registry["row"]
    loaded = registry.described("row")
    assert (loaded.summary, loaded.defaults) == (summary, defaults)
    assert {name: loaded.facts[name] for name in facts} == facts


def test_a_method_that_has_the_parameters(packages):
    registry = one("foreign.steps:Derived", method="fit")
    read = registry.described("row")
    assert not imported()
    registry["row"]
    assert read == registry.described("row") and read.defaults == {"epsilon": 1e-3}


def test_what_no_source_tells_is_imported(packages):
    read = one("foreign.rows:FACTORY").described("row")
    assert (read.summary, read.defaults) == ("What was made", {"beta": 7})
    assert "foreign.rows" in imported()
    with pytest.raises(ValueError, match=r"foreign\.broken:row cannot be loaded"):
        one("foreign.broken:row").described("row")


def test_a_package_in_a_zip_file(tmp_path, monkeypatch):
    with zipfile.ZipFile(tmp_path / "site.zip", "w") as archive:
        archive.writestr("foreign/__init__.py", "raise ImportError\n")
        archive.writestr("foreign/steps.py", STEPS)
    monkeypatch.syspath_prepend(tmp_path / "site.zip")
    _forget()
    assert one("foreign.steps:decorated").described("row").summary == "A step of two lines"
    _forget()


def test_a_package_that_a_finder_knows(packages, monkeypatch):
    """As of an editable installation, whose folders have other names."""
    monkeypatch.setattr(sys, "path", [p for p in sys.path if p != str(packages)])

    class Finder:
        def find_spec(self, name, path=None, target=None):
            if name == "foreign":
                spec = ModuleSpec(name, None, is_package=True)
                spec.submodule_search_locations = []
                return spec
            if name == "foreign.room":
                place = str(packages / "foreign" / "steps.py")
                return spec_from_file_location(name, loader=SourceFileLoader(name, place))
            return None

    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path, Finder()])
    _forget()
    assert one("foreign.room:decorated").described("row").summary == "A step of two lines"
    assert not imported()


@pytest.fixture
def entry_point(packages):
    """Return a function that installs a distribution with one entry point of a group."""

    def install(group, name, target):
        folder = packages / "foreign-1.0.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: foreign\nVersion: 1.0\n")
        (folder / "entry_points.txt").write_text(f"[sampler_bench.{group}]\n{name} = {target}\n")

    return install


def test_other_packages_add_rows(entry_point):
    entry_point("things", "theirs", "foreign.steps:decorated")
    registry: Registry[object] = Registry("thing", {"ours": 1}, group="things")
    registry.add_entry_points()
    assert list(registry) == ["ours", "theirs"]
    assert registry.described("theirs").summary == "A step of two lines"
    assert not imported()
    assert registry["theirs"].__name__ == "decorated"


def test_other_packages_replace_no_row(entry_point):
    entry_point("things", "ours", "foreign.steps:decorated")
    registry: Registry[object] = Registry("thing", {"ours": 1}, group="things")
    with pytest.raises(ValueError, match=r"plugin foreign\.steps:decorated: things already has a"):
        registry.add_entry_points()
    assert registry["ours"] == 1


def test_a_row_set_by_hand_is_described_as_it_is():
    @dataclass
    class Row:
        function: object
        order: int = 1

    def step(x, *, alpha=2):
        """Return something."""

    registry: Registry[object] = Registry("thing", {}, wrap="elsewhere:Row")
    registry["mine"] = Row(step)
    registry["lambda"] = lambda x: x
    mine = registry.described("mine")
    assert (mine.summary, mine.defaults, mine.facts) == ("Something", {"alpha": 2}, {"order": 1})
    assert registry.described("lambda").summary == ""

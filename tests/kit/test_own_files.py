"""Files of one's own: run once from their bytes, known by their text, refused in one line."""

import hashlib
import os
import pickle
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from sampler_bench.kit import own_files
from sampler_bench.kit.file_parameters import File, file, in_key
from sampler_bench.kit.forms import Forms
from sampler_bench.kit.parameters import check
from sampler_bench.kit.registry import Registry

MINE = '''
from dataclasses import dataclass

from helper import FACTOR

import used


@dataclass
class Thing:
    """Return a thing."""

    size: "int" = FACTOR


def double(x, *, alpha=2.0):
    """Return twice as much."""
    return x * FACTOR


def _hidden():
    raise OSError("no")
'''


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "mine.py").write_text(MINE)
    (tmp_path / "helper.py").write_text("FACTOR = 2\n")
    (tmp_path / "used").mkdir()
    (tmp_path / "used" / "__init__.py").write_text("from used.inner import one\n")
    (tmp_path / "used" / "inner.py").write_text("one = 1\n")
    return tmp_path


def loaded(folder, name="double", place="mine.py"):
    return own_files.load(f"{folder / place}:{name}", "solver")


def test_modules_beside_a_file_are_its_own(folder, monkeypatch):
    before, helper = [*sys.path], sys.modules.get("helper")
    monkeypatch.setitem(sys.modules, "helper", type(sys)("helper"))  # of somebody else
    theirs = sys.modules["helper"]
    assert loaded(folder).thing(3) == 6
    assert sys.path == before and sys.modules["helper"] is theirs and helper is None
    assert not [name for name in sys.modules if name.partition(".")[0] == "used"]


def test_a_file_is_run_once_and_anew_when_it_or_what_it_imports_has_changed(folder):
    helper = folder / "helper.py"
    os.utime(helper, (1e9, 1e9))
    first = loaded(folder)
    assert loaded(folder).thing is first.thing
    assert loaded(folder, "Thing").thing().size == 2
    helper.write_text("FACTOR = 5\n")
    os.utime(helper, (1e9, 1e9))  # Python's own cache goes by time and size, and would not see it
    second = loaded(folder)
    assert (second.thing(1), first.thing(1)) == (5, 2)
    (folder / "used" / "inner.py").write_text("one = 7\n")
    third = loaded(folder)
    (folder / "mine.py").write_text(MINE + "\n")
    digests = [each.spec.digest for each in (first, second, third, loaded(folder))]
    assert len(set(digests)) == 4


def test_a_pinned_name_stands_for_a_text_whatever_becomes_of_the_file(folder):
    pinned = own_files.pinned(f"{folder}/mine.py:double", "solver")
    (folder / "mine.py").unlink()
    assert own_files.load(pinned, "solver").thing(1) == 2
    with pytest.raises(ValueError, match="there is no file"):
        loaded(folder)
    other = pinned[:-16] + "0123456789abcdef"
    (folder / "mine.py").write_text(MINE)
    with pytest.raises(ValueError, match=r"mine\.py was changed since"):
        own_files.load(other, "solver")


def test_the_digest_of_a_lone_file_is_of_its_text(tmp_path):
    (tmp_path / "lone.py").write_bytes(b"f = 1\ng = 2\n")
    found = loaded(tmp_path, "f", "lone.py")
    assert found.spec.digest == hashlib.sha256(b"f = 1\ng = 2\n").hexdigest()[:16]
    assert own_files.in_key("solver", str(found.spec)) == {
        "solver": "file:f",
        "solver_file": found.spec.digest,
    }
    assert own_files.in_key("solver", "heun") == {"solver": "heun"}


def test_where_a_file_lies_and_who_asks_do_not_change_its_digest(folder, tmp_path_factory):
    other = tmp_path_factory.mktemp("other")
    for path in folder.rglob("*.py"):
        place = other / path.relative_to(folder)
        place.parent.mkdir(exist_ok=True)
        place.write_bytes(path.read_bytes())
    assert loaded(folder).spec.digest == loaded(other).spec.digest


def test_a_module_that_can_be_imported(folder, monkeypatch):
    monkeypatch.syspath_prepend(folder)
    found = own_files.load("used.inner:one", "solver")
    assert (found.thing, found.spec.place) == (1, "used.inner")
    digest = hashlib.sha256(b"one = 1\n").hexdigest()
    assert found.files == {str(folder / "used" / "inner.py"): digest}
    assert own_files.load(str(found.spec), "solver").thing == 1
    for name in ("used", "used.inner"):
        sys.modules.pop(name, None)


def test_a_path_is_relative_to_what_it_stands_in(folder, monkeypatch):
    text = own_files.absolute("./used/../mine.py:double", folder)
    assert text == f"{(folder / 'mine.py').resolve()}:double"
    assert own_files.absolute("package.module:name", folder) == "package.module:name"
    assert own_files.absolute("heun", folder) == "heun"
    monkeypatch.chdir(folder)
    assert own_files.load("mine.py:double", "solver").thing(1) == 2


@pytest.mark.parametrize(
    "text",
    ["heun", "ideal:torchvision:CIFAR10", "https://x.org/m.py", "a.py:", "a.py:1", "a:b:c", 3],
)
def test_what_is_no_name_of_ones_own(text):
    assert own_files.parsed(text) is None


WRONG = {
    "exit": ("import sys\nsys.exit(3)", "file.py, line 2: SystemExit: 3"),
    "syntax": ("def f(:\n", "file.py, line 1: SyntaxError: "),
    "syntax beside": ("import torn", "torn.py, line 1: SyntaxError: "),
    "exception": ("x = 1\ny = x / 0", "file.py, line 2: ZeroDivisionError: division by zero"),
    "within a function": ("def g():\n  return h\ng()", "file.py, line 2: NameError: name 'h'"),
    "not there": ("import nowhere", "No module named 'nowhere'"),
    "another name": ("def ff(): pass", "unknown name in file.py 'f'; did you mean 'ff'?"),
    "zero bytes": ("f = '\0'", "SyntaxError"),
    "bytes": (b"\xff\xfe f", "SyntaxError"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_goes_wrong_is_one_line(name, tmp_path):
    text, expected = WRONG[name]
    (tmp_path / "torn.py").write_text("def\n")
    content = text if isinstance(text, bytes) else text.encode()
    (tmp_path / "file.py").write_bytes(content)
    before = set(sys.modules)
    with pytest.raises(ValueError) as error:
        own_files.load(f"{tmp_path}/file.py:f", "solver")
    message = str(error.value)
    assert expected in message and message.startswith("solver '") and "\n" not in message
    left = [name for name in set(sys.modules) - before if name.startswith("own_file")]
    assert len(left) == (name == "another name")


def test_places_that_are_no_file(tmp_path):
    (tmp_path / "folder.py").mkdir()
    for text, expected in {
        f"{tmp_path}/none.py:f": f"there is no file {tmp_path}/none.py",
        f"{tmp_path}/folder.py:f": "cannot be read: ",
        "nowhere_at_all:f": "nowhere_at_all cannot be imported: ModuleNotFoundError",
        "itertools:count": "itertools has no source",
        "heun": "is not spelled FILE.py:NAME",
    }.items():
        with pytest.raises(ValueError, match=r"^solver '") as error:
            own_files.load(text, "solver")
        assert expected in str(error.value)


def test_what_is_not_as_it_was_is_said(folder):
    files = loaded(folder).files
    assert len(files) == 4 and own_files.changed(files) == ""
    (folder / "helper.py").write_text("FACTOR = 3\n")
    assert own_files.changed(files) == f"{folder / 'helper.py'} was changed since"
    (folder / "helper.py").unlink()
    assert own_files.changed(files) == f"{folder / 'helper.py'} is not there any more"


@dataclass(frozen=True)
class Row:
    function: object


def row(name, found):
    if name == "file:_hidden":
        found()
    if name == "file:Thing":
        raise OSError("a fault of the maker's")
    return Row(found)


@pytest.fixture
def registry():
    functions, others = {"a step": ("x",)}, ("a thing",)
    forms = Forms(f"{__name__}:row", functions, ("Thing",), others=others, reserved=("no",))
    return Registry("solver", {"ours": 1}, forms=forms)


def test_a_registry_has_rows_of_ones_own_when_asked(folder, registry):
    name = f"{folder}/mine.py:double"
    assert name in registry and [*registry] == ["ours"] and len(registry) == 1
    assert registry.lookup(name).function(1) == 2
    assert registry[name] is registry[own_files.pinned(name, "solver")]
    assert "no:body" not in registry and "ours" in registry
    with pytest.raises(ValueError, match="unknown solver 'our'; did you mean 'ours'"):
        registry.lookup("our")
    with pytest.raises(ValueError, match=r"solver file:_hidden: mine\.py, line 22: OSError: no"):
        registry[f"{folder}/mine.py:_hidden"]
    with pytest.raises(OSError, match="a fault of the maker's"):
        registry[f"{folder}/mine.py:Thing"]
    assert f"{folder}/mine.py:double" not in Registry("solver", {})


def test_what_stands_in_a_file_is_read_from_its_source(folder, registry):
    assert registry.own_in(f"{folder}/mine.py") == [f"{folder}/mine.py:double"]
    described = registry.described(f"{folder}/mine.py:double")
    assert (described.summary, described.defaults) == ("Twice as much", {"alpha": 2.0})
    assert described.takes == ("x",)
    (folder / "classes.py").write_text("class A(m.Thing): pass\nclass B(A): pass\nclass C: pass\n")
    names = [name.rpartition(":")[2] for name in registry.own_in(f"{folder}/classes.py")]
    assert names == ["A"]
    (folder / "torn.py").write_text("def\n")
    for name in ("torn.py", "none.py"):
        with pytest.raises(ValueError, match=name):
            registry.own_in(f"{folder}/{name}")


def test_all_that_a_part_may_be_is_said_at_once(registry):
    def other(a, b):
        pass

    assert str(registry.forms.refused("solver", "file:f", other)).split("; ") == [
        "solver file:f is a function of (a, b)",
        "it must be a step f(x), parameters of its own after *, a class on Thing or a thing",
    ]
    assert "is the class Path;" in str(registry.forms.refused("solver", "file:f", Path))
    assert "is a int;" in str(registry.forms.refused("solver", "file:f", 3))


def test_a_parameter_that_is_a_file(tmp_path):
    def part(*, weights: Path, other: Path | None = None):
        pass

    (tmp_path / "w.npz").write_bytes(b"1\r\n")
    made = file("w.npz", tmp_path, "weights")
    assert isinstance(made, File) and made == tmp_path / "w.npz" and made.read_bytes() == b"1\r\n"
    assert pickle.loads(pickle.dumps(made)).digest == made.digest
    assert in_key(made) == made.digest == hashlib.sha256(b"1\r\n").hexdigest()[:16]
    assert file(made, Path("elsewhere"), "weights") is made and in_key(3) == 3
    check(part, {"weights": made, "other": "w.npz"})
    with pytest.raises(ValueError, match=r"weights = 3 is not allowed: it must be a file's path"):
        check(part, {"weights": 3})
    for wrong in ("none.npz", ".", "\0"):
        with pytest.raises(ValueError, match=r"^weights = .* cannot be read: "):
            file(wrong, tmp_path, "weights")

"""What objects hold enters by value; what no other process would find again is unknown."""

import collections
import enum
import functools
import importlib.metadata
import linecache
import re
import subprocess
import sys
import types
from dataclasses import dataclass, field, make_dataclass
from fractions import Fraction
from functools import cached_property, partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from sampler_bench.kit.code import UNKNOWN, Reader, Sources, changed
from sampler_bench.kit.registry import Registry

READER = Reader()


def closed_over(value):
    def function(x):
        return x, value

    return function


def digest(value):
    return READER.code(closed_over(value)).digest


class Plain:
    def __init__(self, **held):
        vars(self).update(held)

    @cached_property
    def remembered(self):
        return 1


@dataclass
class Data:
    value: object
    cache: object = field(default=None, compare=False)


@dataclass(frozen=True)
class Slotted:
    __slots__ = ("value",)
    value: object


class Named(NamedTuple):
    value: object


class Colour(enum.Enum):
    RED = 1
    BLUE = 2


def elided():
    """Two arrays that ``repr`` shows alike."""
    one, other = np.zeros(5000), np.zeros(5000)
    other[2500] = 1e-300
    assert repr(one) == repr(other)
    return one, other


def object_array(*values):
    made = np.empty(len(values), dtype=object)
    made[:] = values
    return made


def itself(last):
    made = [1, last]
    made.append(made)
    return made


APART = [
    (None, False),
    (0, False),
    (1, 1.0),
    (0.1, 0.1 + 2**-56),
    (0.0, -0.0),
    ("1", 1),
    (b"1", "1"),
    ("b'1'", b"1"),
    (1j, 1),
    ([1], (1,)),
    ([[1], 2], [1, [2]]),
    (["a, b"], ["a", "b"]),
    ({"a": 1}, {"a": 2}),
    ({1: "a"}, {"1": "a"}),
    ({1, 2}, {1, 3}),
    (frozenset({1}), {1}),
    (range(3), range(4)),
    (slice(1), slice(2)),
    (Fraction(1, 3), Fraction(1, 2)),
    (elided()),
    (np.zeros(3), np.zeros((3, 1))),
    (np.zeros(3), np.zeros(3, dtype="float32")),
    (np.float32(1), np.float64(1)),
    (np.zeros(3).astype("<f4"), np.zeros(3).astype(">f4")),
    (object_array(1, "a"), object_array(1, "b")),
    (Plain(value=1), Plain(value=2)),
    (Plain(value=1), Data(1)),
    (Data([1]), Data([2])),
    (Slotted(1), Slotted(2)),
    (Named(1), Named(2)),
    (Colour.RED, Colour.BLUE),
    (partial(digest, 1), partial(digest, 2)),
    (partial(digest, value=1), partial(digest, other=1)),
    (closed_over(1), closed_over(2)),
    (Plain(value=1).__init__, Plain(value=2).__init__),
    ("a".upper, "b".upper),
    (re.compile("a"), re.compile("a", re.I)),
    (np.sin, np.cos),
    (len, sum),
    (np.dtype("f4"), np.dtype("f8")),
    (collections.deque([1]), collections.deque([2])),
    (types.MappingProxyType({1: 2}), types.MappingProxyType({1: 3})),
    (itself(1), itself(2)),
]


@pytest.mark.parametrize("number", range(len(APART)))
def test_values_apart_have_digests_apart(number):
    one, other = (digest(value) for value in APART[number])
    assert one != other and UNKNOWN not in {one, other}


@pytest.mark.parametrize(
    "make",
    [
        lambda: 0.1,
        lambda: np.arange(5000.0),
        lambda: np.arange(10.0)[::2],
        lambda: Plain(value=[Data(1), {2: "a"}]),
        lambda: Data(1, cache=Plain()),
        lambda: {"b", "a"},
        lambda: closed_over(closed_over(1)),
        lambda: functools.lru_cache(closed_over(1)),
        lambda: itself(1),
    ],
)
def test_what_is_equal_has_one_digest(make):
    assert digest(make()) == digest(make()) != UNKNOWN


def test_what_an_object_remembers_is_no_value():
    thing = Plain(value=1)
    before = digest(thing), digest(Data(1))
    assert thing.remembered
    assert before == (digest(thing), digest(Data(1, cache=2)))


def test_an_array_that_is_a_view_is_its_values():
    assert digest(np.arange(10.0)[::2]) == digest(np.array([0.0, 2, 4, 6, 8]))


@pytest.mark.parametrize(
    "value",
    [object(), [object()], iter([]), sys.stdin, Path("nowhere"), Plain(a=object()), READER],
)
def test_anything_else_is_unknown(value):
    code = READER.code(closed_over(value))
    assert code.digest == UNKNOWN and UNKNOWN in code.names.values()


def test_nothing_is_unknown():
    assert READER.code().digest == UNKNOWN == READER.code(len).digest


ADDRESS = """
import sys
sys.path.insert(0, {root!r})
from tests.kit.code.test_values import Plain, closed_over, digest
thing = Plain(value=closed_over(2), other={{"a", "b", "c", 1.5}}, more=Plain())
assert " at 0x" in repr(thing)
print(digest(thing))
assert "torch" not in sys.modules
"""


def test_an_object_with_an_address_is_the_same_in_the_next_process():
    root = str(Path(__file__).parents[3])
    told = subprocess.run(
        [sys.executable, "-c", ADDRESS.format(root=root)],
        capture_output=True,
        text=True,
        check=True,
    )
    thing = Plain(value=closed_over(2), other={"a", "b", "c", 1.5}, more=Plain())
    assert told.stdout.strip() == digest(thing) != UNKNOWN


# ---- tensors ------------------------------------------------------------------------------------


def test_tensors_enter_by_type_shape_and_bytes():
    torch = pytest.importorskip("torch")
    one = torch.zeros(5000)
    other = one.clone()
    other[2500] = 1e-38
    values = [one, other, one.double(), one.reshape(50, 100), one.bfloat16(), one.numpy()]
    values += [torch.tensor(1.0), torch.tensor(1), torch.float32, torch.float64]
    assert len({*map(digest, values)} - {UNKNOWN}) == len(values)
    assert digest(one) == digest(torch.zeros(5000))
    assert digest(one.reshape(50, 100).T) == digest(torch.zeros(100, 50))
    assert digest(torch.nn.Parameter(one)) == digest(one)
    torch.manual_seed(0)
    first, second = torch.nn.Linear(2, 2), torch.nn.Linear(2, 2)
    assert digest(first) != digest(second) != UNKNOWN


# ---- what stands where --------------------------------------------------------------------------


def made_class(k):
    return make_dataclass(f"Made{k}", [("x", int, 1)], namespace={"at": staticmethod(len), "k": k})


def test_a_class_made_by_a_function_enters_by_what_it_holds():
    codes = [READER.code(made_class(k)) for k in (1, 2)]
    here = made_class(1)
    here.__module__ = __name__  # as Python 3.12 has it, and solvers.own
    assert READER.code(here).digest != UNKNOWN
    assert codes[0].digest != codes[1].digest and UNKNOWN not in {c.digest for c in codes}
    inner = [type("Inner", (Data,), {"k": k, "m": closed_over(k)}) for k in (1, 2)]
    assert READER.code(inner[0]).digest != READER.code(inner[1]).digest


class Compiled:
    """As numba's functions are: what was compiled keeps the function it is of."""

    def __init__(self, function):
        self.py_func = function

    def __call__(self, x):
        return self.py_func(x)


def test_a_compiled_function_is_the_function_it_is_of():
    names = READER.code(Compiled(closed_over)).names
    assert f"{__name__}.closed_over" in names
    assert digest(Compiled(closed_over(1))) != digest(Compiled(closed_over(2)))


def test_a_function_in_anothers_name_is_both():
    stands = closed_over(1)
    other = vars(sys.modules["sampler_bench.kit.names"])["unknown"]  # which no name here leads to
    before = READER.code(stands).names
    stands.__wrapped__ = other
    assert "sampler_bench.kit.names.unknown" not in before
    assert {*before, "sampler_bench.kit.names.unknown"} <= {*READER.code(stands).names}


def test_other_distributions_enter_by_name_and_version():
    scipy = pytest.importorskip("scipy.integrate")
    names = READER.code(scipy.solve_ivp, digest).names
    assert f"scipy {importlib.metadata.version('scipy')}" in names
    assert not any(name.startswith(("numpy", "torch", "scipy.")) for name in names)
    pillow = pytest.importorskip("PIL.Image")  # of a distribution of another name
    assert f"pillow {importlib.metadata.version('pillow')}" in READER.code(pillow.open).names


CELL = """
W = 3
def g(x): return x * W
def nb(x): return g(x) + other(x) + ELSEWHERE
"""


def notebook(cell, elsewhere, number):
    """Run a cell as notebooks do: its text is kept under a name that is no file's."""
    space = {"__name__": "__main__", "ELSEWHERE": elsewhere, "other": closed_over(1)}
    name = f"<cell {number}>"
    linecache.cache[name] = (len(cell), None, cell.splitlines(True), name)
    exec(compile(cell, name, "exec"), space)
    return space["nb"]


def test_a_notebooks_function_is_its_cell_read_as_a_module():
    one = Reader().code(notebook(CELL, 5, 1))
    assert {"__main__.nb", "__main__.g", "__main__.W", "__main__.ELSEWHERE"} < {*one.names}
    assert Reader().code(notebook(CELL, 5, 2)) == one
    assert changed(one.names, Reader().code(notebook(CELL, 6, 3)).names) == ["__main__.ELSEWHERE"]
    other = Reader().code(notebook(CELL.replace("x * W", "x / W"), 5, 4))
    assert changed(one.names, other.names) == ["__main__.g"]


def test_without_a_text_it_is_unknown():
    space = {"__name__": "__main__"}
    exec("def typed(x): return x", space)
    assert Reader().code(space["typed"]).digest == UNKNOWN


# ---- registries ---------------------------------------------------------------------------------

ROWS: Registry = Registry("row", {"a": f"{__name__}:row_a", "b": f"{__name__}:row_b"})


def row_a():
    return 1


def row_b():
    return 2


def by_constant():
    return ROWS["a"]()


def by_method():
    return ROWS.lookup("b")()


def by_variable(name):
    return ROWS[name]()


def test_registries_are_followed_to_rows_that_are_named():
    def rows(part, *settings):
        names = READER.code(part, settings=settings).names
        return {name.rpartition(".")[2] for name in names} & {"ROWS", "row_a", "row_b"}

    assert rows(by_constant) == {"row_a"}
    assert rows(by_method) == {"row_b"}
    assert rows(by_variable) == set()
    assert rows(by_variable, "b", "nothing of ours") == {"row_b"}
    assert rows(digest, "b") == set()  # nothing asks a registry for a row


def test_a_row_enters_as_it_is_now(monkeypatch):
    monkeypatch.setitem(ROWS._rows, "a", row_b)
    assert f"{__name__}.row_b" in READER.code(by_constant).names


# ---- lists --------------------------------------------------------------------------------------


def test_what_changed_is_told_without_the_packages_name():
    old = {"sampler_bench.solvers.rk2": "1", "mine.f": "2", "scipy 1.1": "3"}
    new = {"sampler_bench.solvers.rk2": "4", "mine.f": "2", "mine.g": "5"}
    assert changed(old, new) == ["mine.g", "solvers.rk2", "scipy 1.1"]
    assert changed(old, old) == []


def test_modules_without_numbers_are_left_out():
    without = Reader(without=frozenset({"sampler_bench.kit.registry"})).code(by_variable, Registry)
    assert not any(name.startswith("sampler_bench.kit.registry") for name in without.names)
    assert any(name.startswith("sampler_bench.kit") for name in READER.code(Registry).names)


def test_texts_may_be_read_from_elsewhere():
    def edited(path):
        return path.read_bytes().replace(b"return 1\n", b"return 10\n")

    before, after = Reader().code(by_constant), Reader(Sources(edited)).code(by_constant)
    assert changed(before.names, after.names) == [f"{__name__}.row_a"]

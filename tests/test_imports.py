"""The rooms' arrows: who may import whom (see "Five rooms, one direction" in the design)."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROOMS = {"kit", "solvers", "models", "results", "reports", "bench"}
ALLOWED = {
    "kit": set(),
    "solvers": {"kit"},
    "models": {
        "kit",
        "solvers.denoiser",
        "solvers.levels",
    },
    "results": {"kit"},
    "reports": {"kit", "results"},
    "bench": ROOMS,
}
FLOORS = ("features", "measure", "plan", "run", "commands")
"""The rooms of bench/: each may import those below it, and none above."""
WITHOUT_TORCH = {"kit", "results", "reports"}


def imports(source: str) -> Iterator[str]:
    """Yield what is imported anywhere in a file, in full: ``from a import b`` as ``a.b``."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute here"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def at_import(source: str, module: str, modules: set[str]) -> set[str]:
    """Return which of ``modules`` a file imports while it is imported itself.

    Functions run later, and what stands under TYPE_CHECKING never. A module's packages are
    imported before it, but whoever imports it has that from within: only what is not above it.
    """
    found: set[str] = set()
    todo: list[ast.AST] = [ast.parse(source)]
    while todo:
        node = todo.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            todo += node.orelse
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                found.add(inner if inner in modules else str(node.module))
        todo += ast.iter_child_nodes(node)
    above = {module.rsplit(".", n)[0] for n in range(1, module.count(".") + 1)}
    packages = {name.rsplit(".", n)[0] for name in found for n in range(1, name.count(".") + 1)}
    return ((found | packages) & modules) - above - {module}


def circle(arrows: dict[str, set[str]]) -> list[str]:
    """Return modules that import one another in a circle, first and last the same; none if none."""
    done: set[str] = set()

    def walk(name: str, path: list[str]) -> list[str]:
        if name in path:
            return [*path[path.index(name) :], name]
        if name in done:
            return []
        for other in sorted(arrows[name]):
            if found := walk(other, [*path, name]):
                return found
        done.add(name)
        return []

    return next((found for name in sorted(arrows) if (found := walk(name, []))), [])


def package() -> dict[str, str]:
    """Return the source of every module of the package by its full name."""
    found = {}
    for room in ROOMS:
        for path in sorted((ROOT / room).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            parts = parts[:-1] if parts[-1] == "__init__" else parts
            found[".".join(("sampler_bench", *parts))] = path.read_text("utf-8")
    return found


def test_no_module_imports_itself_in_a_circle():
    sources = package()
    modules = set(sources)
    arrows = {name: at_import(source, name, modules) for name, source in sources.items()}
    assert len(arrows) > 150 and sum(map(len, arrows.values())) > 500
    assert " -> ".join(circle(arrows)) == ""


def climbing(module: str, source: str) -> list[str]:
    """Return what a module of bench/ imports from a floor above its own."""
    floor = {f"sampler_bench.bench.{room}": place for place, room in enumerate(FLOORS)}

    def place(name: str) -> int | None:
        return floor.get(".".join(name.split(".")[:3]))

    mine = place(module)
    return [name for name in imports(source) if (place(name) or 0) > (mine or 0)]


def test_the_rooms_of_bench_import_downwards():
    of_bench = {n: s for n, s in package().items() if n.startswith("sampler_bench.bench.")}
    assert {name.split(".")[2] for name in of_bench} == set(FLOORS)
    found = {name: up for name, source in of_bench.items() if (up := climbing(name, source))}
    assert found == {}


def test_climbing_is_seen():
    source = "def f():\n    from sampler_bench.bench.run import runner"
    assert climbing("sampler_bench.bench.plan.planning", source)
    assert not climbing("sampler_bench.bench.commands.cli", source)


def test_a_circle_is_seen():
    sources = {
        "p.a": "import p.b",
        "p.b": "from p.c import x",
        "p.c": "class C:\n    from p import a",
        "p.d": "def f():\n    import p.e",
        "p.e": "if TYPE_CHECKING:\n    import p.d",
    }
    arrows = {name: at_import(source, name, set(sources)) for name, source in sources.items()}
    assert circle(arrows) == ["p.a", "p.b", "p.c", "p.a"]
    assert arrows["p.d"] == arrows["p.e"] == set()


def inner(source: str) -> list[tuple[int, str]]:
    """Return the lines at which functions import what is ours, and what they import."""
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    bodies = [node for node in ast.walk(ast.parse(source)) if isinstance(node, functions)]
    found = [node for body in bodies for node in ast.walk(body) if isinstance(node, ast.ImportFrom)]
    ours = [node for node in found if str(node.module).startswith("sampler_bench")]
    return sorted({(node.lineno, str(node.module)) for node in ours})


def test_imports_within_functions_say_why():
    """In a comment beside them; commands all for one reason: PyTorch takes seconds to import."""
    silent = []
    commands = re.compile(r"sampler_bench\.bench\.commands(\..*)?")
    for name, source in package().items():
        if commands.fullmatch(name):
            continue
        lines = source.splitlines()
        for number, what in inner(source):
            near = lines[max(0, number - 4) : number]
            if not any("#" in line for line in near):
                silent.append(f"{name}:{number} imports {what}")
    assert silent == []


def wrong(room: str, source: str) -> list[str]:
    def is_wrong(name: str) -> bool:
        top, _, place = name.partition(".")
        if top in {"torch", "torchvision", "torch_fidelity"}:
            return room in WITHOUT_TORCH
        if top == "sampler_bench":
            return not any(f"{place}.".startswith(f"{a}.") for a in {room, *ALLOWED[room]})
        # A room by its bare name would be a second copy of it, with registries of its own.
        return top in {*ROOMS, "tests"}

    return [name for name in imports(source) if is_wrong(name)]


@pytest.mark.parametrize("room", sorted(ROOMS))
def test_imports_point_one_way(room):
    files = sorted((ROOT / room).rglob("*.py"))
    assert files
    found = {str(path.relative_to(ROOT)): wrong(room, path.read_text("utf-8")) for path in files}
    assert {path: names for path, names in found.items() if names} == {}


@pytest.mark.parametrize(
    ("room", "source"),
    [
        ("solvers", "from sampler_bench.models import Counted"),
        ("solvers", "def f():\n    import sampler_bench.results.load"),
        ("models", "from sampler_bench.solvers.flow import Flow"),
        ("models", "from sampler_bench import solvers"),
        ("results", "import torch.nn as nn"),
        ("reports", "from torch import Tensor"),
        ("reports", "from sampler_bench.bench.plan.grid import Grid"),
        ("kit", "from sampler_bench.results import Cell"),
        ("kit", "import torch"),
        ("bench", "import tests.solvers"),
        ("bench", "import solvers"),
        ("bench", "from bench import grid"),
        ("bench", "from sampler_bench import build"),
    ],
)
def test_a_wrong_arrow_is_seen(room, source):
    assert wrong(room, source)


@pytest.mark.parametrize(
    ("room", "source"),
    [
        ("models", "from sampler_bench.solvers.denoiser import Denoiser"),
        ("reports", "from sampler_bench import results"),
        ("reports", "import sampler_bench.results.published"),
        ("bench", "from sampler_bench.solvers import build"),
        ("solvers", "from sampler_bench.solvers.flow import Flow"),
        ("results", "from sampler_bench.kit.names import unknown"),
    ],
)
def test_a_right_arrow_is_not(room, source):
    assert not wrong(room, source)

"""The rooms' arrows: who may import whom (see "Five rooms, one direction" in the design)."""

import ast
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
        "solvers.rows",
        "solvers.variance",
    },
    "results": {"kit"},
    "reports": {"kit", "results"},
    "bench": ROOMS,
}
WITHOUT_TORCH = {"kit", "results", "reports"}


def imports(source: str) -> Iterator[str]:
    """Yield what is imported anywhere in a file, in full: ``from a import b`` as ``a.b``."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute here"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


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
        ("reports", "from sampler_bench.bench.grid import Grid"),
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

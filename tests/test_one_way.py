"""What has its one place in ``kit``: nobody does it by himself (see "kit/" in the design)."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROOMS = ("kit", "solvers", "models", "results", "reports", "bench")
SOURCES = {
    str(path.relative_to(ROOT)): path.read_text("utf-8")
    for room in ROOMS
    for path in sorted((ROOT / room).rglob("*.py"))
}

PLACES = {"difflib": "kit/names.py", "tomllib": "kit/toml.py"}
"""Libraries that one file alone may import."""


def imported(source):
    """Return the top-level names of all that a file imports, anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(str(node.module).partition(".")[0])
    return found


@pytest.mark.parametrize("library", PLACES)
def test_one_file_alone_imports_it(library):
    assert [name for name, source in SOURCES.items() if library in imported(source)] == [
        PLACES[library]
    ]

"""``bench list``: read from the source, without PyTorch, and the same as the parts say."""

import json
import os
import subprocess
import sys

import pytest
from rich.console import Console

from sampler_bench.bench.commands.catalogue import CATALOGUE
from sampler_bench.bench.commands.listing import show

PRINT = """
import json, sys
from typer.testing import CliRunner
from sampler_bench.bench.commands.catalogue import CATALOGUE
from sampler_bench.bench.commands.cli import app

def printed(kind):
    result = CliRunner().invoke(app, ["list", *kind])
    assert result.exit_code == 0, (kind, result.output)
    return result.stdout

said = {}
for kind in ([], *([name] for name in CATALOGUE)):
    said["".join(kind)] = printed(kind)
    assert "torch" not in sys.modules, kind

from sampler_bench.bench.features.registry import EXTRACTORS
from sampler_bench.bench.measure.registry import METRICS, PROBES
from sampler_bench.models import MODELS
from sampler_bench.solvers import DISCRETIZATIONS, ORIGINALS, PATHS, SCALINGS, SCHEDULES, SOLVERS
parts = SOLVERS, ORIGINALS, PATHS, SCALINGS, SCHEDULES, DISCRETIZATIONS, MODELS, METRICS, PROBES
for registry in (*parts, EXTRACTORS):
    for name in registry:
        registry[name]  # is described by the object from now on
assert "torch" in sys.modules
for kind in CATALOGUE:
    assert printed([kind]) == said[kind], kind
json.dump(said, sys.stdout)
"""


def listed(**environment):
    """Return what is printed by kind; without one under ""."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", **environment}
    ran = subprocess.run(
        [sys.executable, "-c", PRINT], capture_output=True, encoding="utf-8", env=environment
    )
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout)


@pytest.fixture(scope="module")
def folded():
    return listed(COLUMNS="80")


@pytest.mark.parametrize("kind", CATALOGUE)
def test_every_row_is_listed_whole_and_folded_at_80_columns(folded, kind):
    lines = folded[kind].splitlines()
    rows = CATALOGUE[kind].rows()
    assert rows and max(map(len, lines)) <= 80
    assert "…" not in folded[kind].replace("…", "", sum(text.count("…") for _, text in rows))
    starts = [line.split()[0] for line in lines if line and not line.startswith(" ")]
    assert [name for name, _ in rows] == starts[: len(rows)]
    for name, text in rows:
        assert text.strip(), name
        assert " ".join(text.split()) in " ".join(folded[kind].split()), name


def test_without_a_kind_the_kinds_are_listed(folded):
    lines = folded[""].splitlines()
    assert [line.split()[0] for line in lines] == [*CATALOGUE]
    for line, kind in zip(lines, CATALOGUE.values(), strict=True):
        assert line.endswith(kind.about)


def test_symbols_keep_their_case(folded):
    assert "σ(t) = t" in folded["schedules"] and "Σ" not in folded["schedules"]
    assert "s(t) = 1/√" in folded["scalings"]


def test_a_line_is_a_row_where_nothing_is_folded(capsys):
    rows = [("short", "word " * 60), ("a-name-that-is-longer-than-others", "x")]
    show(rows, Console(width=80), folded=False)
    first, second = capsys.readouterr().out.splitlines()
    assert first == f"short{'':30}{('word ' * 60).strip()}"
    assert second == "a-name-that-is-longer-than-others  x"


def test_names_and_values_stay_together(capsys):
    show([("rk2", "A step [alpha = 0.25, beta = 1]")], Console(width=26), folded=True)
    assert capsys.readouterr().out.splitlines() == ["rk2  A step [alpha = 0.25,", "     beta = 1]"]

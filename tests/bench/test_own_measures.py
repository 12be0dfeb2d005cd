"""Metrics, extractors, profiles and kinds of measurement of one's own: refused in one line."""

import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from sampler_bench import bench as bench_room
from sampler_bench import reports, results
from sampler_bench.bench.commands.cli import app
from sampler_bench.bench.features.registry import EXTRACTORS
from sampler_bench.bench.measure import plugins
from sampler_bench.bench.measure.registry import MEASUREMENTS, METRICS, PROBES
from sampler_bench.kit.registry import Registry
from tests.bench.test_bad_input import refused

MINE = """
import numpy as np
from sampler_bench.bench.measure.measurement import Measurement


def width(shards, source):
    '''Return the RMS norm of features, from their moments.'''
    squares = np.array([s.arrays["outer"].sum() for s in shards])
    counts = np.array([int(s.arrays["n"]) for s in shards])
    rest = (squares.sum() - squares) / (counts.sum() - counts)
    return float(squares.sum() / counts.sum()), rest.tolist()


def up(shards, source):
    return 0.0, []


up.better = "up"


def broken(shards, source):
    raise KeyError("no such thing")


def endless(shards, source):
    return float("inf"), []


def three(a, b, c):
    return 0


def pictures(images):
    return images


pictures.input = "jpeg"


def flat(images):
    return images.flatten(1)[:, :2]


flat.input = "any"


class Nothing:
    pass


class Half(Measurement):
    pass


class Whole(Measurement):
    metrics = declared = evaluations = merge = take = None


def nothing_drawn(records):
    raise RuntimeError("no ink")
"""

GRID = """
name = "measured"
models = ["exact-mixture-moons"]
samples = 20
metrics = {metrics}
extractor = "{extractor}"
floor = false
[[sampler]]
steps = 2
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (tmp_path / "grid").mkdir()
    for name in ("mine.py", "other.py"):
        (tmp_path / "grid" / name).write_text(MINE)
    monkeypatch.chdir(tmp_path)
    return tmp_path / "grid"


def grid_of(folder, metrics=("fid",), extractor="pixels", more=""):
    text = GRID.format(metrics=json.dumps(list(metrics)), extractor=extractor) + more
    (folder / "mine.toml").write_text(text)
    return folder / "mine.toml"


def bench(*words):
    return CliRunner().invoke(app, [*map(str, words)])


def test_a_changed_text_is_measured_anew_of_the_same_shards_and_gated(folder):
    grid = grid_of(folder, ["fid", "mine.py:width"], "mine.py:flat")
    assert bench("run", grid, "--out", "run").exit_code == 0
    planned = json.loads((folder.parent / "run" / "plan.json").read_text())
    assert [*planned["files"]] == [str(folder / "mine.py")]
    (folder / "mine.py").write_text(MINE.replace("rest.tolist()", "list(rest)"))
    gate = bench("check", "run", "--baseline", "run")
    assert gate.exit_code == 2 and "mine.py was changed since" in gate.stderr
    assert bench("run", grid_of(folder, ["mine.py:width"]), "--out", "new").exit_code == 0
    old, new = (results.load(name).set_index("metric") for name in ("run", "new"))
    assert old.loc["file:width", "key"] != new.loc["file:width", "key"]
    assert old["work_key"].nunique() == 1
    assert re.fullmatch("Width, flat features, 20 samples", old.loc["file:width", "metric_name"])


CASES = {
    "no file": ({"metrics": ["none.py:width"]}, "metric 'none.py:width': there is no file|no file"),
    "no name": ({"metrics": ["mine.py:widt"]}, "did you mean 'width'?"),
    "no metric": ({"metrics": ["fidd"]}, "unknown metric 'fidd'; did you mean 'fid'?"),
    "form": ({"metrics": ["mine.py:three"]}, "it must be a distance f(features, reference)"),
    "direction": ({"metrics": ["mine.py:up"]}, "unknown better 'up' (known: higher, lower)"),
    "two files": ({"metrics": ["mine.py:width", "other.py:width"]}, "both called 'file:width'"),
    "extractor": (
        {"extractor": "mine.py:three"},
        "extractor file:three is a function of (a, b, c)",
    ),
    "its input": ({"extractor": "mine.py:pictures"}, "input = 'jpeg' is not one of any, uint8"),
    "its weights": ({"extractor": "mine.py:flat", "weights": True}, "takes no weights"),
    "profile": (
        {"more": '[[profile]]\nmetric = "mine.py:Nothing"\nlevels = [1, 2, 3]'},
        "profile metric file:Nothing is the class Nothing; it must be a class on Probe",
    ),
    "kind": (
        {"more": '[[measurement]]\nkind = "mine.py:Nothing"'},
        "measurement file:Nothing is the class Nothing; it must be a class on Measurement",
    ),
    "half a kind": (
        {"more": '[[measurement]]\nkind = "mine.py:Half"'},
        "the class Half lacks declared, evaluations, merge, metrics, take",
    ),
    "key": ({"more": '[[measurement]]\nkind = "mine.py:Whole"\nsigm = 1'}, "unknown key 'sigm'"),
}


@pytest.mark.parametrize("name", CASES)
def test_what_is_wrong_is_said_in_one_line(name, folder, tmp_path):
    given, expected = dict(CASES[name][0]), CASES[name][1]
    weights = given.pop("weights", False)
    grid = grid_of(folder, **given)
    if weights:
        text = grid.read_text().replace("samples =", 'extractor_weights = "w.pt"\nsamples =')
        grid.write_text(text)
    said = refused(["run", grid, "--out", "out"], tmp_path, "")
    assert any(part in said for part in expected.split("|")), said


@pytest.mark.parametrize("name", ["broken", "endless"])
def test_what_fails_in_the_end_is_a_failed_job(name, folder):
    result = bench("run", grid_of(folder, [f"mine.py:{name}"]), "--out", "run")
    assert result.exit_code in {1, 2} and "Traceback" not in result.output
    assert result.exit_code == 2 or "1 jobs failed" in result.stderr


def test_a_figure_or_format_that_fails_is_one_line(folder, tmp_path):
    assert bench("run", grid_of(folder), "--out", "run").exit_code == 0
    figure = ["report", "run", "--figure", "grid/mine.py:nothing_drawn"]
    refused(figure, tmp_path, "figure file:nothing_drawn: mine.py, line")
    refused(["report", "run", "--figure", "grid/mine.py:three"], tmp_path, "it must be a function")
    refused(["report", "run", "--format", "jsom"], tmp_path, "did you mean 'json'?")
    refused(["report", "run", "--format", "grid/mine.py:three"], tmp_path, "f(report)")
    together = bench("report", "--all", "run", "--format", "json")
    assert together.exit_code == 2 and "--format is for reports of runs" in together.stderr


EVERY = {
    "metrics": METRICS,
    "profiles": PROBES,
    "measurements": MEASUREMENTS,
    "extractors": EXTRACTORS,
    "figures": reports.FIGURES,
    "formats": reports.FORMATS,
}


@pytest.mark.parametrize("group", EVERY)
def test_entry_points_of_each_kind_are_read(group, monkeypatch):
    assert EVERY[group].group == group
    read = []
    monkeypatch.setattr(Registry, "add_entry_points", lambda self: read.append(self.group))
    plugins.load_plugins.__wrapped__()
    plugins.load_plugins.__wrapped__(figures=True)
    assert group in read


def test_nobody_asks_of_what_kind_a_measurement_is():
    """But for a search, which is of samples; a kind is added without a word in the rooms."""
    asked = re.compile(r"isinstance\([^)]*(Probe|FromSamples|OverLevels)\b")
    rooms = Path(bench_room.__file__).parent
    found = {str(p.relative_to(rooms)) for p in rooms.rglob("*.py") if asked.search(p.read_text())}
    assert found == {"run/search/prepared.py"}

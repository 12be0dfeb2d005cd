"""Every Python and grid example of the documents runs."""

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from typer.main import get_command
from typer.testing import CliRunner

from sampler_bench import results
from sampler_bench.bench.commands.app import COULD_NOT_RUN, CRASHED, FAILED, INTERRUPTED
from sampler_bench.bench.commands.cli import app
from sampler_bench.bench.plan import grid
from sampler_bench.bench.plan import planning as plan
from sampler_bench.bench.plan.grid import PARTS
from sampler_bench.reports import FIGURES
from sampler_bench.reports.claims import CLAIMS, summary
from sampler_bench.reports.runs import gather, merged
from sampler_bench.reports.style import save

ROOT = Path(__file__).parents[1]


def blocks(document: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", (ROOT / document).read_text("utf-8"), re.DOTALL)


@pytest.mark.parametrize("document", ["README.md", "CONTRIBUTING.md"])
def test_python_examples_run(document, tmp_path):
    """All blocks of a document in one process of its own: they fill registries."""
    for block in blocks(document, "python"):
        (tmp_path / "example.py").open("a").write(block)
    if document == "CONTRIBUTING.md":
        (tmp_path / "example.py").open("a").write(AFTERWARDS)
    ran = subprocess.run(
        [sys.executable, "example.py"], cwd=tmp_path, capture_output=True, text=True
    )
    assert ran.returncode == 0, ran.stderr
    if document == "README.md":
        expected = re.search(r"# (torch.Size.*)", "".join(blocks(document, "python")))[1]
        assert ran.stdout.strip() == expected


AFTERWARDS = """
noise = solvers.SeedNoise(range(2))
model = models.Counted(models.load("gaussian"))
sampler = solvers.build(
    solver="two-thirds", schedule="quadratic", discretization="cosine", steps=256,
    sigma_max=10.0, end="sigma-min",
)
latents = noise.latents(model.shape)
exact = 10 * latents * ((0.002**2 + 0.25) / (10**2 + 0.25)) ** 0.5
assert (sampler(model, latents) - exact).abs().max() < 1e-3
assert model.nfe == 512
"""


def test_ticks_of_the_example_figure_are_read_as_they_stand(tmp_path):
    """Titles and labels are names, so TeX is not read: no tick may be written in it."""
    example = next(b for b in blocks("CONTRIBUTING.md", "python") if "def seconds_vs_nfe" in b)
    (tmp_path / "mine.py").write_text(example)
    records = pd.DataFrame({"label": "a", "nfe": [8, 12, 700], "seconds": [2e-3, 0.05, 3.0]})
    figure = FIGURES[f"{tmp_path}/mine.py:seconds_vs_nfe"](records, None)
    save(figure, tmp_path / "figure")
    (axes,) = figure.axes
    written = [
        tick.get_text()
        for axis in (axes.xaxis, axes.yaxis)
        for minor in (False, True)
        for tick in axis.get_ticklabels(minor=minor)
    ]
    assert {"10¹", "10²", "10⁻²"} <= set(written)
    assert not [text for text in written if set(text) & set("$\\{}^")]
    renderer = FigureCanvasAgg(figure).get_renderer()
    assert axes.yaxis.get_tightbbox(renderer).x0 >= 0
    assert axes.xaxis.get_tightbbox(renderer).y0 >= 0


def test_the_readmes_grids_are_some(tmp_path):
    texts = [block for block in blocks("README.md", "toml") if "[[sampler]]" in block]
    written(tmp_path, "README.md")
    cells = []
    for text in texts:
        (tmp_path / "mine.toml").write_text(text, "utf-8")
        declared, _ = grid.read(str(tmp_path / "mine.toml"))
        cells.append(plan.make(declared).cells)
    still = 2  # at S_churn = 0: points of two curves, measured once
    assert cells == [3 + 3 * 2 - still, 6 * 2 + 3 * 2 + 2 + 2 + 2 + 3, 3 * 2]


def written(folder, document, told="solver "):
    """Write the parts that a document's grid names by file into these files; return the grid.

    The grid is the one that has the key ``told``.
    """
    (grid,) = [b for b in blocks(document, "toml") if ".py:" in b and re.search(rf"(?m)^{told}", b)]
    for file, name in dict.fromkeys(re.findall(r'"(\w+\.py):(\w+)"', grid)):
        (block,) = [b for b in blocks(document, "python") if re.search(rf"(def|class) {name}\b", b)]
        rows = r"(?m)^(solvers|models)\..*$"  # of registries, which a file needs not
        with (folder / file).open("a") as opened:
            opened.write(re.sub(rows, "", block))
    return grid


def bench(*words):
    result = CliRunner().invoke(app, [*map(str, words)])
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.mark.parametrize(("document", "cells"), [("README.md", 6), ("CONTRIBUTING.md", 7)])
def test_parts_of_ones_own_are_run_gated_and_listed(document, cells, tmp_path, monkeypatch):
    """With a memory, stochastic, whole, and every other part; from a folder that is nobody's."""
    text = written(tmp_path, document)
    small = re.sub(r"(?m)^samples .*$", "samples = 40", text).replace('"fashion"', '"pixels"')
    (tmp_path / "mine.toml").write_text(small.replace("exact-fashion", "exact-mixture-8x8"))
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    bench("run", "../mine.toml", "--out", "run")
    table = results.load("run").query("metric_of != 'truth'")
    assert len(table) == cells and (table["value"] > 0).all()
    own = set(re.findall(r'"mine\.py:(\w+)"', text))
    parts = [f"sampler.{part}" for part in PARTS if f"sampler.{part}" in table]
    in_keys = {name for name in table[parts].stack().dropna() if name.startswith("file:")}
    assert in_keys == {f"file:{name}" for name in own}
    assert f"{cells} passed" in bench("check", "run", "--baseline", "run")
    named = [p for p in parts if table[p].astype(str).str.startswith("file:").any()]
    kinds = {part.removeprefix("sampler.") + "s" for part in named}
    listed = [bench("list", kind, "../mine.py") for kind in kinds]
    assert own <= set(re.findall(r"mine\.py:(\w+)  ", "".join(listed)))


def test_measures_of_ones_own_are_run_gated_drawn_and_listed(tmp_path, monkeypatch):
    text = written(tmp_path, "CONTRIBUTING.md", told=r"\[\[measurement")
    small = re.sub(r"(?m)^samples .*$", "samples = 40", text).replace("[6, 12]", "[2, 3]")
    (tmp_path / "mine.toml").write_text(small)
    for name in ("seconds_vs_nfe", "jsonl"):
        (block,) = [b for b in blocks("CONTRIBUTING.md", "python") if f"def {name}" in b]
        (tmp_path / "mine.py").open("a").write(block)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    bench("run", "../mine.toml", "--out", "run")
    assert bench("run", "../mine.toml", "--out", "run").count("done before") == 7 + 1  # the floor
    assert "7 passed" in bench("check", "run", "--baseline", "run")
    asked = ("--figure", "../mine.py:seconds_vs_nfe", "--format", "../mine.py:jsonl")
    bench("report", "run", *asked, "--format", "json", "--format", "html")
    (tmp_path / "mine.py").rename(tmp_path / "gone.py")
    table = results.load("run")
    better = dict(zip(table["metric"], table["metric_better"], strict=True))
    lower = ("fid", "fid-floor", "file:ScoreNorm", "shrinkage")
    assert better == {"file:similarity": "higher", **dict.fromkeys(lower, "lower")}
    assert set(table["measurement.name"].dropna()) == {"file:Shrinkage", "floor"}
    report = Path("run/report")
    lines = [json.loads(line) for line in (report / "index.jsonl").read_text().splitlines()]
    assert sorted(one["value"] for one in lines) == pytest.approx(sorted(table["value"]))
    assert len(json.loads((report / "index.json").read_text())["records"]) == 7 + 1
    page = (report / "index.html").read_text()
    assert (report / "others-over-sigma.png").is_file()
    assert (report / "seconds_vs_nfe.png").is_file() and "Draw sampling time over NFE" in page
    assert "Similarity, rows features, 40 samples" in page
    assert not (report / "index.md").exists() and not (report / "cells.csv").exists()
    listed = bench("list", "metrics", "../gone.py") + bench("list", "extractors", "../gone.py")
    names = {"similarity", "ScoreNorm", "Shrinkage", "rows"}
    assert set(re.findall(r"gone\.py:(\w+)  ", listed)) == names


def typed(document):
    """Return the commands of a document's indented blocks, word by word, without comments."""
    lines = (ROOT / document).read_text("utf-8").splitlines()
    bare = [
        line.split(">")[0].split("&& .venv/bin/")[-1].strip()
        for line in lines
        if line[:4] == "    "
    ]
    return [shlex.split(line, comments=True) for line in bare if line.startswith("bench ")]


@pytest.mark.parametrize("words", typed("README.md"), ids=" ".join)
def test_the_readmes_commands_can_be_typed(words):
    _, name, *arguments = words
    get_command(app).commands[name].make_context(name, arguments)


def test_the_readme_has_many_commands_and_every_exit_code():
    assert len(typed("README.md")) > 15
    readme = (ROOT / "README.md").read_text("utf-8")
    for code in (0, FAILED, COULD_NOT_RUN, 3, CRASHED, INTERRUPTED):
        assert f"\n| {code} | " in readme


def test_the_readme_counts_the_statements_of_the_records_that_ship():
    folders = [path for path in (ROOT / "results" / "baselines").iterdir() if path.is_dir()]
    counted = summary(merged(gather(folders)).records)
    told = " ".join((ROOT / "README.md").read_text("utf-8").split())
    assert f"Of the statements, {counted}: " in told
    assert f"the paper's {len(CLAIMS)} statements" in told


def test_the_readmes_commands_and_links_exist():
    readme = (ROOT / "README.md").read_text("utf-8")
    test_command = next(line.strip() for line in readme.splitlines() if "tox run" in line)
    assert (ROOT / ".ci" / "run").read_text().splitlines()[-1] == test_command
    for link in re.findall(r"\]\((?!http)([^)#]+)\)", readme):
        assert (ROOT / link).exists(), link

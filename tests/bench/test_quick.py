"""The README's first command, as a user gives it, and the committed baseline that CI checks.

The one place where ``quick`` is run in full, once.
"""

import subprocess
import sys

import pytest
from typer.testing import CliRunner

from sampler_bench import results
from sampler_bench.bench.commands.cli import app
from tests.bench.shipped import keeps_its_keys, sampled


@pytest.fixture(scope="module")
def quick(tmp_path_factory):
    folder = tmp_path_factory.mktemp("user")
    command = [sys.executable, "-m", "sampler_bench", "run", "--grid", "quick", "--report"]
    ran = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    return folder / "runs" / "quick"


@pytest.fixture
def bench(quick, monkeypatch):
    """Return what runs a command where ``quick`` was run."""
    monkeypatch.chdir(quick.parents[1])
    return lambda *arguments: CliRunner().invoke(app, [*map(str, arguments)])


def test_quick_holds_what_was_planned(quick):
    plan = results.Store(quick).plan()
    assert set(results.load(quick)["key"]) == {line.key for line in plan.lines}
    assert keeps_its_keys("quick", sampled(plan))
    assert not list(quick.glob("failures/*"))


def test_quick_writes_a_report_that_stands_alone(quick):
    report = quick / "report"
    for name in ("fid-vs-nfe.png", "fid-vs-nfe.pdf", "contact-sheet.png", "best.md", "index.md"):
        assert (report / name).stat().st_size > 0
    page = (report / "index.html").read_text()
    assert "data:image/png;base64," in page
    assert 'src="http' not in page


def test_quick_passes_its_committed_baseline(quick, bench):
    checked = bench("check", quick, "--baseline", "quick")
    assert checked.exit_code == 0, checked.output


def test_quick_shows_what_figure_2_shows(quick):
    """Heun, EDM's time steps, σ = t: each reaches what the original needs far more NFE for."""
    records = results.load(quick)

    def nfe_to_reach(label, value):
        good = records[(records["label"] == label) & (records["value"] <= value)]
        return good["nfe"].min()

    best = records.loc[records["label"] == "Reimplementation (VP)", "value"].min()
    assert nfe_to_reach("+ σ(t) = t, s(t) = 1", best) * 4 < nfe_to_reach(
        "Reimplementation (VP)", best
    )
    assert nfe_to_reach("+ Heun & EDM time steps", best) < nfe_to_reach(
        "Reimplementation (VP)", best
    )


def test_a_second_run_measures_nothing(quick, bench):
    before = {path.name for path in (quick / "records").iterdir()}
    again = bench("run", "--grid", "quick")
    assert again.exit_code == 0, again.output
    assert again.stdout.count("(done before)") == len(before)
    assert {path.name for path in (quick / "records").iterdir()} == before

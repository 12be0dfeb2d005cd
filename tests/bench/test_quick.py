"""The README's first command, as a user gives it, and the committed baseline that CI checks."""

import subprocess
import sys

import pytest

from sampler_bench import results


def bench(*arguments, cwd):
    command = [sys.executable, "-m", "sampler_bench", *map(str, arguments)]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True)


@pytest.fixture(scope="module")
def quick(tmp_path_factory):
    folder = tmp_path_factory.mktemp("user")
    ran = bench("run", "--grid", "quick", "--report", cwd=folder)
    assert ran.returncode == 0, ran.stderr
    return folder / "runs" / "quick"


def test_quick_writes_a_report_that_stands_alone(quick):
    report = quick / "report"
    for name in ("fid-vs-nfe.png", "fid-vs-nfe.pdf", "contact-sheet.png", "best.md", "index.md"):
        assert (report / name).stat().st_size > 0
    page = (report / "index.html").read_text()
    assert "data:image/png;base64," in page
    assert 'src="http' not in page


def test_quick_passes_its_committed_baseline(quick):
    checked = bench("check", quick, "--baseline", "quick", cwd=quick.parent)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_quick_shows_what_figure_2_shows(quick):
    """Heun, EDM's time steps, σ = t: each reaches what the original needs far more NFE for."""
    records = results.load(quick)

    def nfe_to_reach(label, value):
        good = records[(records["label"] == label) & (records["value"] <= value)]
        return good["nfe"].min()

    best = records.loc[records["label"] == "Original (VP)", "value"].min()
    assert nfe_to_reach("+ σ(t) = t, s(t) = 1", best) * 4 < nfe_to_reach("Original (VP)", best)
    assert nfe_to_reach("+ Heun & EDM time steps", best) < nfe_to_reach("Original (VP)", best)


def test_a_second_run_measures_nothing(quick):
    before = {path.name for path in (quick / "records").iterdir()}
    again = bench("run", "--grid", "quick", cwd=quick.parents[1])
    assert again.returncode == 0
    assert again.stdout.count("(done before)") == len(before)
    assert {path.name for path in (quick / "records").iterdir()} == before

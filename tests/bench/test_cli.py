"""The commands, as they are typed."""

import re

import numpy as np
import pytest
from typer.testing import CliRunner

from sampler_bench import reports, results
from sampler_bench.bench.commands.cli import app
from sampler_bench.bench.measure.samples import FromSamples
from tests.bench import runs


@pytest.fixture
def grid(tmp_path):
    path = tmp_path / "small.toml"
    path.write_text(runs.KILLED)
    return path


def bench(*arguments):
    result = CliRunner().invoke(app, [*map(str, arguments)])
    assert result.exit_code == 0, result.output
    return result.stdout


def test_plan_runs_and_writes_nothing(grid, tmp_path, monkeypatch):
    monkeypatch.setattr(FromSamples, "take", lambda *args: pytest.fail("something ran"))
    printed = bench("run", "--grid", grid, "--plan", "--out", tmp_path / "out")
    # Euler 3 + 6, Heun 2·6 − 1, times 60 samples; RK45's depend on the samples.
    assert "4 cells, 0 combinations skipped" in printed
    assert "at least 1,200 denoiser evaluations: at least" in printed
    assert re.search(r"; features about \d+ s more, and distances", printed)
    assert "nothing was run" in printed and len(re.findall("RK45 .* [?] ", printed)) == 1
    assert not (tmp_path / "out").exists()


def test_run_report_explain_and_a_second_run(grid, tmp_path, monkeypatch):
    out = tmp_path / "out"
    printed = bench("run", "--grid", grid, "--out", out, "--first-seed", 7, "--report")
    assert printed.count("NFE") == 4 and (out / "report" / "index.html").exists()
    assert (out / "grid.toml").read_text().startswith("# run with first_seed = 7\n")
    table = results.load(out)
    assert set(table["seed_start"]) == {7}
    assert list(table[table["label"] == "Euler"]["nfe"]) == [3, 6]

    one, other = table["key"].iloc[0], table["key"].iloc[1]
    assert f"model_digest = {table['model_digest'].iloc[0]}" in bench("explain", out, one[:10])
    assert "sampler.grid.steps: " in bench("explain", out, one, other)
    assert "0 regressed, 0 inconclusive, 4 passed" in bench("check", out, "--baseline", out)

    monkeypatch.setattr(FromSamples, "take", lambda *args: pytest.fail("measured again"))
    again = bench("run", "--grid", grid, "--out", out, "--first-seed", 7)
    assert again.count("(done before)") == 4


def test_skipped_combinations_are_shown(grid, tmp_path):
    grid.write_text(runs.KILLED.replace('solver = "rk45"', 'solver = "rk45"\nS_churn = [0, 5]'))
    printed = bench("run", "--grid", grid, "--plan")
    assert "skipped: RK45" in printed and "cannot churn" in printed


def test_a_reference_made_from_images_can_be_used(tmp_path, grid):
    points = np.random.default_rng(0).integers(0, 256, (30, 8, 8, 1), dtype=np.uint8)
    np.savez(tmp_path / "images.npz", images=points)
    stats = tmp_path / "stats.npz"
    bench("reference", tmp_path / "images.npz", "--out", stats, "--extractor", "pixels")
    text = runs.KILLED.replace("exact-mixture-moons", "exact-mixture-8x8")
    grid.write_text(text.replace("extractor =", f'reference = "{stats}"\nextractor ='))
    bench("run", "--grid", grid, "--out", tmp_path / "out")
    assert set(results.load(tmp_path / "out")["reference"]) == {"file"}


def test_ctrl_c_is_told_in_one_line_and_the_same_command_goes_on(grid, tmp_path, monkeypatch):
    out, take, taken, drawn = tmp_path / "out", FromSamples.take, [], []

    def pressed(*arguments, **keys):
        taken.append(1)
        if len(taken) > 1:
            raise KeyboardInterrupt
        return take(*arguments, **keys)

    def draw(folder, live):
        drawn.append((len(results.load(folder)), live))
        return folder / "page"

    with monkeypatch.context() as patched:
        patched.setattr(FromSamples, "take", pressed)
        patched.setattr(reports, "write", draw)
        command = ["run", "--grid", str(grid), "--out", str(out), "--report"]
        result = CliRunner().invoke(app, command)
    assert result.exit_code == 130
    assert drawn == [(1, False)] and (out / "page").as_uri() in result.output.replace("\n", "")
    assert "bench: interrupted; the same command goes on where it stopped" in result.output
    assert "Traceback" not in result.output
    bench("run", "--grid", grid, "--out", out)
    assert len(results.load(out)) == 4

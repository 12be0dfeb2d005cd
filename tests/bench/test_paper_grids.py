"""Grids of published checkpoints: they plan where nothing was fetched, at the paper's NFE."""

import pytest
from typer.testing import CliRunner

from sampler_bench.bench.commands.cli import app
from sampler_bench.bench.plan import grid as grids
from sampler_bench.bench.plan import planning as plans
from tests.bench.shipped import PUBLISHED, keeps_its_keys

# NFE that Tables 2 to 4 and Figures 5 to 8, 12, 13c and 15 print; alpha: Figure 2's dots.
PRINTED = {
    "alpha": {35, 27, 79},
    "figure2a": {256, 512, 255, 35},
    "figure2b": {8192, 191, 27},
    "figure2c": {250, 384, 79},
    "figure4a": {35, 95, 127, 383, 768, 1024},
    "figure4b": {27, 383, 511, 191, 767, 1024, 2048},
    "figure4c": {79, 383, 767, 255, 511, 384, 512},
    "figure5bc": {511},
    "figure6-8": {250, 79, 512, 1023, 511, 256, 8192, 35, 27, 1024, 2048, 2047},
    "figure12": {7, 9, 11, 13, 15, 19, 27, 35, 79},
    "figure13c": {63, 127, 23},
    "figure15": {511},
    "table2": {35, 79},
}


@pytest.fixture(autouse=True)
def nothing_fetched(tmp_path, monkeypatch):
    monkeypatch.setenv("SAMPLER_BENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))


@pytest.mark.parametrize("name", PUBLISHED)
def test_plans_say_what_to_fetch_and_hold_the_papers_points(name):
    declared, _ = grids.read(name)
    plan = plans.make(declared.model_copy(update={"repeats": 1}), dry=True)  # the others are alike
    assert plan.cells > 0
    assert set(plan.missing) >= set(declared.models)
    assert keeps_its_keys(name, [cell.key for work in plan.work for cell in work.cells])
    if name not in PRINTED:
        return
    counted = {work.nfe for work in plan.work}
    assert counted >= PRINTED[name]
    assert declared.samples == 50_000
    assert declared.repeats == 3
    wanted = [todo for key, todo in plan.missing.items() if key != "the Inception weights"]
    assert all(todo.startswith("type: bench fetch ") for todo in wanted)
    assert plan.evaluations == sum(work.nfe or 0 for work in plan.work) * 50_000


def test_every_grid_with_printed_points_is_planned():
    assert set(PRINTED) < set(PUBLISHED)


@pytest.mark.parametrize("name", ["figure2a", "figure2c"])
def test_a_run_says_which_fetch_to_type(name, tmp_path):
    out = tmp_path / "run"
    result = CliRunner().invoke(app, ["run", "--grid", name, "--out", str(out)])
    assert result.exit_code == 2
    (line,) = result.stderr.splitlines()
    declared, _ = grids.read(name)
    assert f"bench fetch {declared.models[0]} && bench fetch " in line
    assert not out.exists()


def test_the_plans_text():
    result = CliRunner().invoke(app, ["run", "--grid", "alpha", "--plan"])
    assert result.exit_code == 0, result.output
    assert "GPU-hours" in result.output
    assert "not on this machine: cifar10-32x32; type: bench fetch cifar10-32x32" in result.output
    assert "162 cells" in result.output


def test_settings_are_table_5s():
    settings = {"figure4a": (30, 0.01, 1, 1.007), "figure4b": (80, 0.05, 1, 1.007)}
    for name, expected in (settings | {"figure4c": (80, 0.05, 50, 1.003)}).items():
        declared, _ = grids.read(name)
        (best,) = (entry for entry in declared.sampler if entry.label == "Optimal settings")
        got = tuple(best.axes[key][0] for key in ("S_churn", "S_min", "S_max", "S_noise"))
        assert got == expected

"""Every shipped grid: what can run here does, at 64 samples; what cannot says what to fetch.

In the figures' grids the trained networks are loaded, but their F is 0: all is as it is for users
but what F costs, half an hour on a slow machine. The other grids run as they are.
"""

import json

import pytest
import torch
from typer.testing import CliRunner

from sampler_bench import results
from sampler_bench.bench import grid as grids
from sampler_bench.bench import plan as plans
from sampler_bench.bench.cli import app
from sampler_bench.models.network import NetworkDenoiser

FETCHED = ("baseline-", "edm-", "ideal:")  # what is published; a test downloads nothing


def is_here(name):
    declared, _ = grids.read(name)
    return not any(model.startswith(FETCHED) for model in declared.models)


def is_slow(name):
    return name.endswith("-fashion") and not name.startswith("table2")


def nothing(self, x, *conditions):
    """F = 0: D = c_skip·x."""
    return torch.zeros_like(x)


@pytest.mark.parametrize("name", [name for name in grids.shipped() if is_here(name)])
def test_a_grid_runs_and_is_reported(name, tmp_path, monkeypatch):
    run = tmp_path / name
    if is_slow(name):
        monkeypatch.setattr(NetworkDenoiser, "_raw", nothing)
    asked = ["run", "--grid", name, "--samples", "64", "--out", str(run), "--report"]
    asked += ["--unchecked"] if is_slow(name) else []
    result = CliRunner().invoke(app, asked)
    assert result.exit_code == 0, result.output
    planned = json.loads((run / "plan.json").read_text("utf-8"))["cells"]
    records = results.load(run)
    assert set(records["key"]) == set(planned)
    assert records["samples"].max() <= 64
    assert not list(run.glob("failures/*"))
    assert list((run / "report").glob("*.png")) or list((run / "report").glob("*.md"))


@pytest.mark.parametrize("name", [name for name in grids.shipped() if not is_here(name)])
def test_a_grid_of_published_checkpoints_plans(name, tmp_path, monkeypatch):
    monkeypatch.setenv("SAMPLER_BENCH_CACHE", str(tmp_path))
    declared, _ = grids.read(name)
    plan = plans.make(declared.model_copy(update={"repeats": 1}), dry=True)
    assert plan.cells > 0
    assert set(plan.missing) >= set(declared.models)

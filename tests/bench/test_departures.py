"""What is done otherwise than asked stands in the plan, the run and the report, and in refusals."""

import pytest
from typer.testing import CliRunner

from sampler_bench import models
from sampler_bench.bench.commands.cli import app
from sampler_bench.bench.features import distances
from sampler_bench.bench.plan.expand import Labelled
from sampler_bench.bench.plan.grid import Grid
from sampler_bench.bench.plan.others import other_work
from sampler_bench.results import Store

GRID = """
name = "asked"
models = ["{model}"]
samples = 20
metrics = [{metrics}]
extractor = "pixels"
floor = false
[[sampler]]
label = "one"
{table}
"""
FEW_LEVELS = 'discretization = "iddpm"\nM = 20\nsteps = 21'
NO_LENGTH = (
    "one: exact-mixture-moons: 2 of 21 steps have no length: from 12.81 to 0 there are only "
    "20 levels"
)
OWN = """
def spread(features, reference):
    return float(features.std())
"""
UNSURE = (
    "one: exact-fashion: file:spread: no standard error above 19 samples: bench check "
    "cannot decide on it"
)


def bench(*arguments):
    return CliRunner().invoke(app, [*map(str, arguments)], catch_exceptions=False)


@pytest.mark.parametrize(
    ("model", "metrics", "table", "told"),
    [
        ("exact-mixture-moons", '"fid"', FEW_LEVELS, [NO_LENGTH]),
        ("exact-fashion", '"mine.py:spread"', "steps = 2", [UNSURE]),
    ],
)
def test_it_is_said_everywhere(model, metrics, table, told, tmp_path, monkeypatch):
    monkeypatch.setattr(distances, "MOST_FOR_LEAVE_ONE_OUT", 19)
    (tmp_path / "mine.py").write_text(OWN)
    grid, run = tmp_path / "grid.toml", tmp_path / "run"
    grid.write_text(GRID.format(model=model, metrics=metrics, table=table))
    wanted = [f"note: {one}" for one in told]
    for said in (bench("run", grid, "--plan"), bench("run", grid, "--out", run)):
        assert said.exit_code == 0
        assert [line for line in said.stdout.splitlines() if line.startswith("note: ")] == wanted
    assert Store(run).plan().remarks == told
    assert bench("report", run, "--format", "md").exit_code == 0
    page = (run / "report" / "index.md").read_text()
    assert [line[2:] for line in page.splitlines() if line.startswith("- note: ")] == wanted


def test_values_that_are_clamped_to_one_are_said_to_be(tmp_path):
    grid = tmp_path / "grid.toml"
    table = "solver = ['euler', 'heun']\nsteps = 3\nsigma_max = [40, 500, 1000]"
    grid.write_text(GRID.format(model="mine.py:narrow", metrics='"fid"', table=table))
    (tmp_path / "mine.py").write_text(NARROW)
    said = bench("run", grid, "--plan")
    assert said.exit_code == 0
    for solver in ("euler", "heun"):
        label = f"one, solver = {solver}, sigma_max"
        assert (
            f"note: {label} = 500: file:narrow: sigma_max = 500 lowered to 50, the most it knows"
        ) in said.stdout
        assert (
            f"skipped: {label} = 1000 (model = file:narrow): the same as '{label} = 500': "
            "sigma_max = 1000 lowered to 50, the most it knows"
        ) in " ".join(said.stdout.split())
        assert f"{label} = 40: " not in said.stdout


NARROW = """
import torch

class Narrow:
    shape, sigma_min, sigma_max = (2,), 0.01, 50.0
    device, dtype = torch.device("cpu"), torch.float64
    digest = "narrow, version 1"

    def __call__(self, x, sigma):
        return x * 0.25 / (0.25 + sigma**2)

    def round_sigma(self, sigma):
        return sigma

    def true_moments(self):
        import numpy as np
        return np.zeros(2), np.eye(2) / 4

def narrow(device):
    return Narrow()
"""


@pytest.mark.parametrize(("key", "value"), [("class_label", 3), ("guidance", 2.0)])
def test_classes_that_a_measurement_would_not_be_asked_for_are_refused(key, value):
    said = {"name": "mine", "models": ["a"], "samples": 20, "measurement": [{"kind": "b.py:C"}]}
    grid = Grid(**said, **{key: value})
    work = other_work(grid, "a", models.load("exact-mixture-moons"), [Labelled("one", None)])
    with pytest.raises(ValueError, match=f"^measurement 'one': .* without classes: give {key} in"):
        next(work)

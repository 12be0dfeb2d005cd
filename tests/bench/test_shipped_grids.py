"""Every shipped grid that can run here does, at 20 samples: the fewest, one a shard.

Trained networks are loaded, but their F is 0, exact models say what that of N(0, ½²) says, and
features are pixels: all is as it is for users but what denoising and looking cost, most of an hour
on a slow machine. ``quick`` is run in full, as it is: see test_quick, ``gate`` as well: see
test_gate.
Grids of published checkpoints are planned: see test_paper_grids.
"""

import pytest
import torch
from typer.testing import CliRunner

from sampler_bench import results
from sampler_bench.bench.commands.cli import app
from sampler_bench.bench.features.fashion_net import FashionNet
from sampler_bench.bench.plan import grid as grids
from sampler_bench.models.exact import GaussianMixture, IdealDenoiser
from sampler_bench.models.network import NetworkDenoiser
from sampler_bench.models.zoo.trained import TRAINED
from sampler_bench.reports import style
from tests.bench.shipped import HERE, KEYS, PUBLISHED, keeps_its_keys, sampled


def has_networks(name):
    declared, _ = grids.read(name)
    return any(model in TRAINED for model in declared.models)


def nothing(self, x, *conditions):
    """F = 0: D = c_skip·x."""
    return torch.zeros_like(x)


def easy(self, x, variance):
    """D of data N(0, ½²)."""
    return x / (1 + 4 * variance)


def pixels(self, images):
    """As many numbers as the network's features: pixels in 8 rows of 12."""
    return torch.nn.functional.adaptive_avg_pool2d(images / 255, (8, 12)).flatten(1)


@pytest.mark.parametrize("name", [name for name in HERE if name not in {"quick", "gate"}])
def test_a_grid_runs_and_is_reported(name, tmp_path, monkeypatch):
    run = tmp_path / name
    monkeypatch.setitem(style.RC, "pdf.fonttype", 3)  # whose fonts are soon written
    monkeypatch.setattr(style, "_DPI", 50)
    if has_networks(name):
        monkeypatch.setattr(NetworkDenoiser, "_raw", nothing)
    for model in (IdealDenoiser, GaussianMixture):
        monkeypatch.setattr(model, "_denoise", easy)
    monkeypatch.setattr(FashionNet, "features", pixels)
    asked = ["run", "--grid", name, "--samples", "20", "--out", str(run), "--report"]
    asked += ["--unchecked"] if has_networks(name) else []
    result = CliRunner().invoke(app, asked)
    assert result.exit_code == 0, result.output
    plan = results.Store(run).plan()
    records = results.load(run)
    assert set(records["key"]) == {line.key for line in plan.lines}
    assert keeps_its_keys(name, sampled(plan))
    assert records["samples"].max() <= 20
    assert not list(run.glob("failures/*"))
    assert list((run / "report").glob("*.png")) or list((run / "report").glob("*.md"))


def test_the_keys_of_every_grid_are_known():
    assert set(KEYS) == {*HERE, *PUBLISHED}
    assert sum(one["cells"] for one in KEYS.values()) == 1602

"""A network that nobody here wrote, by a file of the examples."""

from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner

from sampler_bench import models
from sampler_bench.bench.commands.cli import app

EXAMPLES = Path(__file__).parents[1] / "examples"


@pytest.fixture(scope="module")
def ffdnet():
    return models.load(f"{EXAMPLES / 'ffdnet.py'}:FFDNet")


@pytest.mark.parametrize("sigma", [0.05, 0.2, 0.5])
def test_ffdnet_takes_noise_away_at_its_own_level(ffdnet, sigma):
    """A smooth picture with noise: D is nearer to it by half at least, and best told σ itself."""
    y, x = torch.meshgrid(torch.linspace(-1, 1, 32), torch.linspace(-1, 1, 32), indexing="ij")
    clean = torch.stack([x, y, (x * y)]).expand(4, 3, 32, 32).double() * 0.8
    noise = torch.randn(clean.shape, generator=torch.Generator().manual_seed(0)).double()

    def error(told):
        return float((ffdnet(noisy, torch.tensor(told)) - clean).pow(2).mean().sqrt())

    noisy = clean + sigma * noise
    with torch.inference_mode():
        assert error(sigma) < sigma / 2
        assert error(sigma) < error(sigma / 4)
        rows = ffdnet(noisy, torch.full((4,), sigma))  # a level for each sample
        assert torch.allclose(rows, ffdnet(noisy, torch.tensor(sigma)))


def test_its_grid_is_planned_from_anywhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = CliRunner().invoke(app, ["run", str(EXAMPLES / "ffdnet.toml"), "--plan"])
    assert found.exit_code == 0, found.output
    assert "12 cells, 0 combinations skipped, 14,400 denoiser evaluations" in found.output

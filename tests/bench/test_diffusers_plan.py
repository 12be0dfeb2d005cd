"""Pipelines of diffusers in grids: planned and measured, with classes and without."""

import json

import pytest
import torch
from typer.testing import CliRunner

from sampler_bench.bench.commands.cli import app

diffusers = pytest.importorskip("diffusers", reason="needs: pip install 'sampler-bench[diffusers]'")

GRID = """
name = "pipeline"
models = ["pipeline"]
samples = 20
metrics = ["truncation-error"]
unchecked = true
[[sampler]]
solver = "euler"
steps = 2
"""


def pipeline(root, **arguments):
    """Save a small pipeline as diffusers does."""
    torch.manual_seed(0)
    network = diffusers.UNet2DModel(
        sample_size=4,
        block_out_channels=(8,),
        down_block_types=("DownBlock2D",),
        up_block_types=("UpBlock2D",),
        layers_per_block=1,
        norm_num_groups=4,
        add_attention=False,
        **arguments,
    )
    network.save_pretrained(root / "unet")
    diffusers.DDPMScheduler(num_train_timesteps=20).save_pretrained(root / "scheduler")
    index = {"_class_name": "DDPMPipeline", "unet": ["diffusers", "UNet2DModel"]}
    (root / "model_index.json").write_text(json.dumps(index))


def bench(folder, monkeypatch, grid, *words):
    monkeypatch.chdir(folder)
    (folder / "g.toml").write_text(grid)
    told = CliRunner().invoke(app, ["run", "--grid", "g.toml", *words])
    return told.exit_code, " ".join(told.output.split())


@pytest.mark.parametrize("arguments", [{}, {"num_class_embeds": 3}, {"out_channels": 6}])
def test_planned(tmp_path, monkeypatch, arguments):
    pipeline(tmp_path / "pipeline", **arguments)
    code, said = bench(tmp_path, monkeypatch, GRID, "--plan")
    assert code == 0 and "floating-point operations" in said, said
    assert "from timing one batch" in said and "fails" not in said

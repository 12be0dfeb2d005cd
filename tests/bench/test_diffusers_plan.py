"""Pipelines of diffusers in grids: planned and measured, with classes and without."""

import json

import pytest
import torch
from typer.testing import CliRunner

from sampler_bench import models
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


def test_guided_by_its_null_class(tmp_path, monkeypatch):
    pipeline(tmp_path / "pipeline", num_class_embeds=3)
    code, said = bench(tmp_path, monkeypatch, "guidance = 2.0\n" + GRID, "--plan")
    assert code == 2 and "guidance = 2: the network takes no image without a class" in said
    grid = f"guidance = 2.0\nnull_class = 2\n{GRID}"
    code, said = bench(tmp_path, monkeypatch, grid, "--plan")
    assert code == 0, said
    # What was converted needs no option.
    words = ["convert", "pipeline", "net.safetensors", "--set", "null_class=2"]
    told = CliRunner().invoke(app, words)
    assert told.exit_code == 0 and "3, 2 means no class" in told.output
    digest = models.load("pipeline", options={"null_class": 2}).card.digest
    model = models.load("net.safetensors")
    assert model.card.digest == digest
    assert torch.isfinite(model(torch.zeros(2, *model.shape), torch.tensor(1.0), None)).all()

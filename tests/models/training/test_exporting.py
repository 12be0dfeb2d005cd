"""A run's network as a checkpoint: all of what it is, none of it a default."""

import json

import pytest
import torch

from sampler_bench.models.network import assemble
from sampler_bench.models.training.exporting import checkpoint
from tests.models.training.runs import images, trainer

ADM = {
    "name": "DhariwalUNet",
    "model_channels": 8,
    "channel_mult": [1, 2],
    "num_blocks": 1,
    "attn_resolutions": [],
    "channels_per_head": 8,
}
CHOICES = {
    "constants": {"preconditioning": {"name": "edm", "sigma_data": 0.7}},
    "another part": {"preconditioning": {"name": "iddpm", "M": 500}},
    "another network": {"network": ADM, "augmentation": None},
}


@pytest.mark.parametrize("choice", CHOICES)
def test_a_checkpoint_is_the_run_s_average(tmp_path, choice):
    changes = CHOICES[choice]
    made = trainer(tmp_path, images(20, classes=2), **changes)
    for _ in range(2):
        made.step()
    found = checkpoint(made, {"host": "here"})
    for part in ("network", "preconditioning"):
        assert getattr(found, part) == getattr(made.configuration, part).name
    assert found.constants == made.configuration.preconditioning.constants | found.constants
    assert found.format == "bench train"
    assert found.notes["host"] == "here" and found.notes["images"] == "32"
    assert json.loads(found.notes["configuration"]) == made.configuration.model_dump(mode="json")
    again = assemble(found, "cpu", None)
    x, labels = torch.randn(2, 1, 8, 8), torch.tensor([0, 1])
    for sigma in (0.1, 5.0):
        level = torch.full((2,), sigma)
        assert torch.equal(again(x, level, labels), made.average(x, level, labels))

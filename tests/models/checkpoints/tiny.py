"""Tiny networks with random weights, as checkpoints."""

import torch

from sampler_bench.models.checkpoints.checkpoint import Checkpoint
from sampler_bench.models.networks import build

SONG = {
    "img_resolution": 8,
    "img_channels": 3,
    "model_channels": 32,
    "channel_mult": [1, 1],
    "num_blocks": 1,
    "attn_resolutions": [4],
}
ADM = {**SONG, "label_dim": 5, "out_channels": 6, "channel_mult": (1, 2)}


def random_checkpoint(network="SongUNet", arguments=None, preconditioning="edm", constants=None):
    """Return a checkpoint whose weights are drawn from a fixed seed."""
    arguments = arguments or {"SongUNet": SONG, "DhariwalUNet": ADM}[network]
    generator = torch.Generator().manual_seed(0)
    tensors = {
        name: torch.randn(tensor.shape, generator=generator) / 8
        for name, tensor in build(network, arguments).state_dict().items()
        if not name.endswith("resample_filter")
    }
    return Checkpoint(
        network, arguments, preconditioning, constants or {}, tensors, "test", {"ema": "none"}
    )

"""A training run small enough for tests: 8×8 images, a network of a few thousand weights."""

import torch
from accelerate.state import AcceleratorState

from sampler_bench.models.data.dataset import Dataset
from sampler_bench.models.training.config import Configuration
from sampler_bench.models.training.launch import accelerator
from sampler_bench.models.training.trainer import Trainer

TINY = {
    "name": "tiny",
    "network": {
        "name": "SongUNet",
        "model_channels": 8,
        "channel_mult": [1, 2],
        "num_blocks": 1,
        "attn_resolutions": [],
        "dropout": 0.1,
    },
    "preconditioning": {"name": "edm"},
    "noise": {"name": "edm"},
    "loss": {"name": "edm"},
    "augmentation": {"probability": 0.5},
    "optimizer": {"lr": 1e-2, "ramp_images": 64},
    "ema": {"half_life_images": 200},
    "training": {"images": 320, "batch": 16, "log_images": 64},
    "data": {"source": "memory"},
}


def configuration(**changes):
    """Return the tiny configuration with keys ("training__batch") set to other values."""
    values = {k: dict(v) if isinstance(v, dict) else v for k, v in TINY.items()}
    for key, value in changes.items():
        table, _, name = key.partition("__")
        if name:
            values[table][name] = value
        elif value is None:
            del values[table]
        else:
            values[table] = value
    return Configuration.model_validate(values)


def images(n=50, classes=0, size=8):
    generator = torch.Generator().manual_seed(1)
    pictures = torch.randint(0, 256, (n, 1, size, size), generator=generator, dtype=torch.uint8)
    return Dataset(pictures, torch.arange(n) % classes if classes else None)


def trainer(folder, data=None, **changes):
    chosen = configuration(**changes)
    folder.mkdir(exist_ok=True)
    AcceleratorState._reset_state(reset_partial_state=True)  # as in a process of its own
    return Trainer(chosen, data or images(), folder, accelerator(chosen, cpu=True))


def train(made, until=320, stop=lambda: False, tick=lambda trainer: None):
    made.resume()
    made.run(until, stop, tick)
    return made


def weights(made):
    """Return the trained and the averaged weights."""
    trained = dict(made.accelerator.unwrap_model(made._model).model.named_parameters())
    averaged = {f"average.{k}": v for k, v in made.average.model.named_parameters()}
    return {k: v.detach().clone() for k, v in (trained | averaged).items()}


def same(one, other, tolerance=0.0):
    a, b = weights(one), weights(other)
    assert a.keys() == b.keys()
    for name in a:
        torch.testing.assert_close(a[name], b[name], rtol=0, atol=tolerance, msg=name)


def losses(made):
    return [(line["images"], line["loss"], line["lr"]) for line in made.log.lines()]

"""``bench train`` on data and networks small enough for tests."""

import json
import os
import resource
import signal
import sys
import time

import numpy as np
from accelerate.state import AcceleratorState
from typer.testing import CliRunner

from sampler_bench.bench.commands import training
from sampler_bench.bench.commands.cli import app
from sampler_bench.models.checkpoints import own
from sampler_bench.models.training.trainer import Trainer

CONFIGURATION = """
name = "tiny"
[network]
name = "SongUNet"
model_channels = 8
channel_mult = [1, 2]
num_blocks = 1
attn_resolutions = []
dropout = 0.1
[preconditioning]
name = "edm"
[noise]
name = "edm"
[loss]
name = "edm"
[augmentation]
probability = 0.5
[optimizer]
lr = 1e-2
ramp_images = 64
[ema]
half_life_images = 200
[training]
images = 320
batch = 16
log_images = 64
[data]
source = "DATA"
"""


# Changes that make it long enough to be killed in, with a line of the log every second step.
LONGER = ("images = 320", "images = 640"), ("log_images = 64", "log_images = 32")


def prepared(folder, *changes, n=50, size=8):
    """Write images and a configuration with (old, new) texts replaced; return its path."""
    folder.mkdir(parents=True, exist_ok=True)
    generator = np.random.default_rng(1)
    images = generator.integers(0, 256, (n, size, size), dtype=np.uint8)
    np.savez(folder / "images.npz", images=images, labels=np.arange(n) % 10)
    text = CONFIGURATION
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    path = folder / "tiny.toml"
    path.write_text(text.replace("DATA", str(folder / "images.npz")), "utf-8")
    return path


def typed(*arguments):
    """Return what ``bench train`` does, in this process, as in a process of its own."""
    AcceleratorState._reset_state(reset_partial_state=True)
    device = [] if "--device" in arguments else ["--device", "cpu"]
    return CliRunner().invoke(app, ["train", *device, *map(str, arguments)])


def trained(*arguments):
    result = typed(*arguments)
    if result.exit_code:
        raise AssertionError(result.output) from result.exception
    return result.stdout


def losses(folder):
    """Return images, loss and learning rate of the log's lines."""
    lines = (folder / "log.jsonl").read_text("utf-8").splitlines()
    return [(line["images"], line["loss"], line["lr"]) for line in map(json.loads, lines)]


def weights(folder):
    """Return the bytes of the averaged weights, whatever the file says of its making."""
    tensors = own.read(folder / "tiny.safetensors").tensors
    return {name: value.numpy().tobytes() for name, value in tensors.items()}


def states(folder):
    return sorted(path.name for path in (folder / "state").iterdir())


# What is drawn and measured beside a training, made nearly nothing: attributes of bench.training.
QUICK = {"write_sheet": lambda model, path: None, "LOSS_LEVELS": 2}


def in_a_process(arguments, said, largest_file=None, brake=0.0):
    """Run ``bench train`` in this whole process, which ends; what it says goes to a file.

    With ``brake``, each step takes so many seconds more: time enough to be killed in.
    """
    step = Trainer.step
    Trainer.step = lambda trainer: (time.sleep(brake), step(trainer))
    for name, instead in QUICK.items():
        setattr(training, name, instead)
    os.dup2(os.open(said, os.O_WRONLY | os.O_CREAT | os.O_APPEND), 1)
    os.dup2(1, 2)
    sys.stdout = sys.stderr = os.fdopen(1, "w", buffering=1, closefd=False)
    if largest_file is not None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # an error to the writer, as on a full disk
        resource.setrlimit(resource.RLIMIT_FSIZE, (largest_file, largest_file))
    app(["train", *map(str, arguments), "--device", "cpu"])


def one_of_two(rank, port, arguments, said):
    """Run ``bench train`` in this whole process, as the one or the other that torchrun starts."""
    os.environ |= {
        **{"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2"},
        **{"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)},
    }
    in_a_process(arguments, said)

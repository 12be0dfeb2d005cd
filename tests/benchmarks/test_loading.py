"""Reading a checkpoint safely, beside reading the same bytes the straightforward way; memory."""

import pickle
import subprocess
import sys

import pytest
import torch
from safetensors.torch import load_file, save_file

from sampler_bench import models
from sampler_bench.models.checkpoints import own
from sampler_bench.models.checkpoints.checkpoint import Checkpoint
from sampler_bench.models.networks import build
from tests.models.checkpoints import edm_writer

ARGUMENTS = {"img_resolution": 32, "img_channels": 3, "model_channels": 96, "num_blocks": 3}
ADM = "DhariwalUNet"
MOST = 1.3
"""Most memory above the model itself, in lengths of its file."""


@pytest.fixture(scope="module")
def tensors():
    state = build(ADM, ARGUMENTS).state_dict()
    names = [name for name in state if not name.endswith("resample_filter")]
    return {name: torch.randn(state[name].shape) * 0.02 for name in names}


@pytest.fixture(scope="module")
def files(tensors, tmp_path_factory):
    folder = tmp_path_factory.mktemp("loading")
    own.write(Checkpoint(ADM, ARGUMENTS, "edm", {}, tensors, "test"), folder / "ours.safetensors")
    save_file(tensors, folder / "plain.safetensors")
    named = {f"model.{name}": tensor for name, tensor in tensors.items()}
    edm_writer.write(folder / "edm.pkl", "EDMPrecond", ARGUMENTS | {"model_type": ADM}, named)
    with (folder / "plain.pkl").open("wb") as file:
        pickle.dump(tensors, file)
    return folder


def test_ours(benchmark, files):
    benchmark.group = "safetensors"
    assert benchmark(models.load, str(files / "ours.safetensors")).shape == (3, 32, 32)


def test_safetensors_alone(benchmark, files):
    benchmark.group = "safetensors"
    benchmark(load_file, files / "plain.safetensors")


def test_edm_pickle(benchmark, files):
    benchmark.group = "pickle"
    assert benchmark(models.load, str(files / "edm.pkl")).shape == (3, 32, 32)


def test_pickle_alone(benchmark, files):
    benchmark.group = "pickle"
    benchmark(lambda: pickle.loads((files / "plain.pkl").read_bytes()))


MEASURE = """
import resource, sys
from sampler_bench import models
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
models.load(sys.argv[2])  # what is imported and allocated once
before = peak()
denoiser = models.load(sys.argv[1])
print(peak() - before, sum(p.numel() * 4 for p in denoiser.parameters()))
"""


@pytest.mark.parametrize("name", ["ours.safetensors", "edm.pkl"])
def test_memory(files, tmp_path, name):
    """In a process of its own, after a tiny network of the same format was loaded."""
    small = {"img_resolution": 8, "img_channels": 3, "model_channels": 32, "channel_mult": [1]}
    weights = {
        key: torch.zeros(value.shape)
        for key, value in build(ADM, small | {"num_heads": 1}).state_dict().items()
    }
    own.write(Checkpoint(ADM, small | {"num_heads": 1}, "edm", {}, weights, ""), tmp_path / "s")
    ran = subprocess.run(
        [sys.executable, "-c", MEASURE, files / name, tmp_path / "s"],
        capture_output=True,
        text=True,
        check=True,
    )
    added, model = map(int, ran.stdout.split())
    assert added - model < MOST * (files / name).stat().st_size

"""``bench train`` on several processes (gloo): the same training, shared out."""

import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from sampler_bench.models.checkpoints import own
from tests.bench import trainings
from tests.bench.kills import a_process
from tests.bench.trainings import losses, prepared, trained

# Dropout draws for the images of a pass, wherever they are: with it, passes are to differ.
SHARED = ("dropout = 0.1", "dropout = 0.0"), ("images = 320", "images = 160")
LAUNCH = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]


def by_torchrun(*arguments):
    """Run the command on two processes; return its exit code and what both of them said."""
    command = [sys.executable, *LAUNCH, "-m", "sampler_bench", "train", *map(str, arguments)]
    done = subprocess.run(
        [*command, "--device", "cpu"], capture_output=True, text=True, timeout=120
    )
    return done.returncode, done.stdout, done.stderr


def forked(*arguments):
    """Do the same in a tenth of the time: what the processes import is imported already."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    said = [Path(f"{arguments[0]}.{rank}.txt") for rank in range(2)]
    processes = [
        a_process(trainings.one_of_two, (rank, port, [*map(str, arguments)], str(said[rank])))
        for rank in range(2)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join(120)
    text = "".join(path.read_text("utf-8") for path in said)
    return max(process.exitcode for process in processes), text, text


def tensors(folder):
    return own.read(folder / "tiny.safetensors").tensors


@pytest.mark.parametrize(("accumulate", "on_two"), [(1, by_torchrun), (2, forked)])
def test_two_processes_are_one_with_the_same_batch(tmp_path, accumulate, on_two):
    changes = (*SHARED, ("batch = 16", f"batch = 16\naccumulate = {accumulate}"))
    path = prepared(tmp_path, *changes, ("log_images = 64", "log_images = 32"))
    trained(path, "--out", tmp_path / "one")
    code, said, errors = on_two(path, "--out", tmp_path / "two")
    assert code == 0, errors
    one, two = losses(tmp_path / "one"), losses(tmp_path / "two")
    assert len(one) == 5
    assert np.array(two) == pytest.approx(np.array(one), rel=1e-5)
    a, b = tensors(tmp_path / "one"), tensors(tmp_path / "two")
    assert a.keys() == b.keys()
    for name in a:
        # Adam divides by gradients' sizes: where they are nearly 0, rounding is all there is.
        assert b[name].numpy() == pytest.approx(a[name].numpy(), abs=2e-4), name
    # The first process alone writes and talks.
    assert said.count("done at image 160") == 1
    assert said.count("beginning at image 0") == 1
    written = {path.name for path in (tmp_path / "two").iterdir()} - {".lock"}
    sheets = {"samples"} if on_two is by_torchrun else set()  # the others draw none: see QUICK
    expected = {"log.jsonl", "loss-over-sigma.json", "state", "tiny.safetensors"}
    assert written == expected | sheets


def test_one_process_goes_on_with_what_two_began(tmp_path):
    path = prepared(tmp_path, *SHARED)
    trained(path, "--out", tmp_path / "one")
    code, _, errors = forked(path, "--out", tmp_path / "two", "--images", 96)
    assert code == 0, errors
    trained(path, "--out", tmp_path / "two")
    one, two = losses(tmp_path / "one"), losses(tmp_path / "two")
    assert [line[0] for line in two] == [64, 128]
    assert np.array(two) == pytest.approx(np.array(one), rel=1e-5)

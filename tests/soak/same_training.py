"""How far kills, processes and accumulation move a training, with and without dropout.

    python -m tests.soak.same_training     # two minutes; prints a table

Kills have to move nothing; without dropout processes and accumulation no more than rounding does.
Two seeds are there to compare with.
"""

import sys
import tempfile
from pathlib import Path
from unittest import mock

import numpy as np
import torch

from sampler_bench.models.checkpoints import own
from tests.bench import trainings
from tests.bench.test_train_processes import forked
from tests.bench.trainings import losses, prepared, trained

STOPS = (80, 208, 320)
PAIRS = {
    ("killed", "one"): 0.0,
    ("killed, accumulated", "accumulated"): 0.0,
    ("killed, on two", "on two"): 0.0,
    ("on two", "one"): 5e-4,
    ("accumulated", "one"): 5e-4,
    ("another seed", "one"): np.inf,
}
"""What is compared, and how far weights may be apart without dropout."""


def on_two(path, *arguments):
    """Train on two processes."""
    code, said, _ = forked(path, *arguments)
    assert code == 0, said


def trained_all(folder, dropout):
    """Train in every way, each into a folder of its name."""
    rate = ("dropout = 0.1", f"dropout = {dropout}")
    one = prepared(folder / "a", rate)
    parts = prepared(folder / "b", rate, ("batch = 16", "batch = 16\naccumulate = 4"))
    other = prepared(folder / "c", rate, ("batch = 16", "batch = 16\nseed = 1"))
    for path, name, how in (
        (one, "one", trained),
        (parts, "accumulated", trained),
        (other, "another seed", trained),
        (one, "on two", on_two),
    ):
        how(path, "--out", folder / name)
    for path, name, how in (
        (one, "killed", trained),
        (parts, "killed, accumulated", trained),
        (one, "killed, on two", on_two),
    ):
        for images in STOPS:
            how(path, "--out", folder / name, "--images", images)


def apart(one, other):
    """Return the largest difference of weights, and of logged losses over their size."""
    a, b = (own.read(folder / "tiny.safetensors").tensors for folder in (one, other))
    weights = max(float((a[name] - b[name]).abs().max()) for name in a)
    x, y = (np.array(losses(folder))[:, 1] for folder in (one, other))
    return weights, float(np.abs(x / y - 1).max())


def main():
    torch.set_num_threads(1)
    wrong = 0
    print("dropout  compared                              weights  logged losses")
    with (
        tempfile.TemporaryDirectory() as folder,
        mock.patch.multiple("sampler_bench.bench.commands.training", **trainings.QUICK),
    ):
        for dropout in (0.0, 0.1):
            place = Path(folder) / f"{dropout}"
            trained_all(place, dropout)
            for (one, other), limit in PAIRS.items():
                weights, logged = apart(place / one, place / other)
                wrong += weights > limit and (dropout == 0 or limit == 0)
                print(f"{dropout:7}  {f'{one} | {other}':36} {weights:8.1e} {logged:14.1e}")
    return wrong


if __name__ == "__main__":
    sys.exit(bool(main()))

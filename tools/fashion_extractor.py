"""Trains the ``fashion`` feature extractor on all 60,000 training images and writes its weights.

    python -m tools.fashion_extractor --data /usr/share/datasets/fashion-mnist

The test images are used once, after training, for the accuracy that is printed and stored.
The last epoch's weights are kept whatever it is; below 92 % nothing is written.
"""

import argparse
import platform
import time
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor
from torch.nn import functional

from sampler_bench.bench.features.fashion_net import FashionNet
from sampler_bench.kit.files import whole_by_name
from sampler_bench.models.data.idx import read_idx
from tools import ROOT

WEIGHTS = ROOT / "bench" / "metrics" / "weights" / "fashion.safetensors"
EPOCHS = 10
BATCH = 256
PEAK_RATE = 4e-3
WEIGHT_DECAY = 0.05
SEED = 0
REQUIRED_ACCURACY = 0.92


def load(folder: Path, split: str) -> tuple[Tensor, Tensor]:
    """Images uint8 [n, 1, 28, 28] and labels int64 [n] of ``train`` or ``t10k``."""
    images = read_idx(folder / f"{split}-images-idx3-ubyte.gz")
    labels = read_idx(folder / f"{split}-labels-idx1-ubyte.gz")
    return torch.tensor(images)[:, None], torch.tensor(labels).long()


def augment(images: Tensor, generator: torch.Generator) -> Tensor:
    """Mirrors each image left-right with probability a half."""
    mirrored = torch.rand(len(images), 1, 1, 1, generator=generator) < 0.5
    return torch.where(mirrored, images.flip(-1), images)


def train(images: Tensor, labels: Tensor, epochs: int) -> FashionNet:
    """AdamW with a one-cycle cosine schedule; the same seed gives the same order of images."""
    torch.manual_seed(SEED)
    generator = torch.Generator().manual_seed(SEED)
    net = FashionNet().to(memory_format=torch.channels_last).train()
    optimizer = torch.optim.AdamW(net.parameters(), lr=PEAK_RATE, weight_decay=WEIGHT_DECAY)
    steps = len(images) // BATCH
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, PEAK_RATE, total_steps=epochs * steps, pct_start=0.2
    )
    for epoch in range(epochs):
        started = time.perf_counter()
        order = torch.randperm(len(images), generator=generator)
        losses = []
        for chosen in order[: steps * BATCH].split(BATCH):
            batch = augment(images[chosen], generator).contiguous(memory_format=torch.channels_last)
            loss = functional.cross_entropy(net(batch), labels[chosen])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            losses.append(loss.item())
        loss_mean, seconds = sum(losses) / len(losses), time.perf_counter() - started
        print(f"epoch {epoch + 1}: loss {loss_mean:.4f}, {seconds:.0f} s", flush=True)
    return net.eval()


@torch.no_grad()
def accuracy(net: FashionNet, images: Tensor, labels: Tensor) -> float:
    """Fraction of images whose largest logit is their label."""
    batches = zip(images.split(500), labels.split(500), strict=True)
    right = sum(int((net(batch).argmax(1) == truth).sum()) for batch, truth in batches)
    return right / len(images)


def main() -> None:
    """Trains, measures, and writes the weights if they are accurate enough."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with the four .gz files")
    parser.add_argument("--out", type=Path, default=WEIGHTS)
    parser.add_argument("--epochs", type=int, default=EPOCHS)
    arguments = parser.parse_args()
    net = train(*load(arguments.data, "train"), arguments.epochs)
    measured = accuracy(net, *load(arguments.data, "t10k"))
    print(f"test accuracy {measured:.4f}")
    if measured < REQUIRED_ACCURACY:
        raise SystemExit(f"test accuracy {measured:.4f} is below {REQUIRED_ACCURACY}, not written")
    # Counters of batches are no part of the network's function.
    tensors = {
        name: tensor.contiguous()
        for name, tensor in net.state_dict().items()
        if not name.endswith("num_batches_tracked")
    }
    metadata = {
        "test_accuracy": f"{measured:.4f}",
        "command": f"python -m tools.fashion_extractor --epochs {arguments.epochs}",
        "seed": str(SEED),
        "torch": str(torch.__version__),
        "python": platform.python_version(),
    }
    with whole_by_name(arguments.out) as unfinished:
        save_file(tensors, unfinished, metadata=metadata)
    print(f"{arguments.out}: {arguments.out.stat().st_size} bytes")


if __name__ == "__main__":
    main()

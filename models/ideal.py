"""The ideal denoiser of any data set on this disk: ``ideal:SOURCE``."""

import torch

from sampler_bench.models.data.loading import load
from sampler_bench.models.data.vision import PREFIX
from sampler_bench.models.exact import IdealDenoiser

IDEAL = "ideal:"
SHAPES = {
    "CIFAR10": (3, 32, 32),
    "CIFAR100": (3, 32, 32),
    "SVHN": (3, 32, 32),
    "MNIST": (1, 28, 28),
    "FashionMNIST": (1, 28, 28),
}
"""Images of torchvision's data sets, for plans of what is not here."""


def ideal(spec: str, device: str | torch.device = "cpu") -> IdealDenoiser:
    """Return the ideal denoiser of a data set (EDM, Eq. 57), float64.

    Args:
        spec: ``ideal:`` and what :func:`models.data.loading.load` reads.
        device: Where it computes.

    Raises:
        ValueError: If the data cannot be read; one line.
    """
    data = load(spec.removeprefix(IDEAL))
    return IdealDenoiser(data.images, data.digest, device)


def described_ideal(spec: str) -> IdealDenoiser | None:
    """Return it without data, on the meta device; ``None`` if its shape is not known."""
    shape = SHAPES.get(short_name(spec).removeprefix("ideal-"))
    if shape is None:
        return None
    return IdealDenoiser(torch.zeros(1, *shape, dtype=torch.uint8, device="meta"), "", "meta")


def short_name(spec: str) -> str:
    """Return what it is called in records: where the data lie must not change a cell's key.

    >>> short_name("ideal:torchvision:CIFAR10?root=data")
    'ideal-CIFAR10'
    """
    source = spec.removeprefix(IDEAL).removeprefix(PREFIX).partition("?")[0]
    last = source.rstrip("/\\").replace("\\", "/").rpartition("/")[2]
    return "ideal-" + (last.partition(".")[0] or last)

"""The exact models that ship: data or mixtures on which a sampler's error is all there is."""

import hashlib
import math
from importlib.resources import files

import numpy as np
import torch
from torch import Tensor

from sampler_bench.models.exact import GaussianMixture, IdealDenoiser


def fashion_images() -> tuple[Tensor, Tensor, str]:
    """Return 2,000 Fashion-MNIST training images, their labels, and the SHA-256 of the file.

    uint8 [2000, 1, 28, 28] and int64 [2000]; 200 images of each of the ten classes.
    """
    path = files("sampler_bench.models") / "zoo" / "fashion" / "fashion-2000.npz"
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    with path.open("rb") as file, np.load(file) as archive:
        images, labels = archive["images"], archive["labels"]
    return torch.from_numpy(images)[:, None], torch.from_numpy(labels).long(), digest


def exact_fashion(device: str | torch.device = "cpu") -> IdealDenoiser:
    """Return the ideal denoiser of 2,000 Fashion-MNIST images: no network error whatsoever.

    Its true distribution is the uniform one on exactly these images.
    """
    images, _, digest = fashion_images()
    return IdealDenoiser(images, digest, device)


def exact_two_points(device: str | torch.device = "cpu") -> IdealDenoiser:
    """Return the ideal denoiser of two points, −1 and 1: D = tanh(x/σ²), Figure 3's data set.

    Its states are one number, as images of one pixel: shape (1, 1, 1).
    """
    points = torch.tensor([0, 255], dtype=torch.uint8).reshape(2, 1, 1, 1)
    return IdealDenoiser(points, hashlib.sha256(b"two points, -1 and 1").hexdigest(), device)


def exact_mixture_moons(device: str | torch.device = "cpu") -> GaussianMixture:
    """Return a 2-D mixture along two interleaved half circles: exact, and quick to look at.

    24 isotropic components, standard deviation 0.06. Coordinates are rounded to three decimals, so
    that they, and the model's digest, are the same on every machine.
    """
    angles = [math.pi * (k + 0.5) / 12 for k in range(12)]
    upper = [(math.cos(a) / 1.5 - 0.25, math.sin(a) / 1.5 - 0.15) for a in angles]
    lower = [(0.25 - math.cos(a) / 1.5, 0.15 - math.sin(a) / 1.5) for a in angles]
    means = [[round(c, 3) for c in point] for point in upper + lower]
    deviations, weights = torch.full((24,), 0.06), torch.ones(24)
    return GaussianMixture(torch.tensor(means, dtype=torch.float64), deviations**2, weights, device)


def exact_mixture_8x8(device: str | torch.device = "cpu") -> GaussianMixture:
    """Return a mixture of ten full-covariance Gaussians in 1×8×8: exact, smooth, image-like.

    Component k has the mean and covariance of Fashion-MNIST's class k in the shipped images, padded
    to 32×32 and averaged over 4×4 blocks, plus 0.01² on the diagonal. All sums are of integers, so
    the numbers, and the model's digest, are the same on every machine.
    """
    images, labels, _ = fashion_images()
    padded = torch.nn.functional.pad(images[:, 0].long(), (2, 2, 2, 2))
    blocks = padded.reshape(-1, 8, 4, 8, 4).sum((2, 4)).flatten(1)
    moments = [_integer_moments(blocks[labels == k]) for k in range(10)]
    scale = 16 * 127.5  # a block's sum, to [0, 2]
    means = torch.stack([mean for mean, _ in moments]) / scale - 1
    covariances = torch.stack([cov for _, cov in moments]) / scale**2
    covariances = covariances + 1e-4 * torch.eye(64, dtype=torch.float64)
    return GaussianMixture(means.reshape(10, 1, 8, 8), covariances, torch.ones(10), device)


def _integer_moments(points: Tensor) -> tuple[Tensor, Tensor]:
    """Return mean and covariance of integer points [n, d], rounded once, at the division."""
    n, total = len(points), points.sum(0)
    scatter = n * (points.T @ points) - total[:, None] * total
    return total.double() / n, scatter.double() / (n * (n - 1))

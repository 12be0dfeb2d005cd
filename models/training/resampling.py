"""Affine maps of images without aliasing: up by 2, bilinear interpolation, down by 2.

Both filters are the low-pass filter of the wavelet sym6 (EDM, F.2). Beyond its borders an image
goes on as its reflection, endlessly: a picture of period 2·(W − 1), of which one period is kept. So
no map, however far it reaches, needs a margin, and an image's result does not depend on the others.

The bilinear step in the middle is what costs accuracy: f periods per pixel lose up to 2·f² of
their amplitude in each direction (measured in the tests, up to f = 0.13), 1 in 1000 at f = 0.02 and
1 in 100 at 0.07. Moves by whole pixels are exact.
"""

import math
from functools import lru_cache

import torch
from torch import Tensor
from torch.nn import functional as F

# PyWavelets 1.8, Wavelet("sym6").dec_lo. Orthonormal: up and down by it alone is the identity.
SYM6 = (
    0.015404109327027373,
    0.0034907120842174702,
    -0.11799011114819057,
    -0.048311742585633,
    0.4910559419267466,
    0.787641141030194,
    0.3379294217276218,
    -0.07263752278646252,
    -0.021060292512300564,
    0.04472490177066578,
    0.0017677118642428036,
    -0.007800708325034148,
)
# Sample m of a signal supersampled by this filter lies at pixel (m − DELAY)/2. That is exact for
# polynomials up to the second degree: the filter has six vanishing moments.
DELAY = sum(k * tap for k, tap in enumerate(SYM6)) / sum(SYM6)


def warp(images: Tensor, linear: Tensor, shift: Tensor) -> Tensor:
    """Return images that have been moved: the point p, seen from the centre, to linear·p + shift.

    Values may overshoot their range a little, as with any filter that is not blurred.

    Args:
        images: [B, C, H, W], floating.
        linear: [B, 2, 2], of x (to the right) and y (down), in pixels.
        shift: [B, 2], in pixels.
    """
    height, width = images.shape[2:]
    rows, columns = (_down(size).to(images) for size in (height, width))
    torus = _up(height).to(images) @ images @ _up(width).to(images).T
    moved = _sample(torus, _sources(height, width, linear.to(images.device), shift))
    return rows @ moved @ columns.T


def _period(size: int) -> int:
    """Return after how many pixels the reflections of ``size`` pixels repeat."""
    return max(1, 2 * (size - 1))


@lru_cache(maxsize=16)
def _up(size: int) -> Tensor:
    """Return the matrix from ``size`` pixels to one period, supersampled: [2·period, size]."""
    period = _period(size)
    matrix = torch.zeros(2 * period, size, dtype=torch.float64)
    for n in range(period):
        pixel = n if n < size else period - n
        for k, tap in enumerate(SYM6):
            matrix[(2 * n + k) % (2 * period), pixel] += math.sqrt(2) * tap
    return matrix


@lru_cache(maxsize=16)
def _down(size: int) -> Tensor:
    """Return the matrix from supersampled to ``size`` pixels: [size, 2·size + 10]."""
    taps = torch.tensor(SYM6, dtype=torch.float64) / math.sqrt(2)
    matrix = torch.zeros(size, 2 * size + len(SYM6) - 2, dtype=torch.float64)
    for n in range(size):
        matrix[n, 2 * n : 2 * n + len(SYM6)] = taps
    return matrix


def _sources(height: int, width: int, linear: Tensor, shift: Tensor) -> Tensor:
    """Return where each supersampled value of the result comes from, [B, rows, columns, 2].

    In supersampled samples (x, y); float64, because a torus has no small coordinates.
    """
    centre = torch.tensor([width - 1, height - 1], dtype=torch.float64, device=linear.device) / 2
    x, y = (
        (torch.arange(2 * size + len(SYM6) - 2).to(centre) - DELAY) / 2 for size in (width, height)
    )
    targets = torch.stack(torch.meshgrid(x, y, indexing="xy"), -1) - centre
    back = torch.linalg.inv(linear.double())
    offset = centre - (back @ shift.to(back)[:, :, None])[:, :, 0]
    sources = targets.reshape(-1, 2) @ (2 * back.mT) + (2 * offset + DELAY)[:, None, :]
    return sources.reshape(-1, *targets.shape)


def _sample(torus: Tensor, sources: Tensor) -> Tensor:
    """Return ``torus`` [B, C, h, w], which repeats both ways, at ``sources``, bilinearly."""
    period = torch.tensor(torus.shape[:1:-1], dtype=torch.float64, device=torus.device)
    closed = F.pad(torus, (0, 1, 0, 1), mode="circular")
    turns = sources / period
    grid = (2 * (turns - turns.floor()) - 1).to(torus.dtype)
    return F.grid_sample(closed, grid, mode="bilinear", align_corners=True)

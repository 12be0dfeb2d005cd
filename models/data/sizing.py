"""Square images brought to another size: black borders, or averages over areas."""

import torch
from torch import Tensor
from torch.nn import functional as F

CHUNK = 1000


def pad(images: Tensor, size: int, source: str) -> Tensor:
    """Return images [N, C, H, H] amid black (0) borders, uint8 [N, C, size, size].

    They are centred; where the border is odd, the larger half is at the bottom and on the right.

    Raises:
        ValueError: If ``size`` is no whole number from H up; names ``source`` and ``pad``.
    """
    side = images.shape[-1]
    if type(size) is not int or size < side:
        raise ValueError(
            f"{source}: pad = {size!r} for images of {side}×{side}, "
            f"expected a whole number, {side} or more"
        )
    before = (size - side) // 2
    after = size - side - before
    return F.pad(images, (before, after, before, after))


def resize(images: Tensor, size: int, source: str) -> Tensor:
    """Return images [N, C, H, H] averaged over areas, uint8 [N, C, size, size].

    An output pixel is the mean of the input over the square it covers, H/size wide; pixels covered
    in part count by the part covered. The mean is exact (integers) and rounded once, halves up.

    Raises:
        ValueError: If ``size`` is no whole number from 1 to H; names ``source`` and ``resize``.
    """
    side = images.shape[-1]
    if type(size) is not int or not 1 <= size <= side:
        raise ValueError(
            f"{source}: resize = {size!r} for images of {side}×{side}, "
            f"expected a whole number from 1 to {side}"
        )
    if size == side:
        return images
    overlap = _overlap(side, size)
    return torch.cat([_averaged(chunk, overlap) for chunk in images.split(CHUNK)])


def _overlap(side: int, size: int) -> Tensor:
    """Lengths, in units of 1/size input pixels, that outputs [size] share with inputs [side]."""
    starts, ends = torch.arange(side) * size, torch.arange(1, side + 1) * size
    lower, upper = torch.arange(size) * side, torch.arange(1, size + 1) * side
    shared = torch.minimum(ends, upper[:, None]) - torch.maximum(starts, lower[:, None])
    return shared.clamp(min=0).double()


def _averaged(images: Tensor, overlap: Tensor) -> Tensor:
    # Whole numbers below 2^53 all the way: products in float64 are fast and still exact.
    sums = (overlap @ images.double() @ overlap.T).long()
    area = images.shape[-1] ** 2
    return ((2 * sums + area) // (2 * area)).to(torch.uint8)

"""Everything random about one training image: a function of the run's seed and the image's number.

So neither batch size, number of processes nor interruptions change what a network is trained on.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

_UNIFORMS = 15  # 1 for σ, 14 for augmentation
_ORDERS = 1 << 63  # images have the numbers below, the epochs' orders those from here


@dataclass(frozen=True)
class Draws:
    """What was drawn for B images.

    Attributes:
        sigma: Uniform in (0, 1), float64 [B]: the quantile of the noise level.
        augmentation: Uniform in [0, 1), float64 [B, 14].
        noise: Of unit variance, float32 [B, *shape].
    """

    sigma: Tensor
    augmentation: Tensor
    noise: Tensor


def draw(seed: int, first: int, count: int, shape: tuple[int, ...]) -> Draws:
    """Return what images ``first`` … ``first + count − 1`` of a run are given.

    Args:
        seed: The run's, below 2⁶³.
        first: Number of the first image since the beginning of training, counted from 0.
        count: How many images, B.
        shape: Of one image.
    """
    uniforms = np.empty((count, _UNIFORMS))
    noise = np.empty((count, *shape), np.float32)
    for row in range(count):
        generator = _generator(seed, first + row)
        generator.random(out=uniforms[row])
        generator.standard_normal(dtype=np.float32, out=noise[row])
    u = torch.from_numpy(uniforms)
    return Draws(u[:, 0].clamp(min=2.0**-54), u[:, 1:], torch.from_numpy(noise))


def positions(seed: int, first: int, count: int, length: int) -> NDArray[np.int64]:
    """Return which of ``length`` images of a data set these images are: int64 [count].

    Every epoch has all images once, in an order of its own.
    """
    numbers = np.arange(first, first + count)
    return np.array([_order(seed, n // length, length)[n % length] for n in numbers.tolist()])


@lru_cache(maxsize=2)
def _order(seed: int, epoch: int, length: int) -> NDArray[np.int64]:
    return _generator(seed, _ORDERS + epoch).permutation(length)


def _generator(seed: int, number: int) -> Any:
    # Not a list: its numbers would be made floating where one of them is above 2⁶³.
    return np.random.Generator(np.random.Philox(key=np.array([seed, number], np.uint64)))

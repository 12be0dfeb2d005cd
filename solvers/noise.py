"""Randomness per sample: a seed decides a sample, whatever the batch it is drawn in."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from sampler_bench.kit.names import shown

SEEDS = 2**32
"""How many seeds there are: PyTorch's generator on the CPU is set by 32 bits."""

Noise = Callable[[Tensor], Tensor]
"""Returns a standard normal draw shaped like its argument, each sample from its own seed."""


def no_noise(x: Tensor) -> Tensor:
    """Stand in for a noise source where none was given: say so when it is needed."""
    raise ValueError("this sampler needs noise: call sampler(denoiser, latents, noise)")


class SeedNoise:
    """One generator per seed; the stream is the latent, then the class label, then step noise.

    This is the order of EDM's released programs, and what makes batch size, sharding, resuming and
    the number of workers irrelevant. Draws are made on the CPU and moved: a GPU's generator gives
    other numbers for the same seed, and hardware must not decide a sample.

    Args:
        seeds: One integer per sample, from 0 to 2³² − 1.
        device: Where the draws are put.

    Raises:
        ValueError: For another seed: its draws would be those of one that is.
    """

    def __init__(self, seeds: Sequence[int], device: str | torch.device = "cpu") -> None:
        self.device = torch.device(device)
        self._generators = [torch.Generator().manual_seed(_in_range(seed)) for seed in seeds]

    def latents(self, shape: Sequence[int]) -> Tensor:
        """Return standard normal float32 latents [B, *shape]: each seed's first draw."""
        return self._draw(tuple(shape), torch.float32)

    def labels(self, classes: int) -> Tensor:
        """Return uniform class labels, int64 [B], in [0, ``classes``): each seed's second draw."""
        draws = [torch.randint(classes, (), generator=g) for g in self._generators]
        return torch.stack(draws).to(self.device)

    def __call__(self, x: Tensor) -> Tensor:
        """Return a standard normal float64 draw shaped like ``x`` [B, *shape].

        Raises:
            ValueError: If ``x`` does not hold one sample per seed.
        """
        if len(x) != len(self._generators):
            raise ValueError(f"{len(x)} samples for {len(self._generators)} seeds")
        return self._draw(tuple(x.shape[1:]), torch.float64)

    def _draw(self, shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
        out = torch.empty((len(self._generators), *shape), dtype=dtype)
        for sample, generator in zip(out, self._generators, strict=True):
            sample.normal_(generator=generator)
        return out.to(self.device)


def _in_range(seed: int) -> int:
    if not 0 <= seed < SEEDS:
        raise ValueError(f"seed {shown(seed)}: seeds are from 0 to {SEEDS - 1}")
    return int(seed)

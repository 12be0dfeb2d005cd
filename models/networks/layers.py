"""What both U-Nets are made of. Parameter names are those of EDM's released networks."""

import math
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

Resampling = Literal["up", "down"]


class Convolution(nn.Module):
    """A convolution with "same" padding, after resampling by 2, or the resampling alone.

    Args:
        in_channels, out_channels: Channels.
        kernel: Width of the kernel, odd; 0 for no convolution at all.
        resampling: ``"up"`` or ``"down"`` by a factor of 2, or none.
        taps: The resampling filter in one dimension: [1, 1] is the box, [1, 3, 3, 1] bilinear.
        convolve_first: Filter after the convolution, on a border wide enough for both; for
            ``"down"`` only. NCSN++'s residual input pyramid does so.
    """

    resample_filter: Tensor

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel: int,
        resampling: Resampling | None = None,
        taps: Sequence[float] = (1, 1),
        convolve_first: bool = False,
    ) -> None:
        super().__init__()
        self.out_channels = out_channels
        self.resampling = resampling
        self.convolve_first = convolve_first
        self.is_box = tuple(taps) == (1, 1)
        weight = torch.empty(out_channels, in_channels, kernel, kernel) if kernel else None
        self.weight: Any = None if weight is None else nn.Parameter(weight)
        self.bias = nn.Parameter(torch.empty(out_channels)) if kernel else None
        self.padding = kernel // 2
        self.taps = tuple(taps)
        self.register_buffer("resample_filter", self.taps_filter() if resampling else None)

    def taps_filter(self) -> Tensor:
        """Return the filter in two dimensions, [1, 1, taps, taps], summing to 1."""
        f = torch.tensor(self.taps, dtype=torch.float32, device="cpu")
        return (torch.outer(f, f) / f.sum() ** 2)[None, None]

    def forward(self, x: Tensor) -> Tensor:
        """Return [B, out_channels, H', W'] for ``x`` [B, in_channels, H, W]."""
        if self.convolve_first:
            border = (len(self.resample_filter[0, 0]) - 1) // 2
            x = F.conv2d(x, self.weight, self.bias, padding=self.padding + border)
            return self._filtered(x, stride=2, padding=0)
        if self.resampling:
            x = self._resampled(x)
        return x if self.weight is None else self._convolved(x)

    def _convolved(self, x: Tensor) -> Tensor:
        return F.conv2d(x, self.weight, self.bias, padding=self.padding)

    def _resampled(self, x: Tensor) -> Tensor:
        up = self.resampling == "up"
        if self.is_box:  # the same values, several times faster than a filter
            return F.interpolate(x, scale_factor=2.0) if up else F.avg_pool2d(x, 2)
        padding = (len(self.resample_filter[0, 0]) - 1) // 2
        if not up:
            return self._filtered(x, stride=2, padding=padding)
        with _filtering(x):
            x = _filterable(x)
            f = self._filters(x) * 4  # upsampling inserts three zeros for every value
            return F.conv_transpose2d(x, f, stride=2, padding=padding, groups=x.shape[1])

    def _filtered(self, x: Tensor, stride: int, padding: int) -> Tensor:
        with _filtering(x):
            x = _filterable(x)
            return F.conv2d(x, self._filters(x), stride=stride, padding=padding, groups=x.shape[1])

    def _filters(self, x: Tensor) -> Tensor:
        return self.resample_filter.to(x.dtype).expand(x.shape[1], -1, -1, -1)


def _filtering(x: Tensor) -> AbstractContextManager[Any]:
    """Return a context without autocast on CPUs: their bfloat16 filters take 10 times as long."""
    return torch.autocast("cpu", enabled=False) if x.device.type == "cpu" else nullcontext()


def _filterable(x: Tensor) -> Tensor:
    """Return ``x`` in the type it is filtered in."""
    return x.to(torch.float32) if x.device.type == "cpu" and x.dtype.itemsize < 4 else x


def group_norm(channels: int, eps: float, groups: int | None = None) -> nn.GroupNorm:
    """Return a normalisation in ``groups``: 32, or groups of 4 where channels are few, if None."""
    return nn.GroupNorm(groups or min(32, channels // 4), channels, eps=eps)


class PositionalEmbedding(nn.Module):
    """Sinusoids of the noise label at frequencies from 1 down to 1/10000 (DDPM, ADM).

    Args:
        channels: Width of the embedding, even.
        endpoint: Whether the last frequency is 1/10000 itself (DDPM++) or one short of it (ADM).
    """

    def __init__(self, channels: int, endpoint: bool = False) -> None:
        super().__init__()
        half = channels // 2
        self.exponents = -math.log(10_000) / (half - endpoint)
        self.count = half

    def forward(self, labels: Tensor) -> Tensor:
        """Return [B, channels], cosines first, for noise labels [B]."""
        index = torch.arange(self.count, dtype=torch.float32, device=labels.device)
        angles = torch.outer(labels, (index * self.exponents).exp())
        return torch.cat([angles.cos(), angles.sin()], dim=1)


class FourierEmbedding(nn.Module):
    """Sinusoids of the noise label at random fixed frequencies (NCSN++).

    Args:
        channels: Width of the embedding, even.
        scale: Standard deviation of the frequencies.
    """

    freqs: Tensor

    def __init__(self, channels: int, scale: float = 16.0) -> None:
        super().__init__()
        freqs = torch.empty(channels // 2)
        if not freqs.is_meta:  # nothing is drawn there, and arithmetic imports SymPy: 2 s, 145 MB
            freqs.normal_().mul_(scale)
        self.register_buffer("freqs", freqs)

    def forward(self, labels: Tensor) -> Tensor:
        """Return [B, channels], cosines first, for noise labels [B]."""
        angles = torch.outer(labels, 2 * math.pi * self.freqs)
        return torch.cat([angles.cos(), angles.sin()], dim=1)

"""The residual block of both U-Nets: DDPM++, NCSN++ and ADM differ in its settings alone."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sampler_bench.models.networks.layers import Convolution, Resampling, group_norm


@dataclass(frozen=True)
class BlockSettings:
    """What all blocks of one network share (EDM, Table 8).

    Attributes:
        embedding: Width of the embedding of noise level, labels and augmentation.
        dropout: Probability of dropping a value before the second convolution, in training.
        skip_scale: Factor on the sum of block and skip connection.
        eps: Added to the variance in group normalisation.
        taps: Filter for up- and downsampling.
        convolved_skip: Whether a resampled skip connection is also convolved (1×1) when the number
            of channels stays the same.
        adaptive_scale: Whether the embedding scales and shifts after the second normalisation
            (ADM), or is added before it.
        heads: Attention heads; ``None`` for one per ``head_channels`` channels.
        head_channels: Channels per attention head.
        norm_groups: Groups in normalisation; ``None`` for 32, or groups of 4 where channels are
            few.
    """

    embedding: int
    dropout: float = 0.1
    skip_scale: float = 1.0
    eps: float = 1e-5
    taps: Sequence[float] = (1, 1)
    convolved_skip: bool = False
    adaptive_scale: bool = True
    heads: int | None = None
    head_channels: int = 64
    norm_groups: int | None = None


class Block(nn.Module):
    """Two convolutions around the embedding, a skip connection, and self-attention if asked for.

    Args:
        in_channels, out_channels: Channels.
        settings: What the network's blocks share.
        resampling: ``"up"`` or ``"down"`` by 2, or none.
        attention: Whether self-attention follows.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        settings: BlockSettings,
        resampling: Resampling | None = None,
        attention: bool = False,
    ) -> None:
        super().__init__()
        self.in_channels, self.out_channels = in_channels, out_channels
        self.settings = settings
        taps, eps, groups = settings.taps, settings.eps, settings.norm_groups
        self.norm0 = group_norm(in_channels, eps, groups)
        self.conv0 = Convolution(in_channels, out_channels, 3, resampling, taps)
        self.affine = nn.Linear(settings.embedding, out_channels * (1 + settings.adaptive_scale))
        self.norm1 = group_norm(out_channels, eps, groups)
        self.conv1 = Convolution(out_channels, out_channels, 3)
        self.skip: Convolution | None = None
        if resampling or in_channels != out_channels:
            convolved = settings.convolved_skip or in_channels != out_channels
            self.skip = Convolution(in_channels, out_channels, int(convolved), resampling, taps)
        self.heads = 0
        if attention:
            self.heads = settings.heads or out_channels // settings.head_channels
            self.norm2 = group_norm(out_channels, eps, groups)
            self.qkv = Convolution(out_channels, out_channels * 3, 1)
            self.proj = Convolution(out_channels, out_channels, 1)

    def forward(self, x: Tensor, embedding: Tensor) -> Tensor:
        """Return [B, out_channels, H', W'] for ``x`` [B, in_channels, H, W]."""
        h = self._embedded(self.conv0(F.silu(self.norm0(x))), embedding)
        h = self.conv1(F.dropout(h, self.settings.dropout, self.training))
        x = (h + (x if self.skip is None else self.skip(x))) * self.settings.skip_scale
        return (self._attended(x) + x) * self.settings.skip_scale if self.heads else x

    def _embedded(self, h: Tensor, embedding: Tensor) -> Tensor:
        affine = self.affine(embedding)[:, :, None, None]
        if not self.settings.adaptive_scale:
            return F.silu(self.norm1(h + affine))
        scale, shift = affine.chunk(2, dim=1)
        return F.silu(torch.addcmul(shift, self.norm1(h), scale + 1))

    def _attended(self, x: Tensor) -> Tensor:
        b, c, height, width = x.shape
        rows = self.qkv(self.norm2(x)).reshape(b, self.heads, c // self.heads, 3, height * width)
        # Each [B, heads, pixels, channels]; strided ones would take the CPU's kernel three times
        # as long.
        q, k, v = rows.permute(3, 0, 1, 4, 2).contiguous().unbind(0)
        attended = F.scaled_dot_product_attention(q, k, v)
        return self.proj(attended.transpose(2, 3).reshape(b, c, height, width))

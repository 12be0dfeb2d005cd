"""DhariwalUNet: the ADM architecture of Dhariwal and Nichol 2021 (EDM, Table 8)."""

import math
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sampler_bench.models.networks.block import Block, BlockSettings
from sampler_bench.models.networks.conditions import drop_labels, scaled_init
from sampler_bench.models.networks.layers import Convolution, PositionalEmbedding, group_norm
from sampler_bench.models.networks.sizes import (
    Channels,
    Classes,
    Labels,
    Multiplier,
    Multipliers,
    OutChannels,
    Probability,
    Side,
    Sides,
    Width,
)


class StridedDown(nn.Conv2d):
    """Downsampling by a convolution with stride 2: ADM without ``resblock_updown``."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels, channels, 3, stride=2, padding=1)


class NearestUp(nn.Conv2d):
    """Upsampling by repeating pixels, then a convolution: ADM without ``resblock_updown``."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels, channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """Return [B, C, 2H, 2W] for ``x`` [B, C, H, W]."""
        return super().forward(F.interpolate(x, scale_factor=2.0))


class DhariwalUNet(nn.Module):
    """Dhariwal and Nichol's U-Net; the raw network F_θ.

    Args:
        img_resolution: Height and width of images.
        img_channels: Their channels.
        out_channels: Channels of the output; as many as the input's unless given. Networks that
            learned the variance have twice as many.
        label_dim: Number of classes; 0 if unconditional.
        augment_dim: Length of the augmentation vector; 0 if there is none.
        model_channels: Channels at multiplier 1.
        channel_mult: Multiplier of each resolution, the highest first.
        channel_mult_emb: Width of the embedding over ``model_channels``.
        num_blocks: Residual blocks per resolution; the decoder has one more.
        attn_resolutions: Resolutions with self-attention.
        dropout: Dropout in training.
        label_dropout: Probability of hiding the label in training.
        num_heads: Attention heads; ``None`` for one per ``channels_per_head`` channels.
        channels_per_head: Channels per attention head.
        norm_groups: Groups in normalisation; ``None`` for 32, or groups of 4 where channels are few
            (EDM). OpenAI's networks always have 32.
        resample: ``"block"``: residual blocks that resample (EDM's networks, ``resblock_updown`` in
            the original); ``"conv"``: single convolutions.
    """

    def __init__(
        self,
        img_resolution: Side,
        img_channels: Channels,
        out_channels: OutChannels | None = None,
        label_dim: Classes = 0,
        augment_dim: Labels = 0,
        model_channels: Width = 192,
        channel_mult: Multipliers = (1, 2, 3, 4),
        channel_mult_emb: Multiplier = 4,
        num_blocks: Multiplier = 3,
        attn_resolutions: Sides = (32, 16, 8),
        dropout: Probability = 0.10,
        label_dropout: Probability = 0.0,
        num_heads: Width | None = None,
        channels_per_head: Width = 64,
        norm_groups: Width | None = None,
        resample: Literal["block", "conv"] = "block",
    ) -> None:
        super().__init__()
        self.img_resolution, self.img_channels = img_resolution, img_channels
        self.out_channels = img_channels if out_channels is None else out_channels
        self.label_dim, self.augment_dim = label_dim, augment_dim
        self.label_dropout = label_dropout
        self.resample = resample
        self.resolutions = [img_resolution >> level for level in range(len(channel_mult))]
        self.widths = [model_channels * mult for mult in channel_mult]
        self.num_blocks, self.attn_resolutions = num_blocks, tuple(attn_resolutions)
        embedding = model_channels * channel_mult_emb
        self.settings = BlockSettings(
            embedding=embedding,
            dropout=dropout,
            heads=num_heads,
            head_channels=channels_per_head,
            norm_groups=norm_groups,
        )
        self.map_noise = PositionalEmbedding(model_channels)
        self.map_augment = (
            nn.Linear(augment_dim, model_channels, bias=False) if augment_dim else None
        )
        self.map_layer0 = nn.Linear(model_channels, embedding)
        self.map_layer1 = nn.Linear(embedding, embedding)
        self.map_label = nn.Linear(label_dim, embedding, bias=False) if label_dim else None
        self._build_decoder(self._build_encoder())
        self.out_norm = group_norm(self.widths[0], 1e-5, norm_groups)
        self.out_conv = Convolution(self.widths[0], self.out_channels, 3)
        self._initialise()

    def _build_encoder(self) -> list[int]:
        """Build the encoder and return the widths of its skip connections, in order."""
        self.enc = nn.ModuleDict()
        width = self.widths[0]
        skips = [width]
        top = self.img_resolution
        self.enc[f"{top}x{top}_conv"] = Convolution(self.img_channels, width, 3)
        for level, (res, wide) in enumerate(zip(self.resolutions, self.widths, strict=True)):
            if level:
                self.enc[f"{res}x{res}_down"] = (
                    Block(width, width, self.settings, "down")
                    if self.resample == "block"
                    else StridedDown(width)
                )
                skips.append(width)
            for index in range(self.num_blocks):
                self.enc[f"{res}x{res}_block{index}"] = Block(
                    width, wide, self.settings, attention=res in self.attn_resolutions
                )
                width = wide
                skips.append(width)
        return skips

    def _build_decoder(self, skips: list[int]) -> None:
        self.dec = nn.ModuleDict()
        width, last = self.widths[-1], len(self.widths) - 1
        for level in range(last, -1, -1):
            res, wide = self.resolutions[level], self.widths[level]
            if level == last:
                self.dec[f"{res}x{res}_in0"] = Block(width, width, self.settings, attention=True)
                self.dec[f"{res}x{res}_in1"] = Block(width, width, self.settings)
            else:
                self.dec[f"{res}x{res}_up"] = (
                    Block(width, width, self.settings, "up")
                    if self.resample == "block"
                    else NearestUp(width)
                )
            for index in range(self.num_blocks + 1):
                self.dec[f"{res}x{res}_block{index}"] = Block(
                    width + skips.pop(),
                    wide,
                    self.settings,
                    attention=res in self.attn_resolutions,
                )
                width = wide

    def _initialise(self) -> None:
        """Set initial weights: uniform after He, and 0 where a branch or F_θ ends."""
        if self.map_layer0.weight.is_meta:  # there are none, and to draw them imports SymPy: 2 s
            return

        def uniform(weight: Tensor) -> Tensor:
            return nn.init.kaiming_uniform_(weight, a=math.sqrt(5))  # variance 1/(3 · fan-in)

        for name, module in self.named_modules():
            if isinstance(module, nn.Linear | nn.Conv2d | Convolution):
                ends = name.endswith(("conv1", "proj", "out_conv", "map_augment"))
                scaled_init(module, uniform, 0.0 if ends else 1.0)
        if self.map_label is not None:
            nn.init.normal_(self.map_label.weight)

    def forward(
        self,
        x: Tensor,
        noise_labels: Tensor,
        class_labels: Tensor | None = None,
        augment_labels: Tensor | None = None,
    ) -> Tensor:
        """Return F_θ [B, out_channels, H, W].

        Args:
            x: Scaled noisy images [B, img_channels, H, W].
            noise_labels: c_noise [B].
            class_labels: One-hot [B, label_dim]; ``None`` for no class.
            augment_labels: [B, augment_dim]; ``None`` for no augmentation.
        """
        embedding = self._embed(noise_labels, class_labels, augment_labels, x.dtype)
        skips = []
        for module in self.enc.values():
            x = module(x, embedding) if isinstance(module, Block) else module(x)
            skips.append(x)
        for module in self.dec.values():
            if isinstance(module, NearestUp):
                x = module(x)
                continue
            if x.shape[1] != module.in_channels:
                x = torch.cat([x, skips.pop()], dim=1)
            x = module(x, embedding)
        return self.out_conv(F.silu(self.out_norm(x)))

    def _embed(
        self, noise: Tensor, classes: Tensor | None, augment: Tensor | None, dtype: torch.dtype
    ) -> Tensor:
        emb = self.map_noise(noise).to(dtype)
        if self.map_augment is not None and augment is not None:
            emb = emb + self.map_augment(augment.to(dtype))
        emb = self.map_layer1(F.silu(self.map_layer0(emb)))
        if self.map_label is not None and classes is not None:
            classes = drop_labels(classes, self.label_dropout, self.training)
            emb = emb + self.map_label(classes.to(dtype))
        return F.silu(emb)

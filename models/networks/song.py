"""SongUNet: the DDPM++ and NCSN++ architectures of Song et al. 2021 (EDM, Table 8)."""

import math
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sampler_bench.models.networks.block import Block, BlockSettings
from sampler_bench.models.networks.conditions import drop_labels, scaled_init
from sampler_bench.models.networks.layers import (
    Convolution,
    FourierEmbedding,
    PositionalEmbedding,
    group_norm,
)
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
    Taps,
    Width,
)


class SongUNet(nn.Module):
    """Song et al.'s U-Net in all its variants; the raw network F_θ.

    DDPM++ has positional noise embedding, standard encoder and decoder and the box filter; NCSN++
    Fourier embedding, a residual (or skip) encoder fed with the downsampled input, a standard (or
    skip) decoder and the bilinear filter [1, 3, 3, 1].

    Args:
        img_resolution: Height and width of images.
        img_channels: Their channels.
        out_channels: Channels of the output; as many as the input's unless given.
        label_dim: Number of classes; 0 if unconditional.
        augment_dim: Length of the augmentation vector; 0 if there is none.
        model_channels: Channels at multiplier 1.
        channel_mult: Multiplier of each resolution, the highest first.
        channel_mult_emb: Width of the embedding over ``model_channels``.
        num_blocks: Residual blocks per resolution; the decoder has one more.
        attn_resolutions: Resolutions with self-attention.
        dropout: Dropout in training.
        label_dropout: Probability of hiding the label in training.
        embedding_type: ``"positional"`` or ``"fourier"``.
        channel_mult_noise: Width of the noise embedding over ``model_channels``.
        encoder_type: ``"standard"``, ``"residual"`` or ``"skip"``.
        decoder_type: ``"standard"`` or ``"skip"``.
        resample_filter: Taps of the resampling filter.
    """

    def __init__(
        self,
        img_resolution: Side,
        img_channels: Channels,
        out_channels: OutChannels | None = None,
        label_dim: Classes = 0,
        augment_dim: Labels = 0,
        model_channels: Width = 128,
        channel_mult: Multipliers = (1, 2, 2, 2),
        channel_mult_emb: Multiplier = 4,
        num_blocks: Multiplier = 4,
        attn_resolutions: Sides = (16,),
        dropout: Probability = 0.10,
        label_dropout: Probability = 0.0,
        embedding_type: Literal["positional", "fourier"] = "positional",
        channel_mult_noise: Multiplier = 1,
        encoder_type: Literal["standard", "residual", "skip"] = "standard",
        decoder_type: Literal["standard", "skip"] = "standard",
        resample_filter: Taps = (1, 1),
    ) -> None:
        super().__init__()
        self.img_resolution, self.img_channels = img_resolution, img_channels
        self.out_channels = img_channels if out_channels is None else out_channels
        self.label_dim, self.augment_dim = label_dim, augment_dim
        self.label_dropout = label_dropout
        self.embedding_type = embedding_type
        self.encoder_type, self.decoder_type = encoder_type, decoder_type
        self.resolutions = [img_resolution >> level for level in range(len(channel_mult))]
        self.widths = [model_channels * mult for mult in channel_mult]
        self.num_blocks, self.attn_resolutions = num_blocks, tuple(attn_resolutions)
        self.taps = tuple(resample_filter)
        embedding = model_channels * channel_mult_emb
        self.settings = BlockSettings(
            embedding=embedding,
            dropout=dropout,
            skip_scale=math.sqrt(0.5),
            eps=1e-6,
            taps=self.taps,
            convolved_skip=True,
            adaptive_scale=False,
            heads=1,
        )
        self._build_mapping(model_channels * channel_mult_noise, embedding)
        skips = self._build_encoder(model_channels)
        self._build_decoder(skips)
        self._initialise()

    def _build_mapping(self, noise: int, embedding: int) -> None:
        if self.embedding_type == "fourier":
            self.map_noise: nn.Module = FourierEmbedding(noise)
        else:
            self.map_noise = PositionalEmbedding(noise, endpoint=True)
        self.map_label = nn.Linear(self.label_dim, noise) if self.label_dim else None
        self.map_augment = (
            nn.Linear(self.augment_dim, noise, bias=False) if self.augment_dim else None
        )
        self.map_layer0 = nn.Linear(noise, embedding)
        self.map_layer1 = nn.Linear(embedding, embedding)

    def _build_encoder(self, first: int) -> list[int]:
        """Build the encoder and return the widths of its skip connections, in order."""
        self.enc = nn.ModuleDict()
        width, pyramid = first, self.img_channels
        skips = [width]
        self.enc[f"{self.img_resolution}x{self.img_resolution}_conv"] = Convolution(
            self.img_channels, width, 3
        )
        for level, (res, wide) in enumerate(zip(self.resolutions, self.widths, strict=True)):
            if level:
                self.enc[f"{res}x{res}_down"] = Block(width, width, self.settings, "down")
                skips.append(width)
                pyramid = self._build_pyramid(res, pyramid, width)
            for index in range(self.num_blocks):
                self.enc[f"{res}x{res}_block{index}"] = Block(
                    width, wide, self.settings, attention=res in self.attn_resolutions
                )
                width = wide
                skips.append(width)
        return skips

    def _build_pyramid(self, res: int, channels: int, width: int) -> int:
        """Build one step of the input pyramid and return its number of channels."""
        if self.encoder_type == "skip":
            self.enc[f"{res}x{res}_aux_down"] = Convolution(
                channels, channels, 0, "down", self.taps
            )
            self.enc[f"{res}x{res}_aux_skip"] = Convolution(channels, width, 1)
        if self.encoder_type == "residual":
            self.enc[f"{res}x{res}_aux_residual"] = Convolution(
                channels, width, 3, "down", self.taps, convolve_first=True
            )
            return width
        return channels

    def _build_decoder(self, skips: list[int]) -> None:
        self.dec = nn.ModuleDict()
        width, last = self.widths[-1], len(self.widths) - 1
        for level in range(last, -1, -1):
            res, wide = self.resolutions[level], self.widths[level]
            if level == last:
                self.dec[f"{res}x{res}_in0"] = Block(width, width, self.settings, attention=True)
                self.dec[f"{res}x{res}_in1"] = Block(width, width, self.settings)
            else:
                self.dec[f"{res}x{res}_up"] = Block(width, width, self.settings, "up")
            for index in range(self.num_blocks + 1):
                attention = index == self.num_blocks and res in self.attn_resolutions
                self.dec[f"{res}x{res}_block{index}"] = Block(
                    width + skips.pop(), wide, self.settings, attention=attention
                )
                width = wide
            if level == 0 or self.decoder_type == "skip":
                self._build_output(res, width, upsampled=level < last)

    def _build_output(self, res: int, width: int, upsampled: bool) -> None:
        out = self.out_channels
        if upsampled and self.decoder_type == "skip":
            self.dec[f"{res}x{res}_aux_up"] = Convolution(out, out, 0, "up", self.taps)
        self.dec[f"{res}x{res}_aux_norm"] = group_norm(width, 1e-6)
        self.dec[f"{res}x{res}_aux_conv"] = Convolution(width, out, 3)

    def _initialise(self) -> None:
        """Set initial weights: uniform after Glorot, and nearly 0 where a branch or F_θ ends."""
        for name, module in self.named_modules():
            if isinstance(module, nn.Linear | Convolution):
                ends = name.endswith(("conv1", "proj", "aux_conv"))
                gain = 1e-5 if ends else 0.2**0.5 if name.endswith("qkv") else 1.0
                scaled_init(module, nn.init.xavier_uniform_, gain)

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
        x, skips = self._encode(x, embedding)
        return self._decode(x, skips, embedding)

    def _embed(
        self, noise: Tensor, classes: Tensor | None, augment: Tensor | None, dtype: torch.dtype
    ) -> Tensor:
        cos, sin = self.map_noise(noise).chunk(2, dim=1)
        emb = torch.cat([sin, cos], dim=1).to(dtype)  # Song's networks have the sines first
        if self.map_label is not None and classes is not None:
            # Song's own scale: a one-hot vector has a mean square of 1 after it.
            classes = drop_labels(classes, self.label_dropout, self.training)
            emb = emb + self.map_label(classes.to(dtype) * math.sqrt(self.label_dim))
        elif self.map_label is not None:
            emb = emb + self.map_label.bias
        if self.map_augment is not None and augment is not None:
            emb = emb + self.map_augment(augment.to(dtype))
        return F.silu(self.map_layer1(F.silu(self.map_layer0(emb))))

    def _encode(self, x: Tensor, embedding: Tensor) -> tuple[Tensor, list[Tensor]]:
        skips: list[Tensor] = []
        pyramid = x
        for name, module in self.enc.items():
            if name.endswith("aux_down"):
                pyramid = module(pyramid)
            elif name.endswith("aux_skip"):
                x = skips[-1] = x + module(pyramid)
            elif name.endswith("aux_residual"):
                x = skips[-1] = pyramid = (x + module(pyramid)) * math.sqrt(0.5)
            else:
                x = module(x, embedding) if isinstance(module, Block) else module(x)
                skips.append(x)
        return x, skips

    def _decode(self, x: Tensor, skips: list[Tensor], embedding: Tensor) -> Tensor:
        image: Tensor | None = None
        normed = x
        for name, module in self.dec.items():
            if name.endswith("aux_up"):
                image = module(image)
            elif name.endswith("aux_norm"):
                normed = F.silu(module(x))
            elif name.endswith("aux_conv"):
                out = module(normed)
                image = out if image is None else image + out
            else:
                if x.shape[1] != module.in_channels:
                    x = torch.cat([x, skips.pop()], dim=1)
                x = module(x, embedding)
        assert image is not None
        return image

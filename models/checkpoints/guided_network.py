"""OpenAI's U-Nets, recognised from the names and shapes of their tensors."""

from dataclasses import dataclass
from typing import Any

from sampler_bench.models.checkpoints.layout import Layout
from sampler_bench.models.checkpoints.source import Source


@dataclass(frozen=True)
class Architecture:
    """What names and shapes say.

    Attributes:
        image_channels: Channels of images.
        out_channels: Channels of the output: twice as many if the variance was learned.
        classes: Number of classes; 0 if unconditional.
        model_channels: Channels at multiplier 1.
        embedding: Width of the embedding.
        channel_mult: Each level's channels over ``model_channels``.
        num_blocks: Residual blocks per level.
        attention: Levels with attention.
        resample: ``"block"`` or ``"conv"``, as in :class:`models.networks.DhariwalUNet`.
    """

    image_channels: int
    out_channels: int
    classes: int
    model_channels: int
    embedding: int
    channel_mult: list[int]
    num_blocks: int
    attention: list[int]
    resample: str

    @property
    def levels(self) -> int:
        """Number of resolutions."""
        return len(self.channel_mult)

    def layout(self, size: int) -> Layout:
        """Return the order of the modules for images of this size."""
        return Layout(size, self.levels, self.num_blocks, self.attention, attention_once=False)

    def arguments(self, size: int) -> dict[str, Any]:
        """Return the arguments of :class:`models.networks.DhariwalUNet`, except for its heads."""
        return {
            "img_resolution": size,
            "img_channels": self.image_channels,
            "out_channels": self.out_channels,
            "label_dim": self.classes,
            "augment_dim": 0,
            "model_channels": self.model_channels,
            "channel_mult": self.channel_mult,
            "channel_mult_emb": self.embedding // self.model_channels,
            "num_blocks": self.num_blocks,
            "attn_resolutions": [size >> level for level in self.attention],
            "dropout": 0.1,
            "label_dropout": 0.0,
            "resample": self.resample,
            **self._norm_groups(),
        }

    def _norm_groups(self) -> dict[str, int]:
        """Return the groups in normalisation where they are not those of EDM's networks.

        OpenAI's networks always have 32, EDM's fewer below 128 channels.
        """
        narrowest = min(self.channel_mult) * self.model_channels
        return {"norm_groups": 32} if narrowest < 128 else {}


def recognised(source: Source) -> Architecture:
    """Return the architecture that names and shapes show.

    Raises:
        CheckpointError: If it is a classifier, a super-resolution model or another network that is
            not known here.
    """
    if "output_blocks.0.0.in_layers.0.weight" not in source:
        raise source.error("an encoder without output_blocks: a classifier, not a denoiser")
    image, out = _channels(source)
    embedding, channels = source.shape("time_embed.0.weight", 2)
    if embedding % channels:
        raise source.error(f"embedding of width {embedding} for {channels} channels")
    widths, num_blocks = _levels(source)
    if any(wide % channels for wide in widths):
        raise source.error(
            f"levels of {widths} channels: only whole multiples of the {channels} model channels "
            "are known here (ADM for 512×512 has halves)"
        )
    label = "label_emb.weight"
    return Architecture(
        image_channels=image,
        out_channels=out,
        classes=source.shape(label, 2)[0] if label in source else 0,
        model_channels=channels,
        embedding=embedding,
        channel_mult=[wide // channels for wide in widths],
        num_blocks=num_blocks,
        attention=_attention(source, len(widths), num_blocks),
        resample=_resample(source, num_blocks, len(widths)),
    )


def _channels(source: Source) -> tuple[int, int]:
    """Return the channels of image and output."""
    image = source.shape("input_blocks.0.0.weight", 4)[1]
    out = source.shape("out.2.weight", 4)[0]
    if image == 6 or out not in (image, 2 * image):
        raise source.error(
            f"{image} channels in and {out} out: a denoiser's output has as many channels as its "
            "input, or twice as many (super-resolution models are not known here)"
        )
    return image, out


def _levels(source: Source) -> tuple[list[int], int]:
    """Return each level's channels, and the residual blocks per level.

    The decoder tells: a level ends with an output block that holds a second residual block, or a
    convolution, which upsamples.
    """
    widths: list[int] = []
    ends: list[int] = []
    index = 0
    while f"output_blocks.{index}.0.in_layers.0.weight" in source:
        wide = source.shape(f"output_blocks.{index}.0.out_layers.0.weight", 1)[0]
        _check_scale_shift(source, f"output_blocks.{index}.0", wide)
        if index == 0 or (ends and ends[-1] == index - 1):
            widths.insert(0, wide)
        if wide != widths[0]:
            raise source.error(
                f"output_blocks.{index} has {wide} channels, the ones before it on its level "
                f"{widths[0]}: it resamples without weights, which is not known here"
            )
        if upsampler(source, index):
            ends.append(index)
        index += 1
    per_level = ends[0] + 1 if ends else index
    regular = [per_level * (level + 1) - 1 for level in range(len(widths))]
    if [*ends, index - 1] != regular or per_level < 2:
        raise source.error(
            f"output blocks {ends} of {index} upsample: the levels have not equally many blocks"
        )
    return widths, per_level - 1


def _check_scale_shift(source: Source, block: str, wide: int) -> None:
    rows = source.shape(f"{block}.emb_layers.1.weight", 2)[0]
    if rows != 2 * wide:
        raise source.error(
            f"{block}.emb_layers.1.weight has {rows} rows for {wide} channels: a network trained "
            "without use_scale_shift_norm, which is not known here"
        )


def upsampler(source: Source, index: int) -> str | None:
    """Return the prefix of the module that ends an output block and upsamples, if one does."""
    place = 2 if f"output_blocks.{index}.1.qkv.weight" in source else 1
    prefix = f"output_blocks.{index}.{place}"
    for first in ("conv", "in_layers.0"):
        if f"{prefix}.{first}.weight" in source:
            return prefix
    return None


def _attention(source: Source, levels: int, num_blocks: int) -> list[int]:
    """Return the levels with attention in the encoder's first block; renaming checks the rest."""
    firsts = [1 + level * (num_blocks + 1) for level in range(levels)]
    return [level for level, at in enumerate(firsts) if f"input_blocks.{at}.1.qkv.weight" in source]


def _resample(source: Source, num_blocks: int, levels: int) -> str:
    """Return how the network resamples."""
    single = f"input_blocks.{num_blocks + 1}.0.op.weight" in source
    return "conv" if single and levels > 1 else "block"

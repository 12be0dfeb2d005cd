"""OpenAI's tensors by EDM's names."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from sampler_bench.models.checkpoints.guided_network import Architecture, upsampler
from sampler_bench.models.checkpoints.layout import Step
from sampler_bench.models.checkpoints.source import Source

_BLOCK = {
    "in_layers.0": "norm0",
    "in_layers.2": "conv0",
    "emb_layers.1": "affine",
    "out_layers.0": "norm1",
    "out_layers.3": "conv1",
}


def renamed(source: Source, found: Architecture, settings: Mapping[str, Any]) -> dict[str, Tensor]:
    """Return the tensors by EDM's names.

    Args:
        source: The file's tensors.
        found: What was recognised in them.
        settings: ``image_size``, ``num_heads`` or ``num_head_channels``, ``new_attention_order``.

    Raises:
        CheckpointError: If one is missing or left over, or heads do not fit.
    """
    renaming = _Renaming(source, settings)
    renaming.copy("time_embed.0", "map_layer0")
    renaming.copy("time_embed.2", "map_layer1")
    if found.classes:
        # A table of one row per class becomes a matrix that a one-hot vector is multiplied by.
        renaming.out["map_label.weight"] = source.take("label_emb.weight").mT.contiguous()
    layout = found.layout(settings["image_size"])
    for index, step in enumerate(layout.encoder()):
        renaming.module(f"input_blocks.{index}", step)
    for module, step in zip(("0", "2"), layout.middle(), strict=True):
        renaming.block(f"middle_block.{module}", step.name)
    renaming.attention("middle_block.1", layout.middle()[0].name)
    index = -1
    for step in layout.decoder():
        if step.kind == "up":
            renaming.resampler(upsampler(source, index) or f"output_blocks.{index}.1", step.name)
        else:
            index += 1
            renaming.module(f"output_blocks.{index}", step)
    renaming.copy("out.0", "out_norm")
    renaming.copy("out.2", "out_conv")
    source.finish()
    return renaming.out


class _Renaming:
    """Tensors on their way from a source to EDM's names."""

    def __init__(self, source: Source, settings: Mapping[str, Any]) -> None:
        self.source, self.settings = source, settings
        self.out: dict[str, Tensor] = {}

    def copy(self, old: str, new: str) -> None:
        """Copy a layer's weight and bias."""
        for leaf in ("weight", "bias"):
            self.out[f"{new}.{leaf}"] = self.source.take(f"{old}.{leaf}")

    def module(self, old: str, step: Step) -> None:
        """Copy one of the input or output blocks, without what upsamples at its end."""
        if step.kind == "conv":
            self.copy(f"{old}.0", step.name)
        elif step.kind == "down":
            self.resampler(f"{old}.0", step.name)
        else:
            self.block(f"{old}.0", step.name)
            if step.attention:
                self.attention(f"{old}.1", step.name)

    def resampler(self, old: str, new: str) -> None:
        """Copy a residual block that resamples, or a single convolution."""
        for single in ("op", "conv"):
            if f"{old}.{single}.weight" in self.source:
                self.copy(f"{old}.{single}", new)
                return
        self.block(old, new)

    def block(self, old: str, new: str) -> None:
        """Copy a residual block."""
        for inner, name in _BLOCK.items():
            self.copy(f"{old}.{inner}", f"{new}.{name}")
        if f"{old}.skip_connection.weight" in self.source:
            self.copy(f"{old}.skip_connection", f"{new}.skip")

    def attention(self, old: str, new: str) -> None:
        """Copy an attention block: matrices become 1×1 convolutions, rows change their order."""
        self.copy(f"{old}.norm", f"{new}.norm2")
        width = self.source.shape(f"{old}.norm.weight", 1)[0]
        for name, rows in (("qkv", 3 * width), ("proj_out", width)):
            if self.source.shape(f"{old}.{name}.weight", 3) != (rows, width, 1):
                raise self.source.error(
                    f"{old}.{name}.weight has not the shape [{rows}, {width}, 1]"
                )
            if self.source.shape(f"{old}.{name}.bias", 1) != (rows,):
                raise self.source.error(f"{old}.{name}.bias has not the shape [{rows}]")
        heads = self._heads(old, width)
        weight = _reordered(self.source.take(f"{old}.qkv.weight"), heads, self._new_order())
        self.out[f"{new}.qkv.weight"] = weight[..., None]
        bias = _reordered(self.source.take(f"{old}.qkv.bias"), heads, self._new_order())
        self.out[f"{new}.qkv.bias"] = bias
        self.out[f"{new}.proj.weight"] = self.source.take(f"{old}.proj_out.weight")[..., None]
        self.out[f"{new}.proj.bias"] = self.source.take(f"{old}.proj_out.bias")

    def _new_order(self) -> bool:
        return bool(self.settings["new_attention_order"])

    def _heads(self, old: str, width: int) -> int:
        per_head = self.settings.get("num_head_channels")
        unit = per_head or self.settings["num_heads"]
        if width % unit:
            name = "num_head_channels" if per_head else "num_heads"
            raise self.source.error(f"{old} has {width} channels, no multiple of {name} = {unit}")
        return width // unit if per_head else unit


def _reordered(rows: Tensor, heads: int, new_order: bool) -> Tensor:
    """Return the rows of q, k and v in EDM's order: by head, by channel, then q, k, v.

    Args:
        rows: Weight [3C, C, 1] or bias [3C].
        heads: Number of heads.
        new_order: Whether all of q comes first, then k, then v; otherwise each head's q, k and v
            follow one another.
    """
    groups = 1 if new_order else heads
    split = rows.reshape(groups, 3, len(rows) // (3 * groups), *rows.shape[1:])
    return split.transpose(1, 2).reshape(rows.shape)

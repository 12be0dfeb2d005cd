"""Song et al.'s networks, recognised from the names and shapes of their tensors."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from sampler_bench.models.checkpoints.layout import Layout, Step
from sampler_bench.models.checkpoints.source import Source

MODULES = "all_modules."
FOURIER = "all_modules.0.W"
_BLOCK = {
    "GroupNorm_0": "norm0",
    "Conv_0": "conv0",
    "Dense_0": "affine",
    "GroupNorm_1": "norm1",
    "Conv_1": "conv1",
}
_SINGLE = {"aux_residual": "Conv2d_0.", "aux_skip": "Conv."}


@dataclass(frozen=True)
class Architecture:
    """What names and shapes say.

    Attributes:
        fourier: Whether the noise embedding has Fourier features; else sinusoids by position.
        image_channels: Channels of images.
        model_channels: Channels after the first convolution.
        embedding: Width of the embedding.
        channel_mult: Each level's channels over ``model_channels``.
        num_blocks: Residual blocks per level.
        attention: Levels with attention.
        encoder_type, decoder_type: As in :class:`models.networks.SongUNet`.
    """

    fourier: bool
    image_channels: int
    model_channels: int
    embedding: int
    channel_mult: list[int]
    num_blocks: int
    attention: list[int]
    encoder_type: str
    decoder_type: str

    def layout(self, size: int) -> Layout:
        """Return the order of the modules for images of this size."""
        return Layout(
            size,
            len(self.channel_mult),
            self.num_blocks,
            self.attention,
            attention_once=True,
            encoder_type=self.encoder_type,
            decoder_type=self.decoder_type,
        )

    def arguments(self, size: int) -> dict[str, Any]:
        """Return the arguments of :class:`models.networks.SongUNet` for images of this size."""
        return {
            "img_resolution": size,
            "img_channels": self.image_channels,
            "label_dim": 0,
            "augment_dim": 0,
            "model_channels": self.model_channels,
            "channel_mult": self.channel_mult,
            "channel_mult_emb": self.embedding // self.model_channels,
            "num_blocks": self.num_blocks,
            "attn_resolutions": [size >> level for level in self.attention],
            "dropout": 0.1,
            "label_dropout": 0.0,
            "embedding_type": "fourier" if self.fourier else "positional",
            "channel_mult_noise": 2 if self.fourier else 1,
            "encoder_type": self.encoder_type,
            "decoder_type": self.decoder_type,
            # Filters have no weights in the file: these are those of the two families.
            "resample_filter": [1, 3, 3, 1] if self.fourier else [1, 1],
        }


def recognised(source: Source) -> Architecture:
    """Return the architecture that names and shapes show.

    Raises:
        CheckpointError: If it is none of the three released families.
    """
    fourier = FOURIER in source
    first = int(fourier)
    embedding, width = source.shape(f"{MODULES}{first}.weight", 2)
    nf, channels, _, _ = source.shape(f"{MODULES}{first + 2}.weight", 4)
    if width != nf * (2 if fourier else 1) or embedding % nf:
        raise source.error(f"noise embedding of width {width} → {embedding} for {nf} channels")
    walk = _Walk(source, first + 3)
    widths, attention = walk.levels()
    if any(wide % nf for wide in widths):
        raise source.error(f"levels of {widths} channels are no multiples of the first {nf}")
    found = Architecture(
        fourier=fourier,
        image_channels=channels,
        model_channels=nf,
        embedding=embedding,
        channel_mult=[wide // nf for wide in widths],
        num_blocks=walk.num_blocks,
        attention=attention,
        encoder_type=walk.encoder_type,
        decoder_type=_decoder_type(source, len(widths)),
    )
    _check_family(found, source)
    return found


class _Walk:
    """A walk along the encoder's modules, from the first residual block on."""

    def __init__(self, source: Source, start: int) -> None:
        self.source, self.at = source, start
        self.num_blocks = 0
        self.encoder_type = "standard"

    def levels(self) -> tuple[list[int], list[int]]:
        """Return each level's channels, and the levels with attention."""
        widths: list[int] = []
        attention: list[int] = []
        while True:
            wide, attends = self._level()
            if attends:
                attention.append(len(widths))
            widths.append(wide)
            if not self._resamples():
                break
            self.at += 1
            self._pyramid()
        return widths, attention

    def _level(self) -> tuple[int, bool]:
        """Pass one level's residual blocks."""
        wide, attends, count = 0, 0, 0
        # The first level ends where a block resamples; the others have as many blocks as it.
        while count < self.num_blocks or (not self.num_blocks and not self._resamples()):
            wide = self._conv_0()[0]
            count, self.at = count + 1, self.at + 1
            if f"{MODULES}{self.at}.NIN_0.W" in self.source:
                attends, self.at = attends + 1, self.at + 1
        self.num_blocks = self.num_blocks or count
        if not count or attends not in (0, count):
            raise self.source.error(
                f"attention after {attends} of {count} residual blocks before {MODULES}{self.at}"
            )
        return wide, attends > 0

    def _resamples(self) -> bool:
        """Return whether the next block resamples: it convolves its skip for nothing else."""
        wide, narrow = self._conv_0()
        return wide == narrow and f"{MODULES}{self.at}.Conv_2.weight" in self.source

    def _conv_0(self) -> tuple[int, int]:
        block = f"{MODULES}{self.at}"
        if f"{block}.Dense_0.weight" not in self.source:
            raise self.source.error(
                f"{block} is not a residual block of NCSN++ or DDPM++ (BigGAN type, conditioned on "
                "the noise level); other networks of score_sde are not known here"
            )
        wide, narrow, _, _ = self.source.shape(f"{block}.Conv_0.weight", 4)
        return wide, narrow

    def _pyramid(self) -> None:
        """Pass what merges the downsampled input."""
        if f"{MODULES}{self.at}.Conv2d_0.weight" in self.source:
            self.encoder_type, self.at = "residual", self.at + 1
        elif f"{MODULES}{self.at + 1}.Conv.weight" in self.source:
            # Downsampling, which has a place but no weights, then a 1×1 convolution.
            self.encoder_type, self.at = "skip", self.at + 2


def _decoder_type(source: Source, levels: int) -> str:
    """Return whether there is one output layer, or one per level."""
    norms = [
        key
        for key in source
        if key.count(".") == 2 and key.endswith(".weight") and source.ndim(key) == 1
    ]
    return "skip" if len(norms) == levels > 1 else "standard"


def _check_family(found: Architecture, source: Source) -> None:
    families = {
        (False, "standard", "standard"): "DDPM++",
        (True, "residual", "standard"): "NCSN++",
        (True, "skip", "skip"): "NCSN++ for large images",
    }
    if (found.fourier, found.encoder_type, found.decoder_type) not in families:
        raise source.error(
            f"{'Fourier' if found.fourier else 'positional'} noise embedding with "
            f"{found.encoder_type} encoder and {found.decoder_type} decoder is none of "
            f"{', '.join(families.values())}: its SDE cannot be told"
        )


def renamed(source: Source, found: Architecture, size: int) -> dict[str, Tensor]:
    """Return the tensors by EDM's names.

    Raises:
        CheckpointError: If one is missing, or one is left over.
    """
    out: dict[str, Tensor] = {}
    index = 0
    if found.fourier:
        out["map_noise.freqs"] = source.take(FOURIER)
        index = 1
    for layer in ("map_layer0", "map_layer1"):
        _copy(source, f"{MODULES}{index}.", f"{layer}.", out)
        index += 1
    layout = found.layout(size)
    for step in [*layout.encoder(), *layout.middle(), *layout.decoder()]:
        index = _rename_step(source, step, index, out)
    source.finish()
    return out


def _rename_step(source: Source, step: Step, index: int, out: dict[str, Tensor]) -> int:
    """Add one step's tensors to ``out``; return the index of the module after it."""
    module = f"{MODULES}{index}."
    if step.kind in {"block", "down", "up"}:
        for old, new in _BLOCK.items():
            _copy(source, f"{module}{old}.", f"{step.name}.{new}.", out)
        if f"{module}Conv_2.weight" in source:
            _copy(source, f"{module}Conv_2.", f"{step.name}.skip.", out)
        if step.attention:
            _rename_attention(source, f"{MODULES}{index + 1}.", step.name, out)
        return index + 1 + step.attention
    if step.kind not in {"aux_down", "aux_up"}:  # these have a place in the list, but no weights
        _copy(source, module + _SINGLE.get(step.kind, ""), f"{step.name}.", out)
    return index + 1


def _rename_attention(source: Source, module: str, name: str, out: dict[str, Tensor]) -> None:
    _copy(source, f"{module}GroupNorm_0.", f"{name}.norm2.", out)
    width = source.shape(f"{module}GroupNorm_0.weight", 1)[0]
    for part in range(4):
        for leaf, shape in {"W": (width, width), "b": (width,)}.items():
            if source.shape(f"{module}NIN_{part}.{leaf}", len(shape)) != shape:
                raise source.error(f"{module}NIN_{part}.{leaf} has not the shape {list(shape)}")
    # Matrices [in, out] become 1×1 convolutions; EDM interleaves the rows of q, k and v.
    w = [source.take(f"{module}NIN_{part}.W").mT for part in range(4)]
    b = [source.take(f"{module}NIN_{part}.b") for part in range(4)]
    out[f"{name}.qkv.weight"] = torch.stack(w[:3], dim=1).reshape(3 * width, width, 1, 1)
    out[f"{name}.qkv.bias"] = torch.stack(b[:3], dim=1).reshape(3 * width)
    out[f"{name}.proj.weight"] = w[3].contiguous()[:, :, None, None]
    out[f"{name}.proj.bias"] = b[3]


def _copy(source: Source, old: str, new: str, out: dict[str, Tensor]) -> None:
    for leaf in ("weight", "bias"):
        out[new + leaf] = source.take(old + leaf)

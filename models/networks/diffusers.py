"""diffusers' ``UNet2DModel`` as a raw network F_θ. Imported only where one is built."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor, nn

from sampler_bench.kit.toml import validated

INSTALL = "pip install 'sampler-bench[diffusers]'"

_MOST_LEVELS = 12


class Arguments(BaseModel):
    """The arguments of ``UNet2DModel`` that are possible here, with the defaults of diffusers 0.42.

    Written out so that an argument a file leaves to its default is the same in every version.
    Left out on purpose: ``center_input_sample`` and Fourier embedding, which only score_sde's VE
    networks have and which change input and output; class embeddings that are no table.
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    sample_size: int = Field(ge=1, le=4096)
    in_channels: int = Field(3, ge=1, le=256)
    out_channels: int = Field(3, ge=1, le=512)
    center_input_sample: Literal[False] = False
    time_embedding_type: Literal["positional", "learned"] = "positional"
    time_embedding_dim: int | None = Field(None, ge=1, le=65536)
    freq_shift: int = Field(0, ge=0, le=1)
    flip_sin_to_cos: bool = True
    down_block_types: list[str] = Field(
        ["DownBlock2D", "AttnDownBlock2D", "AttnDownBlock2D", "AttnDownBlock2D"],
        max_length=_MOST_LEVELS,
    )
    mid_block_type: Literal["UNetMidBlock2D"] | None = "UNetMidBlock2D"
    up_block_types: list[str] = Field(
        ["AttnUpBlock2D", "AttnUpBlock2D", "AttnUpBlock2D", "UpBlock2D"], max_length=_MOST_LEVELS
    )
    block_out_channels: list[Annotated[int, Field(ge=1, le=8192)]] = Field(
        [224, 448, 672, 896], min_length=1, max_length=_MOST_LEVELS
    )
    layers_per_block: int = Field(2, ge=1, le=64)
    mid_block_scale_factor: float = 1.0
    downsample_padding: int = Field(1, ge=0, le=1)
    downsample_type: Literal["conv", "resnet"] = "conv"
    upsample_type: Literal["conv", "resnet"] = "conv"
    dropout: float = Field(0.0, ge=0, le=1)
    act_fn: str = "silu"
    attention_head_dim: int | None = Field(8, ge=1, le=8192)
    norm_num_groups: int | None = Field(32, ge=1, le=8192)
    attn_norm_num_groups: int | None = Field(None, ge=1, le=8192)
    norm_eps: float = Field(1e-5, gt=0, lt=1)
    resnet_time_scale_shift: Literal["default", "scale_shift"] = "default"
    add_attention: bool = True
    class_embed_type: None = None
    num_class_embeds: int | None = Field(None, ge=1, le=1_000_000)
    num_train_timesteps: int | None = Field(None, ge=1, le=100_000)


def checked(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return all arguments of a ``UNet2DModel``, defaults filled in, tuples as lists.

    Raises:
        ValueError: If one is unknown or not possible here; one line that says which.
    """
    plain = {k: list(v) if isinstance(v, tuple) else v for k, v in arguments.items()}
    made = validated(plain, Arguments, "UNet2DModel")
    levels = len(made.block_out_channels)
    if made.sample_size % (1 << (levels - 1)):
        raise ValueError(
            f"UNet2DModel: sample_size = {made.sample_size} cannot be halved {levels - 1} times"
        )
    return made.model_dump()


class UNet2D(nn.Module):
    """A ``UNet2DModel`` behind the interface of EDM's networks; its tensors' names get ``unet.``.

    Args:
        arguments: Those of ``UNet2DModel``.

    Attributes:
        img_resolution: Height and width of images.
        img_channels: Their channels.
        out_channels: Channels of the output; more than ``img_channels`` for a learned variance.
        label_dim: Number of classes; 0 if unconditional.
        needs_class: Whether it takes no image without a class.

    Raises:
        ValueError: If diffusers is not installed, or builds no network of these arguments.
    """

    def __init__(self, **arguments: Any) -> None:
        super().__init__()
        chosen = checked(arguments)
        self.img_resolution: int = chosen["sample_size"]
        self.img_channels: int = chosen["in_channels"]
        self.out_channels: int = chosen["out_channels"]
        self.label_dim: int = chosen["num_class_embeds"] or 0
        self.needs_class = self.label_dim > 0
        self._learned_times = chosen["time_embedding_type"] == "learned"
        self.unet = _made(chosen)

    def forward(
        self,
        x: Tensor,
        noise_labels: Tensor,
        class_labels: Tensor | None,
        augment_labels: Tensor | None = None,
    ) -> Tensor:
        """Return F_θ(x; noise_labels), [B, out_channels, H, W].

        Args:
            x: [B, C, H, W].
            noise_labels: Timesteps [B], as floating-point numbers.
            class_labels: One-hot [B, label_dim]; ``None`` for an unconditional network.
            augment_labels: ``None``: these networks have none.

        Raises:
            ValueError: If a class-conditional network gets no class. Unlike EDM's, it has no
                meaning for that: its classes are rows of a table.
        """
        if augment_labels is not None:
            raise ValueError("UNet2DModel takes no augmentation labels")
        timesteps = noise_labels.round().long() if self._learned_times else noise_labels
        return self.unet(x, timesteps, self._classes(class_labels), return_dict=False)[0]

    def _classes(self, class_labels: Tensor | None) -> Tensor | None:
        if not self.label_dim:
            return None
        given = class_labels is not None and (
            class_labels.is_meta or bool((class_labels.sum(1) > 0).all())
        )
        if class_labels is None or not given:
            raise ValueError(
                "this UNet2DModel needs a class for each image: it has none that means no class"
            )
        return class_labels.argmax(1)


def _made(arguments: Mapping[str, Any]) -> Any:
    try:
        from diffusers import UNet2DModel
    except ImportError as error:
        raise ValueError(f"UNet2DModel needs the library diffusers ({error}): {INSTALL}") from None
    try:
        return UNet2DModel(**arguments)
    except Exception as error:  # it promises no particular kind for arguments that do not fit
        line = " ".join(str(error).split())[:200]
        raise ValueError(f"UNet2DModel cannot be built: {line or type(error).__name__}") from None


def build(arguments: Mapping[str, Any]) -> nn.Module:
    """Return the network on the meta device: its structure, with no weights and no memory."""
    with torch.device("meta"):
        return UNet2D(**arguments)

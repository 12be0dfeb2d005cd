"""The order in which EDM's U-Nets lay out their modules, which is that of the original releases."""

from collections.abc import Collection
from dataclasses import dataclass


@dataclass(frozen=True)
class Step:
    """One module of the encoder or decoder.

    Attributes:
        kind: ``"conv"`` (the first convolution), ``"block"``, ``"down"``, ``"up"``, or what stands
            last in an auxiliary module's name: ``"down"``, ``"skip"``, ``"residual"``, ``"up"``,
            ``"norm"``, ``"conv"`` after ``"aux_"``.
        name: Its name in EDM's networks, e.g. ``"enc.32x32_block0"``.
        attention: Whether self-attention follows within the same module of EDM's.
    """

    kind: str
    name: str
    attention: bool = False


@dataclass(frozen=True)
class Layout:
    """What decides which modules a U-Net has.

    Attributes:
        image_size: Height and width of images.
        levels: Number of resolutions.
        num_blocks: Residual blocks per level; the decoder has one more.
        attention: Levels with self-attention, the highest resolution being level 0.
        attention_once: Whether the decoder attends only after the last block of a level (Song), or
            after each (ADM).
        encoder_type: ``"standard"``, ``"residual"`` or ``"skip"``.
        decoder_type: ``"standard"``, ``"skip"``, or ``"none"``: no output layer among the steps.
    """

    image_size: int
    levels: int
    num_blocks: int
    attention: Collection[int]
    attention_once: bool
    encoder_type: str = "standard"
    decoder_type: str = "none"

    def encoder(self) -> list[Step]:
        """Return the encoder's modules in order."""
        steps = [Step("conv", f"enc.{self._at(0)}_conv")]
        for level in range(self.levels):
            at = f"enc.{self._at(level)}"
            if level:
                steps.append(Step("down", f"{at}_down"))
                steps += [Step(aux, f"{at}_{aux}") for aux in _PYRAMIDS[self.encoder_type]]
            for index in range(self.num_blocks):
                steps.append(Step("block", f"{at}_block{index}", level in self.attention))
        return steps

    def middle(self) -> list[Step]:
        """Return the two blocks between encoder and decoder, which EDM counts to the decoder."""
        at = f"dec.{self._at(self.levels - 1)}"
        return [Step("block", f"{at}_in0", attention=True), Step("block", f"{at}_in1")]

    def decoder(self) -> list[Step]:
        """Return the decoder's modules in order."""
        steps = []
        for level in reversed(range(self.levels)):
            at = f"dec.{self._at(level)}"
            if level < self.levels - 1:
                steps.append(Step("up", f"{at}_up"))
            for index in range(self.num_blocks + 1):
                attends = index == self.num_blocks or not self.attention_once
                steps.append(
                    Step("block", f"{at}_block{index}", attends and level in self.attention)
                )
            steps += self._output(level, at)
        return steps

    def _output(self, level: int, at: str) -> list[Step]:
        kinds: list[str] = []
        if self.decoder_type == "skip" or (self.decoder_type == "standard" and level == 0):
            kinds = ["aux_norm", "aux_conv"]
        if self.decoder_type == "skip" and level < self.levels - 1:
            kinds = ["aux_up", *kinds]
        return [Step(kind, f"{at}_{kind}") for kind in kinds]

    def _at(self, level: int) -> str:
        return f"{self.image_size >> level}x{self.image_size >> level}"


_PYRAMIDS = {
    "standard": [],
    "residual": ["aux_residual"],
    "skip": ["aux_down", "aux_skip"],
}

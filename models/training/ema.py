"""The exponential moving average of a network's weights: what is sampled from."""

import copy
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import get_ema_multi_avg_fn


class EMA:
    """θ̄ ← β·θ̄ + (1 − β)·θ after every step, with β = 0.5^(B/h) for B images and half-life h.

    Early on h is a fraction of the images seen so far, so that the random beginning is soon
    forgotten: β = 0.5^(B/min(h, r·n)) (EDM's released loop; half-lives in Table 7).

    Args:
        model: The network θ in training. Its buffers are copied, not averaged.
        half_life_images: h, in training images.
        ramp_up: r; ``None`` for a constant half-life.

    Attributes:
        model: The averaged network θ̄, in evaluation mode and without gradients.

    Raises:
        ValueError: If half-life or ramp-up is not positive.
    """

    def __init__(
        self, model: nn.Module, half_life_images: float, ramp_up: float | None = 0.05
    ) -> None:
        if not half_life_images > 0:
            raise ValueError(f"half_life_images = {half_life_images!r} must be positive")
        if ramp_up is not None and not ramp_up > 0:
            raise ValueError(f"ramp_up = {ramp_up!r} must be positive, or none")
        self.half_life_images, self.ramp_up = half_life_images, ramp_up
        self._source = model
        self.model: Any = copy.deepcopy(model).requires_grad_(False).eval()

    def decay(self, images_seen: float, batch: int) -> float:
        """Return β of a step of ``batch`` images after ``images_seen``; 0 for the very first."""
        half_life = self.half_life_images
        if self.ramp_up is not None:
            half_life = min(half_life, self.ramp_up * images_seen)
        return 0.5 ** (batch / half_life) if half_life > 0 else 0.0

    @torch.no_grad()
    def update(self, images_seen: float, batch: int) -> None:
        """Take in the weights after a step of ``batch`` images.

        Args:
            images_seen: n, training images before this step.
            batch: B, images of this step, over all processes.
        """
        average = get_ema_multi_avg_fn(self.decay(images_seen, batch))
        average(list(self.model.parameters()), list(self._source.parameters()), None)
        for mine, theirs in zip(self.model.buffers(), self._source.buffers(), strict=True):
            mine.copy_(theirs)

    def state_dict(self) -> dict[str, Tensor]:
        """Return the averaged weights; the half-life depends on nothing but the images seen."""
        return self.model.state_dict()

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Go on from averaged weights."""
        self.model.load_state_dict(state)

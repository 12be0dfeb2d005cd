"""Where a training run stands: what is kept beside the weights so that it can be gone on with."""

from dataclasses import asdict, dataclass
from typing import Any


@dataclass
class Progress:
    """Counted since the beginning of the run, interruptions left out.

    Attributes:
        images: Training images seen, repetitions counted.
        seconds: Time spent in steps.
        loss_sum, loss_images: Loss per dimension summed over images since the last logged line.
    """

    images: int = 0
    seconds: float = 0.0
    loss_sum: float = 0.0
    loss_images: int = 0

    @property
    def loss(self) -> float:
        """Mean loss per dimension since the last logged line."""
        return self.loss_sum / max(self.loss_images, 1)

    def state_dict(self) -> dict[str, Any]:
        """Return everything as plain numbers."""
        return asdict(self)

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take over what was saved."""
        for name, value in state.items():
            setattr(self, name, value)

"""The learning rate over training."""

import math


def learning_rate(
    peak: float,
    images_seen: float,
    ramp_images: float,
    cooldown_images: float = 0,
    end: float = math.inf,
) -> float:
    """Return ``peak``·min(n/ramp, 1, (end − n)/cooldown), at least 0.

    A linear ramp, then constant (EDM, F.3 and Table 7); a linear cooldown is not in the paper. It
    does for short trainings what they have no time to average out.

    Args:
        peak: The rate after the ramp.
        images_seen: n, training images (repetitions counted) before this step.
        ramp_images: Length of the ramp in images; 0 for none.
        cooldown_images: Length of the cooldown in images; 0 for none.
        end: Where the cooldown reaches 0.

    Raises:
        ValueError: If ramp or cooldown is negative.
    """
    for name, value in (("ramp_images", ramp_images), ("cooldown_images", cooldown_images)):
        if value < 0:
            raise ValueError(f"{name} = {value!r} must not be negative")
    ramp = images_seen / ramp_images if images_seen < ramp_images else 1.0
    left = end - images_seen
    cooldown = max(left, 0.0) / cooldown_images if left < cooldown_images else 1.0
    return peak * min(ramp, cooldown)

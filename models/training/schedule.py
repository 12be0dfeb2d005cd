"""The learning rate over training."""


def learning_rate(peak: float, images_seen: float, ramp_images: float) -> float:
    """Return ``peak``·min(n/ramp, 1): a linear ramp, then constant (EDM, F.3 and Table 7).

    Args:
        peak: The rate after the ramp.
        images_seen: n, training images (repetitions counted) before this step.
        ramp_images: Length of the ramp in images; 0 for none.

    Raises:
        ValueError: If the ramp is negative.
    """
    if ramp_images < 0:
        raise ValueError(f"ramp_images = {ramp_images!r} must not be negative")
    if images_seen >= ramp_images:
        return peak
    return peak * images_seen / ramp_images

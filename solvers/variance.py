"""Denoisers that also predict a variance: iDDPM's networks."""

from typing import Any


def with_variance(denoiser: Any) -> Any:
    """Return a denoiser whose results have D(x; σ) in the first half of their channels and v after.

    v is what iDDPM's networks learned: (v + 1)/2 interpolates between the logarithms of the least
    and the greatest variance of a step.

    Args:
        denoiser: One that has ``with_variance()``.

    Raises:
        ValueError: If its network has not learned a variance.
    """
    make = getattr(denoiser, "with_variance", None)
    if make is None:
        raise ValueError(
            "the model has not learned a variance: use variance = 'small' or variance = 'large'"
        )
    return make()

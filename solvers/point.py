"""One noise level of a schedule: all that a step needs to know of it, as floats."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Point:
    """A level of the path z = s·x₀ + b·n, b = s·σ; finite at t = 1 of a flow, where s = 0, σ = ∞.

    Attributes:
        t: Time.
        sigma: σ(t) ≥ 0; ``inf`` where nothing is left of the data.
        s: s(t).
        b: s·σ, the standard deviation of the noise in z.
        p, q: The probability flow is dz/dt = p·z + q·D(z/s; σ) (EDM, Eq. 4): p = ḃ/b,
            q = ṡ − s·ḃ/b. Not finite at σ = 0, where there is no slope.
    """

    t: float
    sigma: float
    s: float
    b: float
    p: float
    q: float

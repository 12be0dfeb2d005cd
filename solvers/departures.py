"""What is done otherwise than asked, in words: said in plans, runs and reports."""

from collections.abc import Iterator, Sequence
from itertools import pairwise

NEAR = 1e-3
"""Relative difference that is none: a bound of a network, written with a few digits."""


def clamped(asked: tuple[float | None, float | None], done: tuple[float, float]) -> Iterator[str]:
    """Yield what became of a σ range that was asked for.

    Args:
        asked: σ_min and σ_max; ``None`` where the default was left.
        done: The same, as sampled with a model.
    """
    for name, wanted, got in zip(("sigma_min", "sigma_max"), asked, done, strict=True):
        if wanted is None or abs(got - wanted) <= NEAR * wanted or got == wanted:
            continue
        way, most = ("lowered", "most") if got < wanted else ("raised", "least")
        yield f"{name} = {wanted:g} {way} to {got:.4g}, the {most} it knows"


def without_length(levels: Sequence[float], asked: Sequence[float] = ()) -> Iterator[str]:
    """Yield how many steps begin and end at one level.

    Args:
        levels: As sampled, the last 0 included where there is one.
        asked: Those that somebody listed; whatever is equal there is what was asked for.
    """
    wanted = sum(above == below for above, below in pairwise(asked))
    flat = sum(above == below for above, below in pairwise(levels)) - wanted
    if flat > 0:
        yield (
            f"{flat} of {len(levels) - 1} steps have no length: from {levels[0]:.4g} to "
            f"{levels[-1]:.4g} there are only {len(set(levels))} levels"
        )

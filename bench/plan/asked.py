"""From evaluations that a sampler may cost to the steps it takes for them."""

from collections.abc import Callable

from sampler_bench.solvers import AnySampler, Incompatible

MOST_STEPS = 100_000


def within(
    sampler: AnySampler, nfe: int, cost: Callable[[AnySampler], int | None]
) -> tuple[AnySampler, int]:
    """Return a sampler with the most steps that cost no more than asked for, and what they cost.

    More steps are taken to cost no less: the number is found by bisection.

    Args:
        sampler: The sampler; its own number of steps does not matter.
        nfe: Evaluations per sample, at least 1.
        cost: Evaluations per sample of a sampler, guidance included; ``None`` if it says none.

    Raises:
        Incompatible: If it has no number of steps or of evaluations, or a single step costs more.
    """
    if sampler.steps is None:
        raise Incompatible(f"nfe = {nfe}: it chooses its own steps")
    few = _first(sampler, nfe, cost)
    many = 2 * few  # few steps are cheap enough, many are not
    while _fits(sampler, many, nfe, cost):
        if many > MOST_STEPS:
            raise Incompatible(f"nfe = {nfe}: more steps do not cost it more")
        few, many = many, 2 * many
    while many - few > 1:
        middle = (few + many) // 2
        if _fits(sampler, middle, nfe, cost):
            few = middle
        else:
            many = middle
    found = sampler.with_steps(few)
    return found, _known(cost(found), nfe)


def _first(sampler: AnySampler, nfe: int, cost: Callable[[AnySampler], int | None]) -> int:
    """Return some number of steps that is cheap enough: one, or the first power of two that it can
    take, as a path may need some levels to go over again.

    Raises:
        Incompatible: If there is none.
    """
    for steps in (2**power for power in range(nfe.bit_length() + 1)):
        if _fits(sampler, steps, nfe, cost):
            return steps
    least = _known(cost(sampler.with_steps(1)), nfe)
    raise Incompatible(f"nfe = {nfe}: one step costs {least} evaluations")


def _fits(
    sampler: AnySampler, steps: int, nfe: int, cost: Callable[[AnySampler], int | None]
) -> bool:
    """Whether so many steps are cheap enough; those that a sampler cannot take are not."""
    try:
        return _known(cost(sampler.with_steps(steps)), nfe) <= nfe
    except Incompatible:
        return False


def _known(evaluations: int | None, nfe: int) -> int:
    if evaluations is None:
        raise Incompatible(f"nfe = {nfe}: it does not say how many evaluations a sample takes")
    return evaluations

"""Which input a number stands for."""

import random

from tests.inputs import checkpoints, downloads, grids, statistics
from tests.inputs.case import Case

SEED = 24
KINDS = (grids, grids, statistics, checkpoints, downloads)


def case(number: int, seed: int = SEED) -> Case:
    """Return the input of this number: two of five are grids, one each of the other kinds."""
    return KINDS[number % len(KINDS)].case(random.Random(f"{seed} {number}"))

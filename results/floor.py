"""The floor: what a perfect sampler reaches at a number of samples.

A distance of N samples from the truth is above zero even where they are drawn from the truth. The
floor of a row is measured: the same distance of sets of N independent draws of the true data.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from sampler_bench.results.estimate import Estimate
from sampler_bench.results.metric import FLOOR

SET, VALUE = "set", "value"
"""The columns of a floor's profile: the number of each set, and its distance."""
_SAME = ("extractor", "reference", "reference_digest", "quantizer", "samples")
_FIRST = ("seed_start", "key", "code")


@dataclass(frozen=True, eq=False)
class Floor:
    """What a perfect sampler reaches: the distances of sets of independent draws of the true data.

    Attributes:
        mean: Their mean, with its jackknife error SD/√sets; its seeds are nobody else's, so that it
            pairs with no other number.
        spread: Their standard deviation, sets − 1 below: how far one perfect sampler's number lies
            from the mean.
        sets: How many there are.
    """

    mean: Estimate
    spread: float
    sets: int

    @classmethod
    def of(cls, values: Any) -> "Floor":
        """Return the floor of some sets' distances, [sets].

        Raises:
            ValueError: If there are fewer than two: they have no spread.
        """
        found = np.asarray(values, np.float64)
        if found.ndim != 1 or len(found) < 2:
            raise ValueError(f"a floor needs at least 2 sets, got values of shape {found.shape}")
        rest = (found.sum() - found) / (len(found) - 1)
        mean = Estimate.of(float(found.mean()), rest)
        return cls(mean, float(found.std(ddof=1)), len(found))


def floor_of(records: pd.DataFrame, row: Mapping[str, Any] | pd.Series) -> Floor | None:
    """Return the floor of a row of a table of records, at its number of samples.

    It is of the row's metric, extractor, reference, quantizer and samples, of whatever model it was
    measured for; of several such the one of the lowest seeds, whatever the order of rows.

    Args:
        records: Where floors may be: a table of :func:`sampler_bench.results.load`.
        row: A row of such a table.

    Returns:
        None where it is not known, and of samples of one class: the floor is of all of them.
    """
    if row.get("class_label", "uniform") not in ("uniform", None) and pd.notna(row["class_label"]):
        return None
    fits = records["metric"] == row["metric"] + FLOOR
    for name in _SAME:
        fits &= records[name] == row[name]
    found = records[fits]
    if found.empty:
        return None
    return Floor.of(found.sort_values([*_FIRST]).iloc[0]["profile"][VALUE])

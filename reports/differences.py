"""Lines against one of them, in pairs: what they share by their seeds is not in the error."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from sampler_bench.reports.points import estimate
from sampler_bench.results.estimate import LEVEL

MOST_TOGETHER = 3  # lines that can be told apart without their differences
_LEAST = 2  # lines that a reference has to be comparable with
_COLUMNS = ["label", "nfe", "value", "low", "high"]


@dataclass(frozen=True)
class Differences:
    """Differences of lines from a reference, or ratios on a logarithmic axis.

    of        what they are from, for the axis
    rows      label, nfe, value, low and high (± 2 paired standard errors), by label and NFE
    left_out  labels of lines that have no point at an NFE of the reference on the same seeds
    """

    of: str
    rows: pd.DataFrame
    left_out: tuple[str, ...]

    def of_labels(self, labels: Sequence[str]) -> "Differences | None":
        """Those of some lines; None if there are none."""
        rows = self.rows[self.rows["label"].isin(labels)]
        gone = tuple(one for one in self.left_out if one in labels)
        return None if rows.empty else Differences(self.of, rows, gone)


def from_first(curves: pd.DataFrame, order: Sequence[str], logarithmic: bool) -> Differences | None:
    """More than three lines of one panel against the first that two others can be compared with.

    In `order`; two points are compared that have one NFE and the same seeds. None if there is no
    such line, or there are no more lines than can be told apart without.
    """
    lines = {label: curves[curves["label"] == label] for label in order}
    lines = {label: line for label, line in lines.items() if not line.empty}
    if len(lines) <= MOST_TOGETHER:
        return None
    for name, first in lines.items():
        others = {label: line for label, line in lines.items() if label != name}
        points = [(point["nfe"], point) for _, point in first.iterrows()]
        same = {(label, nfe): point for label in others for nfe, point in points}
        found = _differences(name, others, same, logarithmic)
        if found.rows["label"].nunique() >= _LEAST:
            return found
    return None


def from_zero(curves: pd.DataFrame, of: str, logarithmic: bool) -> Differences | None:
    """More than three lines, each against its own point at 0; None if none has one."""
    names = list(dict.fromkeys(curves["label"]))
    if len(names) <= MOST_TOGETHER:
        return None
    lines = {name: curves[curves["label"] == name] for name in names}
    zero = {
        (name, nfe): line[line["nfe"] == 0].iloc[0]
        for name, line in lines.items()
        for nfe in line["nfe"]
        if 0 in set(line["nfe"])
    }
    found = _differences(of, lines, zero, logarithmic)
    return found if (found.rows["nfe"] != 0).any() else None


def _differences(
    of: str,
    lines: dict[str, pd.DataFrame],
    references: Mapping[tuple[str, float], pd.Series],
    logarithmic: bool,
) -> Differences:
    rows = []
    for label, line in lines.items():
        for _, point in line.dropna(subset=["value"]).iterrows():
            other = references.get((label, point["nfe"]))
            if other is not None and _paired(point, other):
                rows.append((label, point["nfe"], *_ends(point, other, logarithmic)))
    found = pd.DataFrame(rows, columns=_COLUMNS).sort_values(["label", "nfe"], ignore_index=True)
    return Differences(of, found, tuple(one for one in lines if one not in set(found["label"])))


def _paired(point: pd.Series, other: pd.Series) -> bool:
    """Whether two points have the same seeds, in the same shards, known shard by shard."""
    told = [
        sorted((seeds, len(loo)) for _, seeds, loo in one["measured"]) for one in (point, other)
    ]
    return told[0] == told[1] and all(shards > 1 for _, shards in told[0])


def _ends(point: pd.Series, other: pd.Series, logarithmic: bool) -> tuple[float, float, float]:
    one, two = estimate(point), estimate(other)
    gap = one.log() - two.log() if logarithmic else one - two
    ends = np.array([gap.value, gap.value - LEVEL * gap.se, gap.value + LEVEL * gap.se])
    value, low, high = np.exp(ends) if logarithmic else ends
    return float(value), float(low), float(high)

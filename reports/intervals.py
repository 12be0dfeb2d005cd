"""How far values may be off, and what part of it a figure shows."""

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

from sampler_bench.results.estimate import LEVEL

_ROOM = 3.0  # an axis shows so many times less than the lowest value, and more than the highest
_SHARE = 0.5  # … and where it is linear, so much of the values' own range beyond them
_MARGIN = 0.05  # of the axis, left free at both ends


def interval(curve: pd.DataFrame, logarithmic: bool) -> tuple[np.ndarray, np.ndarray]:
    """Lower and upper ends for each row of `points`, [rows] each.

    Lowest to highest repeat where there are several, else two standard errors to both sides; on a
    logarithmic axis of the logarithm, to first order: value·exp(± 2·SE/value), which never reaches
    zero. NaN where the error is unknown.
    """
    value, error = (curve[name].to_numpy(float) for name in ("value", "se"))
    if logarithmic:
        factor = np.exp(LEVEL * error / value)
        low, high = value / factor, value * factor
    else:
        low, high = value - LEVEL * error, value + LEVEL * error
    several = curve["repeats"].to_numpy(float) > 1
    ends = (curve[name].to_numpy(float) for name in ("low", "high"))
    lowest, highest = ends
    return np.where(several, lowest, low), np.where(several, highest, high)


def limits(
    curves: Iterable[pd.DataFrame],
    logarithmic: bool,
    others: Sequence[float] = (),
    bounded: bool = True,
    always: Sequence[float] = (),
) -> tuple[float, float]:
    """The ends of an axis for these curves: by their values, and not by their errors.

    Intervals and `others` beyond it widen it, up to a factor of 3 (of a linear axis: by half of the
    values' range, or the usual error if that is more, so that noise does not fill an axis); what is
    longer runs off. What `always` has is on the axis however far it is. A linear axis of positive
    values does not go below 0, unless it is not `bounded`.
    """
    rows = pd.concat(list(curves)).dropna(subset=["value"])
    low, high = rows["value"].min(), rows["value"].max()
    reach = [x for ends in interval(rows, logarithmic) for x in ends if np.isfinite(x)]
    reach = [*reach, *others, low, high]
    if logarithmic:
        bottom, top = max(min(reach), low / _ROOM), min(max(reach), high * _ROOM)
        bottom, top = min(bottom, *always, top), max(top, *always, bottom)
        pad = max(top / bottom, 1.5) ** _MARGIN
        return float(bottom / pad), float(top * pad)
    span = high - low or abs(high) or 1.0
    lows, highs = interval(rows, logarithmic)
    lengths = (highs - lows)[np.isfinite(highs - lows)]
    room = max(_SHARE * span, float(np.median(lengths)) / 2 if len(lengths) else 0.0)
    bottom, top = max(min(reach), low - room), min(max(reach), high + room)
    bottom, top = min(bottom, *always, top), max(top, *always, bottom)
    pad = _MARGIN * (top - bottom or 1.0)
    lowest = bottom - pad
    return float(max(lowest, 0.0) if bounded and low > 0 else lowest), float(top + pad)

"""From records to the points of a curve, and the point one would choose."""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from sampler_bench.reports.metrics import better, is_upward, upward
from sampler_bench.results.estimate import LEVEL, Estimate, mean

NEAR_BEST = 0.03  # EDM's dot: the lowest NFE within 3 % of the best value
_SQUARED = 1e150  # the square of what is larger may not be a number
PANEL = ["model", "metric", "metric_name"]


def points(records: pd.DataFrame) -> pd.DataFrame:
    """One row per measured point: the repeats of a cell (other seeds) put together.

    Columns: model, metric, metric_name, metric_better, label, point, steps, samples; repeats; nfe
    and value (means); nfe_asked (what plans ask for it by, a tuple); best_repeat (what "lowest of
    three" would print); se (of the mean; from the jackknife, nan without); low and high (lowest and
    highest repeat, ± 2 se for one); measured (of each repeat its value, its seeds, and the value
    with one shard left out: see `estimate`).
    Sorted by panel, label and NFE.
    """
    steps = records.get("sampler.steps", np.nan)
    # In one order, so that rounding in the means does not depend on how the records came.
    unit = _unit(records["se"])
    asked = records.get("nfe_asked", pd.Series([()] * len(records), records.index))
    told = records.assign(
        steps=steps,
        nfe_asked=asked,
        var=(records["se"] / unit) ** 2,
        metric_better=better(records),
        measured=_measured(records),
    )
    groups = ordered(told).groupby([*PANEL, "label", "point"], sort=True)
    value = groups["value"]
    made = groups.agg(
        steps=("steps", "first"),
        samples=("samples", "first"),
        work_key=("work_key", "first"),
        repeats=("value", "size"),
        nfe=("nfe", "mean"),
        nfe_asked=("nfe_asked", "first"),
        value=("value", "mean"),
        low=("value", "min"),
        high=("value", "max"),
        seconds=("seconds", "sum"),
        metric_better=("metric_better", "first"),
        measured=("measured", tuple),
    )
    made["se"] = unit * np.sqrt(groups["var"].mean() / groups.size())
    made["best_repeat"] = value.min()
    made = made.reset_index()
    most = upward(made)
    made.loc[most, "best_repeat"] = made.loc[most, "high"]
    single = (made["repeats"] == 1) & made["se"].notna()
    made.loc[single, "low"] = made["value"] - 2 * made["se"]
    made.loc[single, "high"] = made["value"] + 2 * made["se"]
    return made.sort_values([*PANEL, "label", "nfe", "point"], ignore_index=True)


def estimate(point: pd.Series) -> Estimate:
    """The value of a row of `points`; differences of such rows pair where seeds are shared."""
    return mean([Estimate.of(value, loo, seeds) for value, seeds, loo in point["measured"]])


def _measured(records: pd.DataFrame) -> pd.Series:
    rows = records[["value", "seed_start", "samples", "loo"]].itertuples(index=False)
    told = [(value, (start, samples), tuple(loo)) for value, start, samples, loo in rows]
    return pd.Series(told, records.index, dtype=object)


def _unit(errors: pd.Series) -> float:
    """A power of two in which squares of errors do not overflow: 1, but for absurd ones."""
    largest = float(errors.max())
    return 2.0 ** math.frexp(largest)[1] if largest > _SQUARED else 1.0


def best(curve: pd.DataFrame) -> pd.Series:
    """The point of one curve with the best value."""
    value = curve["value"]
    return curve.loc[value.idxmax() if is_upward(curve) else value.idxmin()]


def chosen(curve: pd.DataFrame) -> pd.Series:
    """The point of one curve at the lowest NFE whose value is within 3 % of the best."""
    top = best(curve)["value"]
    near = (curve["value"] - top).abs() <= NEAR_BEST * abs(top)
    return curve.loc[curve.loc[near, "nfe"].idxmin()]


State = Literal["settled", "last", "first", "open", "alone"]


@dataclass(frozen=True)
class Dot:
    """The point of one curve that one would choose, and whether its errors support it.

    at     the lowest NFE whose value is within 3 % of the best value
    state  "settled": also by two standard errors of the paired difference, and the curve goes on
           beyond its best; "last": its best is the last point measured, so that more evaluations
           may be better still; "first": it is the first point measured, so that fewer may do;
           "open": within 3 % by value alone; "alone": a curve of one point
    """

    at: pd.Series
    state: State


def dot(curve: pd.DataFrame) -> Dot:
    """The dot of one curve of `points`."""
    top, at = best(curve), chosen(curve)
    if curve["nfe"].nunique() < 2:
        return Dot(at, "alone")
    if top["nfe"] == curve["nfe"].max():
        return Dot(at, "last")
    loss = estimate(at) - estimate(top)
    worse = -loss.value if is_upward(curve) else loss.value
    if at["nfe"] == curve["nfe"].min():
        return Dot(at, "first")
    near = at["point"] == top["point"] or worse + LEVEL * loss.se <= NEAR_BEST * abs(top["value"])
    return Dot(at, "settled" if near else "open")


def ordered(records: pd.DataFrame) -> pd.DataFrame:
    """The records in the one order from which everything is drawn, whatever order they came in."""
    names = ["metric", "model", "label", "nfe", "seed_start", "key", "point"]
    return records.sort_values(names, ignore_index=True)


def labels(records: pd.DataFrame) -> list[str]:
    """The labels in the order in which they get their colours: the grid's, lowest NFE, name."""
    places = records.assign(order=records.get("order", 0)).groupby("label")[["order", "nfe"]].min()
    return [
        str(label)
        for label in places.rename_axis("name").sort_values(["order", "nfe", "name"]).index
    ]

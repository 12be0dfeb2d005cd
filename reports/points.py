"""From records to the points of a curve, and the point one would choose."""

import math

import numpy as np
import pandas as pd

from sampler_bench.reports.metrics import better, is_upward, upward

NEAR_BEST = 0.03  # EDM's dot: the lowest NFE within 3 % of the best value
_SQUARED = 1e150  # the square of what is larger may not be a number
PANEL = ["model", "metric", "metric_name"]


def points(records: pd.DataFrame) -> pd.DataFrame:
    """One row per measured point: the repeats of a cell (other seeds) put together.

    Columns: model, metric, metric_name, metric_better, label, point, steps, samples; repeats; nfe
    and value (means); nfe_asked (what plans ask for it by, a tuple); best_repeat (what "lowest of
    three" would print); se (of the mean; from the jackknife, nan without); low and high (band:
    lowest and highest repeat, ± 2 se for one).
    Sorted by panel, label and NFE.
    """
    steps = records.get("sampler.steps", np.nan)
    # In one order, so that rounding in the means does not depend on how the records came.
    unit = _unit(records["se"])
    asked = records.get("nfe_asked", pd.Series([()] * len(records), records.index))
    told = records.assign(
        steps=steps, nfe_asked=asked, var=(records["se"] / unit) ** 2, metric_better=better(records)
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

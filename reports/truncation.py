"""Truncation error over NFE, with the order that the points show."""

import math

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from sampler_bench.reports import notes
from sampler_bench.reports.curves import draw_curves, finish, line_handle
from sampler_bench.reports.intervals import limits
from sampler_bench.reports.metrics import axis_text
from sampler_bench.reports.points import PANEL, labels, ordered, points
from sampler_bench.reports.style import (
    GREY,
    NothingToDrawError,
    looks,
    nfe_axis,
    panels,
    styled,
    value_axis,
)
from sampler_bench.reports.swept import only_swept

METRIC = "truncation-error"
FLOOR = "prov_reference_error"
_SPREAD = 0.3  # local slopes that differ by less lie in one asymptotic range
_FLAT = 0.3  # a slope below this is a floor (rounding, the reference), not an order


@styled
def truncation_vs_nfe(records: pd.DataFrame) -> Figure:
    """RMS distance to the reference trajectory over NFE: a panel per model, a line per label.

    Band: lowest to highest repeat, or ± 2 jackknife standard errors, of the logarithm. The legend
    gives the slope over the finest range in which it is steady, and that range (`fitted_order`). A
    dotted line shows the reference's own error where the records state it (provenance
    `reference_error`) and the axis reaches it.
    Raises NothingToDrawError without such records.
    """
    measured = ordered(records[records["metric"] == METRIC])
    shown = measured[~only_swept(measured)]
    if shown.empty:
        raise NothingToDrawError("no records of truncation-error over NFE")
    look = looks(labels(records))
    groups = list(points(shown).groupby(PANEL, sort=True))
    figure, grid = panels(len(groups))
    handles: list[Artist] = []
    floor_drawn = False
    logarithmic = all(curves["value"].min() > 0 for _, curves in groups)
    ends = limits([curves for _, curves in groups], logarithmic, _floors(shown))
    for axes, ((model, _, metric_name), curves) in zip(grid, groups, strict=True):
        draw_curves(axes, curves, look, logarithmic)
        nfe_axis(axes, curves["nfe"])
        if logarithmic:
            axes.set_yscale("log")
        axes.set_ylim(*ends)
        if logarithmic:
            value_axis(axes)
        floor_drawn |= _draw_floor(axes, shown[shown["model"] == model])
        axes.set(title=model, ylabel=axis_text(metric_name))
        of_model = f"{model}: " if len(groups) > 1 else ""
        for label in [label for label in look if label in set(curves["label"])]:
            order = _order_text(curves[curves["label"] == label])
            handles.append(line_handle(f"{of_model}{label}, {order}", look[label]))
    if floor_drawn:
        handles.append(Line2D([], [], color=GREY, ls=":", label="the reference's own error"))
    finish(figure, handles, notes.for_figure(shown))
    return figure


def fitted_order(curve: pd.DataFrame) -> tuple[float, float, float] | None:
    """The order that one curve shows, and the lowest and highest NFE it was fitted over.

    The order is minus the slope of log error over log steps (over log NFE for an adaptive
    solver). It is fitted to the finest run of at least three points whose successive slopes
    differ by less than 0.3; flat stretches, where rounding or the reference's own error is
    seen, are no such run. None if there is no such run.
    """
    curve = curve[curve["value"] > 0].sort_values("nfe")
    effort = curve["steps"].astype(float) if curve["steps"].notna().all() else curve["nfe"]
    x, y = np.log(effort.to_numpy(float)), np.log(curve["value"].to_numpy(float))
    if len(set(x)) < len(x):
        return None
    slopes = -np.diff(y) / np.diff(x)
    for last in range(len(slopes) - 1, 0, -1):
        first = last
        while first > 0 and np.ptp(slopes[first - 1 : last + 1]) < _SPREAD:
            first -= 1
        if last > first and slopes[first : last + 1].min() > _FLAT:
            used = slice(first, last + 2)
            order = -float(np.polyfit(x[used], y[used], 1)[0])
            nfe = curve["nfe"].to_numpy(float)[used]
            return order, float(nfe[0]), float(nfe[-1])
    return None


def _order_text(curve: pd.DataFrame) -> str:
    fit = fitted_order(curve)
    if fit is None:
        return "no steady order"
    order, first, last = fit
    return f"order {order:.2f} (NFE {first:.0f}–{last:.0f})"


def _draw_floor(axes: Axes, shown: pd.DataFrame) -> bool:
    low, high = axes.get_ylim()
    found = [floor for floor in _floors(shown) if low <= floor <= high]
    for floor in found:
        axes.axhline(floor, color=GREY, linestyle=":", linewidth=1.0, zorder=1)
    return bool(found)


def _floors(shown: pd.DataFrame) -> list[float]:
    if FLOOR not in shown:
        return []
    found = sorted({float(floor) for floor in shown[FLOOR].dropna()})
    return [floor for floor in found if math.isfinite(floor) and floor > 0]

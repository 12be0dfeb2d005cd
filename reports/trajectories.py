"""Trajectories of a one-dimensional data set: EDM's Figure 3."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from sampler_bench.reports.contact import Samples
from sampler_bench.reports.curves import finish
from sampler_bench.reports.points import labels, ordered
from sampler_bench.reports.style import PALETTE, NothingToDrawError, panels, styled

_ZOOM = 1.0  # σ up to which the lower panels show
_TANGENTS = 5  # along each trajectory
_LENGTH = 0.13  # of a tangent, of the panel's width
_TANGENT: Any = {"color": "black", "linewidth": 0.7}


@styled
def trajectories(records: pd.DataFrame, samples: Samples) -> Figure:
    """x(t) of some latents, with tangents: a panel per label, and σ ≤ 1 below it.

    `samples` gives the arrays kept for a work_key: t and s [L], x and slope [k, L]. Raises
    NothingToDrawError where none were kept.
    """
    found = ordered(records[records["metric"] == "curvature"])
    kept: dict[str, Mapping[str, np.ndarray]] = {}
    for label in labels(found) if len(found) else []:
        arrays = samples(found[found["label"] == label].iloc[0]["work_key"])
        if arrays and {"t", "x", "slope", "sigma"} <= set(arrays):
            kept[label] = arrays
    if not kept:
        raise NothingToDrawError("no trajectories of one-dimensional states were kept")
    figure, grid = panels(len(kept), rows=2)
    for at, (label, arrays) in enumerate(kept.items()):
        whole, near = grid[at], grid[len(kept) + at]
        _draw(whole, arrays, arrays["sigma"] <= np.inf)
        whole.set(title=label, ylabel="x(t)")
        inside = arrays["sigma"] <= _ZOOM
        if inside.sum() > 1:
            _draw(near, arrays, inside)
        near.set(xlabel="t", ylabel=f"x(t), σ ≤ {_ZOOM:g}")
    finish(figure, [Line2D([], [], **_TANGENT, label="tangent, in the direction of sampling")], "")
    return figure


def _draw(axes: Axes, arrays: Mapping[str, np.ndarray], at: np.ndarray) -> None:
    t, x, slope = arrays["t"][at], arrays["x"][:, at], arrays["slope"][:, at]
    reach = 1.08 * float(np.abs(x).max())
    axes.set(xlim=(0, float(t[-1])), ylim=(-reach, reach))
    for line, steep in zip(x, slope, strict=True):
        axes.plot(t, line, color=PALETTE[0] if line[0] > 0 else PALETTE[1], linewidth=1.3)
        _draw_tangents(axes, t, line, steep, reach)


def _draw_tangents(
    axes: Axes, t: np.ndarray, x: np.ndarray, slope: np.ndarray, reach: float
) -> None:
    """Draw dx/dt at times evenly spread over the axis, as lines of one length on paper."""
    times = np.linspace(t[0], t[-1], _TANGENTS + 1)[1:]
    at, steep = np.interp(times, t, x), np.interp(times, t, slope)
    width, height = float(t[-1]), 2 * reach
    run = _LENGTH * width / np.hypot(1, steep * width / height)
    for time, value, rise, back in zip(times, at, steep, run, strict=True):
        axes.plot([time, time - back], [value, value - rise * back], **_TANGENT, zorder=3)

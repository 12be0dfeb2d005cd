"""What records hold over the noise level: loss, local error and curvature."""

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from sampler_bench.reports import notes
from sampler_bench.reports.curves import finish, line_handle
from sampler_bench.reports.metrics import axis_text
from sampler_bench.reports.points import PANEL, labels, ordered
from sampler_bench.reports.style import (
    GREY,
    Look,
    NothingToDrawError,
    gradient,
    looks,
    panels,
    share_values,
    sigma_axis,
    styled,
    value_axis,
)
from sampler_bench.reports.swept import base_label
from sampler_bench.results.metric import SHIPPED

_SCHEDULE = "sampler.schedule"
_ROOM = 3.0  # a logarithmic axis shows so many times less than the lowest mean, and more


@styled
def loss_over_sigma(records: pd.DataFrame) -> Figure:
    """The weighted denoising loss over σ: a panel per model, a line per label.

    Band: ± 1 standard deviation over samples. Grey: p_train, of arbitrary height, where the
    records say which. Raises NothingToDrawError without such records.
    """
    found = _of("denoising-loss", records)
    look = looks(labels(found))
    figure, grid = panels(found["model"].nunique())
    for axes, (model, rows) in zip(grid, found.groupby("model", sort=True), strict=True):
        _draw(axes, rows, rows["label"], look)
        _draw_density(axes, rows)
        axes.set(title=model, ylabel="loss per dimension, λ(σ)·(D − y)²")
        axes.set_ylim(0, 1.3 * max(max(one["mean"]) for one in rows["profile"]))
    share_values(grid)
    handles = _handles(look, found["label"])
    handles.append(
        Patch(facecolor=GREY, alpha=0.15, linewidth=0, label="p_train (height arbitrary)")
    )
    return _finished(figure, handles, found)


@styled
def local_error_over_sigma(records: pd.DataFrame) -> Figure:
    """The RMS error of one step over the σ it ends at: a panel per model and solver, a line per ρ.

    Band: ± 1 standard deviation over samples. Panels of one σ(t) have one value axis: errors of
    another are of far other sizes. Raises NothingToDrawError without such records.
    """
    found = _of("local-error", records)
    found = found.assign(base=[base_label(label, "sampler.rho") for label in found["label"]])
    names = [f"ρ = {rho:g}" for rho in sorted(found["sampler.rho"].unique())]
    look = gradient(names)
    places = {label: place for place, label in enumerate(labels(found.assign(label=found["base"])))}
    groups = sorted(
        found.groupby(["model", "base"]), key=lambda group: (group[0][0], places[group[0][1]])
    )
    figure, grid = panels(len(groups))
    for axes, ((model, base), rows) in zip(grid, groups, strict=True):
        _draw(axes, rows, rows["sampler.rho"].map("ρ = {:g}".format), look, positive=True)
        axes.set(title=f"{model}: {base}", ylabel="RMS error of one step")
    schedules = [str(rows[_SCHEDULE].iloc[0]) for _, rows in groups if _SCHEDULE in rows]
    for schedule in sorted(set(schedules)) or [""]:
        own = [i for i in range(len(groups)) if not schedules or schedules[i] == schedule]
        _equal_value_axes([grid[i] for i in own], pd.concat([groups[i][1] for i in own]))
    return _finished(figure, _handles(look, names), found)


@styled
def curvature_over_sigma(records: pd.DataFrame) -> Figure:
    """How much of its length dx/dt changes by in an e-fold of σ: a panel per model.

    A line per label. Band: ± 1 standard deviation over samples. Raises NothingToDrawError without
    such records.
    """
    found = _of("curvature", records)
    look = looks(labels(found))
    figure, grid = panels(found["model"].nunique())
    for axes, (model, rows) in zip(grid, found.groupby("model", sort=True), strict=True):
        _draw(axes, rows, rows["label"], look)
        axes.set(title=model, ylabel="change of dx/dt in an e-fold of σ")
        axes.set_ylim(bottom=0)
    share_values(grid)
    return _finished(figure, _handles(look, found["label"]), found)


@styled
def others_over_sigma(records: pd.DataFrame) -> Figure:
    """Any other quantity over σ: a panel per model and metric, a line per label.

    Band: ± 1 standard deviation over samples. Raises NothingToDrawError without such records.
    """
    over_sigma = records["profile"].map(lambda profile: "sigma" in profile)
    others = ~records["metric"].isin(SHIPPED) & over_sigma
    found = ordered(records[others])
    if found.empty:
        raise NothingToDrawError("no records of other quantities over σ")
    look = looks(labels(found))
    groups = sorted(found.groupby(PANEL), key=lambda group: (*group[0][1:], group[0][0]))
    figure, grid = panels(len(groups))
    for axes, ((model, _, metric_name), rows) in zip(grid, groups, strict=True):
        _draw(axes, rows, rows["label"], look)
        axes.set(title=model, ylabel=axis_text(metric_name))
    for _, alike in itertools.groupby(zip(groups, grid, strict=True), lambda one: one[0][0][1:]):
        share_values([axes for _, axes in alike])
    return _finished(figure, _handles(look, found["label"]), found)


def _of(metric: str, records: pd.DataFrame) -> pd.DataFrame:
    found = ordered(records[(records["metric"] == metric) & records["profile"].map(bool)])
    if found.empty:
        raise NothingToDrawError(f"no records of {metric}")
    return found


def _draw(
    axes: Axes,
    rows: pd.DataFrame,
    names: "pd.Series[Any]",
    look: dict[str, Look],
    positive: bool = False,
) -> None:
    """Draw a line for each record; repeats of a cell are lines of one look."""
    for profile, name in zip(rows["profile"], names, strict=True):
        one = look[name]
        sigma, mean, std = (np.asarray(profile[column]) for column in ("sigma", "mean", "std"))
        low = mean - std
        if positive:  # a band that reaches zero runs off the axis
            low = np.where(low > 0, low, np.finfo(float).tiny)
        axes.fill_between(sigma, low, mean + std, color=one.color, alpha=0.16, linewidth=0)
        axes.plot(sigma, mean, color=one.color, marker=one.marker, linestyle=one.dash, markersize=3)
    sigma_axis(axes, [sigma for profile in rows["profile"] for sigma in profile["sigma"]])


def _draw_density(axes: Axes, rows: pd.DataFrame) -> None:
    """Draw the density of ln σ in training, over a part of the axis, for each that is declared."""
    declared = ["measurement.P_mean", "measurement.P_std"]
    if not set(declared) <= set(rows.columns):
        return
    low, high = axes.get_xlim()
    sigma = np.geomspace(low, high, 200)
    for mean, std in rows[declared].dropna().drop_duplicates().to_numpy():
        density = np.exp(-0.5 * ((np.log(sigma) - mean) / std) ** 2)
        axes.fill_between(sigma, 0, 0.3 * density, color=GREY, alpha=0.15, linewidth=0, zorder=0)
    axes.set_xlim(low, high)


def _equal_value_axes(grid: Sequence[Axes], found: pd.DataFrame) -> None:
    """Give panels one logarithmic axis, by the means."""
    means = np.concatenate([np.asarray(one["mean"], float) for one in found["profile"]])
    means = means[means > 0]
    for axes in grid:
        axes.set_yscale("log")
        axes.set_ylim(means.min() / _ROOM, means.max() * _ROOM)
        value_axis(axes)


def _handles(look: dict[str, Look], used: Sequence[str]) -> list[Artist]:
    return [line_handle(name, one) for name, one in look.items() if name in set(used)]


def _finished(figure: Figure, handles: list[Artist], found: pd.DataFrame) -> Figure:
    band = "± 1 standard deviation over samples"
    handles.append(Patch(facecolor=GREY, alpha=0.3, linewidth=0, label=band))
    counts = sorted(set(found["samples"]))
    told = [f"{' and '.join(f'{count:,}' for count in counts)} samples", notes.for_figure(found)]
    finish(figure, handles, "; ".join(text for text in told if text))
    return figure

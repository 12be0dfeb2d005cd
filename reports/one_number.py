"""What is seen in one dimension: a skewed start, and a warped schedule."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from sampler_bench.reports import notes
from sampler_bench.reports.contact import Samples
from sampler_bench.reports.curves import finish, line_handle
from sampler_bench.reports.points import labels, ordered
from sampler_bench.reports.style import (
    GREY,
    PALETTE,
    Look,
    NothingToDrawError,
    looks,
    nfe_axis,
    panels,
    sigma_axis,
    styled,
    value_axis,
)
from sampler_bench.reports.swept import base_label
from sampler_bench.results.estimate import LEVEL, Estimate

_SKEW = "measurement.skew"


@styled
def skewed_start(records: pd.DataFrame, samples: Samples) -> Figure:
    """Mass of the right mode less ½ over σ, a panel per skew of the start; below, some states.

    Above a line per label, read from the right, where sampling begins; band: ± 2 standard errors.
    Below the states of a few samples from the most skewed start, over the variance of p(x; σ), a
    panel per label. `samples` gives the arrays kept for a work_key: sigma [E], x [k, E]. Raises
    NothingToDrawError without such records.
    """
    found = ordered(records[(records["metric"] == "mode-mass") & records["profile"].map(bool)])
    if found.empty:
        raise NothingToDrawError("no records of mode-mass")
    found = found.assign(base=[base_label(label, _SKEW) for label in found["label"]])
    names = labels(found.assign(label=found["base"]))
    look = looks(names)
    skews = sorted(found[_SKEW].unique())
    width = len(skews)
    kept = _kept(found, samples)[:width]
    figure, grid = panels(width, rows=2 if kept else None)
    above, below = grid[:width], grid[width:]
    sigma = [sigma for profile in found["profile"] for sigma in profile["sigma"]]
    for axes, skew in zip(above, skews, strict=True):
        _draw_mass(axes, found[found[_SKEW] == skew], look)
        axes.set(title=_start(skew), ylabel="mass of the right mode − ½")
    for axes, (title, arrays) in zip(below, kept, strict=False):
        _draw_states(axes, arrays, min(sigma))
        axes.set(title=title, ylabel="x/√(1 + σ²)")
    for axes in below[len(kept) :]:
        axes.remove()
    _equal_heights(above)
    _equal_heights(below[: len(kept)])
    for axes in (*above, *below[: len(kept)]):
        sigma_axis(axes, sigma)
        axes.set_xlabel("σ (sampling goes from right to left)")
    handles: list[Artist] = [line_handle(name, look[name]) for name in names]
    handles.append(Patch(facecolor=GREY, alpha=0.3, linewidth=0, label="± 2 standard errors"))
    counts = " and ".join(f"{count:,}" for count in sorted(set(found["samples"])))
    finish(figure, handles, "; ".join(filter(None, [f"{counts} samples", notes.for_figure(found)])))
    return figure


def _start(skew: float) -> str:
    """What a start with a skew is called."""
    moved = "σ" if skew == 1 else f"{skew:g}·σ"
    return f"start N({moved}, σ²)" if skew else "start N(0, σ²), as it should be"


def _equal_heights(grid: Sequence[Axes]) -> None:
    limits = [axes.get_ylim() for axes in grid]
    for axes in grid:
        axes.set_ylim(min(low for low, _ in limits), max(high for _, high in limits))


def _kept(found: pd.DataFrame, samples: Samples) -> list[tuple[str, Mapping[str, np.ndarray]]]:
    """States of the samplers of fewest evaluations, with titles.

    The first one's from the least skewed start, then each one's from the most skewed.
    """
    kept = []
    for row in found.itertuples():
        arrays = samples(row.work_key)
        if arrays and {"sigma", "x"} <= set(arrays):
            kept.append((row, arrays))
    few = [one for one in kept if one[0].nfe == min(row.nfe for row, _ in kept)]
    skew = dict(zip(found["work_key"], found[_SKEW], strict=True))
    few.sort(key=lambda one: one[0].order)
    least, most = found[_SKEW].min(), found[_SKEW].max()
    right = [one for one in few if skew[one[0].work_key] == least][:1]
    moved = [one for one in few if skew[one[0].work_key] == most and least < most]
    return [
        (f"{row.base}, {_start(skew[row.work_key])}", arrays) for row, arrays in (*right, *moved)
    ]


def _draw_mass(axes: Axes, rows: pd.DataFrame, look: dict[str, Look]) -> None:
    axes.axhline(0, color=GREY, linewidth=0.8, zorder=1)
    places = {name: place for place, name in enumerate(look)}
    for base, count, profile in zip(rows["base"], rows["samples"], rows["profile"], strict=True):
        one, marks = look[base], (places[base], len(look))  # lines that lie on each other are seen
        sigma, mean, std = (np.asarray(profile[name]) for name in ("sigma", "mean", "std"))
        error = 2 * std / np.sqrt(count)
        axes.fill_between(sigma, mean - error, mean + error, color=one.color, alpha=0.14, lw=0)
        own: Any = {"marker": one.marker, "markersize": 4, "markevery": marks}
        axes.plot(sigma, mean, color=one.color, linestyle=one.dash, **own)


def _draw_states(axes: Axes, arrays: Mapping[str, np.ndarray], lowest: float) -> None:
    """Draw each sample's states; the sample itself, at σ = 0, at the lowest level."""
    sigma, x = arrays["sigma"], arrays["x"]
    scaled = x / np.sqrt(1 + sigma**2)
    for line in scaled:
        color = PALETTE[0] if line[-1] > 0 else PALETTE[1]
        axes.plot(np.maximum(sigma, lowest), line, color=color, linewidth=0.8)


@styled
def warped_schedule(records: pd.DataFrame) -> Figure:
    """RMS distance to the exact trajectory over NFE, under several σ(t), and their ratios.

    A line per label and a panel per model; right of it all ratios to the first label's, at equal
    steps. Band and bars: ± 2 standard errors, of ratios in pairs. Raises NothingToDrawError unless
    labels of one solver through the same noise levels differ in σ(t) alone.
    """
    found = ordered(records[records["metric"] == "truncation-error"])
    found = _alike(found)
    names = labels(found) if len(found) else []
    if len(names) < 2:
        raise NothingToDrawError("no truncation errors of the same levels under two schedules")
    look = looks(names)
    models = sorted(found["model"].unique())
    figure, grid = panels(len(models) + 1)
    for axes, model in zip(grid, models, strict=False):
        for name, curve in found[found["model"] == model].groupby("label", sort=False):
            _draw_errors(axes, curve, look[str(name)])
        nfe_axis(axes, found["nfe"])
        value_axis(axes)
        axes.set(title=model, ylabel="RMS distance to the exact trajectory")
    limits = [axes.get_ylim() for axes in grid[: len(models)]]
    for axes in grid[: len(models)]:
        axes.set_ylim(min(low for low, _ in limits), max(high for _, high in limits))
        value_axis(axes)
    shades = looks([*names, *models])
    for name in names[1:]:
        for model in models:
            own = found[found["model"] == model]
            _draw_ratio(grid[-1], own, names[0], name, shades[model])
    grid[-1].axhline(1, color=GREY, linewidth=0.8, zorder=1)
    nfe_axis(grid[-1], found["nfe"])
    grid[-1].set(title=f"Ratio to {names[0]}", ylabel=f"error / error under {names[0]}")
    grid[-1].set_ylim(bottom=0)
    handles: list[Artist] = [line_handle(name, look[name]) for name in names]
    handles += [line_handle(f"ratio, {model}", shades[model]) for model in models]
    handles.append(Patch(facecolor=GREY, alpha=0.3, linewidth=0, label="± 2 standard errors"))
    counts = " and ".join(f"{count:,}" for count in sorted(set(found["samples"])))
    finish(figure, handles, "; ".join(filter(None, [f"{counts} samples", notes.for_figure(found)])))
    return figure


def _alike(found: pd.DataFrame) -> pd.DataFrame:
    """The records whose settings, σ(t) aside, another label under another σ(t) has, too."""
    if "sampler.schedule" not in found:
        return found.iloc[:0]
    apart = ("sampler.schedule", "sampler.epsilon_s")
    others = [name for name in found if name.startswith("sampler.") and name not in apart]
    told = [
        "; ".join("" if pd.isna(one) else str(one) for one in row)
        for row in zip(found["model"], *(found[name] for name in others), strict=True)
    ]
    return found[found["sampler.schedule"].groupby(told).transform("nunique") > 1]


def _draw_errors(axes: Axes, curve: pd.DataFrame, one: Look) -> None:
    nfe, value, se = (curve[name].to_numpy(float) for name in ("nfe", "value", "se"))
    axes.fill_between(nfe, value - 2 * se, value + 2 * se, color=one.color, alpha=0.16, lw=0)
    axes.plot(nfe, value, color=one.color, marker=one.marker, linestyle=one.dash)
    axes.set_yscale("log")


def _draw_ratio(axes: Axes, found: pd.DataFrame, first: str, other: str, one: Look) -> None:
    """Draw other/first at each NFE that both have, with the paired jackknife's error."""
    same = ["nfe", "seed_start"]  # the same latents
    below, above = (
        found[found["label"] == name].drop_duplicates(same).set_index(same).sort_index()
        for name in (first, other)
    )
    shared = [at for at in above.index if at in below.index]
    ratios, errors = [], []
    for at in shared:
        ratio = above["value"][at] / below["value"][at]
        rest = np.divide(above["loo"][at], below["loo"][at])
        ratios.append(ratio)
        errors.append(LEVEL * Estimate.of(ratio, rest).se)
    own: Any = {"color": one.color, "marker": one.marker, "linestyle": one.dash, "capsize": 2}
    axes.errorbar([nfe for nfe, _ in shared], ratios, errors, **own)

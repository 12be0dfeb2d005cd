"""The surface of a search over churn: the difference that it makes, over each of its numbers."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from sampler_bench.reports import notes
from sampler_bench.reports.curves import finish
from sampler_bench.reports.searches import Search, searches
from sampler_bench.reports.style import (
    GREY,
    PALETTE,
    NothingToDrawError,
    gradient,
    panels,
    share_values,
    styled,
)
from sampler_bench.reports.swept import CHURN, called
from sampler_bench.reports.tables import with_error

_CHOSEN = PALETTE[1]
_SMALLEST, _LARGEST = 3.5, 6.0  # points: dots of the fewest and the most samples
_FILLED = 0.86  # of the room between two values


@styled
def churn_search(records: pd.DataFrame) -> Figure:
    """Difference from the deterministic sampler over each parameter, four panels per search.

    A dot is a setting on the seeds of one rung, in pairs with the deterministic sampler on them;
    the more samples, the larger and darker. Those of the most have error bars of ± 2 standard
    errors. Diamond: the setting chosen, on fresh seeds. Raises NothingToDrawError without a search.
    """
    found = [
        search for search in searches(records) if search.candidates["difference"].notna().any()
    ]
    if not found:
        raise NothingToDrawError("no search over the settings of churn")
    look = _look(sorted({n for search in found for n in search.samples}))
    figure, grid = panels(len(CHURN) * len(found))
    for place, search in enumerate(found):
        for name, axes in zip(CHURN, grid[len(CHURN) * place :], strict=False):
            _draw(axes, search, name, look)
    by_metric: dict[str, list[Axes]] = {}
    for axes in grid:
        by_metric.setdefault(axes.get_ylabel(), []).append(axes)
    for alike in by_metric.values():
        share_values(alike)
    parts = [notes.for_figure(records), *(text for search in found for text in _notes(search))]
    finish(figure, _handles(look), "; ".join(part for part in parts if part))
    return figure


def _look(samples: Sequence[int]) -> dict[int, dict]:
    """How dots of so many samples look, from light and small to dark and large."""
    *shades, _ = gradient([*map(str, samples), "too light to see"]).values()
    sizes = np.linspace(_SMALLEST, _LARGEST, len(samples))
    return {
        n: {
            "color": shade.color,
            "marker": "o",
            "linestyle": "none",
            "markersize": size,
            "markeredgecolor": "white",
            "markeredgewidth": 0.5,
            "zorder": 2 + place,
        }
        for place, (n, shade, size) in enumerate(zip(samples, reversed(shades), sizes, strict=True))
    }


_CHOSEN_LOOK: dict = {
    "color": _CHOSEN,
    "marker": "D",
    "linestyle": "none",
    "markersize": 7,
    "markeredgecolor": "white",
    "markeredgewidth": 0.8,
    "zorder": 20,
}


def _draw(axes: Axes, search: Search, name: str, look: dict[int, dict]) -> None:
    """Draw one panel: a place for each value tried, and in it a column for each rung."""
    rows = search.candidates
    values = sorted({float(value) for value in rows[name]})
    place = {value: i for i, value in enumerate(values)}
    rungs = sorted(rows["rung"].unique())
    width = _FILLED / (len(rungs) + 1)  # the last column is the chosen one's
    axes.axhline(0, color=GREY, linewidth=1, zorder=1)
    for (rung, value), dots in rows.groupby(["rung", name], sort=True):
        dots = dots.sort_values(["difference", *CHURN])
        left = place[value] - _FILLED / 2 + width * rung
        x = left + width * (np.arange(len(dots)) + 0.5) / len(dots)
        error = 2 * dots["difference_se"] if rung == rungs[-1] else None
        style = look[int(dots["samples"].iloc[0])]
        axes.errorbar(x, dots["difference"], error, elinewidth=0.9, **style)
    if (fresh := search.fresh) is not None:
        right = place[float(fresh[name])] + _FILLED / 2 - width / 2
        error = [2 * fresh["difference_se"]]
        axes.errorbar([right], [fresh["difference"]], error, elinewidth=1.4, **_CHOSEN_LOOK)
    metric = ", ".join(str(rows["metric_name"].iloc[0]).split(", ")[:2])
    axes.set_xticks(range(len(values)), [f"{value:g}".replace("inf", "∞") for value in values])
    axes.set(xlim=(-0.6, len(values) - 0.4), xlabel=called(name), title=search.model)
    axes.set_ylabel(f"{metric}:\ndifference from deterministic")
    axes.grid(visible=False, axis="x")


def _handles(look: dict[int, dict]) -> list[Artist]:
    handles: list[Artist] = [
        Line2D([], [], label=f"{n:,} samples", **style) for n, style in look.items()
    ]
    return [*handles, Line2D([], [], label="chosen, on fresh seeds", **_CHOSEN_LOOK)]


def _notes(search: Search) -> list[str]:
    """What a search cost, what it chose, and what is missing of it."""
    chosen, fresh = search.chosen, search.fresh
    setting = ", ".join(f"{called(name)} = {chosen[name]:g}" for name in CHURN)
    counts = search.candidates.groupby("samples").size()
    compared = ", ".join(f"{count} on {samples:,} samples" for samples, count in counts.items())
    if fresh is None or np.isnan(fresh["difference"]):
        result = "not measured on fresh seeds"
    else:
        value = with_error(fresh["difference"], fresh["difference_se"])
        result = f"{value} on {fresh['samples']:,} fresh samples"
    parts = [
        f"{search.model}: {search.breadth} settings at NFE {chosen['nfe']:g} ({compared}); "
        f"{search.evaluations:,} evaluations in all; chosen: {setting}: {result}"
    ]
    open_ = search.candidates.loc[search.candidates["difference"].isna(), "samples"].unique()
    if len(open_):
        where = ", ".join(f"{n:,}" for n in open_)
        parts.append(f"left open, for want of the deterministic sampler: {where} samples")
    return parts

"""A metric over NFE, one line per sampler: the paper's Figure 2, for any metric."""

import math
import textwrap
from collections.abc import Sequence

import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from sampler_bench.reports import notes
from sampler_bench.reports.metrics import axis_text, is_upward, names, taken_of
from sampler_bench.reports.points import PANEL, chosen, labels, ordered, points
from sampler_bench.reports.style import (
    GREY,
    Look,
    NothingToDrawError,
    looks,
    nfe_axis,
    panels,
    styled,
    value_axis,
)
from sampler_bench.reports.swept import only_swept
from sampler_bench.results import published

_LINE = 0.195  # inches per line of the legend
_LETTERS = 17  # of a note, per inch


@styled
def fid_vs_nfe(records: pd.DataFrame) -> Figure:
    """FID, precision or the like over NFE: a panel per model and metric, a line per label.

    Band: lowest to highest repeat, or ± 2 jackknife standard errors. Large dot: the lowest NFE
    within 3 % of that line's best. Hollow marks: published values of the same checkpoint.
    Sweeps of another parameter are not drawn. Raises NothingToDrawError without such records, or if
    what is left has one NFE alone (but for one model measured once).
    """
    measured = ordered(records[taken_of(records, "samples")])
    shown = measured[~only_swept(measured)]
    if shown.empty:
        raise NothingToDrawError(f"no records of {names('samples')} over NFE")
    panelled = points(shown).groupby(PANEL, sort=True)
    rest = panelled.ngroups > 1 or len(shown) < len(measured)
    if rest and panelled["nfe"].nunique().max() < 2:
        raise NothingToDrawError("one NFE alone: there is no curve, and tables show the values")
    look = looks(labels(records))
    known = published.matching(shown)
    groups = list(panelled)
    figure, grid = panels(len(groups))
    for axes, ((model, metric, metric_name), curves) in zip(grid, groups, strict=True):
        draw_curves(axes, curves, look)
        others = known[known["bench_model"] == model] if metric == "fid" else known.iloc[:0]
        _draw_published(axes, others)
        nfe_axis(axes, [*curves["nfe"], *others["nfe"]])
        if not is_upward(curves) and curves["value"].min() > 0:
            value_axis(axes)
        axes.set(title=model, ylabel=axis_text(metric_name))
    used = set(shown["label"])
    handles: list[Artist] = [
        line_handle(label, one) for label, one in look.items() if label in used
    ]
    handles += [_dot_handle(), band_handle(shown)]
    if not known.empty:
        handles.append(_published_handle())
    finish(figure, handles, notes.for_figure(shown))
    return figure


def draw_curves(axes: Axes, curves: pd.DataFrame, look: dict[str, Look], dot: bool = True) -> None:
    """Draw the lines of one panel, with bands and, if asked, the dot of each line."""
    positive = curves["value"].min() > 0
    for label, curve in curves.groupby("label", sort=True):
        one = look[label]
        # On a logarithmic axis a band that reaches zero ends a decade below its line.
        low = curve["low"].clip(lower=curve["value"] / 10) if positive else curve["low"]
        axes.fill_between(
            curve["nfe"], low, curve["high"], color=one.color, alpha=0.16, linewidth=0
        )
        axes.plot(
            curve["nfe"], curve["value"], color=one.color, marker=one.marker, linestyle=one.dash
        )
        if dot:
            at = chosen(curve)
            axes.plot(at["nfe"], at["value"], **dot_look(one.color))


def line_handle(label: str, one: Look) -> Line2D:
    """The legend's entry of one line."""
    # matplotlib leaves out of legends what starts with an underscore.
    label = f" {label}" if label.startswith("_") else label
    return Line2D([], [], color=one.color, marker=one.marker, linestyle=one.dash, label=label)


def finish(figure: Figure, handles: Sequence[Artist], note: str) -> None:
    """Put the legend below the panels, and under it what a reader must know."""
    columns = _columns(figure, handles)
    legend = _LINE * math.ceil(len(handles) / columns) + 0.1
    lines = textwrap.wrap(note, int(figure.get_figwidth() * _LETTERS))
    under = legend + _LINE * len(lines)
    height = figure.get_figheight() + under
    figure.set_figheight(height)
    engine = figure.get_layout_engine()
    assert isinstance(engine, ConstrainedLayoutEngine)
    engine.set(rect=(0, under / height, 1, 1 - under / height))
    figure.legend(
        handles=handles,
        loc="lower center",
        bbox_to_anchor=(0.5, (under - legend) / height),
        ncols=columns,
        borderaxespad=0.3,
    )
    if lines:
        text = "\n".join(lines)
        figure.text(0.5, 0.06 / height, text, fontsize=7.5, color=GREY, ha="center", va="bottom")


def _columns(figure: Figure, handles: Sequence[Artist]) -> int:
    """The most legend columns, up to four, that fit into the figure's width."""
    for columns in range(min(len(handles), 4), 1, -1):
        trial = figure.legend(handles=handles, ncols=columns)
        width = trial.get_window_extent().width
        trial.remove()
        if width < 0.97 * figure.bbox.width:
            return columns
    return 1


def dot_look(color: str) -> dict:
    """How a chosen point is drawn: larger than the others, in its line's colour."""
    return {
        "color": color,
        "marker": "o",
        "linestyle": "none",
        "markersize": 9,
        "markeredgecolor": "white",
        "markeredgewidth": 1.2,
        "zorder": 4,
    }


def _dot_handle() -> Line2D:
    return Line2D([], [], label="lowest NFE within 3 % of the best", **dot_look(GREY))


def band_handle(shown: pd.DataFrame) -> Patch:
    """The legend's entry of the bands of these records."""
    repeats = shown.groupby("point")["repeat"].nunique()
    texts = [f"lowest to highest of {repeats.max()} seed ranges"] if repeats.max() > 1 else []
    texts += ["± 2 standard errors"] if repeats.min() == 1 else []
    text = ", or ".join(texts)
    return Patch(facecolor=GREY, alpha=0.25, linewidth=0, label=text)


def _published_look() -> dict:
    return {
        "color": GREY,
        "marker": "o",
        "linestyle": "none",
        "markerfacecolor": "none",
        "markersize": 4.5,
        "markeredgewidth": 0.8,
    }


def _published_handle() -> Line2D:
    return Line2D([], [], label="published, same checkpoint", **_published_look())


def _draw_published(axes: Axes, others: pd.DataFrame) -> None:
    if not others.empty:
        axes.plot(others["nfe"], others["fid"], zorder=1.5, **_published_look())

"""A metric over NFE, one line per sampler: the paper's Figure 2, for any metric."""

import textwrap
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from sampler_bench.reports import notes
from sampler_bench.reports.differences import Differences, from_first
from sampler_bench.reports.floors import (
    UNKNOWN,
    draw_floor,
    floor_handle,
    floors,
    is_distance,
    means,
    reach,
)
from sampler_bench.reports.intervals import interval, limits
from sampler_bench.reports.metrics import axis_text, is_upward, names, taken_of
from sampler_bench.reports.points import PANEL, State, dot, labels, ordered, points
from sampler_bench.reports.style import (
    GREY,
    Look,
    NothingToDrawError,
    looks,
    nfe_axis,
    panels_over,
    ratio_axis,
    styled,
    value_axis,
)
from sampler_bench.reports.swept import only_swept
from sampler_bench.results import published
from sampler_bench.results.floor import Floor

_LINE = 0.195  # inches per line of the legend
_LETTERS = 17  # of a note, per inch
_OF = 26  # letters of a line of what differences are from


MOST_LINES = 8
"""Lines in a panel; more of them are drawn in several."""


@dataclass(frozen=True)
class _Panel:
    """Lines of one model and metric.

    curves       their points; NFE over NFE
    logarithmic  the value axis
    floors       what perfect samples reach
    differences  the lines against the first one; None where there is nothing to show
    """

    title: str
    metric_name: str
    curves: pd.DataFrame
    logarithmic: bool
    others: pd.DataFrame
    floors: list[Floor]
    differences: Differences | None


@styled
def fid_vs_nfe(records: pd.DataFrame) -> Figure:
    """FID, precision or the like over NFE: a panel per model and metric, a line per label.

    Band (or bar, of a point alone): lowest to highest repeat, or ± 2 jackknife standard errors, on
    a logarithmic axis of the logarithm; axes go by the values, and longer bands run off. Large dot:
    the lowest NFE within 3 % of that line's best; hollow where that is not settled (`points.Dot`).
    Below panels of more than three lines: their differences from the first, paired. Grey band: what
    perfect samples reach. Hollow marks: published values of the same checkpoint. More than eight
    lines are drawn in several panels. Sweeps of another parameter are not drawn. Raises
    NothingToDrawError without such records, or if what is left has one NFE alone (but for one model
    measured once).
    """
    measured = ordered(records[taken_of(records, "samples")])
    shown = measured[~only_swept(measured)]
    if shown.empty:
        raise NothingToDrawError(f"no records of {names('samples')} over NFE")
    panelled = points(shown).groupby(PANEL, sort=True)
    rest = panelled.ngroups > 1 or len(shown) < len(measured)
    if rest and panelled["nfe"].nunique().max() < 2:
        raise NothingToDrawError("one NFE alone: there is no curve, and tables show the values")
    order = labels(records)
    look = looks(order)
    known = published.matching(shown)
    found = [
        part
        for place, curves in panelled
        for part in _panels(place, curves, order, shown, records, known)
    ]
    figure, grid, lower = panels_over([one.differences is not None for one in found])
    states: set[State] = set()
    for axes, below, one in zip(grid, lower, found, strict=True):
        states |= _draw(axes, below, one, look, _limits(one, found))
    used = set(shown["label"])
    handles: list[Artist] = [
        line_handle(label, one) for label, one in look.items() if label in used
    ]
    handles += [*dot_handles(states), *band_handles(shown, any(one.logarithmic for one in found))]
    handles += [floor_handle(one.floors) for one in found if one.floors][:1]
    if not known.empty:
        handles.append(_published_handle())
    texts = [
        notes.for_figure(shown),
        *differences_text([(one.title, one.differences) for one in found]),
        *([UNKNOWN] if is_distance(shown) and not any(one.floors for one in found) else []),
    ]
    finish(figure, handles, "; ".join(text for text in texts if text))
    return figure


def _panels(
    place: tuple[str, str, str],
    curves: pd.DataFrame,
    order: Sequence[str],
    shown: pd.DataFrame,
    records: pd.DataFrame,
    known: pd.DataFrame,
) -> Iterator[_Panel]:
    """The lines of one model and metric, eight to a panel."""
    model, metric, metric_name = place
    logarithmic = not is_upward(curves) and curves["value"].min() > 0
    against = from_first(curves, order, logarithmic)
    alike = shown[(shown["model"] == model) & (shown["metric_name"] == metric_name)]
    others = known[known["bench_model"] == model] if metric == "fid" else known.iloc[:0]
    own = [label for label in order if label in set(curves["label"])]
    parts = [own[i : i + MOST_LINES] for i in range(0, len(own), MOST_LINES)]
    for i, part in enumerate(parts):
        yield _Panel(
            title=model + (f", lines {i + 1} of {len(parts)}" if len(parts) > 1 else ""),
            metric_name=metric_name,
            curves=curves[curves["label"].isin(part)],
            logarithmic=logarithmic,
            others=others,
            floors=floors(records, alike),
            differences=against and against.of_labels(part),
        )


def _limits(one: _Panel, found: Sequence[_Panel]) -> tuple[float, float]:
    """The value axis of a panel: the same in all panels of its metric."""
    alike = [
        other
        for other in found
        if (other.metric_name, other.logarithmic) == (one.metric_name, one.logarithmic)
    ]
    others = [x for other in alike for x in (*other.others["fid"], *reach(other.floors))]
    floor = [x for other in alike for x in means(other.floors)]
    return limits([other.curves for other in alike], one.logarithmic, others, always=floor)


def _draw(
    axes: Axes,
    below: Axes | None,
    one: _Panel,
    look: dict[str, Look],
    ends: tuple[float, float],
) -> set[State]:
    draw_curves(axes, one.curves, look, one.logarithmic)
    states = draw_dots(axes, one.curves, look)
    _draw_published(axes, one.others)
    nfe = [*one.curves["nfe"], *one.others["nfe"]]
    nfe_axis(axes, nfe)
    if one.logarithmic:
        axes.set_yscale("log")
    axes.set_ylim(*ends)
    if one.logarithmic:
        value_axis(axes)
    draw_floor(axes, one.floors)
    axes.set(title=one.title, ylabel=axis_text(one.metric_name))
    if below is not None and one.differences is not None:
        draw_differences(below, one.differences, look, one.logarithmic)
        nfe_axis(below, nfe)
        axes.set_xlabel("")
    return states


def draw_curves(axes: Axes, curves: pd.DataFrame, look: dict[str, Look], logarithmic: bool) -> None:
    """Draw the lines of one panel with their bands, and bars at points that stand alone."""
    for label, curve in curves.groupby("label", sort=True):
        low, high = interval(curve, logarithmic)
        _draw_line(axes, curve, low, high, look[label])


def _draw_line(
    axes: Axes, curve: pd.DataFrame, low: np.ndarray, high: np.ndarray, one: Look
) -> None:
    x, y = curve["nfe"].to_numpy(float), curve["value"].to_numpy(float)
    axes.fill_between(x, low, high, color=one.color, alpha=0.13, linewidth=0)
    axes.plot(x, y, color=one.color, marker=one.marker, linestyle=one.dash)
    there = np.isfinite(y)
    beside = np.r_[False, there[:-1]] | np.r_[there[1:], False]
    alone = there & ~beside & np.isfinite(low) & np.isfinite(high)
    # vlines and not errorbar: these are no lines of a curve.
    axes.vlines(x[alone], low[alone], high[alone], color=one.color, linewidth=1.3, alpha=0.7)


def draw_dots(axes: Axes, curves: pd.DataFrame, look: dict[str, Look]) -> set[State]:
    """Draw the dot of each line, hollow where it is not settled; return which there are."""
    states: set[State] = set()
    for label, curve in curves.groupby("label", sort=True):
        found = dot(curve)
        if found.state != "alone":
            states.add(found.state)
            style = dot_look(look[label].color, hollow=found.state != "settled")
            axes.plot(found.at["nfe"], found.at["value"], **style)
    return states


def draw_differences(
    axes: Axes, found: Differences, look: dict[str, Look], logarithmic: bool
) -> None:
    """Draw lines against their reference: differences, or ratios on a logarithmic axis."""
    axes.axhline(1 if logarithmic else 0, color=GREY, linewidth=1, zorder=1)
    for label, line in found.rows.groupby("label", sort=True):
        low, high = line["low"].to_numpy(float), line["high"].to_numpy(float)
        _draw_line(axes, line, low, high, look[label])
    rows = found.rows.assign(se=np.nan, repeats=1)
    ends = [x for name in ("low", "high") for x in rows[name] if np.isfinite(x)]
    if logarithmic:
        axes.set_yscale("log")
    axes.set_ylim(*limits([rows], logarithmic, [*ends, 1.0 if logarithmic else 0.0], bounded=False))
    if logarithmic:
        ratio_axis(axes)
    kind = "ratio to" if logarithmic else "difference from"
    axes.set_ylabel("\n".join([kind, *textwrap.wrap(found.of, _OF)]))


def differences_text(found: Sequence[tuple[str, Differences | None]]) -> list[str]:
    """Say what the lower panels show, and which lines are not in them."""
    drawn = {title: one for title, one in found if one is not None}
    if not drawn:
        return []
    texts = ["below: paired on the same seeds, ± 2 standard errors, where both have a point"]
    gone = {one.left_out for one in drawn.values()}
    for title, one in drawn.items():
        if one.left_out:
            where = f" ({title})" if len(gone) > 1 else ""
            text = f"none in common with {one.of}{where}: {', '.join(one.left_out)}"
            if text not in texts:
                texts.append(text)
    return texts


def line_handle(label: str, one: Look) -> Line2D:
    """The legend's entry of one line."""
    # matplotlib leaves out of legends what starts with an underscore.
    label = f" {label}" if label.startswith("_") else label
    return Line2D([], [], color=one.color, marker=one.marker, linestyle=one.dash, label=label)


def finish(figure: Figure, handles: Sequence[Artist], note: str) -> None:
    """Put the legend below the panels, and under it what a reader must know."""
    columns = _columns(figure, handles)
    legend = _legend_height(handles, columns) + 0.1
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


def _legend_height(handles: Sequence[Artist], columns: int) -> float:
    """Inches: the lines of text of the longest column; Matplotlib fills columns one by one."""
    lines = [str(one.get_label()).count("\n") + 1 for one in handles]
    return _LINE * max(int(column.sum()) for column in np.array_split(lines, columns))


def _columns(figure: Figure, handles: Sequence[Artist]) -> int:
    """The most legend columns, up to four, that fit into the figure's width."""
    for columns in range(min(len(handles), 4), 1, -1):
        trial = figure.legend(handles=handles, ncols=columns)
        width = trial.get_window_extent().width
        trial.remove()
        if width < 0.97 * figure.bbox.width:
            return columns
    return 1


def dot_look(color: str, hollow: bool = False) -> dict:
    """How a chosen point is drawn: larger than the others, in its line's colour."""
    return {
        "color": color,
        "marker": "o",
        "linestyle": "none",
        "markersize": 9,
        "markerfacecolor": "white" if hollow else color,
        "markeredgecolor": color if hollow else "white",
        "markeredgewidth": 1.6 if hollow else 1.2,
        "zorder": 4,
    }


_UNSETTLED: dict[State, str] = {
    "last": "the best is the last point measured",
    "first": "it is the first point measured",
    "open": "by value, not by 2 SE",
}


def dot_handles(states: Collection[State]) -> list[Artist]:
    """The legend's entries of dots: those that are settled, and those that are not."""
    made: list[Artist] = []
    if "settled" in states:
        text = "lowest NFE within 3 % of the best, by 2 SE"
        made.append(Line2D([], [], label=text, **dot_look(GREY)))
    reasons = [text for state, text in _UNSETTLED.items() if state in states]
    if reasons:
        text = "\n".join(["within 3 % of the best, not settled:", ",\nor ".join(reasons)])
        made.append(Line2D([], [], label=text, **dot_look(GREY, hollow=True)))
    return made


def band_handles(shown: pd.DataFrame, logarithmic: bool = False) -> list[Artist]:
    """The legend's entry of the bands of these records; none where there is no band."""
    by_point = shown.groupby("point")
    repeats, known = by_point["repeat"].nunique(), by_point["se"].count() > 0
    texts = [f"lowest to highest of {repeats.max()} seed ranges"] if repeats.max() > 1 else []
    of = " of the logarithm" if logarithmic else ""
    texts += [f"± 2 standard errors{of}"] if (known & (repeats == 1)).any() else []
    text = ", or ".join(texts)
    return [Patch(facecolor=GREY, alpha=0.25, linewidth=0, label=text)] if text else []


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

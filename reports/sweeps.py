"""A metric over one parameter of the samplers, everything else equal."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from sampler_bench.reports import notes
from sampler_bench.reports.curves import MOST_LINES as MOST_IN_PANEL
from sampler_bench.reports.curves import (
    band_handles,
    differences_text,
    dot_look,
    draw_curves,
    draw_differences,
    finish,
    line_handle,
)
from sampler_bench.reports.differences import Differences, from_first, from_zero
from sampler_bench.reports.floors import (
    UNKNOWN,
    draw_floor,
    floor_handle,
    floors,
    is_distance,
    means,
    reach,
)
from sampler_bench.reports.intervals import limits
from sampler_bench.reports.metrics import axis_text, is_upward, taken_of
from sampler_bench.reports.points import labels, ordered, points
from sampler_bench.reports.style import (
    GREY,
    Look,
    NothingToDrawError,
    gradient,
    looks,
    panels_over,
    parameter_axis,
    styled,
    value_axis,
)
from sampler_bench.reports.swept import (
    LINE,
    NAME,
    PANEL_OF,
    TITLE,
    base_label,
    called,
    lines,
    named,
    with_deterministic,
)
from sampler_bench.results.floor import Floor

MOST_LINES = 28  # as many as differ in mark and dash; more are a search, not a sweep
_LOGARITHMIC = 6  # values that differ by more than this factor get a logarithmic axis
_COST = "cost"  # column: NFE
_NAMED = 4  # lines with missing points that a note names one by one


@dataclass(frozen=True)
class Sweep:
    """How a metric over one parameter is drawn.

    Attributes:
        parameter: The column.
        axis: What its axis is called.
        fits: Which records can be part of it: columns, and the value they must have.
        mark: The value with a large dot, and what the legend says of it.
        apart: A setting with a panel for each of its values.
        coloured: A setting that lines are named and coloured by, from dark to light, and its sign;
            the label if ``None``.
        still: Whether a line without the parameter's value 0 begins at the deterministic sampler.
        logarithmic: Whether its axis is, but for 0, which stands left of it.
    """

    parameter: str
    axis: str
    fits: Mapping[str, str] = field(default_factory=dict)
    mark: tuple[float, str] | None = None
    apart: str | None = None
    coloured: tuple[str, str] | None = None
    still: bool = False
    logarithmic: bool = False


S_CHURN = Sweep("sampler.S_churn", "S_churn (0: deterministic)", still=True)
RHO = Sweep(
    "sampler.rho",
    "ρ (1: steps of equal length in σ)",
    fits={"sampler.discretization": "edm"},
    mark=(7.0, "ρ = 7, EDM's choice"),
)
ALPHA = Sweep(
    "sampler.alpha",
    "α (½: midpoint, ⅔: Ralston, 1: Heun)",
    fits={"sampler.solver": "rk2"},
    mark=(1.0, "α = 1, Heun's method"),
)
CHURNS = Sweep(
    "sampler.steps",
    "churns at one noise level σ",
    fits={"sampler.solver": "churned", "sampler.denoised": "yes"},
    apart="sampler.S_noise",
    coloured=("sampler.sigma", "σ"),
    logarithmic=True,
)


def drawing(sweep: Sweep) -> Callable[[pd.DataFrame], Figure]:
    """Return the figure of a sweep: a function of records.

    A panel per model and metric, a line per label and whatever else differs. Models of one data set
    with one line each share a panel. Bands are those of every curve: lowest to highest repeat, or
    ± 2 standard errors. A value that other lines have leaves a gap in a line that lacks it, and is
    named under the figure. The figure raises NothingToDrawError for records that do not sweep this
    parameter, or sweep it along too many lines.
    """

    @styled
    def draw(records: pd.DataFrame) -> Figure:
        return _draw(sweep, ordered(records))

    return draw


fid_vs_churn = drawing(S_CHURN)
fid_vs_rho = drawing(RHO)
fid_vs_alpha = drawing(ALPHA)
fid_vs_churns = drawing(CHURNS)


@dataclass(frozen=True)
class _Panel:
    """Lines of one panel: their points, those with gaps, and their differences."""

    found: pd.DataFrame
    curves: pd.DataFrame
    logarithmic: bool
    floors: list[Floor]
    differences: Differences | None

    @property
    def metric_name(self) -> str:
        return str(self.found["metric_name"].iloc[0])


def _draw(sweep: Sweep, records: pd.DataFrame) -> Figure:
    shown = _shown(sweep, records)
    look = _look(sweep, shown, records)
    made = _curves(sweep, shown)
    far = {name: _far(rows) for name, rows in made.groupby("metric_name")}
    found, missing = [], []
    for (_, metric, metric_name), rows in made.groupby([PANEL_OF, "metric", "metric_name"]):
        expected = shown.loc[shown["metric"] == metric, sweep.parameter]
        order = [name for name in look if name in set(rows["label"])]
        curves, gaps = _with_gaps(sweep, rows, expected)
        missing += gaps
        differences = _differences(sweep, rows, order, far[metric_name])
        perfect = floors(records, shown[shown["point"].isin(rows["point"])])
        for i in range(0, len(order), MOST_IN_PANEL):
            part = order[i : i + MOST_IN_PANEL]
            own, drawn = (each[each["label"].isin(part)] for each in (rows, curves))
            against = differences and differences.of_labels(part)
            found.append(_Panel(own, drawn, far[metric_name], perfect, against))
    figure, grid, lower = panels_over([one.differences is not None for one in found])
    for axes, below, one in zip(grid, lower, found, strict=True):
        _draw_panel(sweep, axes, below, one, look, _limits(one, found))
    used = {label for one in found for label in one.curves["label"]}
    handles: list[Artist] = [line_handle(name, one) for name, one in look.items() if name in used]
    if sweep.mark and (shown[sweep.parameter] == sweep.mark[0]).any():
        handles.append(Line2D([], [], label=sweep.mark[1], **dot_look(GREY)))
    handles += band_handles(shown, any(far.values()))
    handles += [floor_handle(one.floors) for one in found if one.floors][:1]
    texts = [
        notes.for_figure(shown),
        *differences_text([(_title(sweep, one.found), one.differences) for one in found]),
        _missing_text(missing),
        *([UNKNOWN] if is_distance(shown) and not any(one.floors for one in found) else []),
    ]
    finish(figure, handles, "; ".join(text for text in texts if text))
    return figure


def _draw_panel(
    sweep: Sweep,
    axes: Axes,
    below: Axes | None,
    one: _Panel,
    look: dict[str, Look],
    ends: tuple[float, float],
) -> None:
    draw_curves(axes, one.curves, look, one.logarithmic)
    _draw_marks(sweep, axes, one.curves, look)
    values = sorted(set(one.curves["nfe"]))
    parameter_axis(axes, values, sweep.axis, sweep.logarithmic)
    axes.set(title=_title(sweep, one.found), ylabel=axis_text(one.metric_name))
    axes.set_yscale("log" if one.logarithmic else "linear")
    axes.set_ylim(*ends)
    if one.logarithmic:
        value_axis(axes)
    draw_floor(axes, one.floors)
    if below is not None and one.differences is not None:
        draw_differences(below, one.differences, look, one.logarithmic)
        parameter_axis(below, values, sweep.axis, sweep.logarithmic)
        below.set_xlim(axes.get_xlim())
        axes.set_xlabel("")


def _differences(
    sweep: Sweep, rows: pd.DataFrame, order: list[str], logarithmic: bool
) -> Differences | None:
    """Against the deterministic sampler that lines begin at, else against the first line."""
    if sweep.still:
        return from_zero(rows, f"{called(sweep.parameter)} = 0", logarithmic)
    return from_first(rows, order, logarithmic)


def _far(rows: pd.DataFrame) -> bool:
    """Whether values are of far different sizes, and a logarithmic axis shows them."""
    low, high = rows["value"].min(), rows["value"].max()
    return not is_upward(rows) and low > 0 and high > _LOGARITHMIC * low


def _limits(one: _Panel, found: list[_Panel]) -> tuple[float, float]:
    """The value axis of a panel: the same in all panels of its metric."""
    alike = [other for other in found if other.metric_name == one.metric_name]
    others = [x for other in alike for x in reach(other.floors)]
    floor = [x for other in alike for x in means(other.floors)]
    return limits([other.found for other in alike], one.logarithmic, others, always=floor)


def _shown(sweep: Sweep, records: pd.DataFrame) -> pd.DataFrame:
    """The records that are drawn, each with its panel and the name of its line."""
    fitting = records[taken_of(records, "samples", "trajectory")]
    for column, value in sweep.fits.items():
        fitting = fitting[fitting.get(column, pd.Series(index=fitting.index)) == value]
    found = lines(fitting, sweep.parameter)
    if found.empty:
        raise NothingToDrawError(f"no records that sweep {called(sweep.parameter)}")
    if found[LINE].nunique() > MOST_LINES:
        raise NothingToDrawError(
            f"more than {MOST_LINES} lines over {called(sweep.parameter)}: a search"
        )
    if sweep.still:
        found = with_deterministic(found, fitting)
    return named(found, sweep.parameter, sweep.coloured, sweep.apart)


def _look(sweep: Sweep, shown: pd.DataFrame, records: pd.DataFrame) -> dict[str, Look]:
    """The look of each line: by label as in the run's other figures, or dark to light."""
    if sweep.coloured:
        by = sweep.coloured[0]
        names = shown.sort_values([by, NAME])[NAME].drop_duplicates()
        return gradient(list(names))
    others = records[~records["key"].isin(shown["key"])]
    bases = [base_label(label, sweep.parameter) for label in others["label"]]
    known = pd.concat([others.assign(label=bases), shown.assign(label=shown[NAME])])
    return looks(labels(known))


def _curves(sweep: Sweep, shown: pd.DataFrame) -> pd.DataFrame:
    """Points whose "nfe" is the parameter's value, for draw_curves; their NFE is _COST."""
    rows = shown.assign(label=shown[NAME])
    made = points(rows).rename(columns={"nfe": _COST})
    keys = ["model", "metric", "metric_name", "label", "point"]
    places = rows[[*keys, PANEL_OF, TITLE, sweep.parameter]].drop_duplicates()
    made = made.merge(places.rename(columns={sweep.parameter: "nfe"}), on=keys)
    return made.astype({"nfe": float}).sort_values([PANEL_OF, "label", "nfe"], ignore_index=True)


def _with_gaps(
    sweep: Sweep, found: pd.DataFrame, expected: pd.Series
) -> tuple[pd.DataFrame, list[str]]:
    """Points of one panel, with rows of nan where others have a point, and what those rows are."""
    low, high = found["nfe"].min(), found["nfe"].max()
    grid = sorted({float(x) for x in expected if low <= x <= high})
    parts, texts = [], []
    for label, line in found.groupby("label", sort=True):
        gaps = [x for x in grid if x not in set(line["nfe"])]
        parts += [line, pd.DataFrame({"nfe": gaps, "label": label})]
        if gaps:
            where = ", ".join(f"{x:.4g}" for x in gaps)
            texts.append(f"{label}{_of(line)} at {called(sweep.parameter)} = {where}")
    whole = pd.concat([part for part in parts if not part.empty], ignore_index=True)
    return whole.sort_values(["label", "nfe"], ignore_index=True), texts


def _of(line: pd.DataFrame) -> str:
    title = line[TITLE].iloc[0]
    return f" ({title})" if title else ""


def _title(sweep: Sweep, found: pd.DataFrame) -> str:
    """The panel's title, with its NFE, or the lowest and the highest, unless they are swept."""
    title = [found[TITLE].iloc[0]] if found[TITLE].iloc[0] else []
    if sweep.parameter == "sampler.steps":
        return ", ".join(title)
    ends = sorted({found[_COST].min(), found[_COST].max()})
    return ", ".join([*title, "NFE " + "–".join(f"{nfe:.4g}" for nfe in ends)])


def _missing_text(missing: list[str]) -> str:
    if not missing:
        return ""
    rest = [f"{len(missing) - _NAMED} more lines"] if len(missing) > _NAMED else []
    return "not measured, and left open: " + "; ".join([*missing[:_NAMED], *rest])


def _draw_marks(sweep: Sweep, axes: Axes, curves: pd.DataFrame, look: dict[str, Look]) -> None:
    if sweep.mark:
        for at in curves[curves["nfe"] == sweep.mark[0]].dropna(subset=["value"]).itertuples():
            axes.plot(at.nfe, at.value, **dot_look(look[at.label].color))

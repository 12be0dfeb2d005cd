"""A metric over one parameter of the samplers, everything else equal."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from sampler_bench.reports import notes
from sampler_bench.reports.curves import band_handle, dot_look, draw_curves, finish, line_handle
from sampler_bench.reports.metrics import axis_text, is_upward, taken_of
from sampler_bench.reports.points import labels, ordered, points
from sampler_bench.reports.style import (
    GREY,
    Look,
    NothingToDrawError,
    gradient,
    looks,
    panels,
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


def _draw(sweep: Sweep, records: pd.DataFrame) -> Figure:
    shown = _shown(sweep, records)
    look = _look(sweep, shown, records)
    groups = list(_curves(sweep, shown).groupby([PANEL_OF, "metric", "metric_name"], sort=True))
    figure, grid = panels(len(groups))
    used: set[str] = set()
    missing: list[str] = []
    for axes, ((_, metric, metric_name), found) in zip(grid, groups, strict=True):
        expected = shown.loc[shown["metric"] == metric, sweep.parameter]
        curves, gaps = _with_gaps(sweep, found, expected)
        draw_curves(axes, curves, look, dot=False)
        _draw_marks(sweep, axes, curves, look)
        parameter_axis(axes, sorted(set(curves["nfe"])), sweep.axis, sweep.logarithmic)
        axes.set(title=_title(sweep, found), ylabel=axis_text(metric_name))
        used |= set(curves["label"])
        missing += gaps
    _value_axes(sweep, grid, [found for _, found in groups])
    handles: list[Artist] = [line_handle(name, one) for name, one in look.items() if name in used]
    if sweep.mark and (shown[sweep.parameter] == sweep.mark[0]).any():
        handles.append(Line2D([], [], label=sweep.mark[1], **dot_look(GREY)))
    handles.append(band_handle(shown))
    texts = [notes.for_figure(shown), _missing_text(missing)]
    finish(figure, handles, "; ".join(text for text in texts if text))
    return figure


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


def _value_axes(sweep: Sweep, grid: list[Axes], founds: list[pd.DataFrame]) -> None:
    """Scale the value axes; panels of one model that a setting sets apart have one for all."""
    equal = ["model" if sweep.apart else PANEL_OF, "metric", "metric_name"]
    keys = [tuple(found[equal].iloc[0]) for found in founds]
    for key in dict.fromkeys(keys):
        alike = [i for i, one in enumerate(keys) if one == key]
        values = pd.concat([founds[i] for i in alike])
        _value_axis([grid[i] for i in alike], is_upward(values), values["value"])


def _value_axis(panels_of_one: list[Axes], higher: bool, values: pd.Series) -> None:
    """Give panels one value axis: logarithmic for values of far different sizes."""
    far = values.min() > 0 and values.max() > _LOGARITHMIC * values.min()
    logarithmic = far and not higher
    for axes in panels_of_one:
        axes.set_yscale("log" if logarithmic else "linear")  # limits follow
    limits = [axes.get_ylim() for axes in panels_of_one]
    for axes in panels_of_one:
        axes.set_ylim(min(low for low, _ in limits), max(high for _, high in limits))
        if logarithmic:
            value_axis(axes)

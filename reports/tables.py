"""Tables: the paper's Table 3, and every measured point."""

import math
from collections.abc import Callable
from typing import Any

import pandas as pd

from sampler_bench.reports import latex as texts
from sampler_bench.reports.markdown import plain
from sampler_bench.reports.metrics import taken_of
from sampler_bench.reports.points import PANEL, State, best, dot, labels, points
from sampler_bench.reports.swept import CHURN, called

LEVELS_OFF: dict[State, str] = {
    "settled": "yes",
    "last": "not seen: the best is the last point",
    "first": "not seen to fall: within 3 % from the first point on",
    "open": "not sure: within 3 % by value, not by 2 SE",
    "alone": "not seen: one point",
}
"""What a table says of a curve's dot."""
_FORMULAS = ("=", "+", "-", "@", "\t", "\r")


def best_table(records: pd.DataFrame) -> pd.DataFrame:
    """Like EDM's Table 3: one row per panel and label, in numbers.

    Columns: Model, Metric, Sampler; Best (lowest value; highest for precision and recall), SE,
    NFE of best; NFE within 3 % (the lowest NFE whose value is that near to the best: another
    point than the best; none of a single point) and Value there; Levels off (whether the curve
    supports that, as the dots of figures: `points.Dot`); Best repeat (as papers print the lowest of
    three); Repeats, Samples. Errors of trajectories have no best and are left out, as losses are.
    """
    rows = []
    for (model, _, metric_name), curves in points(_compared(records)).groupby(PANEL, sort=True):
        for label in [one for one in labels(records) if one in set(curves["label"])]:
            curve = curves[curves["label"] == label]
            top, found = best(curve), dot(curve)
            alone = found.state == "alone"
            rows.append(
                {
                    "Model": model,
                    "Metric": metric_name,
                    "Sampler": label,
                    "Best": top["value"],
                    "SE": top["se"],
                    "NFE of best": top["nfe"],
                    "NFE within 3 %": math.nan if alone else found.at["nfe"],
                    "Value there": math.nan if alone else found.at["value"],
                    "Levels off": LEVELS_OFF[found.state],
                    "Best repeat": top["best_repeat"],
                    "Repeats": top["repeats"],
                    "Samples": top["samples"],
                }
            )
    return pd.DataFrame(rows)


def cells_table(records: pd.DataFrame) -> pd.DataFrame:
    """Every measured point in numbers, the repeats of a cell put together; no floor is one.

    Where some were asked for by NFE, "NFE asked" says which, as a text.
    """
    records = records[~taken_of(records, "truth")]
    names = {
        "model": "Model",
        "metric_name": "Metric",
        "label": "Sampler",
        "steps": "Steps",
        "nfe": "NFE",
        "value": "Value",
        "se": "SE",
        "best_repeat": "Best repeat",
        "repeats": "Repeats",
        "samples": "Samples",
        "seconds": "Seconds",
    }
    place = {label: i for i, label in enumerate(labels(records))}
    made = points(records).sort_values(
        [*PANEL, "label", "nfe", "point"],
        key=lambda column: column.map(place) if column.name == "label" else column,
        ignore_index=True,
    )
    told = made[list(names)].rename(columns=names)
    if made["nfe_asked"].map(len).any():
        asked = [", ".join(map(str, several)) or "–" for several in made["nfe_asked"]]
        told.insert(told.columns.get_loc("NFE"), "NFE asked", asked)
    return told


def shown(table: pd.DataFrame) -> pd.DataFrame:
    """A table of text for readers: values with their error and as many digits as it allows."""
    out = table.copy().astype(object)
    errors = {"SE": "Best" if "Best" in table else "Value"}
    named = {name: name.removesuffix(" SE") for name in table if name.endswith(" SE")}
    errors |= {name: value for name, value in named.items() if value in table}
    for error, value in errors.items():
        if error in table:
            pairs = zip(table[value], table[error], strict=True)
            out[value] = [with_error(v, se) if pd.notna(v) else "–" for v, se in pairs]
    texts: dict[str, Callable[[float], str]] = {
        "Value there": _short,
        "Best repeat": _short,
        "NFE": _short,
        "NFE of best": _short,
        "NFE within 3 %": _short,
        "Published": _short,
        "Difference": "{:+.3g}".format,
        "In SE": "{:+.1f}".format,
        "Steps": _short,
        "Seconds": lambda x: f"{x:.1f}",
        "Samples": lambda x: f"{int(x):,}",
        "Evaluations": lambda x: f"{int(x):,}",
        **{called(name): _short for name in CHURN},
    }
    paired = {value for error, value in errors.items() if error in table}
    for column, text in texts.items():
        if column in out and column not in paired:
            out[column] = [text(x) if pd.notna(x) else "–" for x in table[column]]
    alone = "Repeats" in table and (table["Repeats"] == 1).all()
    dropped = [*errors, *(["Best repeat"] if alone else [])]
    return out.drop(columns=dropped, errors="ignore")


def with_error(value: float, se: float) -> str:
    """`value ± se`, to two digits of the error; the value alone if there is no error.

    >>> with_error(12.3456, 0.0789)
    '12.346 ± 0.079'
    """
    if not math.isfinite(se) or se <= 0:
        return _short(value)
    digits = max(0, 1 - math.floor(math.log10(se)))
    return f"{value:.{digits}f} ± {se:.{digits}f}" if digits < 7 else f"{value:.4g} ± {se:.2g}"


def markdown(table: pd.DataFrame) -> str:
    """The table as Markdown, one part per model and metric."""
    parts = [
        f"**{plain(title)}**\n\n"
        + _as_markdown(part).to_markdown(index=False, disable_numparse=True, colalign=_sides(part))
        for title, part in _parts(table)
    ]
    return "\n\n".join(parts) + "\n"


def _as_markdown(table: pd.DataFrame) -> pd.DataFrame:
    return table.map(lambda cell: plain(cell) if isinstance(cell, str) else cell)


def csv(table: pd.DataFrame) -> str:
    """The table as CSV, in all digits.

    A text that begins as a formula does gets an apostrophe, so that spreadsheets, which would
    compute it, show it.
    """
    return table.map(_no_formula).to_csv(index=False)


def _no_formula(cell: Any) -> Any:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULAS) else cell


def latex(table: pd.DataFrame) -> str:
    """The table as LaTeX for booktabs in ASCII, a float per model and metric, with its caption.

    `table.attrs["made"]`, if it is there, is how it was made: a comment at the top.
    """
    made = table.attrs.get("made", "")
    parts = [texts.comment(made) if made else "", "% needs \\usepackage{booktabs}\n"]
    for title, part in _parts(table):
        body = texts.tabular(part, _sides(part))
        parts.append("\n" + texts.floating(body, title, title))
    return "".join(parts)


def signed(table: pd.DataFrame, records: pd.DataFrame, command: str) -> pd.DataFrame:
    """The table with how it was made: the commits of its records, and the command that shows it."""
    made = records["prov_commit"].dropna() if "prov_commit" in records else pd.Series(dtype=str)
    commits = ", ".join(sorted({str(one) for one in made})) or "not known"
    table.attrs["made"] = f"sampler-bench, {command}; records of commit {commits}"
    return table


def html(table: pd.DataFrame) -> list[tuple[str, str]]:
    """Title and HTML table, for each model and metric."""
    return [
        (title, part.to_html(index=False, border=0, justify="unset"))
        for title, part in _parts(table)
    ]


def _parts(table: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    return [
        (f"{model}: {metric}", shown(part).drop(columns=["Model", "Metric"]))
        for (model, metric), part in table.groupby(["Model", "Metric"], sort=False)
    ]


def _sides(table: pd.DataFrame) -> list[str]:
    words = {"Sampler", "Configuration", "Statement", "Where", "Answer", "Numbers", "Reason"}
    words |= {"Compared", "Network", "Limits", "Paper's own numbers"}
    words |= {"Levels off", "Settings taken"}
    if "Part" in table.columns:  # of formulas
        words |= set(table.columns)
    return ["left" if column in words else "right" for column in table.columns]


def _short(value: float) -> str:
    return f"{value:.4g}"


def _compared(records: pd.DataFrame) -> pd.DataFrame:
    return records[taken_of(records, "samples")]

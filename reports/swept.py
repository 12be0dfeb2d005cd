"""Which records sweep a parameter, and along which lines: everything else is equal there."""

import re
from collections.abc import Sequence

import pandas as pd

from sampler_bench.reports.points import PANEL
from sampler_bench.results.load import COLUMNS

LINE = "line"  # column: what tells one line from another, beside PANEL
BASE = "base"  # column: the label without the swept parameter, which grids append to it
NAME = "name"  # column: what a line is called
PANEL_OF = "panel"  # column: where it is drawn
TITLE = "title"  # column: what is written there
SAMPLER = "sampler."  # what columns of its settings begin with
CHURN = tuple(f"{SAMPLER}{name}" for name in ("S_churn", "S_min", "S_max", "S_noise"))
AXES = ("sampler.S_churn", "sampler.rho", "sampler.alpha")
"""Parameters that are swept at a fixed number of steps."""
_CURVE = tuple(f"{SAMPLER}{name}" for name in ("steps", "rtol", "atol", "abstol", "reltol"))
"""What varies along a curve over NFE."""
_EXECUTION = ("precision", "quantizer")  # no settings of samplers, but equal along a line


def lines(records: pd.DataFrame, parameter: str) -> pd.DataFrame:
    """The records that sweep `parameter`, with LINE and BASE; empty if there are none.

    A line has at least two values of the parameter; all other settings, the model, the metric and
    the label but for the parameter's own part are the same along it. With no more values than
    numbers of steps, as in EDM's Figure 4, records are curves over NFE and no sweep.
    """
    if parameter not in records:
        return _with_lines(records.iloc[:0], parameter, [])
    own = records[records[parameter].notna()]
    found = _with_lines(own, parameter, _others(own, parameter))
    values = found.groupby([*PANEL, LINE])[parameter].transform("nunique")
    return found[(values > 1) & _more_values_than_efforts(own, parameter)]


def with_deterministic(swept: pd.DataFrame, records: pd.DataFrame) -> pd.DataFrame:
    """Lines over S_churn, begun by the record of the same sampler without churn if they lack it.

    At S_churn = 0 the window and S_noise act on nothing, so that one cell is part of all lines.
    """
    still = records[records["sampler.S_churn"] == 0]
    others = _others(records, *CHURN)
    still = still.assign(same=_told(still, others))
    parts = [swept]
    for _, line in swept.assign(same=_told(swept, others)).groupby([*PANEL, LINE], sort=True):
        first = line.iloc[0]
        if (line["sampler.S_churn"] == 0).any():
            continue
        fits = still["same"] == first["same"]
        for name in PANEL:
            fits &= still[name] == first[name]
        parts.append(still[fits].assign(**first[[LINE, BASE, "label", "order"]]))
    return pd.concat(parts, ignore_index=True).drop(columns="same", errors="ignore")


def only_swept(records: pd.DataFrame) -> pd.Series:
    """Whether a record is no point of a curve over NFE: a mask with the records' index.

    So are those of repeated churn, which gets nowhere with more evaluations; and those of a sweep,
    which has more values of its parameter than numbers of steps: dots above each other.
    """
    mask = pd.Series(False, index=records.index)
    if "sampler.solver" in records:
        mask |= records["sampler.solver"] == "churned"
    for parameter in [name for name in AXES if name in records]:
        own = records[records[parameter].notna()]
        many = _more_values_than_efforts(own, parameter)
        mask |= many.reindex(records.index, fill_value=False)
    return mask


def settings(records: pd.DataFrame) -> list[str]:
    """The columns that hold settings of samplers and conditions."""
    known = {*COLUMNS, LINE, BASE, NAME, PANEL_OF, TITLE, "profile"}
    return [name for name in records if name not in known and not name.startswith("prov_")]


def _others(records: pd.DataFrame, *without: str) -> list[str]:
    """What is equal along a line, beside its label."""
    return [name for name in (*settings(records), *_EXECUTION) if name not in without]


def _more_values_than_efforts(records: pd.DataFrame, parameter: str) -> pd.Series:
    """Whether a record's sampler has more values of the parameter than of steps or tolerances."""
    efforts = [name for name in _CURVE if name in records and name != parameter]
    found = _with_lines(records, parameter, _others(records, parameter, *efforts))
    groups = found.assign(effort=_told(records, efforts)).groupby([*PANEL, LINE])
    return groups[parameter].transform("nunique") > groups["effort"].transform("nunique")


def _with_lines(records: pd.DataFrame, parameter: str, others: Sequence[str]) -> pd.DataFrame:
    base = [base_label(label, parameter) for label in records["label"]]
    found = records.assign(**{BASE: pd.Series(base, records.index, dtype=object)})
    return found.assign(**{LINE: _told(found, [BASE, *others])})


def _told(records: pd.DataFrame, names: Sequence[str]) -> pd.Series:
    columns = [["" if pd.isna(one) else str(one) for one in records[name]] for name in names]
    texts = ["; ".join(row[1:]) for row in zip(records.index, *columns, strict=True)]
    return pd.Series(texts, records.index, dtype=object)


def base_label(label: str, parameter: str) -> str:
    """A label without what a grid appends to it for an axis, ", rho = 3".

    >>> base_label("Heun, rho = 3, alpha = 1", "sampler.rho")
    'Heun, alpha = 1'
    """
    return re.sub(rf", {re.escape(called(parameter))} = [^,]+", "", label)


def called(column: str) -> str:
    """What a setting is called in grids and figures.

    >>> called("sampler.rho")
    'rho'
    """
    return column.removeprefix(SAMPLER).removeprefix("measurement.")


def named(
    swept: pd.DataFrame, parameter: str, by: tuple[str, str] | None, apart: str | None
) -> pd.DataFrame:
    """Lines with their NAME, PANEL_OF and TITLE.

    A line is called by its label, or by a setting and its sign (`by`), and by what else differs
    between lines that would be called the same. There is a panel per model (and value of `apart`),
    but one for all models of a data set that have one line each, which are called by the model.
    """
    head = swept[BASE] if by is None else swept[by[0]].map(lambda value: f"{by[1]} = {value:g}")
    panel, title = swept["model"], swept["model"]
    if apart:
        value = swept[apart].map(lambda value: f", {called(apart)} = {value:g}")
        panel, title = panel + value, title + value
    made = swept.assign(**{NAME: head, PANEL_OF: panel, TITLE: title})
    parts = [_told_apart(part, parameter) for _, part in made.groupby([*PANEL, PANEL_OF, NAME])]
    made = pd.concat(parts).sort_index()
    return made if apart else _together(made)


def _told_apart(alike: pd.DataFrame, parameter: str) -> pd.DataFrame:
    """Lines of one name with what differs between them in it, if there are several."""
    firsts = alike.groupby(LINE)[_others(alike, parameter)].first()
    made = alike[NAME]
    for name in [name for name in firsts if firsts[name].nunique(dropna=False) > 1]:
        text = "{:g} steps" if name == "sampler.steps" else f"{called(name)} = {{}}"
        made = made + ", " + alike[LINE].map(firsts[name].map(text.format))
    return alike.assign(**{NAME: made})


def _together(made: pd.DataFrame) -> pd.DataFrame:
    """Put models of one data set, which have one reference, into one panel if each has one line.

    Where any are, other models with one line are named in the legend and not above it, too.
    """
    parts = [part for _, part in made.groupby(["metric", "metric_name", "reference_digest"])]
    alone = [(part.groupby("model")[LINE].nunique() == 1).all() for part in parts]
    if any(one and part["model"].nunique() > 1 for one, part in zip(alone, parts, strict=True)):
        chosen = zip(alone, parts, strict=True)
        parts = [_called_by_model(part) if one else part for one, part in chosen]
    return pd.concat(parts).sort_index()


def _called_by_model(part: pd.DataFrame) -> pd.DataFrame:
    bases = part[BASE].unique()
    panel = f"{part['model'].min()}, {part['reference_digest'].iloc[0]}"
    title = bases[0] if len(bases) == 1 else ""
    return part.assign(**{NAME: part["model"], PANEL_OF: panel, TITLE: title})

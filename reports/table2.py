"""EDM's Table 2: what each change to training does, VP beside VE."""

import re

import pandas as pd

from sampler_bench.reports.metrics import taken_of
from sampler_bench.reports.points import points

CONFIGURATIONS = {
    "a": "A  Baseline",
    "b": "B  + Adjust hyperparameters",
    "c": "C  + Redistribute capacity",
    "d": "D  + EDM's preconditioning",
    "e": "E  + EDM's noise distribution and loss",
    "f": "F  + Non-leaky augmentation",
}
_MINIATURE = re.compile(r"table2-(?P<letter>[a-f])-(?P<kind>vp|ve)")
_PUBLISHED = re.compile(r"(?P<group>baseline|edm)-(?P<data>.+)-(?P<kind>vp|ve)")


def table2(records: pd.DataFrame) -> pd.DataFrame:
    """One row per data set, sampler and configuration, in numbers.

    Columns: Model (the data set), Metric, Sampler, NFE, Configuration; VP, VE and their standard
    errors "VP SE", "VE SE", NaN where not measured; Settings taken ("all there are" if a network
    was measured with one alone under the label, else "the lowest of …"). Rows are the networks of
    the zoo called table2-…, and of the published ones the baselines (A) and EDM's (F). Empty if
    there are none.
    """
    measured = points(records[taken_of(records, "samples")])
    told = measured["model"].map(_place)
    found = measured[told.notna()].copy()
    if found.empty:
        return pd.DataFrame()
    found[["Model", "Configuration", "kind"]] = told[told.notna()].tolist()
    found = found.rename(columns={"metric_name": "Metric", "label": "Sampler", "nfe": "NFE"})
    index = ["Model", "Metric", "Sampler", "NFE", "Configuration"]
    counts = found.groupby([*index, "kind"], sort=True).size().groupby(index).max()
    lowest = found.sort_values("value").drop_duplicates([*index, "kind"])
    wide = lowest.pivot(index=index, columns="kind", values=["value", "se"])
    names = {("value", k): k.upper() for k in ("vp", "ve")}
    names |= {("se", k): f"{k.upper()} SE" for k in ("vp", "ve")}
    table = pd.DataFrame({name: wide.get(column) for column, name in names.items()}, wide.index)
    taken = ["all there are" if n == 1 else f"the lowest of {n}" for n in counts[table.index]]
    return table.assign(**{"Settings taken": taken}).reset_index()


def _place(model: str) -> tuple[str, str, str] | None:
    """Return data set, configuration and kind of a model, if it is one of Table 2's."""
    small, released = _MINIATURE.fullmatch(model), _PUBLISHED.fullmatch(model)
    if small:
        return "Fashion-MNIST 16×16", CONFIGURATIONS[small["letter"]], small["kind"]
    if released:
        letter = "a" if released["group"] == "baseline" else "f"
        return released["data"], CONFIGURATIONS[letter], released["kind"]
    return None

"""The published values beside ours, where both are the true FID of one checkpoint and sampler."""

import math

import pandas as pd

from reports.points import best, points
from results import published
from results.published import settings

_SAME_NFE = 0.5


def beside_published(records: pd.DataFrame) -> pd.DataFrame:
    """One row per published value that has a record of the same checkpoint and sampler.

    Columns: Model, Metric, Sampler (our label), NFE; Ours and Ours SE; Published; Difference
    (ours − published); In SE (the difference in standard errors of ours; the published value has
    an error of its own, which nobody printed); Repeats; Where (it is printed); Compared.
    Where the lowest of three seed ranges is printed, ours is the lowest repeat, with the standard
    error of one; where the lowest over all NFE is printed, ours is, too, provided that our NFE
    reach beyond it on both sides. Empty if there is nothing to compare.
    """
    mine = records[published.comparable(records)]
    rows = []
    for _, row in published.matching(records).iterrows():
        found = mine[(mine["model"] == row["bench_model"]) & settings.of_sampler(mine, row)]
        if not found.empty:
            rows += [_compared(point, row) for _, point in _points(found, row).iterrows()]
    table = pd.DataFrame(rows)
    if table.empty:
        return table
    order = ["Model", "Where", "Published", "NFE", "Sampler"]
    return table.drop_duplicates().sort_values(order, ignore_index=True)


def printed(names: tuple[str, ...]) -> pd.DataFrame:
    """What the paper prints in these figures or tables ("Figure 2", "Table 3"), as it stands there.

    Columns: Where, Data set, Network, Sampler, NFE, FID. Rows without a FID are left out.
    """
    rows = published.load("edm").dropna(subset=["fid"])
    rows = rows[rows["source"].str.startswith("arXiv:2206.00364")]
    where = rows["figure_or_table"].str.replace(r"^Fig ", "Figure ", regex=True)
    chosen = [_item(text) in names for text in where]
    network = rows["model"] + rows["config"].map(lambda text: f", {text}" if text else "")
    columns = {
        "Where": where,
        "Data set": rows["dataset"] + ", " + rows["conditioning"],
        "Network": network,
        "Sampler": rows["sampler"],
        "NFE": rows["nfe"],
        "FID": rows["fid"],
    }
    return pd.DataFrame(columns)[chosen].reset_index(drop=True)


def _item(where: str) -> str:
    """Return "Figure 2" for "Figure 2a dot label"."""
    kind, _, rest = where.partition(" ")
    number = rest[: len(rest) - len(rest.lstrip("0123456789"))]
    return f"{kind} {number}"


def _points(records: pd.DataFrame, row: pd.Series) -> pd.DataFrame:
    curve = points(records)
    if not settings.is_lowest_over_nfe(row):
        return curve[(curve["nfe"] - row["nfe"]).abs() < _SAME_NFE]
    reached = curve["nfe"].min() < row["nfe"] < curve["nfe"].max()
    return best(curve).to_frame().T if reached else curve.iloc[:0]


def _compared(point: pd.Series, row: pd.Series) -> dict[str, object]:
    lowest = settings.is_lowest_of_seeds(row)
    ours = point["best_repeat"] if lowest else point["value"]
    error = point["se"] * math.sqrt(point["repeats"]) if lowest else point["se"]
    several = point["repeats"] > 1
    told = [f"lowest of {point['repeats']} repeats"] if lowest and several else []
    told += ["lowest over all NFE"] if settings.is_lowest_over_nfe(row) else []
    return {
        "Model": point["model"],
        "Metric": point["metric_name"],
        "Sampler": point["label"],
        "NFE": float(point["nfe"]),
        "Ours": float(ours),
        "Ours SE": float(error),
        "Published": float(row["fid"]),
        "Difference": float(ours - row["fid"]),
        "In SE": float((ours - row["fid"]) / error) if error > 0 else math.nan,
        "Where": f"{row['figure_or_table']}, {row['source']}".removeprefix(", "),
        "Compared": ", ".join(told) or ("mean of repeats" if several else "at this NFE"),
    }

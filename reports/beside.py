"""The published values beside ours, where both are the true FID of one checkpoint and sampler."""

import math

import pandas as pd

from sampler_bench.reports.points import points
from sampler_bench.results import published
from sampler_bench.results.published import settings

_SAME_NFE = 0.5


def beside_published(records: pd.DataFrame) -> pd.DataFrame:
    """One row per published value that has a record of the same checkpoint and sampler.

    Columns: Model, Metric, Sampler (our label), NFE; Ours and Ours SE; Published; Difference
    (ours − published); In SE (the difference in standard errors of ours; the published value has
    an error of its own, which nobody printed); Where (it is printed); Compared.
    Where the lowest of three seed ranges is printed, ours is the lowest repeat, with the standard
    error of one; where the lowest over all NFE is printed, ours is that of one curve, provided that
    its NFE reach beyond the printed one on both sides. Compared says which, and of how many.
    Empty if there is nothing to compare.
    """
    mine = records[published.comparable(records)]
    rows = []
    for _, row in published.matching(records).iterrows():
        found = mine[(mine["model"] == row["bench_model"]) & settings.of_sampler(mine, row)]
        if not found.empty:
            rows += [_compared(point, row) for _, point in _points(found, row).iterrows()]
    order = ["Model", "Where", "Published", "NFE", "Sampler"]
    return pd.DataFrame(rows).sort_values(order, ignore_index=True) if rows else pd.DataFrame()


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
    """Our points that the published one is compared with: ours, and its error."""
    made = points(records)
    made = made.assign(ours=made["value"], error=made["se"])
    if settings.is_lowest_of_seeds(row):
        made = made.assign(ours=made["best_repeat"], error=made["se"] * made["repeats"] ** 0.5)
    if not settings.is_lowest_over_nfe(row):
        return made[(made["nfe"] - row["nfe"]).abs() < _SAME_NFE]
    nfe = made.groupby("label")["nfe"]
    reached = (nfe.transform("min") < row["nfe"]) & (row["nfe"] < nfe.transform("max"))
    return made[reached].sort_values(["label", "ours", "nfe"]).drop_duplicates("label")


def _how(point: pd.Series, row: pd.Series) -> str:
    """How ours and the published value were taken, where they may differ."""
    repeats = point["repeats"]
    told = ["lowest over all NFE"] if settings.is_lowest_over_nfe(row) else []
    if settings.is_lowest_of_seeds(row):
        ours = f"lowest of {repeats} repeats" if repeats > 1 else "one seed range"
        told.append(f"ours {ours}, published lowest of 3")
    elif repeats > 1:
        told.append(f"ours mean of {repeats} repeats")
    return ", ".join(told) or "at this NFE"


def _compared(point: pd.Series, row: pd.Series) -> dict[str, object]:
    ours, error = point["ours"], point["error"]
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
        "Compared": _how(point, row),
    }

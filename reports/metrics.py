"""Which metrics records hold, as each record says it: also of metrics that are not installed."""

import pandas as pd

from sampler_bench.results.metric import SHIPPED, Metric, TakenOf


def taken_of(records: pd.DataFrame, *kinds: TakenOf) -> pd.Series:
    """Whether records are of metrics that are taken of this: a mask with the records' index."""
    return _told(records, "metric_of", "taken_of").isin(kinds)


def upward(records: pd.DataFrame) -> pd.Series:
    """Whether higher values are better, record by record."""
    return better(records) == "higher"


def better(records: pd.DataFrame) -> pd.Series:
    """Which values are better, "lower" or "higher", record by record."""
    return _told(records, "metric_better", "better")


def is_upward(curve: pd.DataFrame) -> bool:
    """Whether higher values of the one metric of at least one row are better."""
    return bool(upward(curve).iloc[0])


def names(*kinds: TakenOf) -> str:
    """The metrics that ship and are taken of this: "fid, kid, precision or recall"."""
    *most, last = [row.name for row in SHIPPED.values() if row.taken_of in kinds]
    return f"{', '.join(most)} or {last}" if most else last


def first(metrics: pd.Series) -> str:
    """The metric that decides where several were measured: ours in their order, then by name."""
    order = list(SHIPPED)
    return min(metrics, key=lambda name: (order.index(name) if name in order else len(order), name))


def axis_text(metric_name: str) -> str:
    """What an axis of this metric says, on two lines: the metric, and how it was taken."""
    return metric_name.replace(", ", "\n", 1)


def _told(records: pd.DataFrame, column: str, field: str) -> pd.Series:
    """A field of each record's metric; where the records do not say, that of its name."""
    if column in records:
        return records[column]
    known = {name: getattr(Metric.of(name), field) for name in records["metric"].unique()}
    return records["metric"].map(known).astype(object)

"""Where numbers come from, in one table of names and texts."""

import pandas as pd


def provenance(records: pd.DataFrame) -> dict[str, str]:
    """What the records say about themselves, sorted: seeds, networks, versions, dates, keys.

    The provenance beside each record (prov_…) is listed value by value; "created" as first and
    last date; "keys" are those of the records.
    """
    columns = sorted(column for column in records.columns if column.startswith("prov_"))
    found = {column.removeprefix("prov_"): listed(records[column]) for column in columns}
    if "created" in found:
        dates = records["prov_created"].dropna()
        found["created"] = f"{dates.min()} to {dates.max()}"
    models = records["model"].astype(str) + " " + records["model_digest"].astype(str).str[:16]
    return {"models": listed(models), "seeds": _seeds(records), **found, "keys": _keys(records)}


def listed(values: pd.Series, between: str = ", ") -> str:
    """The different values, sorted, in one text."""
    return between.join(sorted({str(value) for value in values.dropna()}))


def _seeds(records: pd.DataFrame) -> str:
    starts, samples = records["seed_start"].astype(int), records["samples"].astype(int)
    ranges = sorted({(a, a + n - 1) for a, n in zip(starts, samples, strict=True)})
    return ", ".join(f"{first} to {last}" for first, last in ranges)


def _keys(records: pd.DataFrame) -> str:
    return " ".join(sorted(set(records["key"])))

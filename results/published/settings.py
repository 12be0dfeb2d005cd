"""Which records a published value can be compared with: those of the same sampler."""

import re
from functools import cache
from importlib import resources
from typing import Any

import pandas as pd

from sampler_bench.kit.toml import parse

# Tables 3 and 4 print the lowest FID over all NFE.
_LOWEST = re.compile(r"lowest over any NFE|same convention as Table 3")
_THREE_SEEDS = "arXiv:2206.00364"  # prints the lowest FID of three seed ranges (Appendix F.1)
_OURS = {"S_tmin": "S_min", "S_tmax": "S_max"}
_PARAMETER = re.compile(r"\b(S_churn|S_tmin|S_tmax|S_noise|rho|sigma_min|sigma_max)=([0-9.]+)")


def sampler_settings(row: pd.Series) -> dict[str, list[Any]] | None:
    """The settings of a published row's sampler, each with its allowed values.

    `row` is one of `published.load`. None if this harness does not know the sampler.
    """
    for entry in _entries():
        if row["sampler"] in entry["names"] and entry.get("model", row["model"]) == row["model"]:
            found = _PARAMETER.findall(row["params"])
            printed = {_OURS.get(name, name): float(value) for name, value in found}
            wanted = printed | entry["settings"]
            return {name: x if isinstance(x, list) else [x] for name, x in wanted.items()}
    return None


def of_sampler(records: pd.DataFrame, row: pd.Series) -> pd.Series:
    """True for the records (from `results.load`) whose sampler is the published row's."""
    wanted = sampler_settings(row)
    fits = pd.Series(wanted is not None, index=records.index)
    for name, allowed in (wanted or {}).items():
        fits &= records[column].isin(allowed) if (column := f"sampler.{name}") in records else False
    return fits


def is_lowest_over_nfe(row: pd.Series) -> bool:
    """Whether the value is the lowest over all NFE, and not one at the row's NFE."""
    return bool(_LOWEST.search(row["notes"]))


def is_lowest_of_seeds(row: pd.Series) -> bool:
    """Whether the value is the lowest over three seed ranges."""
    return row["source"].startswith(_THREE_SEEDS) or "min of 3" in row["notes"]


@cache
def _entries() -> list[dict[str, Any]]:
    text = resources.files(__package__).joinpath("settings.toml").read_text("utf-8")
    return parse(text, "settings.toml")["sampler"]

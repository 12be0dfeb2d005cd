"""EDM's Table 5: the best settings of churn that a search found."""

import math

import pandas as pd

from sampler_bench.reports.searches import Search, searches
from sampler_bench.reports.swept import CHURN, called
from sampler_bench.results.published.churn import settings


def table5(records: pd.DataFrame) -> pd.DataFrame:
    """One row per search, in numbers.

    Columns: Model, Metric, Sampler, NFE; S_churn, S_min, S_max, S_noise (the best setting found);
    Deterministic, With churn and Difference (the last in pairs, on seeds that the search did not
    use) with their standard errors "… SE", NaN where not measured; Settings (how many that churn
    were tried), Evaluations (of all samples together), Published setting (what EDM's Table 5 prints
    for this checkpoint, in the same order; "–" for others). Empty if there are no searches.
    """
    return pd.DataFrame([_row(search) for search in searches(records)])


def _row(search: Search) -> dict[str, object]:
    chosen, fresh, still = search.chosen, search.fresh, search.deterministic
    last = chosen if fresh is None else fresh
    return {
        "Model": search.model,
        "Metric": last["metric_name"],
        "Sampler": _sampler(chosen),
        "NFE": float(chosen["nfe"]),
        **{called(name): float(chosen[name]) for name in CHURN},
        **_measured("Deterministic", still, "value", "se"),
        **_measured("With churn", fresh, "value", "se"),
        **_measured("Difference", fresh, "difference", "difference_se"),
        "Settings": search.breadth,
        "Evaluations": search.evaluations,
        "Published setting": _published(search.model),
    }


def _measured(name: str, row: pd.Series | None, value: str, error: str) -> dict[str, float]:
    values = (math.nan, math.nan) if row is None else (float(row[value]), float(row[error]))
    return dict(zip((name, f"{name} SE"), values, strict=True))


def _sampler(row: pd.Series) -> str:
    return f"{row['sampler.solver']}, {row['sampler.steps']:.0f} steps"


def _published(model: str) -> str:
    rows = settings()
    found = rows[rows["checkpoint"] == model]
    texts = [" / ".join(f"{row[called(name)]:g}" for name in CHURN) for _, row in found.iterrows()]
    return "; ".join(texts) or "–"

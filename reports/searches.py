"""Searches over the settings of churn, by what their plans say of records.

A search (`bench search`) compares settings on rungs, ranges of seeds that follow one another, and
measures the best of the last rung again on fresh seeds; the deterministic sampler is measured on
all of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from sampler_bench.reports.points import ordered
from sampler_bench.reports.swept import CHURN, settings
from sampler_bench.results.estimate import Estimate

FRESH = -1  # the rung of the last measurement, of which plans say "fresh"
_NO_CHURN = (0.0, 0.0, np.inf, 1.0)  # what deterministic samplers are declared as
_SAME = (
    *("model", "model_digest", "precision", "quantizer", "extractor", "extractor_digest"),
    *("metric", "reference", "reference_digest", "shards"),
)


@dataclass(frozen=True)
class Search:
    """One search.

    tried   one row per record that took part, in one order: the columns of `results.load`, and
            rung (0, 1, … by samples; FRESH for the last measurement), difference (from the
            deterministic sampler on the same seeds; nan without it) and difference_se (jackknife,
            in pairs)
    """

    tried: pd.DataFrame

    @property
    def model(self) -> str:
        """The model's name."""
        return str(self.tried["model"].iloc[0])

    @property
    def samples(self) -> list[int]:
        """The numbers of samples that candidates were compared on, rising."""
        return sorted({int(n) for n in self.candidates["samples"]})

    @property
    def evaluations(self) -> int:
        """Denoiser evaluations of everything that took part, of all samples together."""
        return round(float((self.tried["nfe"] * self.tried["samples"]).sum()))

    @property
    def breadth(self) -> int:
        """How many settings that churn were tried."""
        return len(self.candidates[list(CHURN)].drop_duplicates())

    @property
    def candidates(self) -> pd.DataFrame:
        """The rows of settings that churn, on the seeds of the search."""
        return self.tried[(self.tried["rung"] != FRESH) & (self.tried["sampler.S_churn"] > 0)]

    @property
    def chosen(self) -> pd.Series:
        """The best of those that were compared on the most samples."""
        top = self.candidates[self.candidates["rung"] == self.candidates["rung"].max()]
        return top.sort_values(["value", *CHURN]).iloc[0]

    @property
    def fresh(self) -> pd.Series | None:
        """The measurement of the chosen setting on fresh seeds; None if it is not there."""
        return self._fresh(tuple(self.chosen[list(CHURN)]))

    @property
    def deterministic(self) -> pd.Series | None:
        """The deterministic sampler on the same fresh seeds; None if it is not there."""
        return self._fresh(_NO_CHURN)

    def _fresh(self, churn: Sequence[float]) -> pd.Series | None:
        hit = (self.tried["rung"] == FRESH) & _has(self.tried, churn)
        return self.tried[hit].iloc[0] if hit.any() else None


def searches(records: pd.DataFrame) -> list[Search]:
    """The searches among the records, ordered by model; [] if there are none."""
    if not {*CHURN, "search"} <= set(records.columns):
        return []
    took_part = records["search"].notna() & records["sampler.S_churn"].notna()
    if "over" in records:
        took_part &= records["over"] != "samplers"
    shown = ordered(records[took_part])
    shown = shown.assign(rung=[FRESH if rung == "fresh" else rung for rung in shown["rung"]])
    same = [*_SAME, "search", *(name for name in settings(shown) if name not in CHURN)]
    groups = shown.groupby([shown[name].astype(str) for name in same], sort=True, dropna=False)
    found = [Search(_told(group)) for _, group in groups]
    return [search for search in found if not search.candidates.empty]


def _told(group: pd.DataFrame) -> pd.DataFrame:
    """The records with their difference from no churn on the same seeds."""
    parts = []
    for _, on_seeds in group.groupby(["rung", "seed_start", "samples"]):
        still = on_seeds[_has(on_seeds, _NO_CHURN)]
        took_part = pd.concat([still, on_seeds[on_seeds["sampler.S_churn"] > 0]])
        pairs = [_difference(row, still) for _, row in took_part.iterrows()]
        difference, error = zip(*pairs, strict=True)
        parts.append(took_part.assign(difference=difference, difference_se=error))
    return pd.concat(parts).sort_values(["rung", *CHURN], ignore_index=True)


def _difference(row: pd.Series, still: pd.DataFrame) -> tuple[float, float]:
    """The difference from the deterministic sampler on the same seeds, and its standard error."""
    if still.empty:
        return np.nan, np.nan
    one, other = (Estimate.of(r["value"], r["loo"], seeds="theirs") for r in (row, still.iloc[0]))
    gap = one - other
    return gap.value, gap.se if gap.is_paired else np.nan


def _has(records: pd.DataFrame, churn: Sequence[float]) -> pd.Series:
    """Whether records have these four settings."""
    return (records[list(CHURN)].astype(float) == list(churn)).all(axis=1)

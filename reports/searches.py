"""Searches over the settings of churn, found again in records.

A search (`bench search`) compares settings on ranges of seeds that follow one another, each three
times as long as the one before, and measures the best of the last range again on the seeds that
end where the first range begins; the deterministic sampler is measured on all of them. By that it
is known, whatever else the records hold.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from sampler_bench.reports.metrics import searched
from sampler_bench.reports.points import ordered
from sampler_bench.reports.swept import CHURN, settings
from sampler_bench.results.estimate import Estimate

GROWTH = 3  # as bench.run.search.ladder has it
FRESH = -1  # the rung of the last measurement
_NO_CHURN = (0.0, 0.0, np.inf, 1.0)  # what deterministic samplers are declared as
_SAME = (
    *("model", "model_digest", "precision", "quantizer", "extractor", "extractor_digest"),
    *("metric", "reference", "reference_digest", "shards"),
)

Range = tuple[int, int]  # first seed, samples


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
    if not set(CHURN) <= set(records.columns):
        return []
    measured = searched(records) & records["sampler.S_churn"].notna()
    shown = ordered(records[measured])
    same = [*_SAME, *(name for name in settings(shown) if name not in CHURN)]
    groups = shown.groupby([shown[name].astype(str) for name in same], sort=True, dropna=False)
    return [Search(_told(group, chain)) for _, group in groups for chain in _chains(group)]


def _chains(group: pd.DataFrame) -> Iterator[dict[int, Range]]:
    """Yield the seed ranges of each search by rung, the fresh one among them if it is there."""
    still = _ranges(group[_has(group, _NO_CHURN)])
    here = _ranges(group[group["sampler.S_churn"] > 0])
    for first, samples in sorted(here):
        if (first - samples // GROWTH, samples / GROWTH) in here:
            continue  # not the first of its chain
        chain = [(first, samples)]
        while (following := (sum(chain[-1]), GROWTH * chain[-1][1])) in here:
            chain.append(following)
        if len(chain) > 1 and still & set(chain):
            fresh = [one for one in still | here if sum(one) == first and one[1] > chain[-1][1]]
            yield dict(enumerate(chain)) | ({FRESH: min(fresh)} if fresh else {})


def _ranges(records: pd.DataFrame) -> set[Range]:
    pairs = zip(records["seed_start"], records["samples"], strict=True)
    return {(int(first), int(samples)) for first, samples in pairs}


def _told(group: pd.DataFrame, chain: dict[int, Range]) -> pd.DataFrame:
    """The records on these seeds, with their rung and their difference from no churn."""
    parts = []
    for rung, (first, samples) in sorted(chain.items()):
        on_seeds = group[(group["seed_start"] == first) & (group["samples"] == samples)]
        still = on_seeds[_has(on_seeds, _NO_CHURN)]
        took_part = pd.concat([still, on_seeds[on_seeds["sampler.S_churn"] > 0]])
        pairs = [_difference(row, still) for _, row in took_part.iterrows()]
        difference, error = zip(*pairs, strict=True)
        parts.append(took_part.assign(rung=rung, difference=difference, difference_se=error))
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

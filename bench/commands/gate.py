"""The gate: has a sampler become worse than its baseline by more than noise and a declared effect?

For each cell Δ = value − baseline (reversed where higher values are better, as of precision). On
equal seeds the leave-one-shard-out values are compared in pairs, which removes the noise both
share; on other seeds the standard errors add. A cell

- regressed, if its one-sided p-value survives Benjamini and Hochberg's false-discovery rate over
  the grid and Δ > the declared effect;
- passed, if a regression by more than the declared effect can be ruled out: Δ + t·SE ≤ effect;
- is inconclusive otherwise: the noise is too large to tell.

Errors are known from some 20 shards only, so the law is Student's. The effect is relative to the
baseline's value, so that distances of 0.1 and 40 can share it.

Cost is gated like quality: where NFE per sample differs, it is one more comparison. A sampler with
declared steps has no noise in it, and any evaluation more is a regression; an adaptive one may
use up to the declared effect more.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.stats import false_discovery_control, t

from sampler_bench.results import Record
from sampler_bench.results.estimate import FLOAT_NOISE, Estimate

Verdict = Literal["regressed", "passed", "inconclusive"]


@dataclass(frozen=True)
class Difference:
    """One number of a cell against its baseline.

    Attributes:
        record, baseline: What is compared.
        what: The metric's name, or ``"NFE"``.
        before, now: The baseline's number and the record's.
        delta: How much worse the record is, in the number's own unit.
        se: Standard error of ``delta``; NaN if unknown.
        freedom: Degrees of freedom of ``se``.
        effect: How much worse would matter.
    """

    record: Record
    baseline: Record
    what: str
    before: float
    now: float
    delta: float
    se: float
    freedom: float
    effect: float

    @property
    def paired(self) -> bool:
        """Whether both are of the same seeds."""
        return self.record.cell.key == self.baseline.cell.key

    @property
    def p(self) -> float:
        """One-sided p-value of "not worse"; without any noise only the effect decides."""
        if math.isnan(self.se):
            return 1.0
        if self.se == 0:
            return 0.0 if self.delta > self.effect else 1.0
        return float(t.sf(self.delta / self.se, self.freedom))

    def verdict(self, significant: bool, level: float) -> Verdict:
        """Return the gate's word on it, given whether ``p`` is significant in the whole grid."""
        if significant and self.delta > self.effect:
            return "regressed"
        margin = self.se * float(t.isf(level, self.freedom))
        return "passed" if self.delta + margin <= self.effect else "inconclusive"  # NaN: no


@dataclass(frozen=True)
class Comparison:
    """A difference and the gate's verdict on it."""

    difference: Difference
    verdict: Verdict


def compare(
    run: Sequence[Record],
    baseline: Sequence[Record],
    effect: float = 0.02,
    level: float = 0.01,
) -> list[Comparison]:
    """Compare every cell of ``baseline`` with the same cell of ``run``.

    A floor is no sampler: it is not judged, whether it is there or not, and whatever made it.

    Args:
        run: The records to judge.
        baseline: What they are judged by.
        effect: Smallest relative worsening that matters, e.g. 0.02.
        level: False-discovery rate held over the grid, and level of the one-sided intervals.

    Raises:
        ValueError: If nothing is comparable, or a baseline's cell is missing from the run.
    """
    pairs = _pairs(_judged(run), _judged(baseline))
    differences = [_of_value(record, base, effect) for record, base in pairs]
    costs = {b.cell.work_key: _of_nfe(r, b, effect) for r, b in pairs if r.nfe != b.nfe}
    differences += costs.values()  # metrics of the same samples share one cost
    adjusted = false_discovery_control([difference.p for difference in differences])
    return [
        Comparison(difference, difference.verdict(bool(q <= level), level))
        for difference, q in zip(differences, adjusted, strict=True)
    ]


def exit_code(comparisons: Sequence[Comparison]) -> int:
    """Return 1 if anything regressed, 3 if anything is inconclusive, else 0."""
    verdicts = {comparison.verdict for comparison in comparisons}
    return 1 if "regressed" in verdicts else 3 if "inconclusive" in verdicts else 0


def _judged(records: Sequence[Record]) -> list[Record]:
    return [record for record in records if record.metric.taken_of != "truth"]


def _pairs(run: Sequence[Record], baseline: Sequence[Record]) -> list[tuple[Record, Record]]:
    """Match equal seeds first, then the remaining repeats of a cell in the order of their seeds.

    A part from a user's own file is compared with what the file held before: that is the question.
    """
    if not baseline:
        raise ValueError("the baseline has no records")
    by_key = {record.cell.key: record for record in run}
    taken = {base.cell.key for base in baseline}
    spare = sorted((r for r in run if r.cell.key not in taken), key=_first_seed, reverse=True)
    pairs, missing = [], []
    for base in sorted(baseline, key=_first_seed):
        found = by_key.get(base.cell.key)
        if found is None:
            same_point = [r for r in spare if r.cell.point == base.cell.point]
            if not same_point:
                missing.append(base)
                continue
            found = same_point[-1]
            spare.remove(found)
        pairs.append((found, base))
    if missing:
        raise ValueError(_missing(missing, run))
    return pairs


def _first_seed(record: Record) -> int:
    return record.cell.seed_start


def _missing(missing: Sequence[Record], run: Sequence[Record]) -> str:
    """Say which cell is missing and, if there is one like it, in what it differs."""
    base = missing[0]
    text = f"{len(missing)} of the baseline's cells are not in the run; first {base.label!r}"
    text += f" of {base.model}" if len({record.model for record in run}) > 1 else ""
    near = [r for r in run if r.label == base.label and r.cell.metric == base.cell.metric]
    if not near:
        return text
    fewest = min((base.cell.explain(record.cell) for record in near), key=lambda lines: len(lines))
    return f"{text}: the run's nearest cell differs in {'; '.join(fewest)}"


def _of_value(record: Record, base: Record, effect: float) -> Difference:
    delta = base.metric.sign * (record.value - base.value)
    # A kernel distance can be 0 within its error: no share of that is an effect.
    scale = max(abs(base.value), 0.0 if math.isnan(base.se) else base.se)
    same_seeds = record.cell.key == base.cell.key
    gap = record.estimate - base.estimate
    if same_seeds and abs(delta) <= FLOAT_NOISE * scale:
        gap = Estimate(gap.value)  # the same numbers: their noise does not matter
    return Difference(
        record=record,
        baseline=base,
        what=base.cell.metric,
        before=base.value,
        now=record.value,
        delta=delta,
        se=gap.se,
        freedom=gap.freedom,
        effect=max(effect, FLOAT_NOISE) * scale,
    )


def _of_nfe(record: Record, base: Record, effect: float) -> Difference:
    adaptive = base.settings.get("sampler", {}).get("steps") is None
    gap = _nfe(record) - _nfe(base) if adaptive else Estimate(record.nfe - base.nfe)
    return Difference(
        record=record,
        baseline=base,
        what="NFE",
        before=base.nfe,
        now=record.nfe,
        delta=record.nfe - base.nfe,
        se=gap.se,
        freedom=gap.freedom,
        effect=(max(effect, FLOAT_NOISE) if adaptive else FLOAT_NOISE) * base.nfe,
    )


def _nfe(record: Record) -> Estimate:
    """Return NFE per sample, with what it is without one shard, from the receipts."""
    counts = np.array([shard["n"] for shard in record.shards])
    totals = np.array([shard["nfe_total"] for shard in record.shards])
    several = len(counts) > 1
    rest = (totals.sum() - totals) / (counts.sum() - counts) if several else ()
    return Estimate.of(record.nfe, rest, seeds=record.cell.key)

"""The gate: has a sampler become worse than its baseline by more than noise and a declared effect?

For each cell Δ = value − baseline (reversed for precision and recall, where more is better). On
equal seeds the leave-one-shard-out values are compared in pairs, which removes the noise both
share; on other seeds the standard errors add. A cell

- regressed, if its one-sided p-value survives Benjamini and Hochberg's false-discovery rate over
  the grid and Δ > the declared effect;
- passed, if a regression by more than the declared effect can be ruled out: Δ + z·SE ≤ effect;
- is inconclusive otherwise: the noise is too large to tell.

The effect is relative to the baseline's value, so that distances of 0.1 and 40 can share it.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.stats import false_discovery_control, norm

from results import Record

MORE_IS_BETTER = {"precision", "recall"}
FLOAT_NOISE = 1e-6
"""What another machine's rounding may change in a value, relative; never called a regression."""

Verdict = Literal["regressed", "passed", "inconclusive"]


@dataclass(frozen=True)
class Comparison:
    """One cell against its baseline.

    Attributes:
        record, baseline: What is compared.
        delta: How much worse the record is, in the metric's unit.
        se: Standard error of ``delta``.
        paired: Whether both are of the same seeds.
        effect: How much worse would matter.
        p: One-sided p-value of "not worse".
        verdict: The gate's word on it.
    """

    record: Record
    baseline: Record
    delta: float
    se: float
    paired: bool
    effect: float
    p: float
    verdict: Verdict


def compare(
    run: Sequence[Record],
    baseline: Sequence[Record],
    effect: float = 0.02,
    level: float = 0.01,
) -> list[Comparison]:
    """Compare every cell of ``baseline`` with the same cell of ``run``.

    Args:
        run: The records to judge.
        baseline: What they are judged by.
        effect: Smallest relative worsening that matters, e.g. 0.02.
        level: False-discovery rate held over the grid, and level of the one-sided intervals.

    Raises:
        ValueError: If nothing is comparable, or a baseline's cell is missing from the run.
    """
    pairs = _pairs(run, baseline)
    deltas = [_delta(record, base) for record, base in pairs]
    errors = [_standard_error(record, base) for record, base in pairs]
    limits = [max(effect, FLOAT_NOISE) * abs(base.value) for _, base in pairs]
    p_values = [_p_value(d, se, limit) for d, se, limit in zip(deltas, errors, limits, strict=True)]
    adjusted = false_discovery_control(p_values)
    z = float(norm.isf(level))
    rows = zip(pairs, deltas, errors, limits, p_values, adjusted, strict=True)
    return [
        Comparison(
            record=record,
            baseline=base,
            delta=delta,
            se=se,
            paired=_paired(record, base),
            effect=limit,
            p=p,
            verdict=_verdict(delta, se, limit, q <= level, z),
        )
        for (record, base), delta, se, limit, p, q in rows
    ]


def exit_code(comparisons: Sequence[Comparison]) -> int:
    """Return 1 if anything regressed, 3 if anything is inconclusive, else 0."""
    verdicts = {comparison.verdict for comparison in comparisons}
    return 1 if "regressed" in verdicts else 3 if "inconclusive" in verdicts else 0


def _pairs(run: Sequence[Record], baseline: Sequence[Record]) -> list[tuple[Record, Record]]:
    """Match by key; for other seeds, by everything but the seeds."""
    by_key = {record.cell.key: record for record in run}
    by_point = {record.cell.point: record for record in run}
    pairs, missing = [], []
    for base in baseline:
        found = by_key.get(base.cell.key) or by_point.get(base.cell.point)
        if found is None:
            missing.append(base)
        else:
            pairs.append((found, base))
    if missing:
        raise ValueError(_missing(missing, run))
    if not pairs:
        raise ValueError("the baseline has no records")
    return pairs


def _missing(missing: Sequence[Record], run: Sequence[Record]) -> str:
    """Say which cell is missing and, if there is one like it, in what it differs."""
    base = missing[0]
    text = f"{len(missing)} of the baseline's cells are not in the run; first {base.label!r}"
    near = [r for r in run if r.label == base.label and r.cell.metric == base.cell.metric]
    differences = [base.cell.explain(record.cell) for record in near]
    if not differences:
        return text
    return f"{text}: the run's nearest cell differs in {'; '.join(min(differences, key=len))}"


def _paired(record: Record, base: Record) -> bool:
    return record.cell.key == base.cell.key and len(record.loo) == len(base.loo) > 1


def _sign(record: Record) -> int:
    return -1 if record.cell.metric in MORE_IS_BETTER else 1


def _delta(record: Record, base: Record) -> float:
    return _sign(record) * (record.value - base.value)


def _standard_error(record: Record, base: Record) -> float:
    if not _paired(record, base):
        return math.hypot(record.se, base.se)
    differences = np.subtract(record.loo, base.loo)
    shards = len(differences)
    return float(np.sqrt((shards - 1) / shards * ((differences - differences.mean()) ** 2).sum()))


def _p_value(delta: float, se: float, limit: float) -> float:
    """Return P(Δ this large | no worsening); with no noise at all, only the effect decides."""
    if math.isnan(se):
        return 1.0
    if se == 0:
        return 0.0 if delta > limit else 1.0
    return float(norm.sf(delta / se))


def _verdict(delta: float, se: float, limit: float, significant: bool, z: float) -> Verdict:
    if significant and delta > limit:
        return "regressed"
    if delta + z * se <= limit:  # false for a NaN
        return "passed"
    return "inconclusive"

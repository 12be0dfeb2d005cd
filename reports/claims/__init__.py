"""The paper's statements as claims: data, judged by one engine from records."""

from collections.abc import Sequence

import pandas as pd

from sampler_bench.reports.claims import told
from sampler_bench.reports.claims.claim import (
    FAILS,
    HOLDS,
    NOTHING,
    UNDECIDED,
    Answer,
    Claim,
    Verdict,
)
from sampler_bench.reports.claims.judge import judge
from sampler_bench.reports.claims.panel import Panel, panels
from sampler_bench.reports.claims.printed import judged_as_printed
from sampler_bench.reports.claims.rows import CLAIMS

__all__ = [
    "CLAIMS",
    "FAILS",
    "HOLDS",
    "UNDECIDED",
    "Answer",
    "Claim",
    "Verdict",
    "answer",
    "judged",
    "listing",
    "summary",
    "table",
]


def answer(claim: Claim, found: Sequence[Panel], lifted: frozenset[str] = NOTHING) -> Verdict:
    """What panels of records say of a claim; `lifted` are names of premises that are not asked.

    Raises nothing: what is missing leaves it undecided.
    """
    return judge(claim.scope(found), claim.comparisons, claim.families, lifted)


def judged(records: pd.DataFrame, lifted: frozenset[str] = NOTHING) -> list[tuple[Claim, Verdict]]:
    """Every claim with its verdict, of a table of `results.load`."""
    found = panels(records)
    return [(claim, answer(claim, found, lifted)) for claim in CLAIMS.values()]


def table(records: pd.DataFrame) -> pd.DataFrame:
    """Columns: Number, Statement, Where (in the paper), Answer, Numbers (95 % intervals), Reason
    (what would decide it), Limits (their sources, "ours" where they have none), Paper's own numbers
    (what the same engine says of what is printed).

    And Model and Metric, the title that `reports.tables` gives it.
    """
    found = judged(records)
    rows = [told.row_of(claim, verdict, judged_as_printed(claim)) for claim, verdict in found]
    return pd.DataFrame(rows)


def summary(records: pd.DataFrame) -> str:
    """How many statements hold, fail and are undecided: "3 hold, 0 fail, 23 undecided"."""
    return told.counted([verdict.answer for _, verdict in judged(records)])


def listing(records: pd.DataFrame) -> str:
    """The same as `table`, as text for a terminal, and how many there are of each answer."""
    made = table(records)
    parts = [told.paragraph(row) for row in made.to_dict("records")]
    return "\n\n".join([*parts, told.counted(list(made["Answer"]))])

"""The paper's 24 statements, each a function of records: it holds, fails, or is undecided here."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from sampler_bench.reports.statements import (
    convergence,
    curvature,
    deterministic,
    loss,
    stochastic,
    training,
)
from sampler_bench.reports.statements import truncation as local
from sampler_bench.reports.statements.panel import Panel, panels
from sampler_bench.reports.statements.verdict import FAILS, HOLDS, UNDECIDED, Answer, Case, Verdict

__all__ = [
    "FAILS",
    "HOLDS",
    "STATEMENTS",
    "UNDECIDED",
    "Answer",
    "Case",
    "Statement",
    "Verdict",
    "judged",
    "table",
]


@dataclass(frozen=True)
class Statement:
    """A claim of the paper (EDM, arXiv:2206.00364) about measurements.

    where  in the paper
    judge  what panels of records say of it; raises nothing
    shown  the figure or table that shows it, by its name in reports.figures
    """

    number: int
    text: str
    where: str
    judge: Callable[[Sequence[Panel]], Verdict]
    shown: str


def judged(records: pd.DataFrame) -> list[tuple[Statement, Verdict]]:
    """Every statement with its verdict. Raises nothing: what is missing leaves one undecided."""
    found = panels(records)
    return [(statement, statement.judge(found)) for statement in STATEMENTS.values()]


def table(records: pd.DataFrame) -> pd.DataFrame:
    """Columns: Number, Statement, Where (in the paper), Answer, Numbers (± SE), Reason.

    And Model and Metric, the title that `reports.tables` gives it.
    """
    rows = [
        {
            "Model": "EDM's statements",
            "Metric": "what the records say",
            "Number": one.number,
            "Statement": one.text,
            "Where": one.where,
            "Answer": verdict.answer,
            "Numbers": verdict.numbers,
            "Reason": verdict.reason,
        }
        for one, verdict in judged(records)
    ]
    return pd.DataFrame(rows)


_VP, _VE, _DDIM = deterministic.FAMILIES
_ROWS = (
    Statement(
        1,
        "VP: Heun with EDM's steps and σ = t comes within 3 % of its best FID at a fraction of the"
        " original ODE sampler's NFE",
        "Figure 2a",
        deterministic.fraction(_VP, "1/7.3"),
        "fid-vs-nfe",
    ),
    Statement(2, "VE: the same", "Figure 2b", deterministic.fraction(_VE, "1/300"), "fid-vs-nfe"),
    Statement(
        *(3, "ADM: the same against DDIM", "Figure 2c"),
        *(deterministic.fraction(_DDIM, "1/3.2"), "fid-vs-nfe"),
    ),
    Statement(
        *(4, "Heun with EDM's steps alone beats the original at equal NFE", "Figure 2"),
        *(deterministic.equal_nfe, "fid-vs-nfe"),
    ),
    Statement(
        *(5, "σ = t, s = 1 improves VP and VE further", "Figure 2"),
        *(deterministic.sigma_is_t, "fid-vs-nfe"),
    ),
    Statement(
        *(6, "RK45 reaches a like FID but spends more NFE", "Figure 2, Table 3"),
        *(deterministic.black_box, "fid-vs-nfe"),
    ),
    Statement(
        *(7, "The reimplementation of the original equals or beats it", "Figure 2"),
        *(deterministic.reimplementation, "fid-vs-nfe"),
    ),
    Statement(
        *(8, "Global error is O(h) for Euler, O(h²) for Heun", "Appendix D.1"),
        *(convergence.orders, "truncation-vs-nfe"),
    ),
    Statement(
        9,
        "ρ = 2 nearly balances Euler's local error over σ, ρ = 3 Heun's (σ = √t)",
        "Figure 13a, b",
        local.balance,
        "local-error-over-sigma",
    ),
    Statement(
        *(10, "FID is better for ρ between 5 and 10 than for ρ = 3", "Figure 13c"),
        *(local.rho, "fid-vs-rho"),
    ),
    Statement(
        *(11, "The local truncation error hardly depends on the sample", "Appendix D.1"),
        *(local.samples_alike, "local-error-over-sigma"),
    ),
    Statement(
        *(12, "Within the second-order family α = 1 is close to optimal", "Appendix D.2"),
        *(local.alpha, "fid-vs-alpha"),
    ),
    Statement(
        13,
        "Trajectories under σ = t, s = 1 are straighter than under VP and VE; curvature sits in a"
        " narrow band of σ",
        "Figure 3",
        curvature.straighter,
        "curvature-over-sigma",
    ),
    Statement(
        *(14, "Churn improves FID of imperfect networks at equal NFE", "Figure 4, Table 4"),
        *(stochastic.churn_gain, "fid-vs-nfe"),
    ),
    Statement(
        15,
        "Churn's three ingredients each help: window [S_tmin, S_tmax], S_noise, S_churn",
        "Table 4, Figure 15",
        stochastic.ingredients,
        "fid-vs-nfe",
    ),
    Statement(
        16,
        "Algorithm 2 beats Euler–Maruyama and predictor–corrector at fewer NFE",
        "Figure 4",
        stochastic.beats_originals,
        "fid-vs-nfe",
    ),
    Statement(
        17,
        "Repeated churn at fixed σ degrades samples of a network; S_noise slightly above 1"
        " counteracts it",
        "Figure 14",
        stochastic.degrades,
        "fid-vs-churns",
    ),
    Statement(
        *(18, "It does not with an exact denoiser", "Appendix E"),
        *(stochastic.exact_does_not, "fid-vs-churns"),
    ),
    Statement(
        19,
        "With better training the benefit of churn shrinks, on simple data to zero",
        "Figure 5b, c",
        training.shrinks,
        "fid-vs-churn",
    ),
    Statement(
        20,
        "EDM's preconditioning gives an expected loss of 1 at every σ at initialisation",
        "Figure 5a",
        loss.one_at_first,
        "loss-over-sigma",
    ),
    Statement(
        21,
        "Training lowers the loss only at intermediate σ, and p_train sits there",
        "Figure 5a",
        loss.in_the_middle,
        "loss-over-sigma",
    ),
    Statement(
        22,
        "A to F: every step helps or is neutral; D alone is neutral, E gains most for VE",
        "Table 2",
        training.every_step,
        "table2",
    ),
    Statement(
        *(23, "After F, VP and VE are equally good", "Table 2"),
        *(training.equally_good, "table2"),
    ),
    Statement(
        *(
            24,
            "Augmentation with conditioning improves FID (that it does not leak has no records)",
            "Table 2, F.2",
        ),
        *(training.augmented, "table2"),
    ),
)
STATEMENTS: Mapping[int, Statement] = {one.number: one for one in _ROWS}

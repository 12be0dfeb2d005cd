"""The figures and tables, by name."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from sampler_bench.kit.registry import Registry
from sampler_bench.reports import tables
from sampler_bench.reports.beside import beside_published
from sampler_bench.reports.churn_search import churn_search
from sampler_bench.reports.contact import contact_sheet
from sampler_bench.reports.curves import fid_vs_nfe
from sampler_bench.reports.forms import FIGURE
from sampler_bench.reports.gradients import gradients_over_sigma
from sampler_bench.reports.one_number import skewed_start, warped_schedule
from sampler_bench.reports.outcomes import (
    found_by_search,
    largest_drop,
    lowest_over,
    lowest_over_nfe,
    most_churns,
    orders,
    summaries,
)
from sampler_bench.reports.profiles import (
    curvature_over_sigma,
    local_error_over_sigma,
    loss_over_sigma,
    others_over_sigma,
)
from sampler_bench.reports.sheet import churn_sheet, noise_levels, samples_over_nfe
from sampler_bench.reports.sweeps import fid_vs_alpha, fid_vs_churn, fid_vs_churns, fid_vs_rho
from sampler_bench.reports.table1 import table1
from sampler_bench.reports.table2 import table2
from sampler_bench.reports.table5 import table5
from sampler_bench.reports.trajectories import trajectories
from sampler_bench.reports.truncation import truncation_vs_nfe


@dataclass(frozen=True)
class FigureRow:
    """A figure: how it is drawn, what it shows (its caption), and a shipped grid that feeds it
    ("" if none does).

    paper  the items of the paper that it redraws, by their names in reports.paper ("Figure 2",
           "Sweep over α"); a report of everything draws it there, from the runs of their grids
    outcome  a function of the records it is drawn from, "" where they say nothing
    """

    draw: Callable[..., Figure]
    caption: str
    grid: str
    needs_samples: bool = False  # then called as draw(records, store.samples)
    paper: tuple[str, ...] = ()
    outcome: Callable[[pd.DataFrame], str] | None = None  # what its records say, in a sentence

    def told(self, records: pd.DataFrame) -> str:
        """Its caption for these records, of which it was drawn: it ends with what they say."""
        said = "" if self.outcome is None else self.outcome(records)
        return f"{self.caption} {said}".strip()

    def __call__(self, records: Any, samples: Any) -> Figure:
        """Draw it. Raises NothingToDrawError if the records hold nothing that it shows."""
        return self.draw(records, samples) if self.needs_samples else self.draw(records)


@dataclass(frozen=True)
class TableRow:
    """A table: how it is built from records (empty where they hold nothing for it), and the rest.

    grid, paper  as for FigureRow
    records      False where it is made from the code itself; then called as build()
    """

    build: Callable[..., pd.DataFrame]
    caption: str
    grid: str = ""
    paper: tuple[str, ...] = ()
    records: bool = True


DEVIATION = "Band: ± 1 standard deviation over samples."
BAND = (
    "Band: lowest to highest repeat, or ± 2 standard errors, of the logarithm where the axis is"
    " logarithmic; long ones run off the axis."
)
BELOW = (
    "Below, of more than three lines: differences (on a logarithmic axis ratios) in pairs, ± 2"
    " standard errors."
)

_SHIPPED: dict[str, FigureRow] = {
    "fid-vs-nfe": FigureRow(
        fid_vs_nfe,
        "Sample quality over the number of denoiser evaluations, on the same latents for every"
        " sampler. Large dot: the lowest NFE within 3 % of that sampler's best; hollow where the"
        " best is the last point measured, the dot is the first, or two standard errors leave it"
        " open. " + BAND + " " + BELOW,
        grid="quick",
        paper=("Figure 2", "Figure 4"),
        outcome=lowest_over_nfe,
    ),
    "fid-vs-churn": FigureRow(
        fid_vs_churn,
        "Sample quality over the amount of churn, S_churn, at a fixed number of steps. At 0 all"
        " lines are one sampler, the deterministic one. " + BAND + " " + BELOW,
        grid="figure15",
        paper=("Figure 5", "Figure 15"),
        outcome=lowest_over("sampler.S_churn", "S_churn", zero=True),
    ),
    "fid-vs-rho": FigureRow(
        fid_vs_rho,
        "Sample quality over ρ, which shortens steps near σ = 0 and lengthens the others, at a"
        " fixed number of steps. Large dot: ρ = 7. " + BAND,
        grid="figure13c-fashion",
        paper=("Figure 13",),
        outcome=lowest_over("sampler.rho", "ρ"),
    ),
    "fid-vs-alpha": FigureRow(
        fid_vs_alpha,
        "Sample quality of the second-order solvers over α at a fixed number of steps. Large dot:"
        " Heun's method. Above 1, steps whose second evaluation would pass σ = 0 are Euler's, and"
        " cost one evaluation. " + BAND,
        grid="alpha-fashion",
        paper=("Sweep over α",),
        outcome=lowest_over("sampler.alpha", "α"),
    ),
    "fid-vs-churns": FigureRow(
        fid_vs_churns,
        "What repeated churn at one noise level does to sample quality, level by level, as the"
        " denoiser sees the result. " + BAND,
        grid="figure14-exact",
        paper=("Figure 14",),
        outcome=most_churns,
    ),
    "truncation-vs-nfe": FigureRow(
        truncation_vs_nfe,
        "RMS distance to the reference trajectory from the same latents. Order: the slope over"
        " the finest range of NFE in which it is steady. " + BAND,
        grid="order",
        paper=("Order of convergence",),
        outcome=orders,
    ),
    "loss-over-sigma": FigureRow(
        loss_over_sigma,
        "The denoising loss over σ with EDM's weight, with initial and with trained weights, of the"
        " same noisy images. " + DEVIATION,
        grid="figure5a-fashion",
        paper=("Figure 5",),
        outcome=largest_drop,
    ),
    "gradients-over-sigma": FigureRow(
        gradients_over_sigma,
        "Why EDM parts loss weight and noise distribution (Section 5): left, how large the gradient"
        " of one image's loss is at each σ, under the weight λ(σ) that each network is trained with"
        " (1/σ² of VP and VE, 1/c_out² of EDM); middle, how often training draws that σ; right,"
        " each σ's share of the two multiplied, as a density of ln σ. λ evens out the sizes,"
        " p_train chooses where training works. Band: ± 1 standard deviation over images.",
        grid="gradients-fashion",
        paper=("Figure 5",),
    ),
    "local-error-over-sigma": FigureRow(
        local_error_over_sigma,
        "The error of one step over the noise level it ends at, from true data with noise, for step"
        " lengths bent by ρ. " + DEVIATION,
        grid="figure13ab-exact",
        paper=("Figure 13",),
        outcome=summaries("local-error", "The smallest of the largest errors over σ", most=1),
    ),
    "curvature-over-sigma": FigureRow(
        curvature_over_sigma,
        "How much dx/dt turns, shrinks or grows in an e-fold of σ, relative to its usual length: 0"
        " along straight lines. " + DEVIATION,
        grid="curvature-exact",
        paper=("Curvature",),
        outcome=summaries("curvature", "Mean over ln σ"),
    ),
    "others-over-sigma": FigureRow(
        others_over_sigma,
        "Quantities over σ that are measured by a part of one's own. " + DEVIATION,
        grid="",
    ),
    "trajectories": FigureRow(
        trajectories,
        "Trajectories of a data set of two points, −1 and 1, from the same latents, with tangents."
        " Below: σ ≤ 1.",
        grid="figure3",
        needs_samples=True,
        paper=("Figure 3",),
    ),
    "skewed-start": FigureRow(
        skewed_start,
        "What becomes of a start moved by skew·σ (two points, −1 and 1, exact denoiser). The ODE"
        " keeps the order of states, and so a start's error, with any number of steps; churn"
        " replaces noise, and forgets it (Section 4). Below: states of 8 samples, coloured by the"
        " point that they end at. Band: ± 2 standard errors.",
        grid="skewed-start",
        needs_samples=True,
        paper=("Skewed start",),
    ),
    "warped-schedule": FigureRow(
        warped_schedule,
        "Euler's steps through the same noise levels under σ = t and σ = √t, on the same latents."
        " The trajectories are the same, and so is the cost; the errors are not: a warped schedule"
        " is no matter of shorter steps (Section 3). Band and bars: ± 2 standard errors, of ratios"
        " in pairs.",
        grid="warped-schedule",
        paper=("Warped schedule",),
    ),
    "noise-levels": FigureRow(
        noise_levels,
        "Draws of p(x; σ), brought to the contrast of images, and what the denoiser sees in them.",
        grid="figure1-exact",
        needs_samples=True,
        paper=("Figure 1",),
    ),
    "churn-sheet": FigureRow(
        churn_sheet,
        "The same images after repeated churn at one noise level, as the denoiser sees them.",
        grid="figure14-exact",
        needs_samples=True,
        paper=("Figure 14",),
        outcome=most_churns,
    ),
    "samples-over-nfe": FigureRow(
        samples_over_nfe,
        "What the same latents become with more and more evaluations.",
        grid="figure12-fashion",
        needs_samples=True,
        paper=("Figure 12",),
    ),
    "contact-sheet": FigureRow(
        contact_sheet,
        "What each sampler makes of the same latents, column by column, at the lowest NFE within"
        " 3 % of its best.",
        grid="quick",
        needs_samples=True,
        paper=("Figures 6 to 8",),
    ),
    "churn-search": FigureRow(
        churn_search,
        "What each of churn's four numbers does: all settings that a search tried, by their"
        " difference from the deterministic sampler on the same seeds. Error bars: ± 2 standard"
        " errors, in pairs.",
        grid="table5-fashion",
        paper=("Table 5",),
        outcome=found_by_search,
    ),
}

FIGURES: Registry[FigureRow] = Registry("figure", _SHIPPED, group="figures", forms=FIGURE)

TABLES: dict[str, TableRow] = {
    "table1": TableRow(
        table1,
        "The parts of each sampler, from the code itself (EDM, Table 1)",
        paper=("Table 1",),
        records=False,
    ),
    "table2": TableRow(
        table2,
        "What each change to training does (EDM, Table 2); of several settings of one sampler the"
        " lowest, as its last column says",
        grid="table2-fashion",
        paper=("Table 2",),
    ),
    "table5": TableRow(
        table5,
        "The best settings of churn that a search found (EDM, Table 5)",
        grid="table5-fashion",
        paper=("Table 5",),
    ),
    "best": TableRow(
        tables.best_table,
        "Best value, and the lowest NFE within 3 % of it, where the curve goes on beyond its best",
        grid="quick",
        paper=("Table 3", "Table 4"),
    ),
    "beside-published": TableRow(
        beside_published,
        "Published values beside ours, of the same checkpoint and sampler",
        grid="figure2a",
        paper=("Figure 2", "Figure 4", "Table 2", "Table 3", "Table 4"),
    ),
    "cells": TableRow(tables.cells_table, "Every measured point"),
}

"""What the paper shows, item by item and in its order, and the grids that measure it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import pandas as pd

from sampler_bench.reports.outcomes import churns_title

FIGURES_OF_THE_PAPER, TABLES_OF_THE_PAPER = 15, 8


@dataclass(frozen=True)
class Missing:
    """A part of an item that is not drawn, with the reason in a line.

    model  what is drawn of a model of that name shows it all the same; "" if nothing does
    """

    part: str
    why: str
    model: str = ""


@dataclass(frozen=True)
class Item:
    """A figure or table of the paper (EDM, arXiv:2206.00364), or what it states in words.

    grids  names of shipped grids whose runs it is drawn from; variants of them ("figure2a-fashion",
           of "figure2a") count, too; none where nothing here measures it yet
    parts  what it is called where its numbers are listed, if that is not its name
    missing  parts of it that are not drawn
    ours   whether it is no figure or table of the paper, which tells of it in words
    differs  how what is drawn differs from the paper's, where that is no matter of networks
    title_of  what it is called for the records that it is drawn from, if that depends on them
    """

    name: str
    title: str
    grids: tuple[str, ...] = ()
    parts: tuple[str, ...] = ()
    missing: tuple[Missing, ...] = ()
    ours: bool = False
    differs: str = ""
    title_of: Callable[[str, list[pd.DataFrame]], str] | None = None

    @property
    def numbers(self) -> tuple[str, ...]:
        """The paper's figures and tables that it is."""
        return () if self.ours else self.parts or (self.name,)

    def gone(self, models: Iterable[str]) -> list[Missing]:
        """The parts that records of these models do not show."""
        drawn = set(models)
        return [one for one in self.missing if one.model not in drawn]

    def called(self, records: list[pd.DataFrame]) -> str:
        """Its title, for the records that it is drawn from."""
        return self.title if self.title_of is None else self.title_of(self.title, records)

    def takes(self, grid: str) -> bool:
        """Whether it is drawn from runs of a grid of that name."""
        return any(grid == one or grid.startswith(f"{one}-") for one in self.grids)


_PAIR = "no class-conditional network ships that is trained as EDM does"
_CHURN = (
    "In the small grids S_churn goes from 0 to 7 at 18 steps: as much churn a step as the paper's"
    " 0 to 100 at 256."
)
_ADM = "edm-imagenet-64x64-cond-adm"
_FIGURE_2 = ("figure2a", "figure2b", "figure2c", "quick", "zoo-quick")
_FIGURE_4 = ("figure4a", "figure4b", "figure4c")

PAPER: tuple[Item, ...] = (
    Item("Figure 1", "What an ideal denoiser makes of noisy images", ("figure1",)),
    Item("Figure 2", "Deterministic samplers: quality over NFE", _FIGURE_2),
    Item("Figure 3", "One-dimensional trajectories under three schedules", ("figure3",)),
    Item(
        "Figure 4",
        "Stochastic samplers: quality over NFE",
        _FIGURE_4,
        differs="The paper's axis is linear and its dot the lowest FID; ours is logarithmic, and"
        " the dot that of Figure 2.",
    ),
    Item(
        "Figure 5",
        "Loss over σ, and S_churn before and after training",
        ("figure5a", "figure5bc", "gradients"),
        missing=(Missing("Figure 5c", _PAIR, _ADM),),
        differs=_CHURN,
    ),
    Item(
        "Figures 6 to 8",
        "Samples of four samplers: class-conditional (6, 7) and unconditional networks (8)",
        ("figure6-8",),
        ("Figure 6", "Figure 7", "Figure 8"),
        missing=(Missing("Figure 7", _PAIR, _ADM),),
    ),
    Item(
        "Figures 9 to 11",
        "Samples of training configurations A and F",
        parts=("Figure 9", "Figure 10", "Figure 11"),
        missing=(
            Missing(
                "Figures 9 to 11", "no grid keeps images of configurations A and F; see Table 2"
            ),
        ),
    ),
    Item("Figure 12", "Samples at increasing NFE", ("figure12",)),
    Item(
        "Figure 13",
        "Local truncation error over σ, and quality over ρ",
        ("figure13ab", "figure13c"),
        differs="In the small grids c is of networks trained as EDM does, at 12 steps; the paper's"
        " are baselines, at 32, 64 and 12.",
    ),
    Item(
        "Figure 14",
        "Degradation under repeated churn",
        ("figure14",),
        title_of=churns_title,
    ),
    Item("Figure 15", "Quality over S_churn", ("figure15",), differs=_CHURN),
    Item("Table 1", "The parts of each sampler and its network"),
    Item("Table 2", "What each change to training does", ("table2",)),
    Item("Table 3", "Deterministic samplers: best values", _FIGURE_2),
    Item("Table 4", "Stochastic samplers: best values", _FIGURE_4),
    Item("Table 5", "Search for stochastic settings", ("table5",)),
    Item(
        "Tables 6 to 8",
        "Augmentation, hyperparameters and architectures",
        parts=("Table 6", "Table 7", "Table 8"),
        missing=(
            Missing(
                "Tables 6 to 8",
                "settings of training and no measurements; ours are in models/training/configs/",
            ),
        ),
    ),
    Item(
        "Sweep over α",
        "The second-order family of solvers (Appendix D.2)",
        ("alpha",),
        ours=True,
    ),
    Item(
        "Curvature",
        "How curved trajectories are (Section 3)",
        ("curvature", "figure3"),
        ours=True,
    ),
    Item(
        "Warped schedule",
        "The same levels under two σ(t) (Section 3)",
        ("warped-schedule",),
        ours=True,
    ),
    Item(
        "Skewed start",
        "What churn heals and the ODE keeps (Section 4)",
        ("skewed-start",),
        ours=True,
    ),
    Item(
        "Order of convergence",
        "How fast errors fall with step size (Appendix D.1)",
        ("order",),
        ours=True,
    ),
)

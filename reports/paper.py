"""What the paper shows, item by item and in its order, and the grids that measure it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Item:
    """A figure or table of the paper (EDM, arXiv:2206.00364), or what it states in words.

    grids  names of shipped grids whose runs it is drawn from; variants of them ("figure2a-fashion",
           of "figure2a") count, too; none where nothing here measures it yet
    parts  what it is called where its numbers are listed, if that is not its name
    """

    name: str
    title: str
    grids: tuple[str, ...] = ()
    parts: tuple[str, ...] = ()

    def takes(self, grid: str) -> bool:
        """Whether it is drawn from runs of a grid of that name."""
        return any(grid == one or grid.startswith(f"{one}-") for one in self.grids)


_FIGURE_2 = ("figure2a", "figure2b", "figure2c", "quick", "zoo-quick")
_FIGURE_4 = ("figure4a", "figure4b", "figure4c")

PAPER: tuple[Item, ...] = (
    Item("Figure 1", "What an ideal denoiser makes of noisy images", ("figure1",)),
    Item("Figure 2", "Deterministic samplers: quality over NFE", _FIGURE_2),
    Item("Figure 3", "One-dimensional trajectories under three schedules", ("figure3",)),
    Item("Figure 4", "Stochastic samplers: quality over NFE", _FIGURE_4),
    Item(
        "Figure 5",
        "Loss over σ, and S_churn before and after training",
        ("figure5a", "figure5bc", "gradients"),
    ),
    Item(
        "Figures 6 to 8",
        "Samples of four samplers: class-conditional (6, 7) and unconditional networks (8)",
        ("figure6-8",),
        ("Figure 6", "Figure 7", "Figure 8"),
    ),
    Item("Figure 12", "Samples at increasing NFE", ("figure12",)),
    Item(
        "Figure 13",
        "Local truncation error over σ, and quality over ρ",
        ("figure13ab", "figure13c"),
    ),
    Item("Figure 14", "Degradation under repeated churn", ("figure14",)),
    Item("Figure 15", "Quality over S_churn", ("figure15",)),
    Item("Table 1", "The parts of each sampler and its network"),
    Item("Table 2", "What each change to training does", ("table2",)),
    Item("Table 3", "Deterministic samplers: best values", _FIGURE_2),
    Item("Table 4", "Stochastic samplers: best values", _FIGURE_4),
    Item("Table 5", "Search for stochastic settings", ("table5",)),
    Item("Sweep over α", "The second-order family of solvers (Appendix D.2)", ("alpha",)),
    Item("Curvature", "How curved trajectories are (Section 3)", ("curvature", "figure3")),
    Item("Warped schedule", "The same levels under two σ(t) (Section 3)", ("warped-schedule",)),
    Item("Skewed start", "What churn heals and the ODE keeps (Section 4)", ("skewed-start",)),
    Item("Order of convergence", "How fast errors fall with step size (Appendix D.1)", ("order",)),
)

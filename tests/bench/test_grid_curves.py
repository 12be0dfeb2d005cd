"""Every grid of a figure has that figure's curves, and its small version has the same."""

import re

import pytest

from sampler_bench.bench.plan import grid as grids
from sampler_bench.bench.plan import planning as plans
from sampler_bench.reports.paper import PAPER

FIGURE_2 = [
    "Original sampler",
    "Reimplementation",
    "+ Heun & EDM's {t_i}",
    "+ EDM's σ(t) & s(t)",
    "Black-box RK45",
]
DDIM_IS_OURS = [label for label in FIGURE_2 if label != "+ EDM's σ(t) & s(t)"]
FIGURE_15 = [
    "Deterministic",
    "S_tmin,tmax = [0, ∞] & S_noise = 1",
    "S_tmin,tmax = [0, ∞]",
    "S_noise = 1",
    "Optimal settings",
]
FIGURE_4 = [*FIGURE_15, "Original sampler"]
SHEETS = [
    "Deterministic, original sampler",
    "Deterministic, Algorithm 1",
    "Stochastic, original sampler",
    "Stochastic, Algorithm 2",
]
ONE_STEP = [f"{solver}, σ(t) = {t}" for t in ("√t", "t") for solver in ("Euler", "Heun")]
CURVES = {
    "alpha": ["RK2"],
    "figure1": ["Noisy images", "Ideal denoiser"],
    "figure3": ["VP", "VE", "σ(t) = t, s(t) = 1"],
    "figure5a": ["Initial weights", "Trained"],
    "figure5a-ffhq": ["Initial weights", "Trained"],
    "figure13ab": ONE_STEP,
    "figure14": ["Repeated churn"],
    "figure2a": FIGURE_2,
    "figure2b": FIGURE_2,
    "figure2c": DDIM_IS_OURS,  # σ(t) = t and s(t) = 1 from the start: red is green
    "figure4a": [*FIGURE_4, "Jolicoeur-Martineau et al."],
    "figure4b": [*FIGURE_4, "Jolicoeur-Martineau et al."],
    "figure4c": FIGURE_4,  # Jolicoeur-Martineau et al. have no ImageNet-64
    "figure5bc": ["CIFAR-10, VP", "CIFAR-10, VE", "ImageNet-64"],
    "figure6-8": SHEETS,
    "figure12": ["Deterministic"],
    "figure13c": ["Heun"],
    "figure15": FIGURE_15,
}
BY_HAND = {"Optimal settings": "Settings chosen by hand"}
"""What no search has found for the small networks is not called optimal."""
OF_OTHER_DATA = {"figure5bc"}
"""Figures whose labels are the data sets' names, which the small version does not share."""
SEARCHES = {"table5"}
"""What is found by a search instead (`bench search`)."""
MOST_NFE = 1_600
"""What all cells of a small grid may cost per sample: an hour at 500 samples on one slow core."""
MOST_EVALUATIONS = 220_000
"""What all profiles of a small grid may cost: a quarter of an hour on one core."""
ONE_VERSION = {"figure1", "figure3", "figure5a-ffhq"}
"""Figures of exact models, and of a second data set."""
SMALL = [
    name
    for name in grids.shipped()
    if name.endswith("-fashion") and name.startswith(("figure", "alpha", "curvature"))
]


def curves(name):
    """Return the labels of a grid in the order of its file."""
    declared, _ = grids.read(name)
    return list(dict.fromkeys(e.label for e in [*declared.sampler, *declared.profile]))


@pytest.mark.parametrize("name", sorted(CURVES))
def test_a_figures_grid_has_the_papers_curves(name):
    assert sorted(curves(name)) == sorted(CURVES[name])


def test_every_grid_of_a_figure_is_looked_at():
    of_figures = {name for name in grids.shipped() if name.startswith(("figure", "alpha"))}
    exact = {name for name in of_figures if name.endswith("-exact")}
    assert of_figures - exact - set(SMALL) == set(CURVES)
    assert {name.removesuffix("-exact") for name in exact} <= set(CURVES)
    small = {name.removesuffix("-fashion") for name in SMALL}
    assert small == set(CURVES) - ONE_VERSION | {"curvature"}


@pytest.mark.parametrize("name", SMALL)
def test_a_small_grid_has_the_same_curves(name):
    large = name.removesuffix("-fashion")
    if large in CURVES and large not in OF_OTHER_DATA:
        assert curves(name) == [BY_HAND.get(label, label) for label in curves(large)]


ORIGINALS = {"song-vp", "song-ve", "ddim", "ddpm", "adaptive-vp", "adaptive-ve"}


@pytest.mark.parametrize("name", grids.shipped())
def test_only_the_authors_programs_are_called_original(name):
    declared, _ = grids.read(name)
    called = [one for one in declared.sampler if "original" in one.label.lower()]
    assert {solver for one in called for solver in one.axes["solver"]} <= ORIGINALS
    assert not [one.label for one in declared.sampler if re.search(r"\bour\b", one.label.lower())]


@pytest.mark.parametrize("name", SMALL)
def test_a_small_grid_is_small(name):
    declared, text = grids.read(name)
    plan = plans.make(declared)
    if declared.profile:
        assert plan.evaluations <= MOST_EVALUATIONS
    else:
        assert sum(work.nfe or 0 for work in plan.work) <= MOST_NFE
    assert declared.samples == 500 or "# " in text.split("samples", 1)[1].split("\n", 1)[0]


def test_every_grid_that_reports_name_ships():
    named = {grid for item in PAPER for grid in item.grids}
    shipped = grids.shipped()
    assert all(
        any(one == g or one.startswith(f"{g}-") for one in shipped) for g in named - SEARCHES
    )

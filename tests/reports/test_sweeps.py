"""Sweeps over one parameter: what is a line, where it begins, and what is missing."""

import numpy as np
import pandas as pd
import pytest

from reports.curves import fid_vs_nfe
from reports.style import NothingToDrawError
from reports.sweeps import MOST_LINES, fid_vs_alpha, fid_vs_churn, fid_vs_churns, fid_vs_rho
from reports.swept import base_label, only_swept

DETERMINISTIC = {"S_churn": (0,), "label": "Deterministic"}


def lines_of(figure, panel=0):
    """Return the lines of a panel: numbers and values, without dots and grid."""
    drawn = [line for line in figure.axes[panel].lines if line.get_linestyle() != "None"]
    return [(list(line.get_xdata()), list(line.get_ydata())) for line in drawn]


def texts_of(figure):
    return " ".join(text.get_text() for text in figure.texts).replace("\n", " ")


def legend_of(figure):
    return [text.get_text() for text in figure.legends[0].get_texts()]


def test_a_line_is_the_values_of_one_parameter(swept):
    figure = fid_vs_rho(swept(rho=(1, 3, 7)))
    assert lines_of(figure) == [([1, 3, 7], pytest.approx([3.4, 3.2, 3.2]))]
    assert figure.axes[0].get_title() == "exact-fashion, NFE 35"
    assert legend_of(figure) == ["Heun", "ρ = 7, EDM's choice", "± 2 standard errors"]


@pytest.mark.parametrize("draw", [fid_vs_rho, fid_vs_churn, fid_vs_alpha, fid_vs_churns])
def test_ordinary_runs_sweep_nothing(draw, frame):
    with pytest.raises(NothingToDrawError):
        draw(frame(repeats=2))


def test_other_parameters_make_lines_of_their_own(swept):
    two = pd.concat([swept(rho=(1, 3, 7), steps=n) for n in (18, 32)], ignore_index=True)
    figure = fid_vs_rho(two)
    assert len(lines_of(figure)) == 2
    assert legend_of(figure)[:2] == ["Heun, 18 steps", "Heun, 32 steps"]


def test_all_lines_over_churn_begin_at_the_deterministic_sampler(swept):
    still = swept(**DETERMINISTIC)
    wide = swept(S_churn=(10, 40), label="no window")
    narrow = swept(S_churn=(10, 40), S_min=0.05, S_max=1.0, S_noise=1.007, label="window")
    figure = fid_vs_churn(pd.concat([still, wide, narrow], ignore_index=True))
    assert [x for x, _ in lines_of(figure)] == [[0, 10, 40], [0, 10, 40]]
    alone = fid_vs_churn(wide)
    assert [x for x, _ in lines_of(alone)] == [[10, 40]]


def test_a_missing_value_is_a_gap_and_is_named(swept):
    whole = swept(rho=(1, 3, 5, 7, 10), label="Heun")
    holey = swept(rho=(1, 3, 5, 7, 10), label="Other", without=(5,))
    figure = fid_vs_rho(pd.concat([whole, holey], ignore_index=True))
    by_length = {len(x) - int(np.isnan(y).sum()): (x, y) for x, y in lines_of(figure)}
    x, y = by_length[4]
    assert np.isnan(y[x.index(5)])  # matplotlib interrupts a line at nan
    assert "not measured, and left open: Other" in texts_of(figure)
    assert "at rho = 5" in texts_of(figure)
    assert "not measured" not in texts_of(fid_vs_rho(whole))


def test_models_of_one_data_set_with_a_line_each_share_a_panel(swept):
    figure = fid_vs_churn(swept(S_churn=(0, 10, 40), models=("fashion-vp", "fashion-ve")))
    assert len(figure.axes) == 1
    assert legend_of(figure)[:2] == ["fashion-ve", "fashion-vp"]


def test_other_models_have_panels(swept):
    lines = [swept(rho=(1, 7), models=("a", "b"), label=name) for name in ("x", "y")]
    figure = fid_vs_rho(pd.concat(lines, ignore_index=True))
    assert [axes.get_title() for axes in figure.axes] == ["a, NFE 35", "b, NFE 35"]


def test_a_search_is_no_sweep(swept):
    noise = np.linspace(1, 1.1, MOST_LINES + 1)
    many = [swept(S_churn=(10, 40), S_noise=float(x), label=f"S {x:.4f}") for x in noise]
    with pytest.raises(NothingToDrawError, match="search"):
        fid_vs_churn(pd.concat(many, ignore_index=True))


def test_sweeps_are_no_curves_over_nfe(swept, frame):
    sweep = swept(rho=(1, 3, 7))
    assert only_swept(sweep).all()
    with pytest.raises(NothingToDrawError):
        fid_vs_nfe(sweep)
    curve = frame(steps=(4, 8, 16))
    assert not only_swept(curve).any()
    # few values at many steps are curves, as in Figure 4
    grid = [swept(S_churn=(10, 40), steps=n) for n in (8, 16, 32)]
    assert not only_swept(pd.concat(grid, ignore_index=True)).any()


def test_repeated_churn_is_no_curve_over_nfe(swept):
    churned = swept(steps=(0, 10, 100), solver="churned", denoised="yes", sigma=0.2)
    assert only_swept(churned).all()
    figure = fid_vs_churns(churned)
    assert [x for x, _ in lines_of(figure)] == [[0, 10, 100]]
    assert legend_of(figure)[0] == "σ = 0.2"


def test_s_noise_sets_panels_apart_on_one_axis(swept):
    given = {"steps": (0, 10, 100), "solver": "churned", "denoised": "yes", "sigma": 0.2}
    parts = [swept(S_noise=noise, **given) for noise in (1.0, 1.007)]
    figure = fid_vs_churns(pd.concat(parts, ignore_index=True))
    assert [axes.get_title() for axes in figure.axes] == [
        "exact-fashion, S_noise = 1",
        "exact-fashion, S_noise = 1.007",
    ]
    assert len({axes.get_ylim() for axes in figure.axes}) == 1


@pytest.mark.parametrize(
    ("label", "parameter", "base"),
    [
        ("Heun, rho = 3, alpha = 1", "rho", "Heun, alpha = 1"),
        ("Heun, S_churn = 10", "S_churn", "Heun"),
        ("Heun", "rho", "Heun"),
    ],
)
def test_labels_without_what_the_grid_appended(label, parameter, base):
    assert base_label(label, parameter) == base

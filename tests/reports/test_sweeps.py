"""Sweeps over one parameter: what is a line, where it begins, and what is missing."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from sampler_bench.reports.curves import fid_vs_nfe
from sampler_bench.reports.style import NothingToDrawError, pictures
from sampler_bench.reports.sweeps import (
    MOST_LINES,
    fid_vs_alpha,
    fid_vs_churn,
    fid_vs_churns,
    fid_vs_rho,
)
from sampler_bench.reports.swept import base_label, only_swept
from sampler_bench.results import load

BASELINES = Path(__file__).parents[2] / "results" / "baselines"
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


@pytest.mark.parametrize("draw", [fid_vs_rho, fid_vs_churn, fid_vs_alpha, fid_vs_churns])
@pytest.mark.parametrize("run", ["quick", "gate"])
def test_shipped_runs_of_ordinary_grids_sweep_nothing(draw, run):
    records = load(BASELINES / run)  # of samplers with and without steps, levels and tolerances
    assert not only_swept(records).any()
    with pytest.raises(NothingToDrawError):
        draw(records)


def test_samplers_with_other_settings_do_not_disturb_a_sweep(swept, frame):
    sweep = swept(rho=(1, 3, 7))
    both = pd.concat([sweep, frame(labels=["Black-box RK45"])], ignore_index=True)
    assert lines_of(fid_vs_rho(both)) == lines_of(fid_vs_rho(sweep))
    assert list(both["label"][~only_swept(both)].unique()) == ["Black-box RK45"]


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


def test_beside_such_a_panel_a_model_alone_is_named_in_the_legend(swept):
    pair, other = swept(rho=(1, 7), models=("a", "b")), swept(rho=(1, 7), models=("c",))
    other["reference_digest"] = "another"
    figure = fid_vs_rho(pd.concat([pair, other], ignore_index=True))
    assert [axes.get_title() for axes in figure.axes] == ["Heun, NFE 35"] * 2
    assert legend_of(figure)[:3] == ["a", "b", "c"]


def test_other_models_have_panels(swept):
    lines = [swept(rho=(1, 7), models=("a", "b"), label=name) for name in ("x", "y")]
    figure = fid_vs_rho(pd.concat(lines, ignore_index=True))
    assert [axes.get_title() for axes in figure.axes] == ["a, NFE 35", "b, NFE 35"]


@pytest.mark.parametrize(
    ("draw", "settings", "at"),
    [
        (fid_vs_rho, {"rho": (1, 7, 10)}, 7),
        (fid_vs_alpha, {"alpha": (0.5, 1, 2), "solver": "rk2"}, 1),
    ],
)
def test_the_usual_choice_has_a_large_dot(draw, settings, at, swept):
    def dots(records):
        figure = draw(records)
        return [
            (list(line.get_xdata()), list(line.get_ydata()))
            for line in figure.axes[0].lines
            if line.get_linestyle() == "None"
        ], legend_of(figure)

    records = swept(**settings)
    (name,) = (key for key, value in settings.items() if isinstance(value, tuple))
    found, legend = dots(records)
    name = f"sampler.{name}"
    value = records.loc[records[name] == at, "value"].iloc[0]
    assert found == [([at], [pytest.approx(value)])]
    assert any(f"= {at}," in text for text in legend)
    found, legend = dots(records[records[name] != at])
    assert found == []
    assert not any(f"= {at}," in text for text in legend)


def churn_lines(swept, **without):
    """Return records like Figure 15's: the deterministic sampler, and lines that begin at it."""
    window = {"S_min": 0.05, "S_max": 1.0}
    kinds = {
        "no window & S_noise = 1": {},
        "no window": {"S_noise": 1.007},
        "S_noise = 1": window,
        "Optimal": {"S_noise": 1.007, **window},
    }
    given = {"S_churn": (10, 20, 40, 80), "models": ("a", "b", "c")}
    parts = [
        swept(label=label, without=without.get(label, ()), repeats=2, **kind, **given)
        for label, kind in kinds.items()
    ]
    still = swept(repeats=2, models=given["models"], **DETERMINISTIC)
    return pd.concat([still, *parts], ignore_index=True)


@pytest.mark.usefixtures("small_pictures")
def test_the_order_of_records_does_not_matter(swept):
    records = churn_lines(swept, Optimal=(20,))
    shuffled = records.sample(frac=1, random_state=2)
    assert pictures(fid_vs_churn(records))["png"] == pictures(fid_vs_churn(shuffled))["png"]


def test_gaps_are_named_line_by_line_up_to_four(swept):
    records = churn_lines(swept, Optimal=(20, 40), **{"no window": (40,)})
    text = texts_of(fid_vs_churn(records))
    assert "Optimal (a) at S_churn = 20, 40" in text
    assert "; 2 more lines" in text  # two lines in each of three panels
    assert "(c)" not in text


def test_a_value_that_is_missing_in_one_panel_is_a_gap_there(swept):
    whole, holey = swept(rho=(1, 3, 7), models=("a",)), swept(rho=(1, 7), models=("b",))
    holey["reference_digest"] = "another"
    figure = fid_vs_rho(pd.concat([whole, holey], ignore_index=True))
    ((x, y),) = lines_of(figure, panel=1)
    assert x == [1, 3, 7]
    assert np.isnan(y).tolist() == [False, True, False]


def test_stochastic_samplers_over_nfe_are_curves_and_no_sweep(swept):
    def curve(label, **settings):
        parts = [swept(label=label, steps=n, **settings) for n in (8, 16, 32)]
        return pd.concat(parts).assign(label=label)

    typed = [curve(f"churn {c}", S_churn=(c,)) for c in (0, 10, 40)]
    figure = fid_vs_nfe(pd.concat(typed, ignore_index=True))
    assert legend_of(figure)[:3] == ["churn 0", "churn 10", "churn 40"]
    assert [x for x, _ in lines_of(figure)] == [[15, 31, 63]] * 3
    axis = pd.concat([swept(S_churn=(10, 40), steps=n) for n in (8, 16, 32)], ignore_index=True)
    assert len(lines_of(fid_vs_nfe(axis))) == 2
    for records in (pd.concat(typed, ignore_index=True), axis):
        with pytest.raises(NothingToDrawError):
            fid_vs_churn(records)


def test_tolerances_are_a_curve_as_steps_are(swept):
    parts = [swept(rho=(5, 7), solver="rk45", rtol=rtol) for rtol in (0.1, 0.01, 0.001)]
    assert not only_swept(pd.concat(parts, ignore_index=True)).any()


def test_precisions_are_lines_of_their_own(swept):
    half = swept(rho=(1, 3, 7)).assign(precision="bfloat16", point=["x", "y", "z"])
    figure = fid_vs_rho(pd.concat([swept(rho=(1, 3, 7)), half], ignore_index=True))
    assert legend_of(figure)[:2] == ["Heun, precision = bfloat16", "Heun, precision = float32"]


def test_the_lowest_and_highest_nfe_are_in_the_title(swept):
    records = swept(alpha=(0.5, 1, 2), solver="rk2")
    records.loc[records["sampler.alpha"] == 2, "nfe"] = 29
    assert fid_vs_alpha(records).axes[0].get_title() == "exact-fashion, NFE 29–35"


def test_values_of_far_different_sizes_have_a_logarithmic_axis(swept):
    given = {"steps": (0, 10, 100), "solver": "churned", "denoised": "yes", "sigma": 0.2}
    parts = [swept(S_noise=noise, **given) for noise in (1.0, 1.007)]
    parts[0].loc[parts[0]["sampler.steps"] == 100, "value"] *= (
        100  # far: linear limits would go below 0
    )
    figure = fid_vs_churns(pd.concat(parts, ignore_index=True))
    assert [axes.get_yscale() for axes in figure.axes] == ["log", "log"]
    (limits,) = {axes.get_ylim() for axes in figure.axes}
    assert 0 < limits[0] < 3.2 < 1250 < limits[1]


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
        ("Heun, rho = 3, alpha = 1", "sampler.rho", "Heun, alpha = 1"),
        ("Heun, S_churn = 10", "sampler.S_churn", "Heun"),
        ("Heun", "sampler.rho", "Heun"),
    ],
)
def test_labels_without_what_the_grid_appended(label, parameter, base):
    assert base_label(label, parameter) == base

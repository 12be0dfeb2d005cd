"""Figures over σ, sheets and trajectories: what is drawn where, and what is left open."""

import numpy as np
import pandas as pd
import pytest

from sampler_bench.reports.profiles import (
    curvature_over_sigma,
    local_error_over_sigma,
    loss_over_sigma,
)
from sampler_bench.reports.sheet import churn_sheet, noise_levels, samples_over_nfe
from sampler_bench.reports.style import NothingToDrawError
from sampler_bench.reports.trajectories import trajectories

WEIGHTS = {w: {"weights": w, "P_mean": -1.2, "P_std": 1.2} for w in ("initial", "trained")}
STEPS = {
    f"{s}, σ(t) = √t, rho = {r:g}": {"solver": s, "rho": r}
    for s in ("Euler", "Heun")
    for r in (1, 7)
}


def lines_of(axes):
    return [(list(line.get_xdata()), list(line.get_ydata())) for line in axes.lines]


def legend_of(figure):
    return [text.get_text() for text in figure.legends[0].get_texts()]


def test_a_line_is_the_mean_over_sigma(profiled):
    records = profiled("denoising-loss", WEIGHTS)
    figure = loss_over_sigma(records)
    (axes,) = figure.axes
    expected = [(row.profile["sigma"], row.profile["mean"]) for row in records.itertuples()]
    assert sorted(lines_of(axes)) == sorted(expected)
    assert legend_of(figure) == [
        "initial",
        "trained",
        "p_train (height arbitrary)",
        "± 1 standard deviation over samples",
    ]
    bands = [band.get_paths()[0].vertices[:, 1] for band in axes.collections[: len(records)]]
    reach = [np.add(row.profile["mean"], row.profile["std"]) for row in records.itertuples()]
    assert sorted(band.max() for band in bands) == pytest.approx(sorted(r.max() for r in reach))
    low, high = axes.get_ylim()
    assert low == 0 and high > max(max(mean) for _, mean in expected)


def test_local_errors_have_a_panel_per_solver_and_one_axis_for_all(profiled):
    figure = local_error_over_sigma(profiled("local-error", STEPS))
    titles = [axes.get_title() for axes in figure.axes]
    assert titles == ["exact-fashion: Euler, σ(t) = √t", "exact-fashion: Heun, σ(t) = √t"]
    heun_first = profiled("local-error", STEPS).assign(order=[2, 3, 0, 1])
    titles = [axes.get_title() for axes in local_error_over_sigma(heun_first).axes]
    assert titles == ["exact-fashion: Heun, σ(t) = √t", "exact-fashion: Euler, σ(t) = √t"]
    assert [len(axes.lines) for axes in figure.axes] == [2, 2]
    assert legend_of(figure)[:2] == ["ρ = 1", "ρ = 7"]
    assert len({axes.get_ylim() for axes in figure.axes}) == 1
    assert {axes.get_yscale() for axes in figure.axes} == {"log"}


def test_a_refit_of_vps_betas_is_noted(profiled):
    vp = {"schedule": "vp", "sigma_min": 0.002, "sigma_max": 80.0}
    figure = curvature_over_sigma(profiled("curvature", {"VP": vp}))
    assert "β of VP refitted to σ from 0.002 to 80" in figure.texts[0].get_text()


def test_a_missing_line_is_not_drawn(profiled):
    whole = profiled("local-error", STEPS)
    figure = local_error_over_sigma(whole[whole["label"] != "Heun, σ(t) = √t, rho = 7"])
    assert [len(axes.lines) for axes in figure.axes] == [2, 1]


def test_other_records_draw_nothing_over_sigma(frame, profiled):
    ordinary = frame()
    for draw in (loss_over_sigma, local_error_over_sigma, curvature_over_sigma):
        with pytest.raises(NothingToDrawError):
            draw(ordinary)
    both = pd.concat([ordinary, profiled("denoising-loss", WEIGHTS)], ignore_index=True)
    assert len(loss_over_sigma(both).axes[0].lines) == 2


def images(_work_key):
    return {"images": np.zeros((5, 1, 4, 4), np.uint8)}


def tiles(figure):
    """The number of tiles with images, and of empty frames."""
    full = sum(len(axes.images) for axes in _all_axes(figure))
    return full, sum(len(axes.patches) for axes in _all_axes(figure))


def _all_axes(figure):
    return [axes for part in figure.subfigs for axes in part.axes]


def words(figure):
    return [text.get_text() for part in figure.subfigs for text in part.texts]


def test_noise_levels_are_columns(swept):
    given = {"sigma": (0, 0.2, 5), "steps": 0, "solver": "churned"}
    noisy = swept(**given, denoised="no", label="Noisy")
    seen = swept(**given, denoised="yes", label="Seen")
    figure = noise_levels(pd.concat([seen, noisy], ignore_index=True), images)
    assert tiles(figure) == (6, 0)
    shown = words(figure)
    assert [w for w in shown if w.startswith("σ")] == ["σ = 0", "σ = 0.2", "σ = 5"]
    assert shown.index("x ~ p(x; σ)") < shown.index("D(x; σ)")


def test_a_tile_that_was_not_measured_is_an_empty_frame(swept):
    given = {"steps": (0, 10, 100), "solver": "churned", "denoised": "yes"}
    low = swept(**given, sigma=0.1)
    high = swept(**given, sigma=0.6, without=(10,))
    figure = churn_sheet(pd.concat([low, high], ignore_index=True), images)
    assert tiles(figure) == (5, 1)
    assert "100 churns" in words(figure)


def test_samples_stand_in_the_order_of_their_evaluations(frame):
    records = frame(steps=(4, 16, 64))
    figure = samples_over_nfe(records.sample(frac=1, random_state=0), images)
    shown = [w for w in words(figure) if w.startswith("NFE")]
    assert shown[:6] == ["NFE 4", "NFE 16", "NFE 64", "NFE 7", "NFE 31", "NFE 127"]
    assert tiles(figure) == (len(records), 0)


def test_of_many_evaluations_eight_are_shown(frame):
    records = frame(steps=tuple(range(4, 34)), labels=["Original sampler (Euler)"])
    shown = [w for w in words(samples_over_nfe(records, images)) if w.startswith("NFE")]
    assert len(shown) == 8 and shown[0] == "NFE 4" and shown[-1] == "NFE 33"


def test_no_images_no_sheet(frame, swept):
    churned = swept(steps=(0, 10, 100), solver="churned", denoised="yes", sigma=0.1)
    for draw, records in ((samples_over_nfe, frame()), (churn_sheet, churned)):
        with pytest.raises(NothingToDrawError):
            draw(records, lambda _key: None)


def test_trajectories_are_drawn_whole_and_near_the_data(profiled):
    sigma = np.array([0.1, 0.5, 1.0, 2.0, 10.0])
    x = np.outer([1, -1, 0.5], np.hypot(1, sigma))

    def kept(_work_key):
        return {"sigma": sigma, "t": sigma**2, "s": np.ones(5), "x": x, "slope": 0 * x}

    figure = trajectories(profiled("curvature", {"VE": {"schedule": "ve"}}), kept)
    whole, near = figure.axes
    assert whole.get_xlim() == (0, 100) and near.get_xlim() == (0, 1)
    drawn = [line for line in lines_of(whole) if len(line[0]) == 5]
    assert drawn == [(list(sigma**2), list(row)) for row in x]
    with pytest.raises(NothingToDrawError):
        trajectories(profiled("curvature", {"VE": {"schedule": "ve"}}), images)


@pytest.mark.parametrize("count", [1, 2, 3, 6])
def test_any_number_of_schedules_stand_beside_each_other(profiled, count):
    def kept(_work_key):  # nothing of it near the data
        sigma = np.array([2.0, 5.0, 10.0])
        x = np.outer([1, -1], np.hypot(1, sigma))
        return {"sigma": sigma, "t": sigma, "s": np.ones(3), "x": x, "slope": 0 * x}

    lines = {f"schedule {k}": {"schedule": str(k)} for k in range(count)}
    figure = trajectories(profiled("curvature", lines), kept)
    titles = [axes.get_title() for axes in figure.axes]
    assert titles == [*lines, *[""] * count]
    assert all(not axes.lines for axes in figure.axes[count:])

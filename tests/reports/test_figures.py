import io
import itertools

import matplotlib
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.text import Text

from sampler_bench.reports import FIGURES, style
from sampler_bench.reports.contact import _strip, chosen_rows, contact_sheet
from sampler_bench.reports.curves import fid_vs_nfe
from sampler_bench.reports.style import (
    DASHES,
    MARKERS,
    PALETTE,
    NothingToDrawError,
    log_ticks,
    looks,
    save,
)
from sampler_bench.reports.truncation import fitted_order, truncation_vs_nfe
from sampler_bench.results.load import table
from tests.reports.test_searches import search_records

pytestmark = pytest.mark.usefixtures("small_pictures")

IMAGES = np.arange(12 * 3 * 8 * 8, dtype=np.uint8).reshape(12, 3, 8, 8)
EVERYTHING = ("fid", "kid", "recall", "truncation-error")


def images(_work_key):
    return {"images": IMAGES}


def trajectories(_work_key):
    sigma = np.geomspace(0.02, 25, 9)
    x = np.outer([1.0, -0.5], np.hypot(1, sigma))
    slope = np.outer([1.0, -0.5], sigma / np.hypot(1, sigma))
    return {"sigma": sigma, "t": sigma, "s": np.ones(9), "x": x, "slope": slope}


def states(_work_key):
    return {"sigma": np.array([80, 5, 6, 0.2, 0.0]), "x": np.arange(10.0).reshape(2, 5) - 4}


KEPT = {"trajectories": trajectories, "skewed-start": states}


def drawn(name, records):
    """Draw a figure. One that finds nothing to draw is a failure: the records are made for it."""
    return FIGURES[name](records, KEPT.get(name, images))


def pixels(figure):
    file = io.BytesIO()
    figure.savefig(file, format="rgba", dpi=50)
    return file.getvalue()


SWEPT = {
    "fid-vs-churn": {"S_churn": (0, 10, 40)},
    "fid-vs-rho": {"rho": (1, 3, 7)},
    "fid-vs-alpha": {"alpha": (0.5, 1, 2), "solver": "rk2"},
    "fid-vs-churns": {"steps": (0, 10, 100), "solver": "churned", "denoised": "yes", "sigma": 0.2},
}


PROFILED = {
    "loss-over-sigma": (
        "denoising-loss",
        {w: {"weights": w, "P_mean": -1.2, "P_std": 1.2} for w in ("initial", "trained")},
    ),
    "local-error-over-sigma": (
        "local-error",
        {f"{s}, rho = {r:g}": {"solver": s, "rho": r} for s in ("Euler", "Heun") for r in (1, 7)},
    ),
    "curvature-over-sigma": ("curvature", {s: {"schedule": s} for s in ("vp", "ve", "linear")}),
    "others-over-sigma": ("file:mine", {s: {"schedule": s} for s in ("vp", "ve", "linear")}),
    "trajectories": ("curvature", {s: {"schedule": s} for s in ("vp", "ve", "linear")}),
}
ONE_NUMBER = {
    f"{label}, skew = {skew:g}": {"skew": skew} for label in ("Heun", "Churn") for skew in (0, 0.5)
}
GRADIENTS = {
    f"{label}, weights = {w}": {"weights": w} for label in "AB" for w in ("initial", "trained")
}
SHEETS = {
    "noise-levels": {"sigma": (0, 0.2, 5), "steps": 0, "solver": "churned", "denoised": "no"},
    "churn-sheet": SWEPT["fid-vs-churns"],
}


ORDINARY = ("fid-vs-nfe", "truncation-vs-nfe", "contact-sheet")


@pytest.fixture
def fitting(frame, swept, profiled):
    """Return the records that a figure draws."""

    def made(name):
        if name in PROFILED:
            return profiled(*PROFILED[name], models=("exact-fashion", "fashion-vp"), repeats=2)
        if name == "skewed-start":
            made = profiled("mode-mass", ONE_NUMBER, repeats=2)
            return made.assign(**{"measurement.skew": made["sampler.skew"]})
        if name == "gradients-over-sigma":
            made = profiled("gradient-size", GRADIENTS, repeats=2)
            often = [{**profile, "density": profile["std"]} for profile in made["profile"]]
            return made.assign(profile=often)
        if name == "warped-schedule":
            made = frame(metrics=EVERYTHING, labels=["σ = t", "σ = √t"], repeats=2)
            return made.assign(**{"sampler.schedule": made["label"]})
        if name == "churn-search":
            return table(search_records())
        if name in SWEPT or name in SHEETS:
            return swept(repeats=2, **{**SWEPT, **SHEETS}[name])
        return frame(metrics=EVERYTHING, repeats=2, steps=(4, 16, 64))

    return made


@pytest.mark.parametrize("name", FIGURES)
def test_the_order_of_records_does_not_matter(name, fitting):
    records = fitting(name)
    shuffled = records.sample(frac=1, random_state=3)
    assert as_pdf(drawn(name, records)) == as_pdf(drawn(name, shuffled))


def test_saved_files_depend_on_the_figure_alone(fitting, tmp_path):
    records = fitting("fid-vs-nfe")
    one = save(drawn("fid-vs-nfe", records), tmp_path / "one")
    two = save(drawn("fid-vs-nfe", records), tmp_path / "two")
    assert {path.suffix for path in one} == {".png", ".pdf"}
    for a, b in zip(one, two, strict=True):
        assert a.read_bytes() == b.read_bytes()


def test_a_users_matplotlibrc_changes_nothing(frame):
    records = frame(labels=["a"], steps=(4, 8))
    usual = as_pdf(fid_vs_nfe(records))
    own = {"axes.facecolor": "red", "lines.linewidth": 9, "xtick.labelsize": 20, "font.size": 20}
    with matplotlib.rc_context(own):
        assert as_pdf(fid_vs_nfe(records)) == usual


def as_pdf(figure):
    """Return all that is drawn, also what lies below something else."""
    file = io.BytesIO()
    with matplotlib.rc_context(style.RC):
        figure.savefig(file, format="pdf", metadata={"CreationDate": None})
    return file.getvalue()


def unseen_ticks(figure):
    """Yield labels of ticks outside an axis' limits, which exist and are not drawn."""
    for axis in (one for axes in figure.axes for one in (axes.xaxis, axes.yaxis)):
        low, high = sorted(axis.get_view_interval())
        for tick in axis.get_major_ticks():
            if not low <= tick.get_loc() <= high:
                yield from (tick.label1, tick.label2)


@pytest.mark.parametrize("name", FIGURES)
def test_no_text_is_cut_off_or_covers_another(name, fitting):
    figure = drawn(name, fitting(name))
    figure.canvas.draw()
    renderer = figure.canvas.get_renderer()
    texts = set(figure.findobj(Text)) - set(unseen_ticks(figure))
    boxes = [
        (t.get_text(), t.get_window_extent(renderer))
        for t in texts
        if t.get_visible() and t.get_text()
    ]
    boxes = [(text, box) for text, box in boxes if box.width and box.height]
    width, height = figure.bbox.width, figure.bbox.height
    for text, box in boxes:
        assert box.x0 >= -1, text
        assert box.y0 >= -1, text
        assert box.x1 <= width + 1, text
        assert box.y1 <= height + 1, text
    for (text, box), (other, another) in itertools.combinations(boxes, 2):
        assert not box.shrunk(0.9, 0.9).overlaps(another.shrunk(0.9, 0.9)), (text, other)


@pytest.mark.parametrize("name", FIGURES)
def test_no_tick_is_written_in_tex(name, fitting, tmp_path):
    """Labels are names, so TeX is not read: a tick must be readable as it stands."""
    figure = drawn(name, fitting(name))
    save(figure, tmp_path / "figure")
    axes = [axis for one in figure.axes for axis in (one.xaxis, one.yaxis)]
    ticks = [
        tick for axis in axes for minor in (False, True) for tick in axis.get_ticklabels(minor)
    ]
    assert not [tick.get_text() for tick in ticks if set(tick.get_text()) & set("$\\{}^")]


def test_colours_marks_and_dashes_tell_labels_apart():
    made = looks([f"sampler {i}" for i in range(len(MARKERS) * len(DASHES))])
    seen = {(look.marker, str(look.dash)) for look in made.values()}
    assert len(seen) == len(made)
    first = list(made.values())[: len(PALETTE)]
    assert len({look.color for look in first}) == len({look.marker for look in first}) == 7


@pytest.mark.parametrize("known", [(), ("Euler",), ("Euler", "Heun", "RK45", "Deterministic")])
def test_the_29th_label_looks_like_no_other_nor_does_the_150th(known):
    made = looks([*known, *(f"sampler {i}" for i in range(150))]).values()
    assert len({(look.color, look.marker, str(look.dash)) for look in made}) == 150 + len(known)


@given(st.floats(1e-9, 1e6), st.floats(1.5, 1e9))
def test_ticks_are_few_and_inside(low, ratio):
    ticks = log_ticks(low, low * ratio)
    assert 1 <= len(ticks) <= 8
    assert all(low <= tick <= low * ratio for tick in ticks)


@pytest.mark.parametrize("label", ["$x_1$", "$", "_hidden", "50 % & <b>", "\\frac{1}{2}"])
def test_any_label_can_be_drawn(label, frame):
    records = frame(labels=[label])
    figure = fid_vs_nfe(records)
    pixels(figure)
    assert label in [text.get_text().strip() for text in figure.legends[0].get_texts()]


def test_values_that_are_not_positive_are_drawn_on_a_linear_axis(frame):
    records = frame(metrics=("kid",))
    records["value"] -= records["value"].median()
    figure = fid_vs_nfe(records)
    assert figure.axes[0].get_yscale() == "linear"
    pixels(figure)


@pytest.mark.parametrize("repeats", [1, 2])
@pytest.mark.parametrize("known", ["all", "some", "none"])
def test_the_legend_names_no_band_that_is_not_there(frame, repeats, known):
    records = frame(metrics=("kid",), repeats=repeats, steps=(4, 8, 16))
    gone = {"all": 0, "some": 8, "none": 99}[known]
    records.loc[records["sampler.steps"].fillna(99) < gone, "se"] = np.nan
    if known == "none":
        records["se"] = np.nan
    figure = fid_vs_nfe(records)
    drawn = any(band.get_paths() for axes in figure.axes for band in axes.collections)
    entries = [text.get_text() for text in figure.legends[0].get_texts()]
    assert any("lowest to highest" in text for text in entries) == (repeats > 1)
    assert any("± 2 standard errors" in text for text in entries) == (repeats == 1 and drawn)
    assert drawn == (repeats > 1 or known != "none")


def test_a_single_point_can_be_drawn(frame):
    records = frame(labels=["Black-box RK45"], steps=(8,), metrics=("fid", "truncation-error"))
    for name in ORDINARY:
        pixels(FIGURES[name](records, images))


def test_published_values_stand_beside_true_fid_only(frame):
    model = "edm-cifar10-32x32-cond-vp"

    def texts(**options):
        legend = fid_vs_nfe(frame(model=model, **options)).legends[0]
        return [text.get_text() for text in legend.get_texts()]

    assert "published, same checkpoint" in texts(extractor="inception", samples=50_000)
    assert "published, same checkpoint" not in texts(extractor="inception", samples=10_000)


def test_nothing_to_draw_is_said(frame):
    fid, truncation = frame(), frame(metrics=("truncation-error",))
    for draw in (
        lambda: fid_vs_nfe(truncation),
        lambda: truncation_vs_nfe(fid),
        lambda: contact_sheet(fid, lambda _key: None),
    ):
        with pytest.raises(NothingToDrawError):
            draw()


@pytest.mark.parametrize(
    ("errors", "expected"),
    [
        ([8.0, 4.0, 2.0, 1.0], (1.0, 4, 32)),
        ([9.0, 8.0, 4.0, 1.0, 0.25, 0.0625], (2.0, 16, 128)),  # coarse steps
        ([64.0, 16.0, 4.0, 1.0, 0.9, 0.89], (2.0, 4, 32)),  # a floor
        ([1.0, 0.99, 1.01, 1.0], None),
        ([1.0, 0.5], None),
    ],
)
def test_fitted_order(errors, expected):
    steps = 4.0 * 2.0 ** np.arange(len(errors))
    curve = pd.DataFrame({"steps": steps, "nfe": steps, "value": errors})
    made = fitted_order(curve)
    assert made == (expected and pytest.approx(expected))


def test_the_contact_sheet_shows_each_label_at_its_dot(frame):
    rows = chosen_rows(frame(repeats=2, metrics=("kid", "fid")))
    assert list(rows["metric"]) == ["fid"] * 4
    assert set(rows["repeat"]) == {0}
    assert dict(zip(rows["label"], rows["nfe"], strict=True))["Black-box RK45"] == 47


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_images_of_any_number_of_channels_are_shown(channels):
    images = np.arange(2 * channels * 16, dtype=np.uint8).reshape(2, channels, 4, 4)
    strip = _strip(images)
    shown = images[1].transpose(1, 2, 0)
    expected = shown[..., 0] if channels < 3 else shown[..., :3]
    np.testing.assert_array_equal(strip[:, 5:], expected)


def test_points_are_drawn_as_scatters(frame):
    cloud = np.random.default_rng(0).standard_normal((50, 2))
    figure = contact_sheet(frame(), lambda _key: {"points": cloud})
    assert len(figure.findobj(match=lambda a: type(a).__name__ == "PathCollection")) == 4
    pixels(figure)

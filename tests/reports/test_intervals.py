"""Bands, axes, differences, dots and floors of curves: what a figure says of its errors."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import LineCollection

from sampler_bench.reports.curves import MOST_LINES, draw_curves, fid_vs_nfe
from sampler_bench.reports.differences import from_first, from_zero
from sampler_bench.reports.floors import UNKNOWN
from sampler_bench.reports.intervals import interval, limits
from sampler_bench.reports.points import dot, estimate, points
from sampler_bench.reports.style import KNOWN, looks, panels
from sampler_bench.results.estimate import Estimate

FOUR = ["a", "b", "c", "d"]  # of equal NFE and seeds


def curve(values, se=0.1, **columns):
    """Points of one curve, each of one repeat of 20 shards; `se` that of each, in pairs too."""
    rng = np.random.default_rng(0)
    rows = []
    for k, (value, error) in enumerate(zip(values, np.broadcast_to(se, len(values)), strict=True)):
        noise = rng.standard_normal(20)
        noise = (noise - noise.mean()) / noise.std()
        loo = tuple(value + error * noise / np.sqrt(19))
        measured = ((value, (0, 1000), loo),)
        rows.append({"nfe": k + 1.0, "value": value, "se": error, "measured": measured})
    made = pd.DataFrame(rows).assign(metric="fid", repeats=1, low=np.nan, high=np.nan, **columns)
    return made.assign(point=[str(k) for k in range(len(made))])


def test_errors_of_the_made_up_points_are_what_they_say():
    row = curve([3.0], se=0.4).iloc[0]
    assert estimate(row).se == pytest.approx(0.4)


def test_bands_on_logarithmic_axes_are_of_the_logarithm():
    low, high = interval(curve([1.0, 2.0], se=[0.9, 0.2]), logarithmic=True)
    np.testing.assert_allclose(low, [np.exp(-1.8), 2 * np.exp(-0.2)])
    np.testing.assert_allclose(high, [np.exp(1.8), 2 * np.exp(0.2)])
    low, high = interval(curve([1.0], se=0.9), logarithmic=False)
    assert (low[0], high[0]) == (pytest.approx(-0.8), pytest.approx(2.8))


def test_repeats_span_the_lowest_to_the_highest():
    several = curve([2.0]).assign(repeats=3, low=1.5, high=2.75)
    assert [end[0] for end in interval(several, logarithmic=True)] == [1.5, 2.75]


@pytest.mark.parametrize("logarithmic", [False, True])
def test_axes_go_by_the_values_and_long_bands_run_off(logarithmic):
    low, high = limits([curve([1.0, 4.0, 4.0], se=[50.0, 0.01, 0.01])], logarithmic)
    assert (0 if not logarithmic else 0.25) <= low < 1 and 4 < high < 15
    tight = limits([curve([1.0, 4.0], se=0.001)], logarithmic)
    assert low < tight[0] < 1 and 4 < tight[1] < 5


def test_noise_does_not_fill_a_linear_axis():
    low, high = limits([curve([10.0, 10.1, 10.0], se=1.0)], logarithmic=False)
    assert low < 8.1 and high > 12


def test_a_point_alone_has_a_bar_and_others_have_none():
    _figure, (axes,) = panels(1)
    many, one = curve([3.0, 2.0], label="many"), curve([2.5], se=0.25, label="one")
    gap = curve([3.0, np.nan, 2.0], label="gap")
    draw_curves(axes, pd.concat([many, one, gap]), looks(["many", "one", "gap"]), logarithmic=False)
    bars = [
        [path.vertices[:, 1].tolist() for path in found.get_paths()]
        for found in axes.collections
        if isinstance(found, LineCollection) and found.get_paths()
    ]
    by_label = {len(found): found for found in bars}  # "gap" has two, "many" none
    assert by_label[1] == [[2.0, 3.0]] and set(by_label) == {1, 2}
    np.testing.assert_allclose(by_label[2], [[2.8, 3.2], [1.8, 2.2]])


@pytest.mark.parametrize(
    ("values", "se", "state", "nfe"),
    [
        ([50.0, 10.0, 10.4], 0.01, "settled", 2),
        ([50.0, 10.1, 10.0, 10.4], 0.01, "settled", 2),
        ([50.0, 10.1, 10.0, 10.4], 0.4, "open", 2),
        ([50.0, 10.1, 10.0], 0.01, "last", 2),
        ([50.0, 20.0, 10.0], 0.01, "last", 3),
        ([10.1, 10.0, 10.2], 0.01, "first", 1),
        ([10.0], 0.01, "alone", 1),
    ],
)
def test_a_dot_is_settled_where_the_paired_error_allows(values, se, state, nfe):
    found = dot(curve(values, se))
    assert (found.state, found.at["nfe"]) == (state, nfe)


def test_where_the_error_is_unknown_a_dot_is_not_settled():
    made = curve([50.0, 10.1, 10.0, 10.4])
    made["measured"] = [((row["value"], (0, 1000), ()),) for _, row in made.iterrows()]
    assert dot(made).state == "open"


def legend(figure):
    return [text.get_text() for text in figure.legends[0].get_texts()]


def faces(figure):
    dots = [line for line in figure.axes[0].lines if line.get_markersize() == 9]
    return ["hollow" if one.get_markerfacecolor() == "white" else "filled" for one in dots]


def test_the_figure_says_which_dots_are_settled(frame):
    records = frame(labels=FOUR)
    falling = fid_vs_nfe(records)
    assert faces(falling) == ["hollow"] * 4
    (text,) = [one for one in legend(falling) if "3 %" in one]
    assert "last point measured" in text
    last = records["nfe"] == records["nfe"].max()
    values = records["value"] * np.where(last, 2, 1)
    loo = [[value * (1 + 0.001 * k) for k in range(-10, 10)] for value in values]
    rising = fid_vs_nfe(records.assign(value=values, loo=loo))
    assert "filled" in faces(rising)
    assert "lowest NFE within 3 % of the best, by 2 SE" in legend(rising)
    one = fid_vs_nfe(frame(labels=["a"], steps=(8,)))
    assert faces(one) == [] and not [text for text in legend(one) if "3 %" in text]


def test_differences_are_paired_with_the_first_line(frame):
    records = frame(labels=FOUR, steps=(4, 8))
    made = points(records)
    found = from_first(made, FOUR, logarithmic=False)
    assert found.of == "a" and list(found.rows["label"].unique()) == ["b", "c", "d"]
    for _, row in found.rows.iterrows():
        one, two = (
            records[(records["label"] == label) & (records["nfe"] == row["nfe"])].iloc[0]
            for label in (row["label"], "a")
        )
        gap = np.array(one["loo"]) - np.array(two["loo"])
        error = np.sqrt(19 / 20 * ((gap - gap.mean()) ** 2).sum())
        assert row["value"] == pytest.approx(one["value"] - two["value"])
        assert row["high"] - row["value"] == pytest.approx(2 * error)
    ratio = from_first(made, FOUR, logarithmic=True).rows
    assert (ratio["low"] > 0).all() and (ratio["low"] < ratio["value"]).all()


def test_only_equal_nfe_and_seeds_are_compared(frame):
    made = points(frame(labels=FOUR, steps=(4, 8)))
    assert from_first(made[made["label"] != "d"], FOUR, logarithmic=False) is None
    moved = made.assign(nfe=made["nfe"] + 0.5 * (made["label"] == "a"))
    found = from_first(moved, FOUR, logarithmic=False)
    assert (found.of, found.left_out) == ("b", ("a",))
    other = [
        tuple((value, (7, 1000), loo) for value, _, loo in row["measured"])
        if row["label"] == "c"
        else row["measured"]
        for _, row in made.iterrows()
    ]
    assert from_first(made.assign(measured=other), FOUR, logarithmic=False).left_out == ("c",)


def test_numbers_that_are_not_known_shard_by_shard_are_not_paired(frame):
    made = points(frame(labels=FOUR, steps=(4, 8)))
    bare = [tuple((value, seeds, ()) for value, seeds, _ in row) for row in made["measured"]]
    assert from_first(made.assign(measured=bare), FOUR, logarithmic=False) is None


def test_lines_over_churn_are_compared_with_their_own_zero():
    lines = [curve([3.0, 2.5, 4.0], label=name) for name in FOUR]
    made = pd.concat([line.assign(nfe=line["nfe"] - 1) for line in lines], ignore_index=True)
    rows = from_zero(made, "S_churn = 0", logarithmic=False).rows
    assert list(rows["value"]) == [0, -0.5, 1] * 4
    assert (rows.loc[rows["nfe"] == 0, "low"] == 0).all()
    assert from_zero(made[made["nfe"] > 0], "S_churn = 0", logarithmic=False) is None


def test_more_than_three_lines_have_a_panel_of_differences(frame):
    figure = fid_vs_nfe(frame(labels=FOUR))
    assert len(figure.axes) == 2
    assert figure.axes[1].get_ylabel() == "ratio to\na"
    text = " ".join(one.get_text() for one in figure.texts).replace("\n", " ")
    assert "paired on the same seeds" in text
    assert len(fid_vs_nfe(frame(labels=FOUR[:3])).axes) == 1


def test_more_than_eight_lines_are_drawn_in_several_panels(frame):
    many = [f"sampler {k:02}" for k in range(MOST_LINES + 1)]
    figure = fid_vs_nfe(frame(labels=many, steps=(4, 8)))
    upper = [axes for axes in figure.axes if axes.get_title()]
    assert [axes.get_title()[-6:] for axes in upper] == ["1 of 2", "2 of 2"]
    assert len({axes.get_ylim() for axes in upper}) == 1


def test_panels_of_one_metric_have_one_value_axis(frame):
    parts = [frame(labels=["a"], model=model) for model in ("exact-fashion", "fashion-vp")]
    parts[1]["value"] *= 30
    figure = fid_vs_nfe(pd.concat(parts, ignore_index=True))
    assert len({axes.get_ylim() for axes in figure.axes}) == 1


def with_floor(records, sets):
    row = records.iloc[0].to_dict()
    told = {"set": list(range(len(sets))), "value": list(sets)}
    row |= {"metric": "fid-floor", "metric_of": "truth", "label": "perfect sampler", "nfe": 0}
    row |= {"profile": told, "value": float(np.mean(sets)), "key": "f" * 16, "point": "floor"}
    records = records.assign(metric_of="samples", metric_better="lower")
    return pd.concat([records, pd.DataFrame([row])], ignore_index=True)


def test_the_floor_is_a_band_of_its_mean_and_spread(frame):
    records = frame(labels=["a", "b"])
    sets = [6.0, 7.0, 8.0]
    figure = fid_vs_nfe(with_floor(records, sets))
    assert "perfect samples, as many:\nmean ± spread of 3 sets" in legend(figure)
    axes = figure.axes[0]
    spans = [
        one for one in axes.patches if one.get_height() == pytest.approx(2 * np.std(sets, ddof=1))
    ]
    assert [one.get_y() for one in spans] == [pytest.approx(6.0)]
    assert axes.get_ylim()[0] < 6.0
    assert "perfect sampler" not in legend(figure)


def test_a_floor_of_another_number_of_samples_is_none(frame):
    records = with_floor(frame(labels=["a", "b"]), [6.0, 7.0, 8.0])
    records.loc[records["metric"] == "fid-floor", "samples"] = 50
    figure = fid_vs_nfe(records)
    assert not any("perfect" in text for text in legend(figure))
    assert UNKNOWN in " ".join(one.get_text() for one in figure.texts).replace("\n", " ")


def test_one_label_has_one_colour_everywhere():
    alone = looks(["Original sampler", "Mine"])
    crowd = looks(["Mine", "Deterministic", "Original sampler", "Black-box RK45", "Yours"])
    assert alone["Original sampler"] == crowd["Original sampler"] == KNOWN["Original sampler"]
    assert len({one.color for one in crowd.values()}) == 5


def test_an_estimate_of_repeats_is_their_mean(frame):
    made = points(frame(repeats=3, labels=["a"]))
    for _, row in made.iterrows():
        found = estimate(row)
        assert isinstance(found, Estimate)
        assert (found.value, found.se) == (pytest.approx(row["value"]), pytest.approx(row["se"]))


@pytest.mark.parametrize("logarithmic", [True, False])
def test_a_floor_is_on_the_axis_however_far_it_is(logarithmic):
    low, high = limits([curve([10.0, 40.0], se=0.1)], logarithmic, always=[0.2])
    assert low < 0.2 and high > 40
    assert (
        limits([curve([10.0, 40.0], se=0.1)], logarithmic, others=[0.2])[0] > 0.2 or not logarithmic
    )

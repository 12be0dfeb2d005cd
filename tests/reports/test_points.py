import numpy as np
import pandas as pd
import pytest

from sampler_bench.reports.points import best, chosen, labels, points


def curve(values, metric="fid"):
    return pd.DataFrame({"nfe": range(1, len(values) + 1), "value": values, "metric": metric})


def test_the_dot_is_the_lowest_nfe_within_three_percent():
    made = curve([50.0, 10.31, 10.29, 10.0, 10.2])
    assert chosen(made)["nfe"] == 3
    assert best(made)["nfe"] == 4


def test_for_recall_the_best_is_the_highest():
    made = curve([0.1, 0.78, 0.8, 0.79], metric="recall")
    assert best(made)["nfe"] == 3
    assert chosen(made)["nfe"] == 2


def test_repeats_are_one_point_with_a_band(frame):
    records = frame(repeats=3)
    made = points(records)
    assert len(made) == len(records) / 3
    group = records[records["point"] == made["point"][0]]
    assert made["value"][0] == pytest.approx(group["value"].mean())
    assert made["low"][0] == made["best_repeat"][0] == group["value"].min()
    assert made["high"][0] == group["value"].max()
    assert made["se"][0] == pytest.approx(np.sqrt((group["se"] ** 2).sum()) / 3)


def test_without_repeats_the_band_is_two_standard_errors(frame):
    made = points(frame())
    np.testing.assert_allclose(made["high"] - made["low"], 4 * made["se"])


def test_points_and_labels_do_not_depend_on_the_order_of_records(frame):
    records = frame(repeats=3)
    shuffled = records.sample(frac=1, random_state=1)
    pd.testing.assert_frame_equal(points(records), points(shuffled))
    assert labels(records) == labels(shuffled)


def test_absurd_errors_stay_numbers(frame):
    records = frame(repeats=3)
    made, usual = points(records.assign(se=1e161 * records["se"])), points(records)
    np.testing.assert_allclose(made["se"], 1e161 * usual["se"])

"""The floor of a row, from rows made by hand."""

import math

import numpy as np
import pytest

from sampler_bench.results.floor import Floor, floor_of
from sampler_bench.results.load import table

VALUES = np.linspace(2.0, 3.9, 20)


@pytest.fixture
def floor(cell, record):
    def made(values=VALUES, **fields):
        row = {"label": "perfect sampler", "value": float(np.mean(values)), "model": "other"}
        row |= {"nfe": 0.0, "nfe_min": 0.0, "nfe_max": 0.0}
        profile = {"set": [float(i) for i in range(20)], "value": list(map(float, values))}
        return record(cell=cell(metric="fid-floor", **fields), profile=profile, **row)

    return made


def test_mean_error_and_spread_of_the_sets(floor, record):
    frame = table([record(), floor()])
    found = floor_of(frame, frame[frame["metric"] == "fid"].iloc[0])
    assert found is not None and found.sets == 20
    assert found.mean.value == pytest.approx(2.95)
    assert found.spread == pytest.approx(np.std(VALUES, ddof=1))
    assert found.mean.se == pytest.approx(found.spread / math.sqrt(20))
    assert found.mean.freedom == 19
    assert frame.set_index("metric")["metric_of"]["fid-floor"] == "truth"


def test_the_mean_pairs_with_nothing(floor, record):
    found = floor_of(table([record(), floor()]), table([record()]).iloc[0])
    again = floor_of(table([record(), floor()]), table([record()]).iloc[0])
    assert (found.mean - again.mean).se == pytest.approx(math.sqrt(2) * found.mean.se)


@pytest.mark.parametrize(
    "other",
    [
        {"samples": 500},
        {"extractor": "pixels"},
        {"reference": "file"},
        {"reference_digest": "r1"},
        {"quantizer": "none"},
    ],
    ids=lambda other: next(iter(other)),
)
def test_a_floor_of_something_else_is_none(floor, record, other):
    assert floor_of(table([record(), floor(**other)]), table([record()]).iloc[0]) is None


def test_a_floor_is_of_one_metric_and_not_of_itself(floor, record, cell):
    frame = table([record(cell=cell(metric="kid")), floor()])
    assert floor_of(frame, frame[frame["metric"] == "kid"].iloc[0]) is None
    assert floor_of(frame, frame[frame["metric"] == "fid-floor"].iloc[0]) is None


def test_samples_of_one_class_have_no_floor(floor, record, cell):
    frame = table(
        [
            record(cell=cell(condition={"class_label": 3})),
            record(cell=cell(condition={"class_label": "uniform"}, seed_start=1)),
            floor(),
        ]
    )
    of_one, of_all = (frame[frame["class_label"] == label].iloc[0] for label in (3, "uniform"))
    assert floor_of(frame, of_one) is None
    assert floor_of(frame, of_all) is not None


def test_of_several_floors_it_is_that_of_the_lowest_seeds(floor, record):
    rows = [record(), floor(VALUES + 1, seed_start=5), floor(), floor(VALUES + 2, seed_start=9)]
    for made in (rows, rows[::-1]):
        frame = table(made).sample(frac=1, random_state=0)
        assert floor_of(frame, table([record()]).iloc[0]).mean.value == pytest.approx(2.95)


def test_one_set_has_no_spread():
    with pytest.raises(ValueError, match="at least 2 sets"):
        Floor.of([1.0])

import json
import shutil

import pandas as pd
import pytest

from sampler_bench.results import Conflict, Store, load
from sampler_bench.results.load import COLUMNS, table


@pytest.fixture
def some(record, cell):
    rows = []
    for steps in (4, 8):
        for seed in (0, 1000, 2000):
            made = cell(sampler={"steps": steps}, seed_start=seed)
            rows.append(record(cell=made, nfe=2 * steps - 1, value=100 / steps + seed / 1e4))
    rows.append(record(cell=cell(metric="kid", sampler={"rtol": 1e-3}), label="RK45"))
    return rows


def test_one_row_per_record_with_every_field(tmp_path, some):
    store = Store(tmp_path)
    for each in some:
        store.write_record(each)
    frame = load(tmp_path)
    assert len(frame) == len(some)
    assert set(COLUMNS) <= set(frame.columns)
    assert {"solver", "steps", "S_max", "rtol", "prov_torch"} <= set(frame.columns)
    first = frame.iloc[0]
    assert first["metric_name"] == "Fréchet distance, fashion features, 1,000 samples"
    assert first["loo"] == [12.0, 12.4, 13.1]
    assert list(frame.loc[frame["steps"] == 8, "repeat"]) == [0, 1, 2]


def test_the_order_of_records_does_not_matter(some):
    pd.testing.assert_frame_equal(table(some), table(reversed(some)))


def test_labels_keep_the_order_of_the_grid(tmp_path, some):
    store = Store(tmp_path)
    for each in some:
        store.write_record(each)
    labels = sorted({each.label for each in some}, reverse=True)
    store.write_text("plan.json", json.dumps({"cells": dict(enumerate(labels))}))
    frame = load(tmp_path)
    assert list(frame.sort_values("order")["label"].drop_duplicates()) == labels


def test_several_runs_are_one_table(tmp_path, some, record):
    runs = [Store(tmp_path / "a"), Store(tmp_path / "b")]
    for i, each in enumerate(some):
        runs[i % 2].write_record(each)
        runs[0].write_record(each)
    pd.testing.assert_frame_equal(load([run.root for run in runs]), table(some))
    runs[1].write_record(record(cell=some[0].cell, value=1.0))
    with pytest.raises(Conflict, match="disagree"):
        load([run.root for run in runs])


def test_an_unfinished_run_is_an_empty_table(tmp_path):
    Store(tmp_path).write_text("grid.toml", "")
    frame = load(tmp_path)
    assert list(frame.columns) == COLUMNS
    assert frame.empty


def test_what_is_no_run_is_refused(tmp_path):
    with pytest.raises(ValueError, match="no such run"):
        load(tmp_path / "nothing")
    with pytest.raises(ValueError, match="not a run"):
        load(tmp_path)


def test_a_run_can_be_moved(tmp_path, some):
    Store(tmp_path / "a").write_record(some[0])
    shutil.move(tmp_path / "a", tmp_path / "b")
    assert len(load(str(tmp_path / "b"))) == 1


def test_profiles_are_columns_by_name(tmp_path, record, cell):
    Store(tmp_path).write_record(record(profile={"sigma": (1.0, 0.1), "mean": (0.5, 0.25)}))
    Store(tmp_path).write_record(record(cell=cell(samples=10)))
    profiles = load(tmp_path)["profile"].tolist()
    assert {"sigma": [1.0, 0.1], "mean": [0.5, 0.25]} in profiles
    assert {} in profiles

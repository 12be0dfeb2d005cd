import shutil
import warnings
from dataclasses import replace

import pandas as pd
import pytest

from sampler_bench.results import Conflict, Store, load, sealed
from sampler_bench.results.damaged import NotShown
from sampler_bench.results.load import COLUMNS, table
from sampler_bench.results.schema import Code, PlanFile, Rung
from tests.records import line_of


@pytest.fixture
def some(record, cell):
    rows = []
    for steps in (4, 8):
        for seed in (0, 1000, 2000):
            made = cell(sampler={"steps": steps}, seed_start=seed)
            rows.append(record(cell=made, nfe=2.0 * steps - 1, value=100 / steps + seed / 1e4))
    rows.append(record(cell=cell(metric="kid", sampler={"rtol": 1e-3}), label="RK45"))
    return rows


def test_one_row_per_record_with_every_field(tmp_path, some):
    store = Store(tmp_path)
    for each in some:
        store.write_record(each)
    frame = load(tmp_path)
    assert len(frame) == len(some)
    assert set(COLUMNS) <= set(frame.columns)
    assert {
        "sampler.solver",
        "sampler.steps",
        "sampler.S_max",
        "sampler.rtol",
        "prov_torch",
    } <= set(frame.columns)
    first = frame.iloc[0]
    assert first["metric_name"] == "Fréchet distance, fashion features, 1,000 samples"
    assert first["loo"] == [12.0, 12.4, 13.1]
    assert list(frame.loc[frame["sampler.steps"] == 8, "repeat"]) == [0, 1, 2]


def test_the_order_of_records_does_not_matter(some):
    pd.testing.assert_frame_equal(table(some), table(reversed(some)))


def planned(records) -> PlanFile:
    """Return the plan that has these records as points, under their own labels."""
    return PlanFile(lines=[line_of(record) for record in records])


def test_labels_keep_the_order_of_the_grid(tmp_path, some):
    store = Store(tmp_path)
    for each in some:
        store.write_record(each)
    by_label = sorted(some, key=lambda one: one.label, reverse=True)
    store.write_plan(planned(by_label))
    frame = load(tmp_path)
    assert list(frame.sort_values("order")["label"].drop_duplicates()) == ["RK45", "Heun"]


def test_a_folder_is_one_plan(tmp_path, some):
    """What lies there and is in no plan is said, and not shown; without a plan all is shown."""
    store = Store(tmp_path)
    for each in some:
        store.write_record(each)
    assert len(load(tmp_path)) == len(some)
    store.write_plan(planned(some[:2]))
    with pytest.warns(NotShown, match="5 records belong to no plan of it: not shown"):
        assert len(load(tmp_path)) == 2


def test_a_cell_may_be_a_point_of_several_curves(tmp_path, some):
    """Under each label and settings that the plan has; the record's own are not asked for."""
    store = Store(tmp_path)
    store.write_record(some[0])
    other = some[0].of("Churn, S_churn = 0", "another-name", {"sampler": {"S_churn": 0.0}})
    store.write_plan(planned([some[0].of("Corrected", "m", some[0].settings), other]))
    frame = load(tmp_path)
    assert list(frame["label"]) == ["Churn, S_churn = 0", "Corrected"]
    assert list(frame["model"]) == ["another-name", "m"]
    assert frame["key"].nunique() == 1 and frame["point"].nunique() == 2
    assert (frame["repeat"] == 0).all()


def test_a_damaged_plan_is_set_aside_and_said(tmp_path, some):
    store = Store(tmp_path)
    store.write_record(some[0])
    for text in ("{", "[]", '{"format": 1.5}', '{"format": 2, "lines": [{}]}', "[" * 100_000):
        store.write_text("plan.json", text)
        with pytest.warns(NotShown, match="plan.json"):
            assert len(load(tmp_path)) == 1
        assert (tmp_path / "damaged" / "plan.json").read_text() == text


def test_what_a_newer_version_wrote_is_refused_and_left_alone(tmp_path, some):
    store = Store(tmp_path)
    path = store.write_record(some[0])
    store.write_text("plan.json", '{"format": 3}')
    with pytest.raises(OSError, match="by a newer version of sampler-bench"):
        load(tmp_path)
    (tmp_path / "plan.json").unlink()
    path.write_text(sealed.text(some[0].to_json() | {"format": 3}))
    with pytest.raises(OSError, match="of format 3, by a newer version"):
        load(tmp_path)
    assert path.exists() and not (tmp_path / "damaged").exists()


def coded(record, digest, value):
    return replace(record, code=Code(digest=digest), value=value)


def test_other_numbers_by_other_code_are_another_curve(tmp_path, some):
    """Never a repeat, never a mean; equal within noise they are one measurement."""
    store = Store(tmp_path)
    store.write_record(coded(some[0], "aaaa", 1.0))
    store.write_record(coded(some[0], "bbbb", 1.0 + 1e-6))
    assert len(load(tmp_path)) == 1
    store.write_record(coded(some[0], "cccc", 2.0))
    frame = load(tmp_path)
    assert list(frame["value"]) == [1.0, 2.0]
    assert list(frame["label"]) == ["Heun, code aaaa", "Heun, code cccc"]
    assert frame["point"].nunique() == 2 and (frame["repeat"] == 0).all()
    store.write_record(coded(some[0], "cccc", 3.0))
    with pytest.raises(Conflict, match=r"disagree on 'Heun': value"):
        load(tmp_path)


def test_several_runs_are_one_table(tmp_path, some, record):
    runs = [Store(tmp_path / "a"), Store(tmp_path / "b")]
    for i, each in enumerate(some):
        runs[i % 2].write_record(each)
        runs[0].write_record(each)
    pd.testing.assert_frame_equal(load([run.root for run in runs]), table(some))
    runs[1].write_record(record(cell=some[0].cell, value=1.0))
    with pytest.raises(Conflict, match="disagree"):
        load([run.root for run in runs])


def test_what_one_folder_holds_is_no_stranger_in_another(tmp_path, some):
    """Plans speak of their own folders: read together, nothing is said to belong to no plan."""
    runs = [Store(tmp_path / "a"), Store(tmp_path / "b")]
    for store, each in zip(runs, some, strict=False):
        store.write_record(each)
        store.write_plan(planned([each]))
    with warnings.catch_warnings():
        warnings.simplefilter("error", NotShown)
        assert len(load([store.root for store in runs])) == 2


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


@pytest.fixture
def searched(tmp_path, some):
    """Return a folder whose plan says of three records where in a search they were."""
    for each in some:
        Store(tmp_path / "search").write_record(each)
    rungs = [Rung(search="mine", rung=rung) for rung in (0, 1, "fresh")]
    lines = [line_of(one).model_copy(update={"rung": r}) for one, r in zip(some, rungs)]  # noqa: B905
    Store(tmp_path / "search").write_plan(
        PlanFile(lines=lines + [line_of(one) for one in some[3:]])
    )
    return tmp_path / "search"


def test_the_rungs_of_a_search_are_those_of_its_plan(searched, some):
    frame = load(searched).set_index("key")
    keys = [one.cell.key for one in some]
    assert list(frame.loc[keys, "rung"]) == [0, 1, "fresh", *[None] * (len(some) - 3)]
    assert list(frame.loc[keys, "search"]) == ["mine"] * 3 + [None] * (len(some) - 3)


def test_a_point_of_a_search_keeps_its_rung_beside_a_grid_that_has_it_too(searched, some):
    grid = searched.parent / "another"  # comes first
    shutil.copytree(searched, grid)
    Store(grid).write_plan(PlanFile(lines=[line_of(one.of("Mine", *_of(one))) for one in some]))
    frame = load([searched, grid])
    assert len(frame) == len(some)
    assert set(frame["label"]) == {"Mine"}
    assert list(load(grid)["rung"]) == [None] * len(some)
    assert sorted(map(str, frame["rung"].dropna())) == ["0", "1", "fresh"]


def _of(record):
    return record.model, record.settings


@pytest.mark.parametrize("name", COLUMNS)
def test_a_parameter_that_is_called_as_a_column_replaces_none(tmp_path, cell, record, name):
    """DPM-Solver's order is one: settings have a prefix, in the table and for ever."""
    plain, own = Store(tmp_path / "plain"), Store(tmp_path / "own")
    plain.write_record(replace(record(), settings={"sampler": {}}))
    own.write_record(replace(record(), settings={"sampler": {name: "theirs"}}))
    one, two = load(plain.root), load(own.root)
    assert two[f"sampler.{name}"].tolist() == ["theirs"]
    same = [column for column in COLUMNS if column != "point"]  # which settings are part of
    pd.testing.assert_frame_equal(one[same], two[same])


def test_a_plan_may_lie_in_a_folder_whose_name_is_no_text(tmp_path):
    store = Store(tmp_path / "run")
    store.write_plan(PlanFile(grid_folder="/data/\udcff"))
    plan = store.plan()
    assert plan is not None and plan.grid_folder == "/data/\udcff"

import errno
import os
import shutil
import time
import uuid
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from sampler_bench.kit import files
from sampler_bench.kit.files import TEMPORARY, whole
from sampler_bench.results import Conflict, Store
from sampler_bench.results import shard as shards
from sampler_bench.results.damaged import NotShown
from sampler_bench.results.schema import PlanFile
from tests.records import line_of, lines_of

WORK = "0123456789abcdef"
ARRAYS = st.dictionaries(
    st.sampled_from(["sum", "outer", "nfe", "n"]),
    hnp.arrays(
        st.sampled_from([np.float64, np.float32, np.int64, np.uint8]),
        hnp.array_shapes(min_dims=0, max_dims=2, min_side=0, max_side=4),
    ),
)


@pytest.fixture
def store(tmp_path) -> Store:
    return Store(tmp_path / "run")


def arrays(scale: float = 1.0, nfe: int = 35) -> dict[str, np.ndarray]:
    return {"sum": scale * np.arange(1.0, 5.0), "nfe": np.array([nfe, nfe])}


@given(ARRAYS)
@settings(deadline=None)  # each example waits for the disk
def test_shard_round_trip(tmp_path_factory, content):
    store = Store(tmp_path_factory.mktemp("run"))
    path = store.write_shard(WORK, 3, content, {"seconds": 0.5, "checks": {"a": 1.0}})
    assert store.shards(WORK) == {3: path}
    back = store.read_shard(path)
    assert back.index == 3
    assert back.meta == {"seconds": 0.5, "checks": {"a": 1.0}}
    assert back.arrays.keys() == content.keys()
    for name, array in content.items():
        assert back.arrays[name].dtype == array.dtype
        np.testing.assert_array_equal(back.arrays[name], array)


def test_equal_results_meet_in_one_file(store):
    one = store.write_shard(WORK, 0, arrays(), {"seconds": 1.0})
    two = store.write_shard(WORK, 0, arrays(), {"seconds": 2.0})
    assert one == two
    assert len(list(one.parent.iterdir())) == 1


@pytest.mark.parametrize("cut", [0, 1, 100, -1])
def test_a_truncated_shard_is_named_and_written_again(store, cut):
    path = store.write_shard(WORK, 0, arrays(), {})
    whole_file = path.read_bytes()
    path.write_bytes(whole_file[:cut])
    with pytest.raises(ValueError, match=path.name):
        store.read_shard(path)
    assert store.write_shard(WORK, 0, arrays(), {}).read_bytes() == whole_file


def test_an_altered_shard_is_noticed(store):
    path = store.write_shard(WORK, 0, arrays(), {})
    other = store.write_shard(WORK, 1, arrays(2.0), {})
    shutil.copy(other, path)
    with pytest.raises(ValueError, match="digest of its name"):
        store.read_shard(path)


def test_foreign_files_are_no_shards(store):
    folder = store.write_shard(WORK, 0, arrays(), {}).parent
    np.savez(folder / "notes.npz", a=np.ones(3))
    assert list(store.shards(WORK)) == [0]
    with pytest.raises(ValueError, match=r"notes\.npz: not a shard"):
        store.read_shard(folder / "notes.npz")


def test_an_interrupted_write_leaves_nothing(store):
    with pytest.raises(KeyboardInterrupt), whole(store.root / "records" / "a.json") as file:
        file.write(b"half")
        raise KeyboardInterrupt
    assert list((store.root / "records").iterdir()) == []


def test_what_a_killed_writer_leaves_is_ignored_and_swept_after_a_day(store):
    folder = store.write_shard(WORK, 0, arrays(), {}).parent
    young, old = (folder / f"{TEMPORARY}{uuid.uuid4().hex}" for _ in range(2))
    # A user's own files: of another name, and of such a name where the store made no folder.
    own = [folder / f"{TEMPORARY}notes", store.root / "mine" / old.name]
    own[1].parent.mkdir()
    for path in (young, old, *own):
        path.write_bytes(b"half")
    for path in (old, *own):
        os.utime(path, (time.time() - 25 * 3600,) * 2)
    assert list(store.shards(WORK)) == [0]
    store.sweep()
    assert [path.exists() for path in (young, old, *own)] == [True, False, True, True]


def test_a_disk_that_cannot_be_read_is_no_damaged_shard(store, monkeypatch):
    path = store.write_shard(WORK, 0, arrays(), {})

    class Failing(files.System):
        def open(self, path, mode):
            raise OSError(errno.EIO, os.strerror(errno.EIO), str(path))

        def names(self, folder):
            raise OSError(errno.EIO, os.strerror(errno.EIO), str(folder))

    monkeypatch.setattr(files, "system", Failing())
    with pytest.raises(OSError, match=path.name):
        store.read_shard(path)
    with pytest.raises(OSError, match=WORK):
        store.shards(WORK)
    with pytest.raises(OSError, match="records"):
        list(store.records())


def test_folders_of_a_killed_run_are_on_disk_before_anything_is_written(store, monkeypatch):
    folder = store.write_shard(WORK, 0, arrays(), {}).parent
    seen = []

    class Watched(files.System):
        def fsync(self, path):
            seen.append(path)

    monkeypatch.setattr(files, "system", Watched())
    store.sweep()
    assert seen == [store.root.parent, store.root, folder.parent]


def test_shards_go_only_when_the_names_of_records_are_on_disk(store, record, monkeypatch):
    """Whoever renamed the record may have been killed before he synced its folder."""
    path = store.write_shard(record().cell.work_key, 0, arrays(), {})
    receipt = {"index": 0, "digest": path.stem[-12:], "n": 4, "nfe_total": 140.0}
    store.write_record(record(shards=({**receipt, "seconds": 0.0, "checks": {}},)))
    seen = []

    class Watched(files.System):
        def fsync(self, path):
            seen.append(path.name)

        def unlink(self, path):
            seen.append(path.name)
            super().unlink(path)

    monkeypatch.setattr(files, "system", Watched())
    store.drop_merged(record())  # which has no receipts
    (found,) = store.records()
    store.drop_merged(found)
    store.drop_merged(found)
    assert seen == ["records", "run", path.name]
    seen.clear()
    store.drop_shards(record().cell.work_key)
    assert seen == []


def test_float_noise_is_no_conflict(store):
    names = {
        store.write_shard(WORK, 0, arrays(), {}),
        store.write_shard(WORK, 0, arrays(1 + 1e-9), {}),
    }
    assert len(names) == 2
    assert store.shards(WORK) == {0: min(names)}
    assert store.conflicts() == []


@pytest.mark.parametrize(
    ("other", "what"),
    [
        (arrays(1.001), "sum differs by 1.0e-03"),
        (arrays(np.nan), "sum differs by nan"),
        (arrays(nfe=36), "nfe is not equal"),
        ({"sum": np.ones(3), "nfe": np.array([35, 35])}, "shapes"),
        ({"sum": np.ones(4)}, "only one of them has nfe"),
    ],
)
def test_disagreeing_shards_are_a_conflict_that_names_both(store, other, what):
    one = store.write_shard(WORK, 0, arrays(), {})
    two = store.write_shard(WORK, 0, other, {})
    with pytest.raises(Conflict, match=what) as raised:
        store.shards(WORK)
    assert str(one) in str(raised.value)
    assert str(two) in str(raised.value)
    assert len(store.conflicts()) == 1


def test_a_damaged_copy_beside_a_good_one_is_passed_over(store):
    good = store.write_shard(WORK, 0, arrays(), {})
    good.with_name("000-000000000000.npz").write_bytes(b"PK")
    assert store.shards(WORK) == {0: good}


def test_two_machines_are_merged_by_copying(tmp_path, record):
    here, there = Store(tmp_path / "here"), Store(tmp_path / "there")
    for index in (0, 1):
        here.write_shard(WORK, index, arrays(), {})
    for index in (1, 2):
        there.write_shard(WORK, index, arrays(), {})
    here.write_failure(WORK, 2, "out of memory")
    there.write_record(record())
    shutil.copytree(there.root, here.root, dirs_exist_ok=True)
    assert list(here.shards(WORK)) == [0, 1, 2]
    assert list(here.records()) == [record()]
    assert here.failures() == []
    assert here.conflicts() == []


def test_records_are_kept_by_cell(store, record, cell):
    one, two = record(), record(cell=cell(samples=10), label="other")
    assert list(store.records()) == []
    for each in (two, one, one):
        store.write_record(each)
    assert sorted(r.label for r in store.records()) == ["Heun", "other"]
    assert store.record(one.cell.key) == one
    assert store.record("0" * 16) is None


def test_two_records_of_one_cell_must_agree(store, record):
    one = store.write_record(record())
    store.write_record(record(value=12.5 * (1 + 1e-7)))
    assert len(list(store.records())) == 1
    two = store.write_record(record(value=12.6))
    with pytest.raises(Conflict) as raised:
        store.records()
    assert one.parent.name in str(raised.value)
    assert two.name in str(raised.value)
    assert len(store.conflicts()) == 1


@pytest.mark.parametrize("nfe", [36.0, 35 + 1e-6])
def test_two_records_of_one_cell_must_agree_on_what_it_cost(store, record, nfe):
    store.write_record(record())
    store.write_record(record(nfe=nfe))
    with pytest.raises(Conflict, match="NFE 35 and"):
        store.records()
    assert len(store.conflicts()) == 1


PROFILE = {"sigma": (10.0, 0.1), "mean": (2.0, 1e-3)}


def test_profiles_may_differ_by_float_noise(store, record):
    store.write_record(record(profile=PROFILE))
    store.write_record(record(profile={**PROFILE, "mean": (2.0 * (1 + 1e-5), 1e-3 + 1e-7)}))
    assert len(list(store.records())) == 1


@pytest.mark.parametrize(
    ("profile", "what"),
    [
        ({**PROFILE, "mean": (2.0, 1.1e-3)}, "profiles of mean differ by up to 0.0001"),
        ({"sigma": (10.0,), "mean": (2.0,)}, "profiles of mean have 2 and 1 entries"),
        ({"sigma": (10.0, 0.1)}, "only one of them has a profile of mean"),
    ],
)
def test_two_profiles_of_one_cell_must_agree(store, record, profile, what):
    store.write_record(record(profile=PROFILE))
    store.write_record(record(profile=profile))
    with pytest.raises(Conflict, match=what):
        store.records()


def test_a_record_is_held_against_shards_lying_about(store, record):
    meta = {"checks": {"trace": 1.0}, "seconds": 0.1, "provenance": {}}
    path = store.write_shard(record().cell.work_key, 0, arrays(), meta)
    receipt = {"index": 0, "digest": "0" * 12, "n": 5, "nfe_total": 175.0, "seconds": 0.1}
    receipt |= {"checks": {"trace": 1.0 + 1e-9}}
    store.write_record(record(shards=(receipt,)))
    assert store.conflicts() == []
    store.write_record(record(shards=(receipt | {"checks": {"trace": 1.1}},)))
    (conflict,) = store.conflicts()
    assert path.name in str(conflict)
    store.write_record(record(shards=(receipt | {"digest": path.stem[-12:], "checks": {}},)))
    assert store.conflicts() == []


def test_failures(store):
    store.write_failure(WORK, 7, "Traceback …")
    store.write_failure(WORK, 8, "Traceback …")
    assert [(f.work_key, f.index, f.text) for f in store.failures()] == [
        (WORK, 7, "Traceback …"),
        (WORK, 8, "Traceback …"),
    ]
    store.clear_failure(WORK, 7)
    store.clear_failure(WORK, 7)
    assert [f.index for f in store.failures()] == [8]


def test_a_record_that_could_not_be_made_is_a_failure_though_all_shards_are_measured(store):
    store.write_shard(WORK, 0, arrays(), {})
    store.write_failure(WORK, 0, "an earlier attempt")
    path = store.write_failure(WORK, None, "Traceback …")
    assert [(f.index, f.file_name) for f in store.failures()] == [(None, path.name)]
    store.clear_failures(WORK)
    assert store.failures() == []


def plan(store, *records):
    store.write_plan(PlanFile(lines=[line_of(record) for record in records]))


def test_failures_of_work_that_has_its_records_are_none_any_more(store, record, cell):
    """One machine failed where another did not, and both folders were merged."""
    fid, kid = record(), record(cell=cell(metric="kid"))
    key = fid.cell.work_key
    assert kid.cell.work_key == key
    store.write_failure(key, 2, "out of memory")
    for cells in ([], [fid], [fid, kid]):
        for each in cells:
            store.write_record(each)
        plan(store, fid, kid)
        assert [failure.planned for failure in store.failures()] == [True] * (len(cells) < 2)
        plan(store, record(cell=cell(samples=10)))
        assert [failure.planned for failure in store.failures()] == [False] * (not cells)
        (store.root / "plan.json").unlink()
        assert [failure.planned for failure in store.failures()] == [True] * (not cells)
    store.clear_failures(key)
    assert not list((store.root / "failures").iterdir())


def test_dropping_finished_shards(store):
    path = store.write_shard(WORK, 0, arrays(), {})
    store.write_failure(WORK, 0, "an earlier attempt")
    store.drop_shards(WORK)
    assert not path.exists()
    assert store.failures() == []
    store.drop_shards(WORK)


def test_samples(store):
    images = np.zeros((4, 1, 8, 8), np.uint8)
    store.write_samples(WORK, {"images": images})
    np.testing.assert_array_equal(store.samples(WORK)["images"], images)
    assert store.samples("0" * 16) is None


def test_an_unwritable_directory_is_one_clear_line(tmp_path, record):
    (tmp_path / "file").write_text("")
    store = Store(tmp_path / "file" / "run")
    for write in (
        lambda: store.write_shard(WORK, 0, arrays(), {}),
        lambda: store.write_record(record()),
        lambda: store.write_failure(WORK, 0, ""),
        lambda: store.write_samples(WORK, {}),
    ):
        with pytest.raises(ValueError, match=r"cannot write .*Not a directory") as raised:
            write()
        assert "\n" not in str(raised.value)


def test_a_damaged_record_is_set_aside_and_said(store, record):
    path = store.write_record(record())
    torn = path.read_text()[:50]
    path.write_text(torn)
    with pytest.warns(NotShown, match=f"{path.name}.*set aside in"):
        assert list(store.records()) == []
    assert not path.exists()
    assert (store.root / "damaged" / "records" / path.name).read_text() == torn


def test_a_damaged_failure_is_set_aside_and_said(store):
    path = store.write_failure(WORK, 7, "Traceback …")
    path.write_text('{"work_key": 7}')
    with pytest.warns(NotShown, match=path.name):
        assert store.failures() == []


@pytest.mark.parametrize(
    "arrays",
    [
        {"images": np.array(3, np.uint8)},
        {"images": np.zeros((2, 3, 4), np.uint8)},
        {"images": np.zeros((2, 1, 4, 4))},
        {"points": np.zeros((0, 2))},
        {"points": np.zeros((4, 3))},
        {"points": np.array([["65.58365", "-9.56305"]])},
        {"points": np.array([[1.0, np.nan]])},
        {"points": np.zeros((4, 2), complex)},
        {"t": np.zeros((2, 2))},
        {"t": np.array(["0.5"])},
    ],
)
def test_samples_that_cannot_be_shown_are_set_aside_and_said(store, arrays):
    path = store.write_samples(WORK, arrays)
    with pytest.warns(NotShown, match=path.name):
        assert store.samples(WORK) is None
    assert not path.exists()


def test_torn_samples_are_set_aside_and_said(store):
    path = store.write_samples(WORK, {"points": np.zeros((4, 2))})
    path.write_bytes(path.read_bytes()[:100])
    with pytest.warns(NotShown, match=path.name):
        assert store.samples(WORK) is None


def test_shard_bytes_depend_on_contents_alone(tmp_path):
    paths = [shards.write(Path(tmp_path / name), 0, arrays(), {"a": 1}) for name in ("x", "y")]
    assert paths[0].read_bytes() == paths[1].read_bytes()


@pytest.mark.parametrize("number", [errno.EIO, errno.EACCES, errno.EMFILE])
def test_what_cannot_be_read_is_not_damaged(store, record, monkeypatch, number):
    store.write_record(record())
    store.write_plan(PlanFile(lines=[line_of(record())]))
    store.write_failure(WORK, 0, "why")

    class Failing(files.System):
        def open(self, path, mode):
            raise OSError(number, os.strerror(number), str(path))

    with monkeypatch.context() as patch:
        patch.setattr(files, "system", Failing())
        for read in (store.plan, store.failures, lambda: list(store.records())):
            with pytest.raises(OSError, match=os.strerror(number)):
                read()
    assert store.plan() and store.failures() and list(store.records())


def test_settings_that_are_yes_or_no_are_kept(tmp_path, record):
    """As a path's `clipped`: what a plan and a record cannot hold ends a run before it began."""
    made = record()
    kept = replace(made, settings={"sampler": {**made.settings["sampler"], "clipped": False}})
    store = Store(tmp_path)
    store.write_record(kept)
    store.write_plan(PlanFile(lines=lines_of(store)))
    [line] = store.plan().lines
    assert line.settings["sampler"]["clipped"] is False
    assert next(store.records()).settings == kept.settings

"""The same cell gives the same numbers: any batch, in one piece, killed and resumed, or merged."""

import shutil

import numpy as np
import pytest

from sampler_bench.bench.plan import grid as grids
from sampler_bench.bench.plan import planning
from sampler_bench.results import Store
from tests.bench import kills, runs

FASHION = """
name = "fashion"
models = ["exact-fashion"]
samples = 40
extractor = "fashion"
[[sampler]]
solver = "heun"
steps = 5
S_churn = 10
"""


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole") / "run"
    assert runs.run(folder).reasons == []
    return folder


@pytest.mark.parametrize("batch", [1, 7, 500])
def test_batch_size_changes_nothing(batch, whole, tmp_path):
    """Without a quantiser, matrix products of other shapes round differently: 1e-9 relative."""
    runs.run(tmp_path / "run", batch=batch)
    one, other = runs.numbers(whole), runs.numbers(tmp_path / "run")
    assert one.keys() == other.keys()
    for key in one:
        assert one[key][2] == other[key][2]
        assert one[key][0] == pytest.approx(other[key][0], rel=1e-9)
        np.testing.assert_allclose(one[key][1], other[key][1], rtol=1e-9)


def test_batch_size_changes_no_bit_of_quantised_images(tmp_path):
    """Nor do groups that RK45 couples: above, where they are cheaper."""
    for batch in (1, 500):
        runs.run(tmp_path / str(batch), FASHION, batch)
    assert runs.numbers(tmp_path / "1") == runs.numbers(tmp_path / "500")


def test_left_out_values_and_receipts_are_in_the_order_of_shards(tmp_path, monkeypatch):
    """Differences of two runs are taken shard by shard."""
    monkeypatch.setattr(Store, "drop_shards", lambda *_: None)
    runs.run(tmp_path / "run")
    store = Store(tmp_path / "run")
    records = {record.cell.key: record for record in store.records()}
    for work in planning.make(grids.read(str(tmp_path / "grid.toml"))[0]).work:
        paths = store.shards(work.key)
        values = work.measurement.merge([store.read_shard(paths[index]) for index in range(20)])
        for cell in work.cells:
            record = records[cell.key]
            assert record.loo == values[cell.metric].loo and len(set(record.loo)) == 20
            assert [receipt["index"] for receipt in record.shards] == list(range(20))
            counted = sum(receipt["nfe_total"] for receipt in record.shards)
            assert counted == record.nfe * record.cell.samples


def test_killed_at_random_moments_and_resumed(tmp_path):
    """The same command goes on and ends with the same bits; soak.kills does it at length, and the
    crash states are all that a kill can leave.
    """
    partial = kills.kill_runs(tmp_path, 2)
    assert partial >= 1, "the kills have to land while there is something to lose"


def test_killed_between_records_and_the_end_of_their_shards(tmp_path, monkeypatch):
    """What was merged goes when the run is taken up again; a stranger's shard does not."""

    def killed(store, work_key):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("sampler_bench.results.Store.drop_shards", killed)
        with pytest.raises(KeyboardInterrupt):
            runs.run(tmp_path / "run")
    left = sorted((tmp_path / "run").glob("shards/*/*.npz"))
    assert len(left) == 20
    stranger = left[0].with_name(f"{left[0].name[:4]}{'0' * 12}.npz")
    stranger.write_bytes(left[0].read_bytes())
    assert not runs.run(tmp_path / "run").reasons
    assert list((tmp_path / "run").glob("shards/*/*.npz")) == [stranger]


def interrupted(folder, keep):
    """Run the grid until its first record would be written; keep the shards that ``keep`` says."""
    kept = Store.write_record
    Store.write_record = lambda self, record: (_ for _ in ()).throw(KeyboardInterrupt)
    try:
        runs.run(folder)
    except KeyboardInterrupt:
        pass
    finally:
        Store.write_record = kept
    for path in folder.glob("shards/*/*.npz"):
        if not keep(int(path.name[:3])):
            path.unlink()


def test_two_machines_are_merged_by_copying(whole, tmp_path):
    for name, keep in (("a", lambda i: i < 9), ("b", lambda i: i >= 7)):
        (tmp_path / name).mkdir()
        interrupted(tmp_path / name / "run", keep)
    shutil.copytree(tmp_path / "b" / "run", tmp_path / "a" / "run", dirs_exist_ok=True)
    (tmp_path / "a" / "run").joinpath("marker").write_text("")
    assert runs.run(tmp_path / "a" / "run").reasons == []
    assert runs.numbers(tmp_path / "a" / "run") == runs.numbers(whole)


def some_shard(folder):
    interrupted(folder, lambda index: True)
    return next(folder.glob("shards/*/004-*.npz"))


def test_a_torn_shard_is_measured_again(whole, tmp_path):
    path = some_shard(tmp_path / "run")
    path.write_bytes(path.read_bytes()[:-40])
    assert runs.run(tmp_path / "run").reasons == []
    assert runs.numbers(tmp_path / "run") == runs.numbers(whole)


def test_shards_that_disagree_are_shown(tmp_path):
    from sampler_bench.results import Conflict, Store

    path = some_shard(tmp_path / "run")
    store = Store(tmp_path / "run")
    shard = store.read_shard(path)
    wrong = {name: array * 1.01 if name == "sum" else array for name, array in shard.arrays.items()}
    store.write_shard(path.parent.name, shard.index, wrong, shard.meta)
    with pytest.raises(Conflict, match="disagree: sum differs"):
        runs.run(tmp_path / "run")

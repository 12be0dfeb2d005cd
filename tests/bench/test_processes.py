"""Several processes on one folder share its work: each ends well, and hardly any is done twice."""

import pytest

from sampler_bench.bench.run import recorded, worker
from sampler_bench.kit import files
from sampler_bench.results import Store
from tests.bench import processes, runs
from tests.bench.processes import GRID, share

TWICE = 1.15


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    out = tmp_path_factory.mktemp("alone") / "run"
    assert not runs.run(out, GRID, 64).reasons
    return out


@pytest.mark.parametrize("batches", [[16, 64], [7, 64, 16, 3]], ids=["two", "four"])
def test_processes_share_a_folder(tmp_path, whole, batches):
    assert share(tmp_path / "shared" / "run", whole, batches) < TWICE


def test_a_killed_one_is_taken_up_at_once(tmp_path, whole):
    assert share(tmp_path / "shared" / "run", whole, [3, 3], kills=3, seed=1) < TWICE


def test_where_there_are_no_leases_all_is_right_all_the_same(tmp_path, whole):
    assert share(tmp_path / "shared" / "run", whole, [3, 7], links=False) <= 2


PLACES = {
    "measured": worker,
    "record": recorded,
    "has_records": worker.Worker,
    "read_shard": Store,
    "shards": Store,
    "write_shard": Store,
    "write_record": Store,
    "drop_shards": Store,
    "lying": Store,
}


MOMENTS = [
    *(("measured", 7, 16), ("record", 2, 16), ("has_records", 1, 3), ("shards", 2, 16)),
    *(("read_shard", 30, 3), ("write_shard", 8, 3), ("write_record", 3, 3)),
    *(("drop_shards", 2, 3), ("lying", 1, 3), ("lying", 20, 16)),
]
"""A function, which of its calls, and the batch of the other: 16 gives the same bits."""


@pytest.mark.parametrize(("place", "when", "batch"), MOMENTS)
def test_another_may_finish_all_at_any_moment(tmp_path, whole, monkeypatch, place, when, batch):
    """Here just before the nth call of a function, without leases, as if one had been lost."""
    monkeypatch.setattr(files, "link", processes.refused)
    function, calls, reasons = getattr(PLACES[place], place), [], []
    out = tmp_path / "run"

    def interrupted(*arguments, **named):
        calls.append(place)
        if len(calls) == when:
            reasons.extend(runs.run(out, GRID, batch).reasons)
        return function(*arguments, **named)

    monkeypatch.setattr(PLACES[place], place, interrupted)
    assert runs.run(out, GRID, 16).reasons == reasons == []
    assert len(calls) >= when
    processes.same(out, whole)


def test_shards_that_lie_there_are_not_made_again_in_another_batch(tmp_path, monkeypatch):
    """Their bits would differ, and two files of one shard would have to be compared for ever."""

    def stopped(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(recorded, "record", stopped)
    for batch in (3, 64):
        with pytest.raises(KeyboardInterrupt):
            runs.run(tmp_path / "run", GRID, batch)
        (folder,) = (tmp_path / "run" / "shards").iterdir()
        shards = sorted(folder.iterdir())
        assert [path.name[:3] for path in shards] == [f"{n:03d}" for n in range(20)]
        shards[7].unlink()

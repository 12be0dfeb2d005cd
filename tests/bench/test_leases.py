"""Leases: who has a share of the work, and who is gone."""

import json
import os
import subprocess
import sys
import threading
import time

import pytest

from sampler_bench.bench.run import leases as module
from sampler_bench.bench.run.leases import PROCESS, Holder, Leases
from sampler_bench.kit import files

LONG_AGO, FAR_AHEAD = time.time() - 1e6, time.time() + 1e6


class Clock:
    """A monotonic clock that goes when it is told to."""

    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def mine(tmp_path, clock):
    with Leases(tmp_path, clock=clock) as leases:
        yield leases


def lease(mine, name="job-000", changed=None, **differing):
    """Write somebody else's lease: this process's under another token, but for some fields."""
    holder = Holder.myself().model_copy(update=differing)
    path = mine.folder / name
    path.write_text(holder.model_dump_json())
    if changed is not None:
        os.utime(path, (changed, changed))
    return path


ELSEWHERE = {
    "another machine": {"host": "elsewhere", "machine": "7", "boot": "8"},
    "another machine of one name": {"machine": "7", "boot": "8"},
    "another namespace": {"namespace": "pid:[1]", "pid": 999_999_999},
    "a system that says nothing": {"boot": "", "namespace": "", "start": ""},
}
"""Whose processes cannot be seen from here: living ones, as far as one can tell."""


def ended():
    """Return the number of a process that has ended."""
    return int(subprocess.check_output([sys.executable, "-c", "import os; print(os.getpid())"]))


GONE = {
    "ended": lambda: {"pid": ended()},
    "its number used again": lambda: {"start": "1"},
    "before a reboot": lambda: {"boot": "another"},
    "before a reboot, in a container": lambda: {"boot": "another", "namespace": "pid:[1]"},
    "left behind in this process": dict,
}
TIMES = {"now": None, "long ago": LONG_AGO, "ahead of us": FAR_AHEAD}


@pytest.mark.parametrize("changed", TIMES.values(), ids=TIMES)
@pytest.mark.parametrize("gone", GONE.values(), ids=GONE)
def test_who_is_seen_to_be_gone_is_replaced_at_once(mine, gone, changed):
    lease(mine, changed=changed, **gone())
    assert mine.take("job-000")


@pytest.mark.parametrize("changed", TIMES.values(), ids=TIMES)
@pytest.mark.parametrize("where", ELSEWHERE.values(), ids=ELSEWHERE)
def test_who_cannot_be_seen_is_judged_by_silence_on_our_own_clock(mine, clock, where, changed):
    """Whatever the disk's clock says: it may be ahead of ours, or behind."""
    path = lease(mine, changed=changed, **where)
    assert not mine.take("job-000")
    for _ in range(5):  # renewed: the time differs, forwards or backwards
        clock.now += mine.silent - 1
        assert not mine.take("job-000")
        then = path.stat().st_mtime - 3
        os.utime(path, (then, then))
    assert not mine.take("job-000")
    clock.now += mine.silent + 1
    assert mine.take("job-000")


def living():
    """Return a process, and the fields of a lease that it holds."""
    process = subprocess.Popen(
        [sys.executable, "-c", "print(flush=True); input()"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    process.stdout.readline()
    return process, {"pid": process.pid, "start": module._started(process.pid)}


def test_a_living_process_holds_until_it_ends(mine):
    process, fields = living()
    with process:
        lease(mine, **fields)
        assert not mine.take("job-000")
        process.kill()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # a zombie stays
        assert process.returncode is None
        assert mine.take("job-000")


def test_a_copied_folder_is_nobodys(mine, clock):
    """The leases that came along name a living process, which renews others."""
    process, fields = living()
    with process:
        lease(mine, **fields)
        assert not mine.take("job-000")
        clock.now += mine.silent + 1
        assert mine.take("job-000")
        process.kill()


@pytest.mark.parametrize("content", [b"", b"\0" * 300, b'{"host": "x"}', b"\xff"])
def test_a_lease_that_cannot_be_read_is_judged_by_silence(mine, clock, content):
    (mine.folder / "job-000").write_bytes(content)
    assert not mine.take("job-000")
    assert mine.living() == []
    clock.now += mine.silent + 1
    assert mine.take("job-000")


def test_a_lease_is_held_by_one_and_free_when_dropped(tmp_path, mine):
    with Leases(tmp_path) as other:
        assert mine.take("job-000")
        assert not other.take("job-000")
        with other.holding("job-000") as free:
            assert not free
        assert [name for name, _ in other.living()] == ["job-000", PROCESS + mine.myself.token]
        assert other.others() == [mine.myself]
        mine.drop("job-000")
        with other.holding("job-000") as free:
            assert free and not mine.take("job-000")
        assert mine.take("job-000")


def test_who_leaves_frees_all_and_clears_away_the_dead(tmp_path):
    with pytest.raises(KeyboardInterrupt), Leases(tmp_path) as leases:
        assert leases.take("job-000") and leases.take("job-020")
        lease(leases, "job-040", pid=ended())
        lease(leases, "job-060", **ELSEWHERE["another machine"])
        raise KeyboardInterrupt
    assert [path.name for path in tmp_path.iterdir()] == ["job-060"]


def test_what_another_took_over_is_not_dropped(tmp_path, mine):
    assert mine.take("job-000")
    (tmp_path / "job-000").unlink()  # we were stopped for an hour
    with Leases(tmp_path) as other:
        assert other.take("job-000")
        mine.drop("job-000")
        assert not mine.take("job-000")


def test_who_was_cleared_away_comes_back(mine):
    (mine.folder / (PROCESS + mine.myself.token)).unlink()
    assert mine.take("job-000")


def test_one_touch_renews_all_leases(tmp_path):
    with Leases(tmp_path, renewed=0.01) as leases:
        assert leases.take("job-000") and leases.take("job-020")
        paths = [tmp_path / "job-000", tmp_path / "job-020"]
        for path in paths:
            os.utime(path, (LONG_AGO, LONG_AGO))
        until = time.monotonic() + 30
        while any(path.stat().st_mtime < LONG_AGO + 1 for path in paths):
            assert time.monotonic() < until
            time.sleep(0.01)


def test_a_fresh_lease_that_was_taken_away_is_given_back(tmp_path, mine):
    """Between our look and our renaming another has cleared it, and it is somebody's (ABA)."""
    path = lease(mine, pid=ended())
    seen = module._look(path)
    path.unlink()
    with Leases(tmp_path) as other:
        assert other.take("job-000")
        assert not mine._clear(path, seen)
        assert module._look(path).holder == other.myself
        assert not mine.take("job-000")


def race(folder, barrier, won):
    with Leases(folder) as leases:
        barrier.wait()
        if leases.take("job-000"):
            won.append(leases)
        barrier.wait()


def test_of_four_who_find_a_dead_one_one_takes_over(tmp_path):
    winners, tries = [], 20
    for number in range(tries):
        folder = tmp_path / str(number)
        with Leases(folder) as leases:
            lease(leases, start="1")
            barrier, won = threading.Barrier(4), []
            threads = [threading.Thread(target=race, args=(folder, barrier, won)) for _ in "1234"]
            for each in threads:
                each.start()
            for each in threads:
                each.join()
            winners.append(len(won))
    # Two at most, and the seldomer the idler the machine: the work is done twice then, and is the
    # same.
    assert min(winners) == 1 and max(winners) <= 2 and winners.count(1) > tries / 2


def test_a_disk_without_links_has_no_leases(mine, monkeypatch):
    def refused(*paths):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(files, "link", refused)
    assert mine.take("job-000") and mine.take("job-000")


def test_a_disk_that_cannot_be_written_is_said_so(mine, monkeypatch):
    def full(*paths):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files, "link", full)
    with pytest.raises(files.Unwritable, match="No space left"):
        mine.take("job-000")


def test_a_lease_says_who_holds_it(mine):
    assert mine.take("job-000")
    told = json.loads((mine.folder / "job-000").read_text())
    assert told["pid"] == os.getpid() and told["token"] == mine.myself.token
    assert str(mine.myself) == f"{told['host']}, pid {os.getpid()}"


@pytest.mark.parametrize("since", ["", "yesterday", "2026-11-30T00z00:00+00:00", "2026-11-30"])
def test_a_lease_without_a_time_is_one_that_cannot_be_read(mine, since):
    told = mine.myself.model_copy(update={"since": since, "host": "elsewhere"})
    (mine.folder / "job-000").write_text(told.model_dump_json())
    assert mine.living() == []

"""Whatever a crash leaves on the disk, the same command goes on to the same numbers.

All disks that a run of three cells can leave, one by one, those that differ in leases alone as one,
and some with a bit turned over. The long form, with flipped bits, disks
that fail, and crashes during the recovery itself: ``python -m tests.soak.crash_states``.
"""

import pytest

from tests.crashes import cases, two
from tests.crashes.disks import Change, Disk, states
from tests.crashes.judge import own_files
from tests.crashes.miniature import Grid, Miniature
from tests.soak.crash_states import caught

FLIPS = 13
"""Of so many disks with a bit turned over one is tried; each file of each disk has one."""


@pytest.fixture(scope="module")
def mini():
    return Miniature(Grid("three", 2))


def test_a_run_goes_on_from_every_disk_that_a_crash_leaves(mini):
    trace = cases.whole("three-2", mini)
    found = trace.states(leases=False)
    assert len(found) > 50 and trace.raw > 10 * len(found)
    assert _wrong(found, mini) == {}


def test_a_flipped_bit_is_no_number(mini):
    found = list(cases.damaged(cases.whole("three-2", mini), 1))
    sample = found[::FLIPS]
    of = {case.damaged.split("/")[1] for case in sample}
    assert of == {"grid.toml", "leases", "plan.json", "records", "samples", "shards"}
    assert _wrong(sample, mini) == {}


def _wrong(found, mini):
    return {f"{case.number}, {case.what}": lines for case in found if (lines := case.wrong(mini))}


def test_a_users_own_files_are_left_alone(mini):
    assert own_files(mini) == []


def test_two_processes_never_hold_one_lease_and_one_of_them_gets_it():
    assert two.wrong() == []


@pytest.mark.parametrize(
    "fault",
    [
        "no fsync of a file",
        "no folder sync after a rename",
        "shards dropped before the record is written",
        "a lease by process id alone",
        "a dead one's lease cleared without another look",
    ],
)
def test_a_fault_is_caught(fault):
    assert caught(fault)


# ---- the disk itself ----------------------------------------------------------------------------

WRITTEN = [
    Change("mkdir", "run"),
    Change("fsync", ""),
    Change("create", "run/a", 1),
    Change("write", "run/a", 1, 0, b"old"),
    Change("fsync", "run/a", 1),
    Change("fsync", "run"),
]
REPLACED = [
    Change("create", "run/b", 2),
    Change("write", "run/b", 2, 0, b"newer"),
    Change("rename", "run/b", 2, new="run/a"),
]


def left(changes):
    """What may be found after the last change, by what became of those not synced."""
    last = [state for state in states(changes) if state.after == len(changes)]
    return {state.mode: state.disk.files for state in last}


def test_what_is_synced_is_there():
    assert left(WRITTEN) == {"clean": {"run/a": b"old"}}


def test_a_rename_without_fsync_may_give_a_name_to_nothing():
    found = left(WRITTEN + REPLACED)
    assert found == {
        "clean": {"run/a": b"newer"},
        "unsynced data zeroed": {"run/a": b"\0" * 5},
        "unsynced data lost": {"run/a": b""},
        "names lost": {"run/a": b"old"},
        "name 0 lost": {"run/a": b"newer"},
        "name 0 kept": {"run/a": b"old", "run/b": b"newer"},
        "name 1 lost": {"run/a": b"old", "run/b": b"newer"},
        "name 1 kept": {"run/a": b"newer"},
        "names and data lost": {"run/a": b"old"},
    }


def test_a_write_may_be_torn():
    assert left(WRITTEN + REPLACED[:2])["last write torn"]["run/b"] == b"ne"


def test_a_folder_is_lost_with_all_that_is_synced_in_it():
    changes = [change for change in WRITTEN if change != Change("fsync", "")]
    assert left(changes) == {"clean": {"run/a": b"old"}, "names lost": {}}


def test_headers_are_written_again_in_their_place():
    changes = [*WRITTEN, Change("write", "run/a", 1, 1, b"X"), Change("write", "run/a", 1, 4, b"Y")]
    assert left(changes)["clean"] == {"run/a": b"oXd\0Y"}
    assert left(changes)["unsynced data zeroed"] == {"run/a": b"o\0d\0\0"}


def test_equal_files_are_one_disk_whatever_is_unfinished():
    folders = frozenset({"run"})
    assert Disk({"run/a": b"1"}, folders).digest != Disk({"run/a": b"2"}, folders).digest
    unfinished = Change("create", f"run/.writing-{0:032x}", 2)
    disks = {state.disk.digest for state in states([*WRITTEN, unfinished]) if state.after >= 6}
    assert len(disks) == 1

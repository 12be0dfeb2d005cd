"""Several processes on one folder share its work: each ends well, and hardly any is done twice."""

import pytest

from tests.bench import runs
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

"""What holds for all tests."""

import os
import sys

import pytest
from hypothesis import settings

# The same examples on every run, and no failure because a machine is slow.
settings.register_profile("reproducible", deadline=None, derandomize=True)
settings.load_profile("reproducible")

ROOMS = {"bench", "kit", "models", "reports", "results", "solvers"}


def pytest_configure(config):
    """Settle threads before PyTorch is imported; a process that a test starts inherits them.

    A worker computes on one thread: the tests' tensors are tiny, and threads of several workers
    only wait for each other. Benchmarks measure what users have, ``bench.cli.main``'s spinning
    included.
    """
    os.environ.pop("COLUMNS", None)  # xdist sets 80, and what is no terminal is not folded
    assert "torch" not in sys.modules
    os.environ.setdefault("GOMP_SPINCOUNT", "10000")
    if not config.getoption("benchmark_enable", False):
        os.environ["OMP_NUM_THREADS"] = "1"


@pytest.fixture(autouse=True, scope="session")
def no_waiting_for_disks():
    """Let ``os.fsync`` do nothing: a test can kill a process, but not cut the power.

    Thousands of small files would wait for the disk, some milliseconds each.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda number: None)
        yield


@pytest.fixture(autouse=True)
def one_import_name():
    """Fail where a room was imported by its bare name: a second copy, with its own registries."""
    yield
    assert not ROOMS & sys.modules.keys()

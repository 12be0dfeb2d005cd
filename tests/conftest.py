"""What holds for all tests."""

import os
import sys

import pytest
from hypothesis import settings

# As the command line does, and before PyTorch is imported: see bench.cli.main.
os.environ.setdefault("GOMP_SPINCOUNT", "10000")

# The same examples on every run, and no failure because a machine is slow.
settings.register_profile("reproducible", deadline=None, derandomize=True)
settings.load_profile("reproducible")

ROOMS = {"bench", "kit", "models", "reports", "results", "solvers"}


@pytest.fixture(autouse=True)
def one_import_name():
    """Fail where a room was imported by its bare name: a second copy, with its own registries."""
    yield
    assert not ROOMS & sys.modules.keys()

"""A second run of a finished grid, process start included, beside importing PyTorch alone."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from sampler_bench.bench.commands.baselines import locate


@pytest.fixture
def finished(tmp_path) -> Path:
    """A finished run of the grid ``quick``: its baseline."""
    return Path(shutil.copytree(locate("quick"), tmp_path / "quick"))


def python(*arguments: str) -> None:
    subprocess.run([sys.executable, *arguments], check=True, capture_output=True)


def test_finished_grid(benchmark, finished):
    benchmark.group = "a finished grid"
    # Its records were made by other code, which is told and kept.
    arguments = ("-m", "sampler_bench", "run", "--keep", "--grid", "quick", "--out", str(finished))
    benchmark.pedantic(python, arguments, rounds=3)
    assert not any((finished / "shards").glob("*")), "the baseline is not of this grid"


def test_importing_pytorch(benchmark):
    benchmark.group = "a finished grid"
    benchmark.pedantic(python, ("-c", "import torch"), rounds=3)

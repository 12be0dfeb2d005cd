"""A person's settings and a notebook's backend reach no figure, and end no report."""

import os
import subprocess
import sys

import pytest

from sampler_bench import reports
from sampler_bench.results import Store
from tests.reports.conftest import make_records

DARK = b"axes.facecolor: black\nfont.size: 20\ntext.usetex: True\nnonsense: 3\n"


def python(*words, **environment):
    return subprocess.run(
        [sys.executable, *words], env=os.environ | environment, capture_output=True, text=True
    )


@pytest.fixture
def run(tmp_path):
    store = Store(tmp_path / "run")
    for record in make_records(labels=["Euler"], steps=(4, 16)):
        store.write_record(record)
    return store.root


def test_a_report_is_of_its_records_alone(run, tmp_path):
    reports.write(run, tmp_path / "plain")
    (tmp_path / "theirs").write_bytes(DARK)
    found = python(
        *("-m", "sampler_bench", "report", run, "--out", tmp_path / "other"),
        MPLBACKEND="module://matplotlib_inline.backend_inline",
        MATPLOTLIBRC=str(tmp_path / "theirs"),
    )
    assert (found.returncode, found.stderr) == (0, "")
    made = {path.name: path.read_bytes() for path in (tmp_path / "other").iterdir()}
    assert made == {path.name: path.read_bytes() for path in (tmp_path / "plain").iterdir()}


@pytest.mark.parametrize("wanted", ["nonsense", "svg"])
def test_whoever_imports_reports_keeps_his_backend(wanted):
    told = "import sampler_bench.reports.backend, os; from matplotlib import rcParams as r"
    shown = "print(os.environ['MPLBACKEND'], dict.__getitem__(r, 'backend') == 'svg')"
    found = python("-c", f"{told}; {shown}", MPLBACKEND=wanted)
    assert found.stdout.split() == [wanted, str(wanted == "svg")], found.stderr

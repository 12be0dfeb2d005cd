"""A small search through the command line: resumed, killed, and found again in its records."""

import shutil

import pytest
from typer.testing import CliRunner

from sampler_bench import results
from sampler_bench.bench.commands.cli import app
from sampler_bench.bench.run import worker
from sampler_bench.bench.run.worker import Worker
from sampler_bench.reports.searches import FRESH, searches

TEXT = """
name = "tiny"
models = ["exact-mixture-moons"]
budget = 4500
samples = 120
first_samples = 20
extractor = "pixels"
[sampler]
steps = 4
[candidates]
S_churn = [0, 0.5, 1]
S_min = [0, 0.05]
S_max = [5, inf]
S_noise = [1, 1.01]
"""


def bench(*words):
    return CliRunner().invoke(app, [str(word) for word in words])


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The search's file, its run and what it printed."""
    folder = tmp_path_factory.mktemp("search")
    path = folder / "tiny.toml"
    path.write_text(TEXT)
    result = bench("search", path, "--out", folder / "run")
    assert result.exit_code == 0, result.output
    return path, folder / "run", result.output


def numbers(folder):
    """Value, leave-one-out values and NFE of every record, by key."""
    rows = results.load(folder).itertuples()
    return {row.key: (row.value, tuple(row.loo), row.nfe) for row in rows}


def test_the_budget_is_spent_and_not_exceeded(made):
    _, run, output = made
    table = results.load(run)
    spent = int((table["nfe"] * table["samples"]).sum())
    assert 4500 / 2 < spent <= 4500
    assert f"{spent:,} of 4,500 evaluations" in output
    assert set(table["label"]) == {"Deterministic", "With churn (search)"}


def test_a_search_that_is_done_measures_nothing_and_says_the_same(made, tmp_path, monkeypatch):
    path, run, output = made
    before = numbers(run)
    monkeypatch.setattr(worker, "measured", None)  # whatever were measured would fail
    result = bench("search", path, "--out", run)
    assert result.exit_code == 0, result.output
    assert result.output.splitlines()[-2:] == output.splitlines()[-2:]
    assert numbers(run) == before


@pytest.mark.parametrize("jobs", [1, 7])
def test_a_killed_search_goes_on_to_the_same_end(made, tmp_path, monkeypatch, jobs):
    path, run, output = made
    work_on, done = Worker.work_on, []

    def killed(worker, work):
        if len(done) == jobs:
            raise KeyboardInterrupt
        done.append(work)
        return work_on(worker, work)

    with monkeypatch.context() as patched:
        patched.setattr(Worker, "work_on", killed)
        stopped = bench("search", path, "--out", tmp_path / "run")
    assert stopped.exit_code == 130
    assert len(numbers(tmp_path / "run")) == jobs
    result = bench("search", path, "--out", tmp_path / "run")
    assert result.exit_code == 0, result.output
    assert numbers(tmp_path / "run") == numbers(run)
    assert result.output.splitlines()[-2].split(":")[1] == output.splitlines()[-2].split(":")[1]


def test_the_records_tell_the_search(made):
    _, run, output = made
    table = results.load(run)
    [search] = searches(table.sample(frac=1, random_state=1))
    assert len(search.tried) == len(table)
    assert search.samples == [20, 60]
    assert f"{search.evaluations:,} of 4,500 evaluations spent on {search.breadth} " in output
    assert search.fresh is not None and search.deterministic is not None
    assert set(search.tried.loc[search.tried["rung"] == FRESH, "seed_start"]) == {0}


def test_the_run_is_reported(made, tmp_path):
    _, run, _ = made
    shutil.copytree(run, tmp_path / "run")
    result = bench("report", tmp_path / "run")
    assert result.exit_code == 0, result.output
    assert (tmp_path / "run" / "report" / "churn-search.png").is_file()
    assert "exact-mixture-moons" in (tmp_path / "run" / "report" / "table5.md").read_text()


def test_a_failing_candidate_is_told_and_the_search_goes_on(made, tmp_path, monkeypatch):
    path, _, _ = made
    measured = worker.measured

    def failing(work, *arguments):
        if work.measurement.sampler.churn.S_churn == 1:
            raise RuntimeError("out of luck")
        return measured(work, *arguments)

    monkeypatch.setattr(worker, "measured", failing)
    result = bench("search", path, "--out", tmp_path / "run")
    assert result.exit_code == 1
    assert "jobs failed" in result.output
    [search] = searches(results.load(tmp_path / "run"))
    assert set(search.candidates["sampler.S_churn"]) == {0.5}
    assert search.fresh is not None

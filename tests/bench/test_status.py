"""How far a run is, whoever may be filling its folder."""

import os
import shutil
import subprocess
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from sampler_bench.bench.commands.baselines import locate
from sampler_bench.bench.commands.cli import app
from sampler_bench.bench.commands.status import lines
from sampler_bench.bench.run import worker
from sampler_bench.bench.run.leases import Leases
from sampler_bench.bench.run.status import look
from sampler_bench.results import Store, load
from sampler_bench.results.schema import Line, PlanFile
from tests.bench import processes, runs

BATCH = 16  # four groups of a job: five shards of three samples


@pytest.fixture(scope="module")
def stopped(tmp_path_factory):
    """A run that was stopped after the first job, and half of the second."""
    folder = tmp_path_factory.mktemp("stopped") / "run"
    measured, done = worker.measured, []

    def some(*arguments):
        if len(done) == 6:
            raise KeyboardInterrupt
        done.append(arguments)
        return measured(*arguments)

    with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(worker, "measured", some)
        runs.run(folder, processes.GRID, BATCH)
    return folder


def bench(*words):
    return CliRunner().invoke(app, ["status", *map(str, words)])


def jobs(folder):
    return Store(folder).plan().jobs


def test_what_is_done_and_left_and_how_long_it_takes(stopped):
    status, store = look(stopped), Store(stopped)
    assert (status.cells, status.done, status.cells_failed, status.cells_left) == (3, 1, 0, 2)
    assert [(str(job), n) for job, n in status.left] == [
        ("Euler, 6 steps", 10),
        ("Churned Heun, 6 steps", 0),
    ]
    assert status.evaluations == 60 * (6 / 2 + 11)
    second = [store.read_shard(path) for path in store.shards(jobs(stopped)[1].key).values()]
    seconds = load(stopped)["seconds"].sum() + sum(shard.meta["seconds"] for shard in second)
    assert status.seconds == pytest.approx(seconds / (60 * 3 + 30 * 6))
    assert status.seconds_left == pytest.approx(status.seconds * status.evaluations)
    assert bench(stopped).exit_code == 0
    told = "\n".join(lines(status, Path("run")))
    assert "1 of 3 cells done, 2 left" in told and "nobody is at work" in told
    assert "Euler, 6 steps: 10 of 20 shards" in told and "840 evaluations" in told


def test_several_metrics_of_the_same_samples_took_their_time_once(made_whole, tmp_path):
    store = Store(shutil.copytree(made_whole, tmp_path / "run"))
    before = look(store.root)
    slowest = max(store.records(), key=lambda record: record.seconds / record.nfe)
    kid = replace(slowest, cell=replace(slowest.cell, metric="kid"))
    assert kid.cell.work_key == slowest.cell.work_key
    store.write_record(kid)
    assert len(store.record_files()) == 4
    assert look(store.root).seconds == pytest.approx(before.seconds, rel=1e-9)
    one, *_ = store.records()
    store.write_record(replace(one, cell=replace(one.cell, seed_start=60), seconds=1e9))
    assert look(store.root).seconds > 1e4


def test_who_is_running_and_on_what(stopped):
    second, third = (job.key for job in jobs(stopped)[1:])
    now = datetime.now(UTC) + timedelta(minutes=12)
    alone = look(stopped)
    with Leases(stopped / "leases") as one, Leases(stopped / "leases") as two:
        assert one.take(f"{second}-010") and two.take(f"{third}-record")
        status = look(stopped)
        assert status.seconds_left == pytest.approx(alone.seconds_left / 2)
        told = "\n".join(lines(status, stopped, now))
        assert "by 2 processes" in told and "nobody" not in told
        for wanted in ("Euler, 6 steps: shards 10 to 14 of 20", "Heun, 6 steps: its record"):
            assert wanted in "\n".join("; ".join(running.on) for running in status.running)
        assert told.count(f"pid {os.getpid()}, since ") == 2 and "(12 min)" in told
        path = next((stopped / "leases").glob("process-*"))
        path.write_text(path.read_text().replace(one.myself.boot, "").replace(two.myself.boot, ""))
        os.utime(path, (time.time() - 600,) * 2)
        assert "no sign of it for 10 min" in "\n".join(lines(look(stopped), stopped, now))
    assert look(stopped) == alone


def test_what_failed_and_what_no_plan_asks_for(stopped):
    store, (_, second, _) = Store(stopped), jobs(stopped)
    for key in (second.key, "0" * 16):
        store.write_failure(key, 12, "Traceback …\nRuntimeError: no such kernel\n")
    status = look(stopped)
    told = "\n".join(lines(status, stopped))
    assert (status.done, status.cells_failed, status.cells_left) == (1, 1, 1)
    assert "Euler, 6 steps: RuntimeError: no such kernel" in told
    assert "1 jobs failed before, and are in no plan any more" in told
    for key in (second.key, "0" * 16):
        store.clear_failures(key)


def test_one_screen_however_much_there_is(tmp_path):
    folder = tmp_path / ("a long name " * 6) / "run"
    folder.mkdir(parents=True)
    many = [
        Line(
            label=f"Sampler of a long name {'σ' * 60}",
            model="m",
            key=f"{n:016x}",
            work_key=f"{n:016x}",
            settings={"sampler": {"steps": n}},
            samples=50_000,
            nfe=35.0,
        )
        for n in range(900)
    ]
    Store(folder).write_plan(PlanFile(lines=many, batch=9))
    for line in many[:30]:
        Store(folder).write_failure(line.key, 0, "RuntimeError: " + "very long " * 30)
    with Leases(folder / "leases") as leases:
        assert all(leases.take(f"{line.key}-003") for line in many[40:60])
        printed = bench(folder)
    assert printed.exit_code == 0
    told = printed.output.splitlines()
    assert len(told) <= 24 and max(map(len, told)) < 80
    assert "  … and 25 more" in told and "  … and 865 more" in told
    assert any("not known before something is measured" in line for line in told)


def test_a_finished_run_says_no_more_than_that(made_whole):
    assert bench(made_whole).output == f"{made_whole}: 3 of 3 cells done\n"


@pytest.fixture(scope="module")
def made_whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole") / "run"
    runs.run(folder, processes.GRID, BATCH)
    return folder


def test_a_baseline_that_ships_is_done():
    status = look(locate("quick"))
    assert status.done == status.cells == 20 and not status.cells_left and not status.running


def test_what_is_no_run_is_one_line(tmp_path):
    for folder in (tmp_path, tmp_path / "none"):
        found = bench(folder)
        assert found.exit_code == 2 and len(found.output.splitlines()) == 1
    (tmp_path / "plan.json").write_text('{"lines": {')
    found = bench(tmp_path)
    assert found.exit_code == 2 and "no plan.json in it" in found.output
    assert "plan.json: not readable" in found.output


def test_a_run_that_goes_on_can_be_looked_at_all_the_time(tmp_path):
    out, seen = tmp_path / "run", []
    started = [processes.started(out, batch, 0.001) for batch in (3, 7)]
    while any(process.is_alive() for process in started):
        if (out / "plan.json").exists():
            seen.append(look(out))
        time.sleep(0.01)
    assert [process.exitcode for process in started] == [0, 0]
    done = [status.done for status in seen]
    assert done == sorted(done) and any(len(status.running) == 2 for status in seen)
    assert any(running.on for status in seen for running in status.running)
    assert look(out).done == 3 and not look(out).running


def test_it_needs_no_models(stopped):
    code = "import sys; from sampler_bench.bench.run.status import look; look(sys.argv[1]);"
    code += "print('torch' in sys.modules)"
    code = code.replace("sys.argv[1]", "__import__('pathlib').Path(sys.argv[1])")
    said = subprocess.check_output([sys.executable, "-c", code, str(stopped)], text=True)
    assert said == "False\n"

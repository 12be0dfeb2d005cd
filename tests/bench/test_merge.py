"""Folders of several machines, put together in one."""

import itertools
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from sampler_bench.bench.commands.cli import app
from sampler_bench.bench.run import folders, worker
from sampler_bench.bench.run.folders import merge
from sampler_bench.kit import files
from sampler_bench.results import Store
from sampler_bench.results.record import read as read_record
from tests.bench import runs
from tests.bench.processes import GRID

BATCH = 16  # five shards of three samples


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A whole run, and three that were stopped in the second job, the first, and the second."""
    root = tmp_path_factory.mktemp("made")

    def run(name, groups, backwards=False):
        (root / name).mkdir()
        measured, done = worker.measured, []

        def stopped(work, *rest):
            if len(done) == groups:
                raise KeyboardInterrupt
            done.append(work)
            return measured(work, *rest)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(worker, "measured", stopped)
            if backwards:
                order = worker.groups
                patch.setattr(worker, "groups", lambda *a: reversed(list(order(*a))))
            try:
                runs.run(root / name / "run", GRID, BATCH)
            except KeyboardInterrupt:
                assert groups < 12
        return root / name / "run"

    return run("whole", 99), run("here", 6), run("there", 3, True), run("near", 5, True)


def copied(made, tmp_path, *which):
    return [
        Path(shutil.copytree(made[number], tmp_path / f"copy{n}" / "run"))
        for n, number in enumerate(which)
    ]


def content(folder):
    return {
        path.relative_to(folder): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.relative_to(folder).parts[0] not in {"leases"}
    }


def bench(*words):
    return CliRunner().invoke(app, ["merge", *map(str, words)])


def test_two_parts_go_on_to_the_same_end(made, tmp_path):
    whole, *parts = made
    out = tmp_path / "out" / "run"
    done = merge(parts, out)
    # Of the second job one has the first ten shards, another the last five.
    assert (done.records, done.shards, done.left_out) == (1, 15, [])
    assert len(list(out.glob("shards/*/*.npz"))) == 15
    runs.run(out, GRID, BATCH)
    assert runs.numbers(out) == runs.numbers(whole)
    assert not list(out.glob("shards/*/*.npz"))


def test_the_order_of_folders_does_not_matter(made, tmp_path):
    merged = []
    for number, order in enumerate(itertools.permutations(made[1:])):
        merge(order, tmp_path / str(number))
        merged.append(content(tmp_path / str(number)))
    names = {tuple(sorted(each)) for each in merged}
    assert len(names) == 1


def test_a_folder_may_be_merged_into_itself(made, tmp_path):
    here, there = copied(made, tmp_path, 1, 2)
    expected = merge([here, there], tmp_path / "out")
    assert merge([here], there) == expected == merge([there, there], there)
    # Of the first job here are its records, so that shards there are of no more use.
    assert content(there).keys() == content(tmp_path / "out").keys()


def writes(made, tmp_path):
    """Return how many files a merge writes."""
    put, seen = files.put, []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(files, "put", lambda a, b: seen.append(b) or put(a, b))
        merge(made[1:3], tmp_path / "counted")
    return len(seen)


def test_a_merge_that_was_killed_is_done_again(made, tmp_path):
    count = writes(made, tmp_path)
    expected = content(tmp_path / "counted")
    put = files.put
    assert count > 10
    for kill in range(0, count, 2):
        out, left = tmp_path / str(kill), [kill]

        def killed(finished, path, left=left):
            left[0] -= 1
            if left[0] < 0:
                raise KeyboardInterrupt
            put(finished, path)

        with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr(files, "put", killed)
            merge(made[1:3], out)
        merge(made[1:3], out)
        assert content(out) == expected


def changed(path, **fields):
    """Write a record again with other fields, under the name it has then."""
    record = replace(read_record(path), **fields)
    path.unlink()
    return Store(path.parents[1]).write_record(record)


SIDES = {"device": "an abacus", "commit": "0123abc", "created": "2026-11-30T12:00:00+00:00"}


def refused(found, *words):
    assert found.exit_code == 2, found.output
    (line,) = found.output.strip().splitlines()
    assert all(str(word) in line for word in words), line


def test_records_that_disagree_are_refused_with_both_sides(made, tmp_path):
    here, there = copied(made, tmp_path, 0, 0)
    path = next(there.glob("records/*.json"))
    old = read_record(path)
    new = changed(path, value=old.value * 1.01, provenance=dict(old.provenance) | SIDES)
    sides = (old.provenance[name] for name in SIDES)
    out = tmp_path / "out"
    refused(bench(here, there, "--out", out), path.name, new.name, *sides, *SIDES.values())
    assert not out.exists()


def test_records_that_agree_within_noise_are_one(made, tmp_path):
    here, there = copied(made, tmp_path, 0, 0)
    path = next(there.glob("records/*.json"))
    changed(path, value=read_record(path).value * (1 + 1e-9))
    assert merge([here, there], tmp_path / "out").records == 3
    assert len(list(tmp_path.glob("out/records/*"))) == 3


@pytest.mark.parametrize("other", [1, 0], ids=["another shard", "a record"])
def test_shards_that_disagree_are_refused_with_both_sides(made, tmp_path, other):
    here, there = copied(made, tmp_path, 1, other)
    path = next(here.glob("shards/*/*.npz"))
    store = Store(here)
    shard = store.read_shard(path)
    arrays = {name: array * 2 for name, array in shard.arrays.items()}
    checks = {name: value * 2 for name, value in shard.meta["checks"].items()}
    meta = {"checks": checks, "provenance": SIDES}
    new = store.write_shard(path.parent.name, shard.index, arrays, shard.meta | meta)
    path.unlink()
    out = tmp_path / "out"
    refused(bench(here, there, "--out", out), new.name, *SIDES.values(), "disagree")
    assert not out.exists()


@pytest.mark.parametrize("kind", ["records", "shards/*", "samples"])
@pytest.mark.parametrize("damage", [lambda data: data[:100], lambda data: b"", lambda data: b"x"])
def test_damaged_files_are_left_out_and_said(made, tmp_path, kind, damage):
    here, there = copied(made, tmp_path, 1, 1)
    path = next(there.glob(f"{kind}/*"))
    path.write_bytes(damage(path.read_bytes()))
    found = bench(there, here, "--out", tmp_path / "out")
    assert found.exit_code == 0
    assert f"left out: {path}" in found.output
    assert content(tmp_path / "out") == content(here)


def test_a_damaged_file_of_a_merged_folder_is_made_good(made, tmp_path):
    out, here = copied(made, tmp_path, 1, 1)
    path = next(out.glob("records/*"))
    path.write_bytes(b"")
    merge([here], out)
    assert content(out) == content(here)


def test_runs_of_two_grids_are_refused(made, tmp_path):
    here, there = copied(made, tmp_path, 0, 0)
    grid = there / "grid.toml"
    grid.write_text("# run with first_seed = 7\n" + grid.read_text())
    refused(
        bench(here, there, "--out", tmp_path / "out"), "two grids", "first_seed = 7", here, there
    )


@pytest.mark.parametrize("text", ["", "[]", '{"lines": 1}', "[" * 9999])
def test_what_is_no_plan_is_refused(made, tmp_path, text):
    here, there = copied(made, tmp_path, 0, 0)
    (there / "plan.json").write_text(text)
    found = bench(here, there, "--out", tmp_path / "out")
    said, refusal = found.output.strip().splitlines()
    assert found.exit_code == 2
    assert f"{there / 'plan.json'}: " in said and "set aside in" in said
    assert str(there) in refusal and "no plan.json in it" in refusal
    refused(bench(here, tmp_path / "none", "--out", tmp_path / "out"), "no such run")


def test_a_plan_of_a_newer_version_is_refused_and_stays(made, tmp_path):
    here, there = copied(made, tmp_path, 0, 0)
    (there / "plan.json").write_text('{"format": 7}')
    refused(bench(here, there, "--out", tmp_path / "out"), f"{there / 'plan.json'}: ")
    assert (there / "plan.json").read_text() == '{"format": 7}'


def test_two_texts_of_a_users_file_are_refused():
    one, other = {"a/mine.py": "1", "b/your.py": "2"}, {"elsewhere/mine.py": "3"}
    assert folders._other_text(one, other) == "mine.py"
    assert folders._other_text(one, {"c/your.py": "2"}) is None
    assert folders._other_text(one, {}) is None


def test_plans_are_united(made, tmp_path):
    """Those of a search, of which each folder has got to another rung."""
    here, there = copied(made, tmp_path, 0, 0)
    for folder, kept in ((here, 2), (there, 0)):
        plan = Store(folder).plan()
        some = {"lines": [plan.lines[kept]], "batch": plan.batch + kept}
        Store(folder).write_plan(plan.model_copy(update=some))
    plan, _ = folders.merged_plans([here, there])
    assert len(plan.lines) == len(plan.jobs) == 2 and plan.batch == BATCH + 2


def test_a_failure_that_another_machine_did_not_have_is_left_behind(made, tmp_path):
    here, there = copied(made, tmp_path, 0, 1)
    jobs = Store(there).plan().jobs
    for job, index in ((jobs[0], 1), (jobs[1], 17), (jobs[2], 3)):
        Store(there).write_failure(job.key, index, "Traceback: no luck")
    merge([here, there], tmp_path / "all")
    assert not list(tmp_path.glob("all/failures/*"))
    merge([there, made[3]], tmp_path / "some")
    assert [path.stem for path in tmp_path.glob("some/failures/*")] == [f"{jobs[2].key}-003"]

"""One report of several runs, as if they were one."""

from dataclasses import replace

import pytest
from typer.testing import CliRunner

from sampler_bench import reports
from sampler_bench.bench.commands.cli import app
from sampler_bench.reports.together import together
from sampler_bench.results import Store
from sampler_bench.results.schema import Code, PlanFile
from tests.records import lines_of
from tests.reports.conftest import make_records, make_swept

pytestmark = pytest.mark.usefixtures("small_pictures")

HEUN = "+ σ = t, s = 1"


def run(folder, records, code=None):
    store = Store(folder)
    for record in records:
        store.write_record(record if code is None else replace(record, code=Code(digest=code)))
    store.write_plan(PlanFile(lines=lines_of(store)))
    return folder


def labels(found):
    return found.records.groupby("label")["nfe"].count().to_dict()


def test_parts_of_one_curve_are_one_curve(tmp_path):
    a = run(tmp_path / "a", make_records(labels=[HEUN], steps=(4, 8)))
    b = run(tmp_path / "b", make_records(labels=[HEUN], steps=(16, 32)))
    assert labels(together([b, a])) == {HEUN: 4}
    assert together([b, a]).records.equals(together([a, b]).records)
    assert together([a, b]).name == "a + b"


def test_other_settings_under_one_label_are_two_curves(tmp_path):
    a = run(tmp_path / "a", make_records(labels=[HEUN], steps=(4, 8)))
    others = [replace(one, label=HEUN) for one in make_swept(steps=(12, 18), rho=5)]
    b = run(tmp_path / "b", others)
    assert labels(together([a, b])) == {f"{HEUN} (a)": 2, f"{HEUN} (b)": 2}


def test_other_code_is_another_curve_unless_its_numbers_are_the_same(tmp_path):
    short, long = (make_records(labels=[HEUN], steps=s) for s in ((4, 8), (4, 8, 16)))
    long = [*short, long[-1]]
    a, b = run(tmp_path / "a", short, "a" * 64), run(tmp_path / "b", long, "b" * 64)
    assert labels(together([a, b])) == {HEUN: 3}
    moved = [replace(one, value=one.value * 1.5) for one in long]
    c = run(tmp_path / "c", moved, "c" * 64)
    assert labels(together([a, c])) == {f"{HEUN} (a)": 2, f"{HEUN} (c)": 3}
    assert labels(together([a, b, c])) == {f"{HEUN} (a, b)": 3, f"{HEUN} (c)": 3}
    d = run(tmp_path / "d", make_records(labels=[HEUN], steps=(32,)), "d" * 64)
    assert labels(together([a, d])) == {f"{HEUN} (a)": 2, f"{HEUN} (d)": 1}


def test_two_folders_of_one_name_are_told_apart(tmp_path):
    made = make_records(labels=[HEUN], steps=(4, 8))
    a, b = run(tmp_path / "1/x", made, "a" * 64), tmp_path / "2/x"
    run(b, [replace(one, value=one.value + 1) for one in made], "b" * 64)
    assert set(labels(together([a, b]))) == {f"{HEUN} ({a})", f"{HEUN} ({b})"}


def test_the_command_writes_one_page(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run(tmp_path / "a", make_records(labels=[HEUN], steps=(4, 8)))
    run(tmp_path / "b", make_records(labels=["Black-box RK45"], steps=(4, 8)))
    found = CliRunner().invoke(app, ["report", "a", "b", "--together", "--format", "html"])
    page = tmp_path / "runs" / "together" / "index.html"
    assert found.exit_code == 0 and page.as_uri() in found.output.replace("\n", "")
    text = page.read_text()
    assert "a + b" in text and HEUN in text and "Black-box RK45" in text
    assert not (tmp_path / "a" / "report").exists()
    found = CliRunner().invoke(app, ["report", "a", "a", "--together"])
    assert found.exit_code == 2 and "given twice" in found.stderr


def test_a_run_that_goes_on_says_how_far_it_is(tmp_path):
    folder = run(tmp_path / "a", make_records(labels=[HEUN], steps=(4, 8, 16)))
    store = Store(folder)
    here = lines_of(store)
    gone = here[0].model_copy(update={"key": "0" * 16, "label": "RK45"})
    store.write_plan(PlanFile(lines=[*here, gone]))
    page = reports.write(folder, live=True)
    assert [path.name for path in page.parent.iterdir()] == ["index.html"]
    text = page.read_text()
    assert "3 of 4 cells measured so far" in text and "Missing: RK45: 1." in text
    assert 'http-equiv="refresh"' in text and text.count("data:image/png") == 1
    text = reports.write(folder).read_text()
    assert "3 of 4 cells measured so far" in text and "refresh" not in text
    assert "3 of 4 cells measured so far" in (page.parent / "index.md").read_text()
    store.write_plan(PlanFile(lines=here))
    assert "so far" not in reports.write(folder, live=True).read_text()

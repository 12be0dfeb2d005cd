"""Parts of a user's own files in a grid: run, resumed, gated, listed, and refused in one line."""

import json
import re

import pytest
from typer.testing import CliRunner

from sampler_bench import results
from sampler_bench.bench.commands.cli import app
from tests.bench.test_bad_input import refused, toml

MINE = '''
from pathlib import Path


def half(flow, x, t, t_next, *, alpha: float = 0.5):
    """Return the midpoint rule's step."""
    h = t_next - t
    return x + h * flow(x + alpha * h * flow(x, t), t + alpha * h)


half.evaluations = lambda n: 2 * n


def last(flow, z, step, past, *, j: int = 1):
    return z


last.memory = 0


def column(flow, x, t, t_next, *, order: int = 2):
    return x


def flag(flow, x, t, t_next, *, yes: bool = True):
    return x


def claimed(flow, x, t, t_next):
    return x + (t_next - t) * flow(x, t)


claimed.evaluations = lambda n: 3 * n


def uncountable(flow, x, t, t_next):
    return x


uncountable.evaluations = lambda n: n // 0


def wordy(flow, x, t, t_next):
    return x


wordy.evaluations = lambda n: n / 2


def silent(flow, x, t, t_next):
    return x


silent.evaluations = lambda n: None



def late(flow, x, t, t_next):
    if t < 1 and x.shape[0] > 1:
        raise RuntimeError("in the middle of a run")
    return x


def undeclared(flow, x, t, t_next):
    return half(flow, x, t, t_next)


def weighted(flow, x, t, t_next, *, weights: Path):
    """Return Euler's step times a number in a file."""
    return x + float(weights.read_text()) * (t_next - t) * flow(x, t)


def make(device):
    return 3


class Quadratic:
    pass
'''


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (tmp_path / "grid").mkdir()
    (tmp_path / "grid" / "mine.py").write_text(MINE)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    return tmp_path / "grid"


def bench(*words):
    result = CliRunner().invoke(app, [*map(str, words)])
    assert result.exit_code == 0, result.output
    return result.stdout


def grid_of(folder, grid=None, **sampler):
    given = {key: json.dumps(value) for key, value in sampler.items()}
    (folder / "mine.toml").write_text(toml({"floor": "false", **(grid or {})}, given))
    return folder / "mine.toml"


@pytest.fixture
def ran(folder):
    grid = grid_of(folder, solver="mine.py:half")
    bench("run", grid, "--out", "run")
    return grid


def test_a_run_goes_on_by_the_same_command(ran, folder):
    assert bench("run", "../grid/mine.toml", "--out", "run").count("done before") == 2
    planned = results.Store("run").plan()
    assert [*planned.files] == [str(folder / "mine.py")]
    assert planned.grid_folder == str(folder)
    table = results.load("run")
    assert set(table["sampler.solver"]) == {"file:half"} and set(table["sampler.alpha"]) == {0.5}


def test_where_a_file_lies_changes_no_key(ran, folder):
    other = folder.parent / "elsewhere" / "copied"
    other.mkdir()
    (other / "mine.py").write_text(MINE)
    bench("run", grid_of(other, solver="mine.py:half"), "--out", "copy")
    assert set(results.load("copy")["key"]) == set(results.load("run")["key"])


def test_a_changed_text_is_other_code(ran, folder, tmp_path):
    """The key is the same, so that the gate compares; nothing of it is shown as if it were one."""
    (folder / "mine.py").write_text(MINE.replace("+ alpha * h * flow", "+ 0.9 * h * flow"))
    refused(["run", ran, "--out", "run"], tmp_path, "run holds 2 records made by other code: mine.")
    gate = ["check", "run", "--baseline", "run"]
    refused(gate, tmp_path, "run holds 2 records made by other code: mine.half; run its grid again")
    assert "2 passed" in bench(*gate, "--recorded")
    bench("run", ran, "--out", "new")
    assert set(results.load("new")["key"]) == set(results.load("run")["key"])
    compared = CliRunner().invoke(app, ["check", "new", "--baseline", "run"])
    assert compared.exit_code in {0, 1, 3} and compared.stdout.count("same") == 2
    both = results.load(["new", "run"])
    assert both["label"].nunique() == 2 and both["label"].str.contains("code").all()


def test_another_comment_is_the_same_code(ran, folder):
    (folder / "mine.py").write_text("# a comment\n" + MINE.replace("\n\n\n", "\n\n\n\n", 1))
    assert bench("run", ran, "--out", "run").count("done before") == 2
    assert "2 passed" in bench("check", "run", "--baseline", "run")


def test_a_file_that_is_gone(ran, folder, tmp_path):
    (folder / "mine.py").unlink()
    gone = f"there is no file {folder / 'mine.py'}"
    now = f"{folder / 'mine.py'} is not there any more"
    refused(["check", "run", "--baseline", "run"], tmp_path, now)
    assert "2 passed" in bench("check", "run", "--baseline", "run", "--recorded")
    refused(["run", ran, "--out", "run"], tmp_path, gone)


CASES = {
    "no file": ({"solver": "none.py:half"}, "sampler[0]: solver '", "there is no file"),
    "no name": ({"solver": "mine.py:halv"}, "unknown name in mine.py 'halv'", "mean 'half'?"),
    "no module": ({"solver": "nowhere:half"}, "nowhere cannot be imported: ModuleNotFoundError"),
    "syntax": ({"solver": "torn.py:half"}, "torn.py, line 2: SyntaxError: "),
    "exit": ({"solver": "exits.py:half"}, "exits.py, line 2: SystemExit: 0"),
    "signature": ({"solver": "mine.py:make"}, "is a function of (device); it must be one step f("),
    "path": ({"path": "mine.py:half"}, "path file:half is a function of", "f(grid, schedule)"),
    "schedule": (
        {"schedule": "mine.py:Quadratic"},
        "is the class Quadratic",
        "a class on Schedule",
    ),
    "scaling": ({"scaling": "mine.py:half"}, "scaling file:half", "f(schedule) or a class on"),
    "levels": ({"discretization": "mine.py:half"}, "f(n, sigma_min, sigma_max)"),
    "value": ({"solver": "mine.py:half", "alpha": "x"}, "alpha = 'x' is not allowed"),
    "key": ({"solver": "mine.py:half", "alpa": 1}, "unknown key 'alpa'; did you mean 'alpha'?"),
    "flag": ({"solver": "mine.py:flag"}, "yes = True: in a grid, a parameter of one's own is a w"),
    "count": (
        {"solver": "mine.py:uncountable"},
        "evaluations: mine.py, line 40: ZeroDivisionError",
    ),
    "no count": ({"solver": "mine.py:wordy"}, "evaluations per sample: a whole number above 0 is"),
    "none": ({"solver": "mine.py:silent"}, "its number of evaluations: TypeError: unsupported"),
    "two files": ({"solver": ["mine.py:half", "b.py:half"]}, "are both called 'file:half'"),
    "two rates": (
        {"path": "edm-sde", "rate": ["mine.py:half", "b.py:half"]},
        "rates 'mine.py:half' and 'b.py:half' are both called 'file:half'",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_what_is_wrong_is_said_in_one_line(name, folder, tmp_path):
    (folder / "torn.py").write_text("x = 1\ndef half(:\n")
    (folder / "exits.py").write_text("import sys\nsys.exit(0)\n")
    sampler, first, *more = CASES[name]
    said = refused(["run", grid_of(folder, **sampler), "--out", "out"], tmp_path, first)
    assert [part for part in more if part not in said] == []


MODELS = {
    "no denoiser": ('["mine.py:make"]', "model file:make is a int without 'shape': a denoiser has"),
    "no name": ('["mine.py:mak"]', "unknown name in mine.py 'mak'; did you mean 'make'?"),
    "no file": ('["none.py:make"]', "there is no file"),
    "two": ('["mine.py:make", "b.py:make"]', "are both called 'file:make'"),
}


@pytest.mark.parametrize("name", MODELS)
def test_models_that_are_none(name, folder, tmp_path):
    models, expected = MODELS[name]
    grid = grid_of(folder, {"models": models})
    refused(["run", grid, "--out", "out"], tmp_path, expected)


def test_what_fails_in_the_middle_is_a_failed_job_as_any_other(folder):
    grid = grid_of(folder, solver="mine.py:late")
    result = CliRunner().invoke(app, ["run", str(grid), "--out", "run"])
    assert result.exit_code == 1 and "1 jobs failed" in result.stderr
    failure = next((folder.parent / "elsewhere" / "run" / "failures").iterdir()).read_text()
    assert "in the middle of a run" in failure and "mine.py" in failure


def test_who_says_another_number_of_evaluations_than_are_made_has_failed(folder):
    grid = grid_of(folder, solver="mine.py:claimed", steps=[2, 3])
    assert re.search(r" 4 .*\n.* 7 ", bench("run", grid, "--plan"))
    result = CliRunner().invoke(app, ["run", str(grid), "--out", "run"])
    assert result.exit_code == 1 and "2 jobs failed" in result.stderr
    for said, made in ((4, 2), (7, 3)):
        told = rf"ValueError: says it makes {said} evaluations per sample, and made {made}\b"
        assert re.search(told, result.stdout)


def test_what_says_no_number_of_evaluations_is_planned_without(folder):
    grid = grid_of(folder, solver=["mine.py:undeclared", "euler"], steps=[2, 3])
    planned = bench("run", grid, "--plan")
    assert len(re.findall(r"file:undeclared, edm steps .* \? ", planned)) == 2
    assert "note: file:undeclared, edm steps: its number of evaluations is not known" in planned
    assert "skipped, at least 100 denoiser evaluations: at least " in planned
    bench("run", grid, "--out", "run")
    counted = results.load("run").set_index(["sampler.solver", "sampler.steps"])["nfe"].to_dict()
    assert counted == {
        ("file:undeclared", 2): 3,
        ("file:undeclared", 3): 5,
        ("euler", 2): 2,
        ("euler", 3): 3,
    }


def test_in_profiles_and_searches(folder):
    (folder / "mine.toml").write_text("""
name = "profiled"
models = ["exact-two-points"]
samples = 20
[[profile]]
metric = "local-error"
solver = ["mine.py:half", "euler"]
steps = 8
substeps = 2
levels = [0.1, 1.0, 10.0]
""")
    bench("run", folder / "mine.toml", "--out", "profiled")
    table = results.load("profiled")
    assert set(table["sampler.solver"]) == {"file:half", "euler"}
    (folder / "search.toml").write_text("""
name = "searched"
models = ["exact-mixture-moons"]
budget = 100000
samples = 120
first_samples = 20
extractor = "pixels"
[sampler]
solver = "mine.py:half"
steps = 4
""")
    assert re.search(r"moons .* 7 *\n", bench("search", folder / "search.toml", "--plan"))
    search = (folder / "search.toml").read_text().replace("mine.py:half", "mine.py:undeclared")
    (folder / "search.toml").write_text(search)
    refused(
        ["search", folder / "search.toml", "--plan"],
        folder.parent,
        "solver 'file:undeclared' does not say how many evaluations a sample takes",
    )


def test_a_parameter_that_is_a_file_lies_beside_the_grid(folder, tmp_path):
    (folder / "one.txt").write_text("1.0")
    (folder / "two.txt").write_text("0.9")
    grid = grid_of(folder, solver="mine.py:weighted", weights=["one.txt", "two.txt"])
    bench("run", grid, "--out", "run")
    table = results.load("run")
    assert (
        table["sampler.weights"].nunique() == 2
        and table["sampler.weights"].str.fullmatch("[0-9a-f]{16}").all()
    )
    assert set(table["label"]) == {
        f"file:weighted, edm steps, weights = {name}.txt" for name in ("one", "two")
    }
    (folder / "two.txt").write_text("0.8")
    changed = f"{folder / 'two.txt'} was changed since"
    refused(["check", "run", "--baseline", "run"], tmp_path, changed)
    (folder / "two.txt").unlink()
    missing = "sampler[0]: weights = 'two.txt' cannot be read: No such file"
    refused(["run", grid, "--out", "run"], tmp_path, missing)


def test_what_a_file_has_is_listed(folder, tmp_path):
    listed = re.sub(" +", " ", bench("list", "solvers", "../grid/mine.py"))
    assert "../grid/mine.py:half The midpoint rule's step [alpha = 0.5] (one step)" in listed
    assert "../grid/mine.py:last [j = 1] (with memory; memory = 0)" in listed
    assert listed.count("\n") == 11
    assert bench("list", "solvers", "../grid/mine.py:half").count("\n") == 1
    refused(["list", "paths", "../grid/mine.py"], tmp_path, "has no path: it must be a function")
    refused(
        ["list", "grids", "../grid/mine.py"],
        tmp_path,
        "known: discretizations, extractors, figures",
    )
    refused(["list", "solvers", "../grid/mine.py:make"], tmp_path, "is a function of (device)")
    refused(["list", "solvers", "none.py"], tmp_path, "there is no file none.py")

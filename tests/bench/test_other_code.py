"""What becomes of a folder when the code has changed: refused, measured anew, or kept and said.

The text of a rule is changed as the lister of code reads it, and the rule as it computes.
"""

import inspect

import numpy as np
import pytest
from typer.testing import CliRunner

from sampler_bench import results
from sampler_bench.bench.commands.cli import app
from sampler_bench.bench.measure import code_of
from sampler_bench.bench.run.runner import Runner
from sampler_bench.results import Store
from sampler_bench.solvers.rules import runge_kutta
from tests.bench.test_code_of import edited

GRID = """
name = "gate"
models = ["exact-mixture-moons"]
samples = 400
extractor = "pixels"
floor = false
[[sampler]]
label = "Heun"
steps = [4, 6]
"""
OLD, NEW = "share = 1 / (2 * alpha)", "share = 1 / (1.5 * alpha)"
SECOND = "solvers.rules.runge_kutta.second_order"


def bench(*words):
    found = CliRunner().invoke(app, [*map(str, words)])
    return found.exit_code, " ".join(found.output.split())


def changed(monkeypatch, new=NEW):
    """Change the rule's code: in its text, and in what it does."""
    reader = edited("solvers/rules/runge_kutta.py", OLD, new)
    monkeypatch.setattr(code_of.code_of, "__defaults__", (reader,))
    source = inspect.getsource(runge_kutta.second_order).replace(OLD, new)
    space = dict(vars(runge_kutta))
    exec(source, space)
    monkeypatch.setattr(runge_kutta, "second_order", space["second_order"])


@pytest.fixture
def ran(tmp_path):
    """Folders of a baseline and of a run, before anything changed."""
    grid = tmp_path / "g.toml"
    grid.write_text(GRID)
    for name in ("base", "ci"):
        assert bench("run", grid, "--out", tmp_path / name)[0] == 0
    assert bench("check", tmp_path / "ci", "--baseline", tmp_path / "base")[0] == 0
    return grid, tmp_path / "base", tmp_path / "ci"


def test_a_cached_folder_is_refused_and_a_fresh_one_judged(ran, tmp_path, monkeypatch):
    """Never 0: a CI that caches its folder would pass whatever the code does."""
    grid, base, cached = ran
    changed(monkeypatch)
    code, told = bench("run", grid, "--out", cached)
    assert code == 2 and f"holds 2 records made by other code: {SECOND}; measure anew" in told
    code, told = bench("check", cached, "--baseline", base)
    assert code == 2 and f"made by other code: {SECOND}; run its grid again by --again" in told
    assert bench("check", cached, "--baseline", base, "--recorded")[0] == 0
    fresh = tmp_path / "fresh"
    assert bench("run", grid, "--out", fresh)[0] == 0
    code, told = bench("check", fresh, "--baseline", base)
    assert code == 1 and "against the baseline's" in told and SECOND in told


def test_measured_anew(ran, monkeypatch):
    """What was there is not lost: it is put aside, and nothing shows it."""
    grid, base, cached = ran
    before = {path.name for path in (cached / "records").iterdir()}
    changed(monkeypatch)
    code, told = bench("run", grid, "--out", cached, "--again")
    assert code == 0 and "done before" not in told
    assert {path.name for path in (cached / "replaced").iterdir()} == before
    assert bench("check", cached, "--baseline", base)[0] == 1
    assert bench("run", grid, "--out", cached)[1].count("done before") == 2
    assert len(results.load(cached)) == 2


def test_kept_and_said(ran, monkeypatch):
    """In the records; the gate still refuses them, and so does the next run."""
    grid, base, cached = ran
    changed(monkeypatch)
    assert bench("run", grid, "--out", cached, "--keep")[1].count("done before") == 2
    assert all(record.kept for record in Store(cached).records())
    assert bench("check", cached, "--baseline", base)[0] == 2
    assert bench("run", grid, "--out", cached)[0] == 2
    assert bench("run", grid, "--out", cached, "--keep", "--again")[0] == 2


def test_shards_of_two_codes_never_meet(ran, tmp_path, monkeypatch):
    """A run that was cut short goes on by the code that began it, or anew."""
    grid, _, whole = ran
    store = Store(tmp_path / "cut")
    made = Store(whole)
    assert bench("run", grid, "--out", store.root)[0] == 0
    one = next(made.records())
    code = one.code.model_dump()
    store.replace(one)
    arrays = {"outer": one.cell.samples, "nfe": 1}

    meta = {"checks": {}, "seconds": 0.1, "provenance": {}, "reference_error": None, "code": code}
    arrays = {name: np.ones(3) for name in arrays}
    path = store.write_shard(one.cell.work_key, 0, arrays, meta)
    changed(monkeypatch)
    code, told = bench("run", grid, "--out", store.root)
    assert code == 2 and "1 record and 1 unfinished shard made by other code" in told
    assert bench("run", grid, "--out", store.root, "--keep")[0] == 0
    assert not path.exists()
    assert [record.kept for record in store.records()].count(True) == 1


def test_a_process_of_other_code_beside_this_one_fails_the_job(ran, tmp_path, monkeypatch):
    """Its shards come after the look at what the folder holds."""
    grid, _, _ = ran
    out = tmp_path / "cut"

    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Store, "write_record", killed)
        bench("run", grid, "--out", out)
    lying = {path: path.read_bytes() for path in out.glob("shards/*/*.npz")}
    assert lying
    changed(monkeypatch)
    monkeypatch.setattr(Runner, "_face_other_code", lambda *_: None)
    code, told = bench("run", grid, "--out", out)
    assert code == 1 and "was just made by other code: run one of the two at a time" in told
    assert all(path.read_bytes() == content for path, content in lying.items())


def test_another_spelling_is_the_same_code(ran, monkeypatch):
    """Comments, blank lines and documentation are no code."""
    grid, base, cached = ran
    changed(monkeypatch, f"{OLD}  # the weight of d'")
    assert bench("run", grid, "--out", cached)[1].count("done before") == 2
    assert bench("check", cached, "--baseline", base)[0] == 0

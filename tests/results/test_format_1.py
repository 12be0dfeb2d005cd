"""Records of FORMAT 1 become what the same measurement is called now, once and whole."""

import errno
import itertools
import json
import math
import shutil
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from sampler_bench import results, solvers
from sampler_bench.bench.commands.cli import app
from sampler_bench.bench.measure.profiles.curvature import Curvature
from sampler_bench.bench.measure.profiles.denoising_loss import DenoisingLoss
from sampler_bench.bench.measure.profiles.local_error import LocalError
from sampler_bench.kit import files
from sampler_bench.kit.canonical import faithful, hash_of, plain, restored
from sampler_bench.kit.parameters import keywords
from sampler_bench.models import GaussianMixture
from sampler_bench.results import Store, format_1
from sampler_bench.results.damaged import NotShown
from sampler_bench.results.shard import Conflict
from sampler_bench.solvers import DISCRETIZATIONS, SCHEDULES, SOLVERS
from sampler_bench.solvers.churn import Churn
from sampler_bench.solvers.options import Options
from sampler_bench.solvers.registry import ORIGINALS

GOLDEN = Path(__file__).parents[1] / "golden"
PAIRS = json.loads((GOLDEN / "format_1.json").read_text("utf-8"))
MODEL = GaussianMixture.isotropic(torch.tensor([[0.4, -0.7]]), [0.5], [1.0])
PROBES = {"curvature": Curvature, "local-error": LocalError, "denoising-loss": DenoisingLoss}


@pytest.fixture(scope="module")
def pairs():
    """What was declared, its metric, what it was built of, and what is declared of that now."""
    return [
        (restored(p["flat"]), p.get("metric", "fid"), restored(p["build"]), declared(p))
        for p in PAIRS
    ]


def declared(pair):
    """What is declared now of what was declared then (``soak.format_1_pairs``)."""
    build, metric = restored(pair["build"]), pair.get("metric")
    if metric is None:
        return solvers.build(**build).declared(MODEL)
    about = {} if metric == "denoising-loss" else {"sampler": solvers.build(**build)}
    return PROBES[metric](levels=(0.01, 0.5, 10.0), **about, **pair["own"]).declared(MODEL)


def test_every_sampler_that_could_be_asked_for_is_called_what_it_is_called_now(pairs):
    wrong = [
        (build, metric, plain(format_1.parts(told, metric)), plain(now.parts))
        for told, metric, build, now in pairs
        if plain(format_1.parts(told, metric)) != plain(now.parts)
    ]
    assert not wrong, f"{len(wrong)} of {len(PAIRS)}, the first {wrong[:3]}"


def test_settings_are_every_number_resolved(pairs):
    """As declared now, but for neutral numbers of rules that FORMAT 1 left out."""
    for told, metric, build, now in pairs:
        old, new = plain(format_1.settings(told, metric)), plain(now.settings)
        assert old.keys() == new.keys(), build
        for part, mine in old.items():
            assert mine.items() <= new[part].items(), (build, part)
            assert set(new[part]) - set(mine) <= set(solvers.build(**build).parameters)


def test_what_was_neutral_is_the_default_that_it_was():
    """The converter's tables: a default that changes would part old cells from new ones.

    Parameters that came later are in no old record, and neutral.
    """
    for name, neutral in format_1.RULES.items():
        assert neutral.items() <= SOLVERS[name].defaults().items(), name
    for name, neutral in format_1.WHOLE.items():
        assert neutral.items() <= ORIGINALS[name].defaults().items(), name
    for name, own in format_1.GRIDS.items():
        assert set(own) <= set(DISCRETIZATIONS[name].defaults()), name
    for name, own in format_1.SCHEDULES.items():
        assert set(own) <= set(keywords(SCHEDULES[name].fit)), name
    assert format_1.CHURN.items() <= keywords(Churn).items()
    assert format_1.OPTIONS.items() <= keywords(Options).items()
    for name, neutral in format_1.MEASUREMENTS.items():
        own = {k: v for k, v in neutral.items() if k != "weights_seed"}
        assert own.items() <= keywords(PROBES[name]).items(), name


def test_every_rule_of_then_is_there_and_sees_what_it_is_said_to_see():
    for name in (*format_1.RULES, *format_1.NAMED, *format_1.BLIND):
        row = SOLVERS[name]
        assert (name in format_1.BLIND) != (row.sees_schedule or row.sees_scaling), name
        assert row.own_path is None, name


# ---- folders ------------------------------------------------------------------------------------

FOLDER = GOLDEN / "format_1"
CHURNED, EULER = "daa413e44ebb2202", "962c42b9dc54831d"
"""An old key, of a record, and an old work key without one."""


@pytest.fixture
def folder(tmp_path):
    """An old run's folder, with shards and a failure of work that has a record, too."""
    root = tmp_path / "run"
    shutil.copytree(FOLDER, root)
    work = format_1._old_work_key(old_cell(root, CHURNED))
    shutil.copytree(root / "shards" / EULER, root / "shards" / work)
    text = (root / "failures" / f"{EULER}-003.json").read_text("utf-8").replace(EULER, work)
    (root / "failures" / f"{work}-007.json").write_text(text.replace('"index": 3', '"index": 7'))
    return root


def old_cell(root, key):
    (path,) = (root / "records").glob(f"{key}-*.json")
    return json.loads(path.read_text("utf-8"))["cell"]


def opened(root):
    """A folder's store, converted; what lies there of work without a record is said."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotShown)
        store = Store(root)
        store.record_files()
    return store


def content(root):
    """The files below a folder, but for temporary ones."""
    found = (path for path in root.rglob("*") if path.is_file())
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in found
        if not files.is_temporary(path)
    }


def test_a_folder_is_converted_when_it_is_first_looked_at(folder):
    before = content(folder)
    old = {name[8:24]: json.loads(data) for name, data in before.items() if "records" in name}
    store = opened(folder)
    records = {record.label: record for record in store.records()}
    assert len(records) == 3
    for key, told in old.items():
        (mine,) = [r for r in records.values() if r.value == told["value"]]
        assert mine.loo == tuple(told["loo"]) and mine.nfe == told["nfe"], key
        assert mine.provenance | {"created": ""} == told["provenance"] | {"created": ""}
        assert len(mine.shards) == len(told["shards"])
        assert mine.code == format_1.CODE and mine.cell.samples == 20
    lines = store.plan().lines
    assert [line.label for line in lines] == [
        "Deterministic",
        "Stochastic, S_churn = 0",
        "Stochastic, S_churn = 2",
        "Euler",
        "curvature",
    ]
    assert lines[0].key == lines[1].key != lines[2].key  # one measurement, a point of two curves
    assert lines[1].settings["sampler"]["S_noise"] == 1.007
    assert lines[3].key not in {record.cell.key for record in records.values()}  # is missing


def test_what_lies_there_has_the_new_names(folder):
    store = opened(folder)
    churned = store.plan().lines[2]
    assert set(store.shards(churned.work_key)) == {0, 1, 2}
    assert {path.name for path in (folder / "failures").iterdir()} == {
        f"{churned.work_key}-007.json"
    }
    failure = json.loads((folder / f"failures/{churned.work_key}-007.json").read_text("utf-8"))
    assert (failure["work_key"], failure["index"]) == (churned.work_key, 7)
    works = {line.work_key for line in store.plan().lines}
    assert {path.stem for path in (folder / "samples").iterdir()} < works
    assert set(content(folder / "damaged")) == {f"failures/{EULER}-003.json"} | {
        f"shards/{EULER}/{path.name}" for path in (FOLDER / "shards" / EULER).iterdir()
    }
    with np.load(folder / "samples" / f"{churned.work_key}.npz") as samples:
        assert samples["points"].shape[1] == 2


def test_it_is_converted_once(folder):
    opened(folder)
    after = content(folder)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        store = Store(folder)
        assert len(list(store.records())) == 3
        store.plan()
    assert content(folder) == after


class Killed(BaseException):
    """The process is killed."""


class Mortal(files.System):
    """A system that is killed before one of its changes."""

    def __init__(self, at):
        self.at, self.made = at, 0

    def _count(self):
        if self.made == self.at:
            raise Killed
        self.made += 1

    def create(self, path):
        self._count()
        super().create(path)

    def rename(self, old, new):
        self._count()
        super().rename(old, new)

    def mkdir(self, folder):
        self._count()
        super().mkdir(folder)

    def unlink(self, path):
        if not files.is_temporary(path):  # which nobody removes for one who was killed
            self._count()
            super().unlink(path)

    def fsync(self, path):
        pass


def test_killed_at_any_change_and_done_again_it_is_the_same(folder, tmp_path, monkeypatch):
    whole = tmp_path / "whole"
    shutil.copytree(folder, whole)
    opened(whole)
    wanted = content(whole)
    for at in itertools.count():
        root = tmp_path / f"killed {at}"
        shutil.copytree(folder, root)
        system = Mortal(at)
        monkeypatch.setattr(files, "system", system)
        try:
            opened(root)
            break
        except Killed:
            pass
        finally:
            monkeypatch.undo()
        opened(root)
        assert content(root) == wanted, at
        shutil.rmtree(root)
    assert at > 20


DAMAGES = {
    "cut": lambda data: data[:300],
    "no number": lambda data: data.replace(b'"value":', b'"valve":'),
    "of a user's own": lambda data: data.replace(b'"solver": "heun"', b'"solver": "file:mine"'),
    "NaN": lambda data: data.replace(b'"nfe": 5.0', b'"nfe": NaN'),
    "another NFE": lambda data: data.replace(b'"nfe": 5.0', b'"nfe": 6.0'),
    "another cell": lambda data: data.replace(b'"seed_start": 0', b'"seed_start": 8'),
    "no cell": lambda data: data.replace(b'"cell": {', b'"shell": {'),
    "deep": lambda data: b'{\n "format": 1,' + b'"a": [' * 100_000,
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_what_cannot_be_converted_is_set_aside_and_missing(damage, folder):
    (path,) = (folder / "records").glob(f"{CHURNED}-*.json")
    data = path.read_bytes()
    assert damage(data) != data
    path.write_bytes(damage(data))
    with pytest.warns(NotShown, match="not converted from format 1") as said:
        records = list(Store(folder).records())
    assert all("\n" not in str(one.message) for one in said)
    assert [record.label for record in records] != [] and len(records) == 2
    assert (folder / "damaged" / "records" / path.name).read_bytes() == damage(data)
    lines = {line.label: line.key for line in opened(folder).plan().lines}
    assert lines["Stochastic, S_churn = 2"] == CHURNED  # known by its label, and missing


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        '{"cells": []}',
        '{"cells": {"eb9e1833743ec82b": 3, "x": "y"}, "skipped": 7, "files": {"a": 1}}',
        '{"cells": {"eb9e1833743ec82b": "a"}, "files": [1]}',
        "[" * 100_000,
        json.dumps({"cells": {"eb9e1833743ec82b": "a" * 200_000}}),
    ],
    ids=len,
)
def test_a_damaged_plan_is_no_traceback(text, folder):
    (folder / "plan.json").write_text(text)
    store = opened(folder)
    assert len(list(store.records())) == 3
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotShown)
        store.plan()


def test_without_a_plan_all_records_are_one(folder):
    (folder / "plan.json").unlink()
    labels = [line.label for line in opened(folder).plan().lines]
    assert sorted(labels) == [
        "Deterministic",
        "Stochastic, S_churn = 0",
        "Stochastic, S_churn = 2",
        "curvature",
    ]


def test_a_search_has_all_its_rungs_in_the_plan(folder):
    """Each rung wrote a plan of its own, and the last one was kept."""
    (folder / "grid.toml").write_text(SEARCH)
    plan = json.loads((folder / "plan.json").read_text("utf-8"))
    plan["cells"] = {CHURNED: "Stochastic, S_churn = 2"}
    (folder / "plan.json").write_text(json.dumps(plan))
    store = opened(folder)
    keys = {line.key for line in store.plan().lines}
    assert keys == {record.cell.key for record in store.records()}
    assert len(store.plan().lines) == 4


def test_unequal_numbers_on_one_new_key_are_a_conflict_and_both_stay(folder):
    (path,) = (folder / "records").glob("836c76cabf93269f-*.json")
    data = json.loads(path.read_text("utf-8"))
    data["value"] *= 1.5
    path.unlink()
    path = path.with_name(f"{path.name[:16]}-{format_1.converted(data).digest}.json")
    path.write_text(json.dumps(data, indent=1))
    store = opened(folder)
    assert len(store.record_files()) == 4
    with pytest.raises(Conflict, match=r"disagree on .*delete the wrong one"):
        list(store.records())


class ReadOnly(files.System):
    def _refuse(self, path):
        raise OSError(errno.EROFS, "Read-only file system", str(path))

    create = mkdir = unlink = _refuse

    def rename(self, old, new):
        self._refuse(old)


def test_a_folder_that_cannot_be_written_is_one_line(folder, monkeypatch):
    before = content(folder)
    monkeypatch.setattr(files, "system", ReadOnly())
    with pytest.raises(ValueError, match=r"cannot write .*Read-only file system") as raised:
        Store(folder).record_files()
    assert "\n" not in str(raised.value)
    assert content(folder) == before


def test_old_records_beside_new_ones(folder, tmp_path):
    """As where an old run is copied into a new one's folder: the new plan stays."""
    new = tmp_path / "new"
    shutil.copytree(folder, new)
    opened(new)
    plan = (new / "plan.json").read_bytes()
    for path in (folder / "records").iterdir():
        shutil.copy(path, new / "records" / path.name)
    store = opened(new)
    assert len(list(store.records())) == 3
    assert (new / "plan.json").read_bytes() == plan


@pytest.mark.parametrize("command", ["status", "run"])
def test_every_command_converts_a_folder_by_itself(command, folder):
    run = str(folder)
    arguments = {
        "status": ["status", run],
        "run": ["run", "--keep", "--grid", f"{run}/grid.toml", "--out", run],
    }
    result = CliRunner().invoke(app, arguments[command])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.output
    assert not any(b'"format": 1' in p.read_bytes()[:20] for p in (folder / "records").iterdir())
    made = 2 if command == "run" else 0  # what was missing, and the floor
    assert len(list(Store(folder).records())) == 3 + made


def test_a_table_of_it_has_a_row_for_each_point(folder):
    opened(folder)
    table = results.load(folder)
    assert sorted(table["label"]) == [
        "Deterministic",
        "Stochastic, S_churn = 0",
        "Stochastic, S_churn = 2",
        "curvature",
    ]


# ---- searches -----------------------------------------------------------------------------------

SEARCH = """
name = "search"
models = ["exact-mixture-8x8"]
budget = 100_000
samples = 240
first_samples = 20
[sampler]
solver = "heun"
"""
SETTINGS = {
    **{"solver": "heun", "solver_version": 1, "discretization": "edm", "rho": 7, "steps": 18},
    **{"sigma_min": 0.002, "sigma_max": 80, "end": "zero", "schedule": "linear"},
    **{"scaling": "none", "S_churn": 0, "S_min": 0, "S_max": math.inf, "S_noise": 1},
}
CELL = {
    **{"format": 1, "model": "exact-mixture-8x8", "model_digest": "m0", "precision": "float64"},
    **{"quantizer": "none", "extractor": "pixels", "extractor_digest": "e0", "metric": "fid"},
    **{"reference": "model", "reference_digest": "r0", "shards": 20, "condition": {}},
}
MEASURED = {
    **{"metric_name": "Fréchet distance", "value": 1.5, "loo": [], "nfe": 35.0, "nfe_min": 35.0},
    **{"nfe_max": 35.0, "seconds": 1.0, "provenance": {}, "shards": []},
}


def old_record(S_churn, first, samples):
    """Return a record as it was."""
    cell = {**CELL, "sampler": SETTINGS | {"S_churn": S_churn}}
    cell |= {"seed_start": first, "samples": samples}
    return {"format": 1, "cell": faithful(cell), "label": "Search", **MEASURED}


def test_a_search_is_told_its_rungs(tmp_path):
    ranges = {(240, 20): 0, (260, 60): 1, (0, 240): "fresh", (7, 20): None}
    (tmp_path / "records").mkdir()
    (tmp_path / "grid.toml").write_text(SEARCH)
    cells = {}
    for S_churn in (0, 2):
        for first, samples in ranges:
            record = old_record(S_churn, first, samples)
            key = hash_of(record["cell"])
            name = f"{key}-{format_1.converted(record).digest}.json"
            (tmp_path / "records" / name).write_text(json.dumps(record, indent=1))
            cells |= {key: "Search"} if samples == 240 else {}  # the last rung's plan was kept
    (tmp_path / "plan.json").write_text(json.dumps({"cells": cells, "skipped": []}))
    frame = results.load(tmp_path)
    assert len(frame) == 8
    for row in frame.itertuples():
        rung = ranges[row.seed_start, row.samples]
        assert row.rung == rung
        assert row.search == (None if rung is None else "exact-mixture-8x8")
    assert len(Store(tmp_path).plan().lines) == 8

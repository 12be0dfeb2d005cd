"""The code of a job: which edits it sees, and that everything that ran is in it."""

from dataclasses import replace

import pytest
import torch

from sampler_bench import solvers
from sampler_bench.bench.features.registry import EXTRACTORS
from sampler_bench.bench.measure.code_of import BOOKKEEPING, code_of
from sampler_bench.bench.measure.registry import METRICS, PROBES
from sampler_bench.bench.plan import grid as grids
from sampler_bench.bench.plan import planning as plans
from sampler_bench.bench.run.codes import Codes
from sampler_bench.bench.run.runner import Runner
from sampler_bench.kit.code import UNKNOWN, Reader, Sources
from sampler_bench.results import Store
from tests.bench.code_edits import CELLS, EDITS, SEEN
from tests.bench.code_trace import ROOT as INSTALLED
from tests.bench.code_trace import of_row, rows, traced, unlisted
from tests.bench.runs import Silent

READER = Reader(without=frozenset(BOOKKEEPING))
ROWS = {"heun is euler": ("heun", "Euler"), "euler is heun": ("euler", "Heun")}
"""Registries are read as they are: these edits are made to them."""


@pytest.fixture(scope="module")
def jobs(tmp_path_factory):
    """The job of each cell of the table."""
    folder, found = tmp_path_factory.mktemp("grids"), {}
    for name, text in CELLS.items():
        path = folder / f"{name}.toml"
        path.write_text(text)
        plan = plans.make(grids.read(str(path))[0])
        (found[name],) = plan.work
    return found


def edited(file, old, new):
    """Return a reader of the same modules, but for one that is read with another text."""
    path = INSTALLED / file

    def read(place):
        return place.read_bytes().replace(old.encode(), new.encode(), 1)

    sources = Sources(read)
    for name, found in READER.sources._known.items():
        if getattr(getattr(found, "place", None), "path", None) != path:
            sources._known[name] = found
    return Reader(sources, READER.without)


@pytest.mark.parametrize("edit", EDITS)
def test_the_table_of_edits(edit, jobs, monkeypatch):
    codes = {name: code_of(job, READER) for name, job in jobs.items()}
    assert UNKNOWN not in {code.digest for code in codes.values()}
    file, old, new = EDITS[edit]
    assert old in (INSTALLED / file).read_text("utf-8"), "the table's text is not there any more"
    reader = edited(file, old, new)
    if edit in ROWS:
        name, rule = ROWS[edit]
        monkeypatch.setitem(
            solvers.SOLVERS._rows, name, f"sampler_bench.solvers.rules.runge_kutta:{rule}"
        )
    seen = [name for name, job in jobs.items() if code_of(job, reader).digest != codes[name].digest]
    assert seen == SEEN.get(edit, "").split()


TRACED = """
name = "traced"
models = ["exact-mixture-moons"]
samples = 40
metrics = ["fid"]
extractor = "pixels"
[[sampler]]
label = "Churned"
solver = "dpmpp-2m"
path = "sde"
steps = 3
[[profile]]
metric = "local-error"
solver = "heun"
levels = [0.1, 1.0, 5.0]
substeps = 2
steps = 18
"""


def test_what_runs_is_in_the_list(tmp_path):
    (tmp_path / "g.toml").write_text(TRACED)
    plan = plans.with_floors(plans.make(grids.read(str(tmp_path / "g.toml"))[0]))
    for number, work in enumerate(plan.work):
        ran = set()
        runner = Runner(Store(tmp_path / str(number)), torch.device("cpu"), 64, Silent())
        with traced(ran):
            runner.run(replace(plan, work=[work]), "")
        if work.nfe:
            assert "sampler_bench.solvers.noise.SeedNoise" in ran and len(ran) > 50
        assert unlisted(ran, code_of(work, READER), BOOKKEEPING) == []


OTHERS = """
name = "others"
models = {models}
samples = 40
metrics = {metrics}
extractor = "{extractor}"
reference = "{reference}"
[[sampler]]
label = "Heun"
steps = 3
"""
KINDS = [
    ('["exact-fashion", "fashion-edm-vp"]', '["fid"]', "fashion", "model"),
    ('["exact-fashion"]', '["fid"]', "pixels", "model"),
    ('["exact-fashion"]', '["fid"]', "fashion", "fashion-mnist-28x28"),
    ('["exact-mixture-moons"]', '["fid", "truncation-error"]', "pixels", "model"),
]


def test_codes_are_listed_once_for_jobs_of_the_same_parts_alone(tmp_path):
    """Jobs of one sampler on other models, features and references are told apart."""
    found = []
    for number, told in enumerate(KINDS):
        path = tmp_path / f"{number}.toml"
        names = ("models", "metrics", "extractor", "reference")
        path.write_text(OTHERS.format(**dict(zip(names, told, strict=True))))
        found += plans.make(grids.read(str(path))[0]).work
    for works in (found, found[::-1]):
        codes = Codes()
        assert [codes.of(work).digest for work in works] == [code_of(w).digest for w in works]
    # One list serves both kinds of reference; all else has its own.
    assert len({code_of(work).digest for work in found}) == len(found) - 1


FEW = ("euler", "dpmpp-2m-sde", "unipc-2", "dpm-fast", "rk45", "song-ve", "churned", "options")
FEW += ("path restart", "path er-sde", "schedule vp", "levels uniform-t")
"""Of all rows that ship; tests/soak/code_table.py takes the others, too."""


@pytest.fixture(scope="module")
def moons(tmp_path_factory):
    path = tmp_path_factory.mktemp("moons") / "g.toml"
    path.write_text(TRACED)
    return plans.make(grids.read(str(path))[0]).work[0]


@pytest.mark.parametrize("row", FEW)
def test_what_a_row_runs_is_in_its_list(row, moons):
    code, more = of_row(moons, dict(rows())[row], READER)
    assert code.digest != UNKNOWN
    assert more == []


def test_every_row_that_ships_has_a_code_of_its_own():
    tables = (solvers.SOLVERS, solvers.ORIGINALS, solvers.PATHS, solvers.DISCRETIZATIONS)
    for table in (*tables, solvers.SCHEDULES, solvers.SCALINGS, METRICS, PROBES, EXTRACTORS):
        codes = [READER.code(table[name]).digest for name in table]
        assert UNKNOWN not in codes and len({*codes}) == len(table)

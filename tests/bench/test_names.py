"""Names of jobs and of the gate's rows: each of them singles out one."""

import io
from collections import Counter

import pytest
from rich.console import Console

from sampler_bench.bench.commands import gate, verdicts
from sampler_bench.bench.plan import grid as grids
from sampler_bench.bench.plan import planning
from sampler_bench.bench.run.names import Names
from sampler_bench.bench.run.planned import plan_file
from tests.records import made_cell, made_record

GRID = """
name = "names"
models = [{models}]
samples = {samples}
repeats = {repeats}
metrics = [{metrics}]
extractor = "pixels"
truncation_samples = 20
floor = {floor}
[[sampler]]
label = "Heun"
steps = [2, 3]
[[sampler]]
solver = "rk45"
rtol = [1e-1, 1e-2]
"""
MODELS = ('"exact-mixture-moons"', '"exact-mixture-moons", "exact-two-points"')
METRICS = ('"fid"', '"fid", "truncation-error"')


@pytest.fixture(
    params=[(m, r, t, s) for m in MODELS for r in (1, 3) for t in METRICS for s in (20, 30)]
)
def plan(request, tmp_path):
    models, repeats, metrics, samples = request.param
    path = tmp_path / "g.toml"
    floor = "true" if repeats == 1 else "false"
    path.write_text(
        GRID.format(models=models, repeats=repeats, metrics=metrics, samples=samples, floor=floor)
    )
    return planning.make(grids.read(str(path))[0])


def test_each_job_has_a_name_of_its_own(plan):
    names = Names(plan.work)
    assert max(Counter(map(names.of_job, plan.work)).values()) == 1
    fixed = [work for work in plan.work if work.measurement.steps is not None]
    told = Counter((names(work), work.nfe, cell.metric) for work in fixed for cell in work.cells)
    assert max(told.values()) == 1
    single = len({work.name for work in plan.work}) == 1
    assert single == all(work.name not in names(work) for work in plan.work)


def test_each_job_of_a_plan_on_disk_has_a_name_of_its_own(plan):
    told = Counter(map(str, plan_file(plan, 20, None).jobs))
    assert max(told.values()) == 1


@pytest.mark.parametrize("models", [["a"], ["a", "b"]])
@pytest.mark.parametrize("seeds", [[0], [0, 100]])
def test_each_row_of_the_gate_says_of_what_it_is(models, seeds):
    records = [
        made_record(
            model,
            {"steps": 4},
            cell=made_cell(
                {"steps": 4},
                model_digest=model,
                seed_start=seed,
                samples=100,
                precision="float32",
                quantizer="none",
                extractor="pixels",
                extractor_digest="x",
                metric="fid",
                reference="r",
                reference_digest="r",
            ),
            label="Heun",
            value=1.0,
            nfe=7,
            nfe_min=7,
            nfe_max=7,
            seconds=1.0,
        )
        for model in models
        for seed in seeds
    ]
    file = io.StringIO()
    verdicts.show(gate.compare(records, records, 0.02, 0.01), Console(file=file, width=160))
    head, *rows = file.getvalue().splitlines()[: 1 + len(records)]
    assert ("model" in head) == (len(models) > 1) and ("from seed" in head) == (len(seeds) > 1)
    assert len(set(rows)) == len(records)

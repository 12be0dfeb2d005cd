"""Tasks: names and numbers that make the same shard in any process, and records built back."""

import multiprocessing
import os
import pickle
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace

import pytest
import torch

from sampler_bench.bench.measure import trajectory
from sampler_bench.bench.plan import grid as grids
from sampler_bench.bench.plan import planning as plans
from sampler_bench.bench.plan.rebuilt import rebuilt
from sampler_bench.bench.plan.task import Task
from sampler_bench.bench.run.search import declared, prepared
from sampler_bench.models.labels import Condition
from sampler_bench.models.network import Execution
from sampler_bench.solvers import SOLVERS, Churn
from tests.bench import elsewhere
from tests.bench.test_network_runs import written
from tests.soak.rebuilt import key_of, shipped

SHARD, BATCH = 3, 16
MINE = """
from pathlib import Path
import helper
from sampler_bench.bench.measure.measurement import Measured, Measurement
from sampler_bench.bench.measure.profiles.probe import Probe
from sampler_bench.results.estimate import Estimate
from sampler_bench.results.metric import Metric


def half(flow, x, t, t_next, *, factor: Path):
    h = (t_next - t) * float(factor.read_text())
    return x + h * flow(x + helper.HALF * h * flow(x, t), t + helper.HALF * h)


def width(shards, source):
    return float(len(shards)), [float(len(shards))] * len(shards)


def flat(images):
    return images.flatten(1)[:, :2]


flat.input = "any"


class Norm(Probe):
    power: int = 2

    def __call__(self, denoiser, drawn):
        import torch
        sizes = [denoiser(drawn.latents, torch.tensor(level)) for level in self.levels]
        return torch.stack([one.double().flatten(1).norm(dim=1) for one in sizes], 1)

    def summary(self, mean):
        return float(mean.sum())


class Latents(Measurement):
    def __init__(self, times: float = 1.0):
        self.times = times

    @property
    def metrics(self):
        return {"size": Metric(name="size", long="size", short="size", better="lower",
                taken_of="samples", needs="nfe")}

    def declared(self, model):
        return {"times": self.times}

    def evaluations(self, model):
        return 1

    def take(self, subject, parts, batch, tell):
        import numpy as np
        return [Measured({"nfe": self.times * np.array(list(part), float)}, 0.0) for part in parts]

    def merge(self, shards):
        return {}
"""
OF_MIXTURES = """
name = "tasks"
models = ["exact-mixture-moons"]
samples = 60
metrics = ["fid", "truncation-error"]
extractor = "pixels"
truncation_samples = 20
[[sampler]]
label = "Heun"
steps = 4
[[sampler]]
label = "Levels"
solver = "dpmpp-2m"
levels = [10.0, 3.3333333333333335, 0.25, 0.0]
[[sampler]]
label = "Whole"
solver = "churned"
sigma = 0.7
steps = 3
[[profile]]
metric = "curvature"
label = "Curvature"
levels = [0.123456789, 1.0, 10.0]
sigma_data = 1.5
"""
OF_NETWORKS = """
name = "tasks"
models = ["fashion-edm-vp"]
samples = 20
extractor = "fashion"
[[sampler]]
label = "Churned"
steps = 2
S_churn = 1
[[profile]]
metric = "gradient-size"
label = "Gradient"
loss = "inverse"
noise = "ve"
levels = [0.1, 1.0, 5.0]
"""
OF_ONE_NUMBER = """
name = "tasks"
models = ["exact-two-points"]
samples = 20
[[profile]]
metric = "mode-mass"
label = "Skewed"
skew = 0.5
steps = 4
S_churn = 2
levels = [0.002, 1.0, 80]
"""
OF_MY_OWN = """
name = "tasks"
models = ["exact-mixture-moons"]
samples = 20
metrics = ["mine.py:width"]
extractor = "mine.py:flat"
[[sampler]]
label = "Own"
solver = "mine.py:half"
factor = "factor.txt"
steps = 3
[[profile]]
metric = "mine.py:Norm"
label = "Own profile"
levels = [0.5, 1.0, 2.0]
[[measurement]]
kind = "mine.py:Latents"
label = "Own kind"
times = 2.5
"""


def planned(text, folder):
    """Return the work of a grid's text, and the task of each."""
    path = folder / "grid.toml"
    path.write_text(text)
    grid, _ = grids.read(str(path))
    return [(work, Task.of(work, grid)) for work in plans.with_floors(plans.make(grid)).work]


@pytest.mark.parametrize("name", ["gate", "figure3", "order", "alpha-exact"])
def test_a_task_is_small(name):
    grid, _ = grids.read(name)
    works = plans.make(grid).lines
    tasks = [Task.of(work, grid) for work in works]
    assert max(len(pickle.dumps(task)) for task in tasks) < 10_000
    assert [task.keys for task in tasks] == [tuple(c.key for c in work.cells) for work in works]


@pytest.fixture
def package(tmp_path, monkeypatch):
    """Install a package with a solver, which is known here and not yet to others."""
    for name, text in PACKAGE.items():
        (tmp_path / "package" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "package" / name).write_text(text)
    monkeypatch.syspath_prepend(tmp_path / "package")
    monkeypatch.setitem(SOLVERS, "plugged", "plugged:step")


@pytest.mark.usefixtures("package")
def test_a_task_makes_the_same_shard_in_a_fresh_process_elsewhere(tmp_path):
    (tmp_path / "grid").mkdir()
    (tmp_path / "elsewhere").mkdir()
    for name, text in (("mine.py", MINE), ("helper.py", "HALF = 0.5\n"), ("factor.txt", "0.9")):
        (tmp_path / "grid" / name).write_text(text)
    each = [
        one
        for text in (OF_MIXTURES, OF_NETWORKS, OF_ONE_NUMBER, OF_MY_OWN, OF_A_PACKAGE)
        for one in planned(text, tmp_path / "grid")
    ]
    assert len({work.label for work, _ in each}) == 11 + 1  # the floors
    here = [
        work.measurement.take(work.subject, [work.seeds(SHARD)], BATCH, lambda *counts: None)
        for work, _ in each
    ]
    for path in (tmp_path / "grid").iterdir():
        path.unlink()
    context = multiprocessing.get_context("spawn")
    start = {"initializer": os.chdir, "initargs": (tmp_path / "elsewhere",)}
    with ProcessPoolExecutor(1, context, **start) as pool:
        assert pool.submit(elsewhere.is_fresh).result()
        there = [pool.submit(elsewhere.taken, task, SHARD, BATCH).result() for _, task in each]
    for (work, _), [one], [other] in zip(each, here, there, strict=True):
        assert same(one.arrays, other), work.label


def same(one, other):
    """Return whether arrays are equal bit by bit."""
    told = [{n: (a.dtype, a.shape, a.tobytes()) for n, a in each.items()} for each in (one, other)]
    return told[0] == told[1]


OF_A_PACKAGE = """
name = "tasks"
models = ["exact-mixture-moons"]
samples = 20
extractor = "pixels"
[[sampler]]
label = "Another package's"
solver = "plugged"
steps = 3
"""
PACKAGE = {
    "plugged.py": "def step(flow, x, t, t_next):\n    return x + (t_next - t) * flow(x, t)\n",
    "plugged-1.dist-info/METADATA": "Name: plugged\nVersion: 1\n",
    "plugged-1.dist-info/entry_points.txt": "[sampler_bench.solvers]\nplugged = plugged:step\n",
}
OF_CLASSES = """
name = "tasks"
models = ["net.safetensors"]
samples = 20
extractor = "fashion"
reference = "fashion-mnist-28x28"
{said}
[[sampler]]
steps = 2
"""
SEARCH = """
name = "search"
models = ["exact-mixture-moons"]
budget = 50_000
samples = 120
first_samples = 20
extractor = "pixels"
[sampler]
steps = 4
"""


def test_a_search_is_a_table_of_tasks(tmp_path):
    (tmp_path / "search.toml").write_text(SEARCH)
    search, _ = declared.read(str(tmp_path / "search.toml"))
    [one], _ = prepared.prepare(search, "cpu")
    rung = one.ladder.rungs[1]
    for churn in (Churn(), one.space[0].churn, one.space[-1].churn):
        work = one.work(churn, rung)
        again = Task.of(work, search.grid).work()
        assert (again.key, again.label, again.settings) == (work.key, work.label, work.settings)


def test_shards_of_one_task_share_its_model_and_its_trajectories(tmp_path, monkeypatch):
    [task] = [t for w, t in planned(OF_MIXTURES, tmp_path) if "truncation-error" in str(t.grid)][:1]
    solved, made = [], []
    make = plans.make
    monkeypatch.setattr(trajectory, "_end", lambda _, x, *a: solved.append(1) or x.double())
    monkeypatch.setattr(plans, "make", lambda *a: made.append(1) or make(*a))
    for shard in (0, 1, 2):
        task.take([shard], BATCH)
    assert (len(made), len(solved)) == (1, 2)  # the solution, and a rougher one
    task.take([2], 7)  # another batch decides other last bits
    assert (len(made), len(solved)) == (1, 4)
    replace(task, files={"another": b""}).take([2], 7)
    assert len(made) == 2


def test_a_task_multiplies_in_full_precision(tmp_path):
    task = planned(OF_MIXTURES, tmp_path)[0][1]
    before = torch.backends.cuda.matmul.allow_tf32
    torch.backends.cuda.matmul.allow_tf32 = True
    try:
        task.take([0], BATCH)
        assert not torch.backends.cuda.matmul.allow_tf32
    finally:
        torch.backends.cuda.matmul.allow_tf32 = before


CONDITIONS = {
    "class_label = 3\nguidance = [1.0, 2.0]\nguidance_untrained = true": [
        Condition(3, 1.0),
        Condition(3, 2.0),
    ],
    "null_class = 9\nguidance = 2.0": [Condition(None, 2.0, null_class=9)],
    'labels = "balanced"': [Condition(balanced=True)],
    'null_class = 0\nlabels = "balanced"': [Condition(balanced=True, null_class=0)],
}


@pytest.mark.parametrize("said", CONDITIONS)
def test_labels_guidance_and_precision_travel_and_a_checkpoint_by_its_path(
    tmp_path, monkeypatch, said
):
    (tmp_path / "elsewhere").mkdir()
    written(tmp_path / "net.safetensors", label_dim=10)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "grid.toml").write_text(OF_CLASSES.format(said=said))
    grid, _ = grids.read("grid.toml")
    works = plans.make(grid, execution=Execution("bfloat16")).work
    tasks = [Task.of(work, grid, Execution("bfloat16")) for work in works]
    monkeypatch.chdir(tmp_path / "elsewhere")
    again = [task.work() for task in tasks]
    assert [work.condition for work in again] == CONDITIONS[said]
    assert {work.cell.precision for work in again} == {"bfloat16"}
    told = [(work.label, work.nfe, work.settings) for work in works]
    assert [(work.label, work.nfe, work.settings) for work in again] == told


def test_a_task_of_something_else_is_refused(tmp_path):
    [(_, task), *_] = planned(OF_MIXTURES, tmp_path)
    assert task.work().key
    other = replace(task, keys=("0" * 16,))
    with pytest.raises(ValueError, match=r"^task 'Heun', model 'exact-mixture-moons': .*0{16}$"):
        other.work()


def test_a_file_that_was_changed_since_is_refused(tmp_path):
    for name, text in (("mine.py", MINE), ("helper.py", "HALF = 0.5\n"), ("factor.txt", "0.9")):
        (tmp_path / name).write_text(text)
    path = tmp_path / "grid.toml"
    path.write_text(OF_MY_OWN)
    grid, _ = grids.read(str(path))
    [work, *_] = plans.make(grid).work
    (tmp_path / "factor.txt").write_text("0.8")
    with pytest.raises(ValueError, match=r"factor\.txt was changed since$"):
        Task.of(work, grid)


def test_every_record_that_ships_is_built_back_to_its_key():
    records = list(shipped())
    assert len(records) >= 475
    assert [key_of(record) for record in records] == [record.cell.key for record in records]


def test_a_record_is_built_back_to_its_work(tmp_path):
    [record] = [r for r in shipped() if r.label == "VP" and r.cell.metric == "curvature"][:1]
    assert rebuilt(record).work().cell == record.cell
    told = {"class_label": "balanced", "guidance": 2.0, "null_class": 9}
    grid = rebuilt(replace(record, cell=replace(record.cell, condition=told))).declared()
    assert (grid.class_label, grid.labels, grid.guidance) == (None, "balanced", 2.0)
    assert (grid.null_class, grid.guidance_untrained) == (9, True)
    own = replace(record, settings={"sampler": {"solver": "file:half"}})
    with pytest.raises(ValueError, match=r"solver = 'file:half' is a user's own$"):
        rebuilt(own)

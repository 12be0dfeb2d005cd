"""Running small grids inside the tests."""

import time
from pathlib import Path

import torch

from sampler_bench import models, results
from sampler_bench.bench.plan import grid as grids
from sampler_bench.bench.plan import planning as plans
from sampler_bench.bench.run.runner import Runner
from sampler_bench.results import Store


class Silent:
    """Watches a run and keeps the reasons of failed jobs."""

    def __init__(self):
        self.reasons = []

    def begin(self, work): ...

    def sampled(self, samples, evaluations): ...

    def finished(self, work, records, resumed): ...

    def measured(self, work, samples, seconds): ...

    def waiting(self, others): ...

    def failed(self, work, reason):
        self.reasons.append(reason)


SMALL = """
name = "small"
models = ["exact-mixture-moons"]
samples = 60
metrics = ["fid", "truncation-error"]
extractor = "pixels"
floor = false
truncation_samples = 20
[[sampler]]
label = "Euler"
solver = "euler"
steps = [3, 6]
[[sampler]]
label = "Churned Heun"
S_churn = 5
steps = 6
[[sampler]]
label = "RK45"
solver = "rk45"
rtol = 1e-2
group = 2
"""

KILLED = SMALL.replace(', "truncation-error"', "")


def run(folder, text=SMALL, batch=256, name="grid"):
    """Run a grid's text into ``folder``; return the runner's observer."""
    path = folder.parent / f"{name}.toml"
    path.write_text(text)
    declared, text = grids.read(str(path))
    watcher = Silent()
    Runner(Store(folder), torch.device("cpu"), batch, watcher).run(plans.make(declared), text)
    return watcher


def numbers(folder):
    """Return what was measured: value, leave-one-out values and NFE of every cell, by key."""
    table = results.load(folder)
    return {row.key: (row.value, tuple(row.loo), row.nfe) for row in table.itertuples()}


def slowly(folder, batch):
    """Run the small grid in a process of its own, slowed down so that kills land in its middle."""
    load = models.MODELS["exact-mixture-moons"]

    def slow(device):
        model = load(device)
        denoise = type(model).__call__

        class Slow(type(model)):
            def __call__(self, x, sigma):
                time.sleep(0.0005)
                return denoise(self, x, sigma)

        model.__class__ = Slow
        return model

    models.MODELS["exact-mixture-moons"] = slow
    run(Path(folder), KILLED, batch)

"""What a profile costs over the least it can cost: its denoiser evaluations."""

import pytest
import torch

from sampler_bench.bench.plan import planning as plans
from sampler_bench.bench.plan.grid import Grid

BATCH = 64
GROUP = "local error of exact-fashion"


@pytest.fixture(scope="module")
def work():
    step = {
        "metric": "local-error",
        "label": "Heun",
        "solver": "heun",
        "schedule": "ve",
        "steps": 64,
        "sigma_min": 0.02,
        "substeps": 20,
        "levels": [0.1, 1.0, 10.0],
    }
    grid = Grid(name="one-profile", models=["exact-fashion"], samples=BATCH, profile=[step])
    return plans.make(grid).work[0]


def measured(work):
    parts = [work.seeds(shard) for shard in range(20)]
    return work.measurement.take(work.subject, parts, BATCH, lambda samples, evaluations: None)


@pytest.fixture(scope="module")
def evaluated(work):
    """States and noise levels as the probe asks for them."""
    model, asked = work.model, []

    class Listening(type(model)):
        def __call__(self, x, sigma):
            asked.append((x, sigma))
            return super().__call__(x, sigma)

    usual = model.__class__
    model.__class__ = Listening
    measured(work)
    model.__class__ = usual
    assert len(asked) == work.nfe
    return asked


def test_profile(benchmark, work):
    benchmark.group = GROUP
    assert len(benchmark.pedantic(measured, (work,), rounds=3)) == 20


def test_bare_evaluations(benchmark, work, evaluated):
    benchmark.group = GROUP

    def bare():
        with torch.inference_mode():
            return [work.model(x, sigma) for x, sigma in evaluated][-1]

    assert benchmark.pedantic(bare, rounds=3).shape == (BATCH, 1, 28, 28)

"""What a cell costs over the least it can cost: its denoiser evaluations and its features."""

from itertools import count

import pytest
import torch

from sampler_bench.bench.measure.samples import quantize
from sampler_bench.bench.measure.work import Work
from sampler_bench.bench.plan import planning as plans
from sampler_bench.bench.plan.grid import Grid
from sampler_bench.bench.run.runner import Runner
from sampler_bench.results import Store
from sampler_bench.solvers import SeedNoise

BATCH = 256


class Silent:
    """Nobody watches."""

    def begin(self, work):
        pass

    def sampled(self, samples, evaluations):
        pass

    def finished(self, work, records, resumed):
        pass

    def measured(self, work, samples, seconds): ...

    def waiting(self, others): ...

    def failed(self, work, reason):
        raise AssertionError(reason)


@pytest.fixture(scope="module")
def plan(request) -> plans.Plan:
    samples = 1024 if request.config.getoption("benchmark_enable") else 64
    grid = Grid(
        name="one-cell",
        models=["exact-fashion"],
        samples=samples,
        metrics=["fid"],
        extractor="fashion",
        sampler=[{"label": "Heun", "steps": 18}],
    )
    plan = plans.make(grid)
    _ = plan.work[0].measurement.source.statistics().root  # once per reference, however many cells
    return plan


@pytest.fixture(scope="module")
def evaluated(plan) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """States and noise levels of one batch, as the sampler asks for them."""
    work, asked = plan.work[0], []

    class Listening:
        def __init__(self, model):
            self.shape, self.round_sigma = model.shape, model.round_sigma
            self.sigma_min, self.sigma_max = model.sigma_min, model.sigma_max

        def __call__(self, x, sigma):
            asked.append((x, sigma))
            return work.model(x, sigma)

    noise = SeedNoise(range(min(BATCH, work.cell.samples)))
    with torch.inference_mode():
        work.measurement.sampler(Listening(work.model), noise.latents(work.model.shape), noise)
    assert len(asked) == work.nfe
    return asked


def bare(work: Work, evaluated: list[tuple[torch.Tensor, torch.Tensor]]) -> torch.Tensor:
    with torch.inference_mode():
        batches = work.cell.samples // len(evaluated[0][0])
        samples = [[work.model(x, sigma) for x, sigma in evaluated][-1] for _ in range(batches)]
        return work.measurement.source.extractor(quantize(torch.cat(samples)))


def test_cell(benchmark, plan, tmp_path):
    benchmark.group = "one cell of exact-fashion"
    folder = count()

    def cell():
        runner = Runner(Store(tmp_path / str(next(folder))), torch.device("cpu"), BATCH, Silent())
        return runner.run(plan, "")

    assert benchmark.pedantic(cell, rounds=3) == []


def test_bare_loop(benchmark, plan, evaluated):
    benchmark.group = "one cell of exact-fashion"
    features = benchmark.pedantic(bare, (plan.work[0], evaluated), rounds=3)
    assert len(features) == plan.work[0].cell.samples

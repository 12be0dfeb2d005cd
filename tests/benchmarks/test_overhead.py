"""What samplers cost above bare calls of their network at the same points: pairs in one run.

A network that takes no time stands in: what a pair differs by is the sampler's, and is told as a
share of the network that it would be added to. (A network that waits, instead, lets the machine's
other programs empty the caches, and the same few operations then take ten times as long.) The bare
calls are made between the sampler's rounds, and both are measured in the thread's own time. ``-s``
shows microseconds per evaluation; they are a machine's. Noise is drawn once and used again: what
drawing costs is reported apart.
"""

import time
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor

from sampler_bench import solvers
from sampler_bench.solvers import SOLVERS
from sampler_bench.solvers.process import Process, scaled

pytestmark = pytest.mark.benchmark(timer=time.thread_time)
SHAPE = (1, 28, 28)
SCHEDULES = {
    "linear": {},
    "VE": {"schedule": "ve"},
    "VP, unit variance": {"schedule": "vp", "scaling": "unit-variance"},
}
STEPPING = [name for name in SOLVERS if SOLVERS[name].takes_steps]
SUMS = {"er-sde-2-released": 1.03, "er-sde-3-released": 1.03}
"""As released they add up 100 values a step, and cannot do so for 2 %; the rules as such do."""
AT_BATCH_64 = {  # how much longer than a network of 1 ms
    "euler": 1.06,
    "heun": 1.09,
    "dpmpp-2m": 1.2,
    "dpmpp-3m": 1.2,
    "lms": 1.2,
    "unipc-3": 1.35,
}


class Network:
    """D of a batch, always the same."""

    sigma_min, sigma_max, shape = 0.0, float("inf"), SHAPE

    def __init__(self, batch: int) -> None:
        self.D = torch.zeros(batch, *SHAPE, dtype=torch.float64)

    def round_sigma(self, sigma: Tensor) -> Tensor:
        return sigma

    def __call__(self, x: Tensor, sigma: Tensor) -> Tensor:
        return self.D


class Listening(Network):
    """The same, and notes where it is asked."""

    def __init__(self, batch: int) -> None:
        super().__init__(batch)
        self.asked: list[tuple[Tensor, Tensor]] = []

    def __call__(self, x: Tensor, sigma: Tensor) -> Tensor:
        self.asked.append((x, sigma))
        return self.D


@pytest.fixture(autouse=True)
def one_thread():
    """Nothing is computed where the thread's time does not see it."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    with torch.inference_mode():
        yield
    torch.set_num_threads(threads)


@pytest.fixture
def above(benchmark, request) -> Callable[..., float]:
    """Return what measures a pair: the seconds an evaluation costs more; 0 if nothing is."""
    measured = request.config.getoption("benchmark_enable")

    def seconds(group: str, batch: int, rounds: int, *, alone: bool = False, **keys: Any) -> float:
        sampler = solvers.build(steps=18, **keys)
        latents = torch.randn(batch, *SHAPE, dtype=torch.float64)
        drawn = torch.randn_like(latents)
        listening, network = Listening(batch), Network(batch)
        sampler(listening, latents, lambda z: drawn)
        bare: list[float] = []

        def calls() -> None:
            begun = time.thread_time()
            for x, sigma in listening.asked:
                network(x, sigma)
            bare.append(time.thread_time() - begun)

        target: Callable[[], Tensor] = partial(sampler, network, latents, lambda z: drawn)
        if alone:
            target = the_loop_of(sampler, network, latents)
        benchmark.group = group
        benchmark.pedantic(target, setup=calls, rounds=rounds)
        if not measured:
            return 0.0
        each = (benchmark.stats.stats.min - min(bare)) / len(listening.asked)
        benchmark.extra_info["µs per evaluation"] = each * 1e6
        print(f"\n{group}: {keys}: {each * 1e6:.1f} µs per evaluation")
        return each

    return seconds


def the_loop_of(sampler: Any, network: Network, latents: Tensor) -> Callable[[], Tensor]:
    """Return sampling with levels that are made already."""
    schedule = sampler.schedule_for(network)
    route, solver = sampler.route(network, schedule), sampler.configured_solver()
    z = latents * route.grid[0].b

    def loop() -> Tensor:
        return solver.sample(Process(scaled(network), schedule), z, route)

    return loop


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("solver", ["euler", "heun", "dpmpp-2m", "unipc-3"])
def test_the_loop_alone(above, solver, schedule):
    """Without making levels, which a call does once, however many its steps."""
    group = f"the loop alone, batch 1, {schedule}"
    assert 1 + above(group, 1, 30, alone=True, solver=solver, **SCHEDULES[schedule]) / 5e-3 <= 1.02


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("solver", STEPPING)
def test_a_network_of_5_ms_at_batch_1(above, solver, schedule):
    """Every rule, under every schedule: at most 2 % more."""
    group, most = f"batch 1, {schedule}", SUMS.get(solver, 1.02)
    assert 1 + above(group, 1, 10, solver=solver, **SCHEDULES[schedule]) / 5e-3 <= most


def test_churn_at_batch_1(above):
    assert 1 + above("batch 1, churn", 1, 10, solver="heun", S_churn=10.0) / 5e-3 <= 1.02


@pytest.mark.parametrize("solver", AT_BATCH_64)
def test_a_network_of_1_ms_at_batch_64(above, solver):
    assert 1 + above("batch 64", 64, 10, solver=solver) / 1e-3 <= AT_BATCH_64[solver]


@pytest.mark.parametrize("batch", [1, 64])
def test_drawing_noise(benchmark, batch):
    """One draw of every sample from its own seed, apart: it is in no pair above."""
    benchmark.group = "one draw of a batch"
    noise = solvers.SeedNoise(range(batch))
    z = noise.latents(SHAPE)
    assert benchmark.pedantic(noise, (z,), rounds=20).shape == z.shape

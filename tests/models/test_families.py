"""Solvers on families of networks: finite samples, at the cost that was predicted.

Each solver on one family, in turn, and each family under some: a solver sees of a network what the
denoiser of any model has, and which it is makes no difference to the other.
"""

import functools
import itertools

import pytest
import torch

from sampler_bench import solvers
from sampler_bench.models import Counted
from sampler_bench.models.network import Execution, NetworkDenoiser, assemble
from sampler_bench.solvers import SOLVERS, SeedNoise
from tests.models.test_network_golden import CASES, INDEX, checkpoint

NFE = {"euler": 5, "heun": 9, "rk2": 9, "rk4": 17}  # of five steps, the last one Euler's to 0
SCHEDULES = {"VP": ("vp", "vp", "unit-variance"), "VE": ("ve", "ve", "none")}


@pytest.fixture(scope="module", params=CASES)
def denoiser(request):
    return family(request.param)


@functools.cache
def family(case):
    return assemble(checkpoint(INDEX[case]))


def sampled(sampler, denoiser, seeds=range(3)):
    counted, noise = Counted(denoiser), SeedNoise(seeds)
    latents = noise.latents(denoiser.shape)
    with torch.inference_mode():
        samples = sampler(counted, latents, noise)
    assert samples.shape == (len(seeds), *denoiser.shape)
    assert torch.isfinite(samples).all()
    return samples, counted.nfe


IN_TURN = list(zip(SOLVERS, itertools.cycle(CASES)))
SOME = itertools.product(["heun", "rk45", "dpmpp-2m", "dpmpp-2m-sde"], CASES)


@pytest.mark.parametrize(("name", "case"), dict.fromkeys([*IN_TURN, *SOME]))
def test_every_solver_and_every_family(name, case):
    denoiser = family(case)
    adaptive = not SOLVERS[name].takes_steps
    chosen = {"rtol": 0.3} if adaptive else {"steps": 5}
    end = "zero" if SOLVERS[name].reaches_zero else "denoise"
    sampler = solvers.build(solver=name, end=end, **chosen)
    _, nfe = sampled(sampler, denoiser)
    if not adaptive:
        assert nfe == sampler.evaluations(denoiser)
    if name in NFE:
        assert nfe == NFE[name]
    if name == "rk45":
        assert nfe >= 8  # a step is six evaluations, after one, and Euler's last is one more


@pytest.mark.parametrize("baseline", [*SCHEDULES, "iDDPM"])
def test_every_baseline_column(denoiser, baseline):
    discretization, schedule, scaling = SCHEDULES.get(baseline, ("iddpm", "linear", "none"))
    sampler = solvers.build(
        solver="euler", discretization=discretization, schedule=schedule, scaling=scaling, steps=6
    )
    assert sampled(sampler, denoiser)[1] == 6


def test_churn(denoiser):
    sampler = solvers.build(solver="heun", steps=5, S_churn=3, S_noise=1.003)
    samples, nfe = sampled(sampler, denoiser)
    assert nfe == 9
    alone = torch.cat([sampled(sampler, denoiser, [seed])[0] for seed in range(3)])
    # Float32 networks round differently in other batches; a few steps carry that on.
    assert float((samples - alone).abs().max()) < 1e-3 * float(samples.abs().max())


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_reduced_precision_is_close_and_different(denoiser, precision):
    reduced = NetworkDenoiser(
        denoiser.model, denoiser.preconditioning, execution=Execution(precision)
    )
    noise = SeedNoise(range(3))
    x, sigma = noise.latents(denoiser.shape).double() * 2, torch.tensor(2.0).double()
    with torch.inference_mode():
        full, less = denoiser(x, sigma), reduced(x, sigma)
    assert less.dtype == torch.float64
    relative = float((full - less).abs().max() / full.abs().max())
    assert 0 < relative < {"bfloat16": 0.05, "float16": 0.01}[precision]


def test_channels_last_changes_rounding_only(denoiser):
    other = NetworkDenoiser(
        denoiser.model, denoiser.preconditioning, execution=Execution(channels_last=True)
    )
    x, sigma = SeedNoise(range(3)).latents(denoiser.shape), torch.tensor(0.7)
    with torch.inference_mode():
        assert torch.allclose(denoiser(x, sigma), other(x, sigma), rtol=1e-4, atol=1e-5)

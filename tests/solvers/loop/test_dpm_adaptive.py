"""The adaptive DPM-Solver: what its tolerance buys, who shares steps, draws, and what stops it."""

import math

import pytest
import torch

from sampler_bench.solvers.dpm_adaptive import DPMAdaptive
from sampler_bench.solvers.process import Process, refuse
from sampler_bench.solvers.schedules import VP, Linear, UnitVariance
from sampler_bench.solvers.solver import follow
from sampler_bench.solvers.step_control import PID, Proportional
from tests.solvers.loop.exact import HIGH, LOW, exactly, mixture

X = exactly(HIGH)


def run(sampler, x=X, schedule=None, draw=refuse, denoise=None):
    """Return x at ``LOW`` and σ of every evaluation."""
    schedule, net, asked = schedule or Linear(), mixture(), []

    def model(z, at):
        asked.append(at.sigma)
        return net.denoise(z, at.s, at.b)

    grid = [schedule.level(sigma) for sigma in (HIGH, LOW)]
    out = follow(sampler, Process(denoise or model, schedule, draw), grid[0].s * x, grid)
    return out / grid[-1].s, asked


class Draws:
    """Each sample's own numbers: the j-th draw of sample i is that of seed (i, j)."""

    def __init__(self, seeds):
        self.seeds, self.count = seeds, 0

    def __call__(self, z, high, low):
        self.count += 1
        generators = [torch.Generator().manual_seed(1000 * i + self.count) for i in self.seeds]
        return torch.stack(
            [torch.randn(z.shape[1:], dtype=z.dtype, generator=g) for g in generators]
        )


@pytest.mark.parametrize("control", [PID(), PID(p=0.4, i=0.6, d=0.1), Proportional()])
@pytest.mark.parametrize("form", ["data", "noise"])
@pytest.mark.parametrize("k", [2, 3])
def test_a_tighter_tolerance_costs_more_and_is_closer(k, form, control):
    errors, costs = [], []
    for tolerance in (1e-2, 1e-3, 1e-4):
        sampler = DPMAdaptive(k=k, form=form, control=control, rtol=tolerance, atol=tolerance)
        out, asked = run(sampler)
        errors.append(float((out - exactly(LOW)).abs().max()))
        costs.append(len(asked))
        assert len(asked) % k == 0
    assert errors[0] > errors[1] > errors[2]
    assert costs[0] < costs[1] < costs[2]
    assert errors[2] < 1e-3


@pytest.mark.parametrize("eta", [0.0, 0.7])
def test_alone_or_in_groups_of_one_a_sample_is_the_same(eta):
    sampler = DPMAdaptive(group=1, eta=eta)
    together, _ = run(sampler, draw=Draws(range(3)))
    alone = [run(sampler, X[i : i + 1], draw=Draws([i]))[0] for i in range(3)]
    assert torch.equal(together, torch.cat(alone))
    assert sampler.couples is None


def test_in_a_group_it_is_not():
    sampler = DPMAdaptive(rtol=0.01)
    together, _ = run(sampler)
    alone = torch.cat([run(sampler, X[i : i + 1])[0] for i in range(3)])
    assert float((together - alone).abs().max()) > 1e-9
    assert sampler.couples == 50


def test_the_worst_sample_decides_unless_the_mean_does():
    mean, worst = (len(run(DPMAdaptive(k=2, rtol=1e-3, norm=norm))[1]) for norm in ("mean", "max"))
    assert worst > mean
    alone = X[:1]
    same = [run(DPMAdaptive(rtol=1e-3, norm=norm), alone)[1] for norm in ("mean", "max")]
    assert same[0] == same[1]


def test_one_draw_for_every_step_taken_and_none_of_the_flow():
    draws = Draws(range(3))
    _, asked = run(DPMAdaptive(eta=0.7), draw=draws)
    assert draws.count == len(set(asked[::3]))  # a rejected try begins where the next one does
    run(DPMAdaptive(eta=0.0), draw=refuse)


def test_what_is_tolerated_is_of_the_state_as_scaled():
    tries = [run(DPMAdaptive(), schedule=s)[1] for s in (Linear(), UnitVariance(VP()))]
    assert tries[0] != pytest.approx(tries[1], rel=1e-3)
    assert DPMAdaptive.sees_scaling


def test_a_denoiser_that_is_not_finite_ends_it():
    with pytest.raises(RuntimeError, match="D is not finite at σ = 10"):
        run(DPMAdaptive(), denoise=lambda z, at: z * math.nan)


def test_a_denoiser_that_jumps_ends_it():
    class Coin:
        sign = 1.0

        def __call__(self, z, at):
            self.sign = -self.sign
            return torch.full_like(z, 1e12 * self.sign)

    with pytest.raises(RuntimeError, match=r"dpm-adaptive \(rtol=0.05, atol=0.0078\): steps at"):
        run(DPMAdaptive(), denoise=Coin())


@pytest.mark.parametrize(
    "wrong", [{"k": 1}, {"rtol": -1.0}, {"atol": 0.0}, {"first": 0.0}, {"group": 0}, {"eta": -1.0}]
)
def test_a_parameter_out_of_range_is_refused(wrong):
    with pytest.raises(ValueError, match=f"{next(iter(wrong))} = .* is not allowed"):
        DPMAdaptive(**wrong)

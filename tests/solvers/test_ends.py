"""The last step: to σ = 0 or to σ_min, and what α > 1 does where time ends."""

import itertools

import pytest
import torch

from sampler_bench import solvers
from sampler_bench.solvers import build
from sampler_bench.solvers.rules.runge_kutta import RK2, Euler
from sampler_bench.solvers.solver import follow
from tests.solvers import combinations
from tests.solvers.combinations import (
    each_discretization,
    each_fixed,
    each_flow,
    each_solver,
    each_spaced_flow,
    float64,
    normal,
    points,
    process,
)
from tests.solvers.mixtures import Recorder, gaussian, three_components

EPS = 2.0**-52


def test_one_euler_step_to_zero_returns_the_denoised_image():
    """dx/dt = (x − D)/t under σ = t (EDM, section 3): the tangent points at D."""
    model, latents = three_components(), normal(5, 2)
    sample = build(solver="euler", steps=1)(model, latents)
    denoised = model(latents * 80.0, float64(80.0)[0])
    torch.testing.assert_close(sample, denoised, rtol=0, atol=1e-13)


@each_fixed
def test_every_solvers_step_to_zero_is_eulers(solver):
    model, latents = three_components(), normal(5, 2)
    sample = build(solver=solver, steps=1)(model, latents)
    assert torch.equal(sample, build(solver="euler", steps=1)(model, latents))


@each_spaced_flow
@each_solver
def test_sampling_can_stop_at_sigma_min(solver, discretization, schedule, scaling):
    keys = {"schedule": schedule, "scaling": scaling, "steps": 7, "end": "sigma-min"}
    model = Recorder(gaussian())
    sampler = combinations.build(solver, discretization=discretization, **keys)
    samples = sampler(model, normal(3, 2))
    levels = sampler.levels(model)
    assert samples.isfinite().all()
    assert levels[-1] > 0
    # to round-off, nothing beyond either end is asked of the model, and the start is σ_max;
    # of a time that falls from t₀ no end is known better than t₀'s last digit
    fitted, last = sampler.schedule_for(model), levels[-1].item()
    digit = EPS * fitted.time(levels[0].item()) * fitted.sigma_deriv(fitted.time(last)) / last
    assert min(model.sigmas) >= last * (1 - max(1e-6, digit))
    assert max(model.sigmas) == pytest.approx(levels[0].item())


@each_flow
@each_solver
def test_a_denoiser_of_a_point_is_sampled_exactly(solver, schedule, scaling):
    """D = 0: x shrinks in proportion to σ, whatever the schedule; at σ = 0 nothing is left."""

    class Point(Recorder):
        def __call__(self, x, sigma):
            return torch.zeros_like(x)

    latents = normal(3, 2)
    sampler = combinations.build(solver, schedule, scaling=scaling, steps=40)
    samples = sampler(Point(gaussian()), latents)
    assert samples.abs().max() < (0.5 if sampler.end == "sigma-min" else 0.05)


@pytest.mark.parametrize("scaling", ["none", "unit-variance"])
@pytest.mark.parametrize("schedule", ["linear", "ve", "vp"])
@pytest.mark.parametrize("alpha", [1.0001, 1.1, 2.0, 3.0, 30.0])
@each_discretization
def test_alpha_above_one_is_euler_where_its_node_lies_beyond_the_end(
    alpha, schedule, scaling, discretization
):
    keys = {"discretization": discretization, "schedule": schedule, "scaling": scaling}
    sampler = build(solver="rk2", alpha=alpha, steps=6, **keys)
    model, x = three_components(), normal(4, 2)
    assert sampler(model, x).isfinite().all()

    part = sampler.schedule_for(model)
    flow = process(model, part)
    fell_back = 0
    for ends in itertools.pairwise(points(part, *sampler.levels(model)[:-1].tolist())):
        if ends[0].t + alpha * (ends[1].t - ends[0].t) <= 0:
            fell_back += 1
            stepped = follow(RK2(alpha=alpha), flow, x, ends)
            assert torch.equal(stepped, follow(Euler(), flow, x, ends))
    assert fell_back > 0 or alpha < 2


def test_alpha_above_one_under_vp_with_a_negative_beta_min():
    sampler = build(solver="rk2", alpha=1.1, schedule="vp", scaling="unit-variance", steps=18)
    assert sampler.schedule_for(gaussian()).inner.beta_min < 0
    model = Recorder(gaussian())
    assert sampler(model, normal(4, 2)).isfinite().all()
    assert all(sigma > 0 for sigma in model.sigmas)


def test_the_state_starts_at_sigma_max_times_the_latents():
    class Start(Recorder):
        def __call__(self, x, sigma):
            self.first = getattr(self, "first", x.clone())
            return super().__call__(x, sigma)

    for scaling in solvers.SCALINGS:
        model, latents = Start(gaussian()), normal(3, 2)
        build(steps=3, schedule="vp", scaling=scaling, sigma_max=50.0)(model, latents)
        torch.testing.assert_close(model.first, 50.0 * latents)

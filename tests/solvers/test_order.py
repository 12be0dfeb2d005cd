"""The order of convergence that a solver declares is the one it has, under every schedule."""

import functools
import math

import pytest
import torch
from scipy.integrate import solve_ivp
from torch import Tensor

from sampler_bench import solvers
from sampler_bench.solvers import SOLVERS, FixedStep
from tests.solvers.combinations import each_fixed, each_flow, float64, normal
from tests.solvers.mixtures import three_components

# A range and ρ for which a few hundred steps are asymptotic: errors halve, quarter, … to 0.05.
LOW, HIGH, RHO = 0.04, 2.0, 3.0
LATENTS = normal(8, 2)


@functools.cache
def exact_solution() -> Tensor:
    """Return the end points of dx/dσ = (x − D(x; σ))/σ, by SciPy's eighth-order method."""
    mixture = three_components()

    def slope(sigma, flat):
        x = torch.from_numpy(flat).reshape(LATENTS.shape)
        return ((x - mixture(x, float64(sigma)[0])) / sigma).numpy().ravel()

    start = (LATENTS * HIGH).numpy().ravel()
    solution = solve_ivp(slope, (HIGH, LOW), start, method="DOP853", rtol=1e-13, atol=1e-13)
    return torch.from_numpy(solution.y[:, -1]).reshape(LATENTS.shape)


def error(steps: int, **keys) -> float:
    # Not to σ = 0: the Euler step there leaves an error that does not depend on N.
    range_ = {"sigma_min": LOW, "sigma_max": HIGH, "rho": RHO, "end": "sigma-min"}
    samples = solvers.build(steps=steps, **range_, **keys)(three_components(), LATENTS)
    return (samples - exact_solution()).abs().mean().item()


def assert_declared_order(solver: str, **keys) -> None:
    order = SOLVERS[solver].order
    # Fine enough that the slope is the order's under every schedule, far above round-off.
    coarse = {1: 256, 2: 128, 3: 128, 4: 32}[order]
    errors = error(coarse, solver=solver, **keys), error(2 * coarse, solver=solver, **keys)
    assert errors[1] > 1e-11, "round-off, not the method"
    assert math.log2(errors[0] / errors[1]) == pytest.approx(order, abs=0.1)


@each_flow
@each_fixed
def test_converges_with_the_declared_order(solver, schedule, scaling):
    assert_declared_order(solver, schedule=schedule, scaling=scaling)


@each_flow
@pytest.mark.parametrize("alpha", [0.5, 2 / 3, 1.1, 2.0])
def test_every_alpha_has_order_two(alpha, schedule, scaling):
    assert_declared_order("rk2", alpha=alpha, schedule=schedule, scaling=scaling)


def almost_heun(flow, x, t, t_next):
    d = flow(x, t)
    d_prime = flow(x + (t_next - t) * d, t_next)
    return x + (t_next - t) * (0.49 * d + 0.51 * d_prime)


@each_flow
def test_heun_with_weights_49_51_does_not_pass(schedule, scaling, monkeypatch):
    monkeypatch.setitem(SOLVERS, "almost-heun", FixedStep(almost_heun, order=2))
    with pytest.raises(AssertionError):
        assert_declared_order("almost-heun", schedule=schedule, scaling=scaling)


def test_heun_midpoint_and_ralston_are_members_of_one_family():
    mixture, keys = three_components(), {"steps": 5, "schedule": "vp", "scaling": "unit-variance"}
    heun = solvers.build(solver="heun", **keys)(mixture, LATENTS)
    assert torch.equal(heun, solvers.build(solver="rk2", alpha=1.0, **keys)(mixture, LATENTS))
    midpoint = solvers.build(solver="rk2", alpha=0.5, **keys)(mixture, LATENTS)
    assert not torch.allclose(heun, midpoint)

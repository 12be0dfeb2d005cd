"""How often the denoiser is called, at which noise levels, and for whom."""

import itertools

import pytest
import torch
from scipy.integrate import solve_ivp

from sampler_bench import solvers
from sampler_bench.models import Counted
from sampler_bench.solvers import SOLVERS, TABLE_1
from sampler_bench.solvers.solver import follow
from tests.solvers.combinations import (
    build,
    each_discretization,
    each_fixed,
    each_flow,
    each_solver,
    normal,
    points,
    process,
)
from tests.solvers.mixtures import Recorder, gaussian, three_components

STAGES = {"euler": 1, "heun": 2, "rk2": 2, "rk4": 4}


def counted_nfe(model=None, latents=None, noise=None, **keys) -> float:
    counted = Counted(model or gaussian())
    noise = noise or solvers.SeedNoise(range(3))
    build(**keys)(counted, normal(3, 2) if latents is None else latents, noise)
    return counted.nfe


def stages(solver: str) -> int:
    """Return the evaluations of one whole step, as counted."""
    return round(counted_nfe(solver=solver, steps=1, end="sigma-min"))


@pytest.mark.parametrize("solver", STAGES)
def test_a_step_costs_what_the_method_says(solver):
    assert stages(solver) == STAGES[solver]


@each_discretization
@pytest.mark.parametrize("S_churn", [0.0, 5.0])
@each_fixed
def test_the_step_to_zero_is_eulers_and_costs_one(solver, S_churn, discretization):
    """N for Euler, 2N − 1 for Heun, 4N − 3 for RK4; to σ_min, whole steps all the way."""
    keys = {"solver": solver, "S_churn": S_churn, "discretization": discretization}
    for steps in (1, 2, 18):
        assert counted_nfe(steps=steps, **keys) == stages(solver) * (steps - 1) + 1
        assert counted_nfe(steps=steps, end="sigma-min", **keys) == stages(solver) * steps


@each_flow
@each_fixed
def test_nfe_does_not_depend_on_schedule_and_scaling(solver, schedule, scaling):
    keys = {"solver": solver, "steps": 6, "end": "sigma-min"}
    assert counted_nfe(schedule=schedule, scaling=scaling, **keys) == stages(solver) * 6


@each_flow
@pytest.mark.parametrize("solver", ["euler", "heun", "rk2", "rk4"])
def test_the_denoiser_is_called_at_the_nodes_of_the_method(solver, schedule, scaling):
    sampler = build(solver, schedule, scaling=scaling, steps=4)
    model = Recorder(gaussian())
    sampler(model, normal(2, 2))

    part, expected = sampler.schedule_for(model), []
    grid = points(part, *sampler.levels(model).tolist())
    for here, below in itertools.pairwise(grid):
        t, t_next = here.t, below.t
        middle = (t + t_next) / 2
        nodes = {
            "euler": [t],
            "heun": [t, t_next],
            "rk2": [t, t_next],
            "rk4": [t, middle, middle, t_next],
        }[solver]
        expected += [part.sigma(node) for node in (nodes if below.sigma > 0 else [t])]
    assert model.sigmas == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("alpha", [0.5, 2 / 3, 1.1])
def test_the_second_node_of_rk2_lies_at_alpha(alpha):
    model = Recorder(gaussian())
    sampler = build("rk2", alpha=alpha, steps=1, end="sigma-min", sigma_min=30.0, sigma_max=80.0)
    sampler(model, normal(2, 2))
    assert model.sigmas == pytest.approx([80.0, 80.0 - alpha * 50.0])


@each_solver
def test_evaluations_are_counted_per_sample(solver):
    for batch in (1, 5):
        expected = counted_nfe(solver=solver, steps=5, latents=normal(1, 2))
        same = normal(1, 2).expand(batch, 2)
        assert counted_nfe(solver=solver, steps=5, latents=same) == expected


@each_solver
def test_a_denoiser_that_counts_is_told_of_how_many_samples_beforehand(solver):
    class Told(Recorder):
        told = 0

        def begin(self, samples):
            assert not self.sigmas
            self.told += samples

    model = Told(gaussian())
    build(solver, steps=2)(model, normal(5, 2))
    assert model.told == 5


def test_zero_length_steps_cost_what_they_cost():
    grid = [0.0, 0.05, 1.0, 10.0, 80.0]
    model = Recorder(three_components(), smin=0.05, smax=80.0, grid=grid)
    levels = solvers.build(steps=18).levels(model)
    assert (levels.diff() == 0).sum() > 10
    assert counted_nfe(model=model, steps=18) == 35
    assert {round(sigma, 12) for sigma in model.sigmas} == {0.05, 1.0, 10.0, 80.0}


@each_flow
@each_fixed
def test_zero_length_steps_do_not_move(solver, schedule, scaling):
    part = build(schedule=schedule, scaling=scaling).schedule_for(gaussian())

    def sampled(*levels):
        return follow(
            SOLVERS[solver], process(gaussian(), part), normal(3, 2), points(part, *levels)
        )

    assert torch.equal(sampled(1.5, 1.5), normal(3, 2))
    assert torch.equal(sampled(2.0, 1.5, 1.5), sampled(2.0, 1.5))


@pytest.mark.parametrize("rtol", [1e-2, 1e-4, 1e-7])
@each_flow
def test_rk45_costs_scipys_evaluations_and_one_more_to_reach_zero(rtol, schedule, scaling):
    sampler = build("rk45", schedule, scaling=scaling, rtol=rtol, sigma_min=0.02, sigma_max=20.0)
    model, latents = Counted(three_components()), normal(3, 2)
    sampler(model, latents)

    part = sampler.schedule_for(model)
    first, last = points(part, *sampler.levels(model)[:2].tolist())
    flow = process(three_components(), part)

    def slope(t, flat):
        x = torch.from_numpy(flat).reshape(latents.shape)
        return flow.slope(x, part.at(t)).numpy().ravel()

    start = (latents * 20.0 * first.s).numpy().ravel()
    ends = (first.t, last.t)
    solution = solve_ivp(slope, ends, start, method="RK45", rtol=rtol, atol=rtol)
    assert model.nfe == solution.nfev + (sampler.end == "zero")


def test_rk45_says_so_when_the_denoiser_fails():
    class Broken(Recorder):
        def __call__(self, x, sigma):
            assert len(self.sigmas) < 100, "SciPy retries for ever"
            return super().__call__(x, sigma) * torch.nan

    with pytest.raises(RuntimeError, match="not finite"):
        solvers.build(solver="rk45")(Broken(gaussian()), normal(2, 2))


@pytest.mark.parametrize(("given", "atol"), [({}, "1e-13"), ({"atol": 1e-9}, "1e-09")])
def test_rk45_says_so_when_scipy_gives_up(given, atol):
    class Erratic(Recorder):
        def __call__(self, x, sigma):
            return super().__call__(x, sigma) + 1e12 * torch.randn_like(x)

    sampler = solvers.build(solver="rk45", rtol=1e-13, **given)
    with pytest.raises(RuntimeError, match=rf"RK45 \(rtol=1e-13, atol={atol}\): .*step size"):
        sampler(Erratic(gaussian()), normal(2, 2))


@pytest.mark.parametrize(("column", "nfe"), [("vp", 18), ("ve", 18), ("iddpm", 18), ("edm", 35)])
def test_the_columns_of_table_1_cost_what_the_paper_says(column, nfe):
    assert counted_nfe(**TABLE_1[column], steps=18) == nfe


@pytest.mark.parametrize("column", TABLE_1)
def test_the_columns_of_table_1_sample_the_data(column):
    """With many steps the samples are distributed as the data, within Euler's slow approach."""
    data, latents = gaussian(), normal(4000, 2)
    samples = solvers.build(**TABLE_1[column], steps=256)(data, latents)
    assert samples.std(0).mean().item() == pytest.approx(0.5, rel=0.1)
    assert samples.mean(0).tolist() == pytest.approx(data.means[0].tolist(), abs=0.03)

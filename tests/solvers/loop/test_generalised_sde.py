"""EDM's generalised SDE (Eq. 6–8): what its two special cases are, and that a window keeps p."""

import itertools
import math
from dataclasses import dataclass, field

import pytest
import torch
from torch import Tensor

from sampler_bench.solvers.incompatible import Incompatible
from sampler_bench.solvers.loop import sample
from sampler_bench.solvers.paths.generalised import Maruyama, Split
from sampler_bench.solvers.paths.ode import Deterministic
from sampler_bench.solvers.paths.path import Path
from sampler_bench.solvers.paths.stochastic import SDE
from sampler_bench.solvers.point import Point
from sampler_bench.solvers.process import Process, scaled
from sampler_bench.solvers.rates import Constant, FunctionOfTime, Rate, Relative, Window
from sampler_bench.solvers.rule import Rule
from sampler_bench.solvers.rules.exponential import Multistep
from sampler_bench.solvers.rules.runge_kutta import RK2, Euler
from sampler_bench.solvers.schedules import VE, VP, Linear, RectifiedFlow, Schedule, UnitVariance
from tests.solvers.loop.by_weights import grid_of, variance_error
from tests.solvers.mixtures import gaussian, three_components

SCHEDULES = {
    "linear": Linear(),
    "VE": VE(),
    "VP, unit variance": UnitVariance(VP()),
    "flow": RectifiedFlow(),
}


@dataclass
class Noise:
    """Seeded standard normals, which it keeps."""

    seed: int = 0
    drawn: list[Tensor] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.generator = torch.Generator().manual_seed(self.seed)

    def __call__(self, z: Tensor, high: Point, low: Point) -> Tensor:
        self.drawn.append(torch.randn(z.shape, generator=self.generator, dtype=z.dtype))
        return self.drawn[-1]


def run(
    path: Path, rule: Rule, schedule: Schedule, grid: list[Point], latents: Tensor, draw: Noise
) -> Tensor:
    process = Process(scaled(three_components()), schedule, draw)
    return sample(process, grid[0].b * latents, path.steps(grid, schedule), rule)


def latents(count: int) -> Tensor:
    return torch.randn(count, 2, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


@pytest.mark.parametrize("schedule", SCHEDULES.values(), ids=SCHEDULES)
@pytest.mark.parametrize("rule", [Euler(), RK2(), Multistep(k=2)], ids=["euler", "heun", "2M"])
@pytest.mark.parametrize("kind", [Maruyama, Split])
@pytest.mark.parametrize(
    "beta",
    [
        Constant(value=0.0),
        Relative(share=0.0),
        Window(inner=Constant(value=5.0), S_min=1e3),
        FunctionOfTime(function=lambda t: 0.0),
    ],
    ids=["0", "share 0", "a window without levels", "function"],
)
def test_no_noise_replaced_is_the_flow(
    kind: type[Maruyama | Split], beta: Rate, rule: Rule, schedule: Schedule
) -> None:
    """β = 0, however it is said, gives the ODE's samples."""
    grid = grid_of(schedule, 12)
    ours = run(kind(beta=beta), rule, schedule, grid, latents(5), Noise())
    flow = run(Deterministic(), rule, schedule, grid, latents(5), Noise())
    assert (ours - flow).abs().max() < 1e-12


@pytest.mark.parametrize("schedule", [Linear(), VE()], ids=["linear", "VE"])
def test_song_s_choice_is_the_reverse_sde(schedule: Schedule) -> None:
    """β = σ̇/σ: dx = −g²∇log p dt + g dω with g² = dσ²/dt, by Euler–Maruyama on the same noise."""
    model, grid, draw = three_components(), grid_of(schedule, 30, to_zero=False), Noise()
    ours = run(Maruyama(beta=Relative()), Euler(), schedule, grid, latents(5), draw)
    x = grid[0].sigma * latents(5)
    for here, end, n in zip(grid, grid[1:], draw.drawn, strict=False):
        sigma = torch.tensor(here.sigma, dtype=torch.float64)
        score = (model(x, sigma) - x) / sigma**2
        g_squared = 2 * here.sigma * schedule.sigma_deriv(here.t)
        h = here.t - end.t
        x = x + g_squared * score * h + math.sqrt(g_squared * h) * n
    assert len(draw.drawn) == len(grid) - 1
    assert (ours - x).abs().max() < 1e-12 * x.abs().max()


RATES = {
    "constant": Constant(value=0.5),
    "Song": Relative(),
    "window": Window(inner=Relative(share=2.0), S_min=0.05, S_max=1.0),
    "function": FunctionOfTime(function=lambda t: 1 / (1 + t)),
}


@pytest.mark.parametrize("beta", RATES.values(), ids=RATES)
@pytest.mark.parametrize("kind", [Maruyama, Split])
def test_the_variance_converges(kind: type[Maruyama | Split], beta: Rate) -> None:
    """Every β keeps p(x; σ): on a Gaussian, by weights and without sampling, weakly order 1."""
    errors = [abs(variance_error(kind(beta=beta), Euler(), Linear(), n)) for n in (100, 200, 400)]
    assert errors[-1] < 0.05
    slopes = [math.log2(a / b) for a, b in itertools.pairwise(errors)]
    assert 0.8 < slopes[-1] < 1.3, (errors, slopes)


@pytest.mark.parametrize("beta", RATES.values(), ids=RATES)
def test_split_keeps_heun_s_order(beta: Rate) -> None:
    """The Langevin step falls by the same rule, so its order is the rule's."""
    errors = [abs(variance_error(Split(beta=beta), RK2(), Linear(), n)) for n in (50, 100, 200)]
    assert math.log2(errors[-2] / errors[-1]) > 1.7, errors


@pytest.mark.parametrize("kind", [Maruyama, Split])
def test_a_window_keeps_the_variance(kind: type[Maruyama | Split]) -> None:
    """Sampled: the variance of a Gaussian lies within 4 standard errors of the exact one."""
    count, schedule = 20_000, Linear()
    beta = Window(inner=Relative(share=1.5), S_min=0.05, S_max=2.0)
    grid = grid_of(schedule, 400, to_zero=False)
    start = math.hypot(0.5, grid[0].sigma) / grid[0].sigma
    draw = Noise(3)
    process = Process(scaled(gaussian()), schedule, draw)
    z = torch.tensor([[0.4, -0.7]], dtype=torch.float64) + start * grid[0].b * latents(count)
    x = sample(process, z, kind(beta=beta).steps(grid, schedule), RK2())
    exact = 0.25 + grid[-1].sigma ** 2
    standard_error = exact * math.sqrt(2 / (2 * count - 1))
    assert abs(float(x.var(0).mean()) - exact) < 4 * standard_error


def test_a_window_replaces_noise_inside_only() -> None:
    """A draw a step, whether it is used or not: the later ones do not depend on the window."""
    schedule, beta = Linear(), Window(inner=Constant(value=1.0), S_min=0.1, S_max=3.0)
    grid = grid_of(schedule, 20)
    for path in (Maruyama(beta=beta), Split(beta=beta)):
        steps = list(path.steps(grid, schedule))
        assert sum(len(step.after) for step in steps) == len(grid) - 2
        noisy = {step.i for step in steps if step.after and step.after[0] > 0}
        assert noisy
        for i in noisy:  # a step of the grid that is in the window, if only in part
            assert grid[i + 1].sigma < 3.0
            assert grid[i].sigma > 0.1


def test_integrals_of_a_window() -> None:
    """∫β dt over a step that leaves the window counts what lies inside."""
    rate = Window(inner=Relative(), S_min=0.5, S_max=2.0)
    high, low = Linear().level(8.0), Linear().level(0.1)
    assert rate.between(high, low, Linear()) == pytest.approx(math.log(4), rel=1e-12)
    assert rate.between(high, Linear().level(2.0), Linear()) == 0.0
    smooth = FunctionOfTime(function=lambda t: 3 * t**2)
    assert smooth.between(high, low, Linear()) == pytest.approx(8.0**3 - 0.1**3, rel=1e-12)


def test_split_is_the_exponential_sde_with_more_evaluations() -> None:
    """β = η·σ̇/σ lands where SDE(η) does: σ'·(σ'/σ)^η."""
    schedule = Linear()
    grid = grid_of(schedule, 9, to_zero=False)
    split = [s for s in Split(beta=Relative(share=0.7)).steps(grid, schedule) if s.after]
    once = list(SDE(eta=0.7).steps(grid, schedule))
    assert [s.down.sigma for s in split] == pytest.approx([s.down.sigma for s in once], rel=1e-12)
    assert [s.after[0] for s in split] == pytest.approx([s.after[0] for s in once], rel=1e-9)


def test_what_cannot_be_is_refused() -> None:
    """A negative rate, and Euler–Maruyama where dσ/dt is not finite."""
    with pytest.raises(ValueError, match=r"value = -1.*≥ 0"):
        Constant(value=-1.0)
    flow = RectifiedFlow()
    grid = [flow.at(t) for t in (1.0, 0.5, 0.1)]
    with pytest.raises(ValueError, match="β"):
        list(Maruyama(beta=FunctionOfTime(function=lambda t: -1.0)).steps(grid[1:], flow))
    with pytest.raises(Incompatible, match="σ = ∞"):
        list(Maruyama().steps(grid, flow))

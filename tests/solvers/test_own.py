"""Solvers and paths of one's own: what their facts come to, and what is refused."""

import math
import sys

import pytest
import torch

from sampler_bench import solvers
from sampler_bench.kit import own_files
from sampler_bench.models import Counted
from sampler_bench.solvers import PATHS, SOLVERS, Incompatible
from tests.solvers.mixtures import gaussian

MINE = '''
import math
from pathlib import Path
from typing import Literal

import torch

from sampler_bench import solvers
from sampler_bench.solvers.rules.exponential import Multistep


def midpoint(flow, x, t, t_next, *, alpha: float = 0.5):
    """Return a step of the second-order family."""
    h, d = t_next - t, flow(x, t)
    later = flow(x + alpha * h * d, t + alpha * h)
    return x + h * ((1 - 0.5 / alpha) * d + 0.5 / alpha * later)


midpoint.order = 2
midpoint.evaluations = lambda n: 2 * n


def ab2(flow, z, step, past):
    """Return Adams and Bashforth's step on ε in σ."""
    past.evaluate(flow, z, step.here)
    here, eps, h = step.here, past[-1].eps, step.down.sigma - step.here.sigma
    if len(past) > 1:
        eps = eps + h / (here.sigma - past[-2].at.sigma) / 2 * (eps - past[-2].eps)
    return step.down.s * (z / here.s + h * eps)


ab2.order = 2
ab2.memory = 1


Start = Literal["one", "two"]


def ancestral(denoiser, x, sigmas, noise, *, eta: float = 1.0, start: Start = "one"):
    """Return Euler's ancestral sampler."""
    for high, low in zip(sigmas.tolist(), sigmas.tolist()[1:]):
        up = min(low, eta * low * math.sqrt(1 - (low / high) ** 2))
        x = x + (math.sqrt(low**2 - up**2) / high - 1) * (x - denoiser(x, high)) + up * noise(x)
    return x


ancestral.evaluations = lambda n: n


def together(denoiser, x, sigmas, noise):
    return denoiser(x, sigmas[-2]) + x.mean()


def apart(denoiser, x, sigmas, noise):
    return denoiser(x, sigmas[0]) + x.mean()


apart.couples = 2


def generator(denoiser, x, sigmas, noise):
    return x + torch.randn_like(x)


def quiet(denoiser, x, sigmas, noise):
    return noise(x)


quiet.stochastic = False


def each(denoiser, x, sigmas, noise):
    return denoiser(x, sigmas[0].expand(len(x)))


def smaller(denoiser, x, sigmas, noise):
    return x[:, 0]


def forgetful(flow, z, step, past):
    return z


def positive(flow, z, step, past):
    if not step.down.sigma > 0:
        raise ZeroDivisionError
    return z


positive.memory = 0


def typing(flow, x, t, t_next):
    return x


typing.ordr = 2


def order(flow, x, t, t_next):
    return x


order.order = "two"


def broken(flow, x, t, t_next):
    return x + nothing


def steps(flow, x, t, t_next, *, steps: int = 3):
    return x


def rhos(flow, x, t, t_next, *, rho: float = 7.0):
    return x


def weighted(flow, x, t, t_next, *, weights: Path = Path("weights.txt")):
    """Return a step of as much as a file says."""
    return x + float(weights.read_text()) * (t_next - t) * flow(x, t)


class Lowered(Multistep):
    """DPM-Solver++(2M), lowered."""


def still(grid, schedule):
    for i, (here, end) in enumerate(zip(grid, grid[1:])):
        yield solvers.Step(i, len(grid) - 1, here, here, end, end)


still.draws = False


def windowed(grid, schedule, *, S_noise: float = 1.0, height: float = 0.5):
    for i, (here, end) in enumerate(zip(grid, grid[1:])):
        up = schedule.level((1 + height) * here.sigma)
        by = S_noise * math.sqrt(up.sigma**2 - here.sigma**2)
        yield solvers.Step(i, len(grid) - 1, here, up, end, end, before=(by,))


def read(grid, schedule, *, table: Path = Path(__file__).parent / "weights.txt"):
    yield from still(grid, schedule)


def rounded(grid, schedule, round_sigma):
    for i, (here, end) in enumerate(zip(grid, grid[1:])):
        up = schedule.level(round_sigma(1.5 * here.sigma))
        yield solvers.Step(i, len(grid) - 1, here, up, end, end, before=(up.sigma,))
'''


@pytest.fixture(autouse=True)
def mine(tmp_path, monkeypatch):
    (tmp_path / "mine.py").write_text(MINE)
    (tmp_path / "weights.txt").write_text("1.0")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def sample(sampler, seeds=range(4)):
    model, noise = Counted(gaussian()), solvers.SeedNoise(seeds)
    return sampler(model, noise.latents(model.shape), noise), model.nfe


@pytest.mark.parametrize("keys", [{}, {"schedule": "vp", "scaling": "unit-variance"}])
def test_rules_of_ones_own_are_those_that_ship(keys):
    for own, shipped in (
        ("midpoint", {"solver": "rk2", "alpha": 0.5}),
        ("ab2", {"solver": "lms", "k": 2}),
    ):
        mine = solvers.build(solver=f"mine.py:{own}", steps=12, end="sigma-min", **keys)
        theirs = solvers.build(**shipped, steps=12, end="sigma-min", **keys)
        (made, nfe), (expected, cost) = sample(mine), sample(theirs)
        assert nfe == cost
        torch.testing.assert_close(made, expected, rtol=1e-9, atol=1e-9)


def test_a_whole_sampler_is_the_path_that_ships():
    for eta in (0.0, 0.5, 1.0):
        mine = solvers.build(solver="mine.py:ancestral", eta=eta, steps=12)
        theirs = solvers.build(solver="euler", path="ancestral", eta=eta, steps=12)
        (made, nfe), (expected, _) = sample(mine), sample(theirs)
        # one draw more, into σ = 0, which adds nothing
        torch.testing.assert_close(made, expected, rtol=1e-9, atol=1e-9)
        assert nfe == 12 == mine.evaluations(gaussian())
        assert mine.deterministic == (eta == 0)


def test_nothing_said_is_the_weakest_claim():
    rule = SOLVERS["mine.py:ab2"]
    assert (rule.order, rule.memory, rule.on_noise, rule.on_return) == (2, 1, "first", "reset")
    assert not rule.from_infinity and rule.sees_schedule
    said = [solvers.build(solver=f"mine.py:{name}", steps=4) for name in ("ab2", "midpoint")]
    assert [sampler.evaluations(gaussian()) for sampler in said] == [None, 7]
    assert SOLVERS["mine.py:ancestral"].order is None
    assert PATHS["mine.py:rounded"]().draws and not PATHS["mine.py:still"]().draws


def test_what_is_declared_holds_no_path_and_pins_the_text(mine):
    sampler = solvers.build(solver="mine.py:ancestral", start="two", steps=3)
    declared = sampler.declared(gaussian())
    assert declared.parts["rule"] == {"name": "file:ancestral", "start": "two"}
    assert declared.settings["sampler"]["solver"] == "file:ancestral"
    assert str(mine) not in repr(declared)
    assert sampler.files == {str(mine / "mine.py"): own_files.digest_of(mine / "mine.py")}
    made, _ = sample(sampler)
    (mine / "mine.py").write_text(MINE.replace("up * noise(x)", "2 * up * noise(x)"))
    again, _ = sample(sampler)
    other, _ = sample(solvers.build(solver="mine.py:ancestral", start="two", steps=3))
    assert torch.equal(made, again) and not torch.allclose(made, other)


def test_a_parameter_that_is_a_file(mine):
    sampler = solvers.build(solver="mine.py:weighted", steps=4)
    other = mine / "elsewhere" / "half.txt"
    other.parent.mkdir()
    other.write_text("0.5")
    half = solvers.build(solver="mine.py:weighted", steps=4, weights="elsewhere/half.txt")
    declared = [each.declared(gaussian()).parts["rule"].get("weights") for each in (sampler, half)]
    digests = [own_files.digest_of(path)[:16] for path in (mine / "weights.txt", other)]
    assert declared == digests and str(other) in half.files
    read = solvers.build(path="mine.py:read").declared(gaussian())
    assert read.settings["sampler"]["table"] == digests[0]
    assert not torch.allclose(sample(sampler)[0], sample(half)[0])
    expected = sample(solvers.build(solver="euler", steps=4))[0]
    torch.testing.assert_close(sample(sampler)[0], expected)
    with pytest.raises(ValueError, match=r"weights = 'none' cannot be read: No such file"):
        solvers.build(solver="mine.py:weighted", weights="none")
    with pytest.raises(ValueError, match="must be a file's path"):
        solvers.build(solver="mine.py:weighted", weights=3)


def test_paths():
    still = solvers.build(path="mine.py:still", steps=5)
    assert torch.equal(sample(still)[0], sample(solvers.build(steps=5))[0]) and still.deterministic
    noisy, calm = (
        solvers.build(path="mine.py:windowed", steps=5, S_noise=S_noise, height=1.0)
        for S_noise in (1.0, 0.5)
    )
    assert (noisy.configured_path().S_noise, calm.configured_path().S_noise) == (1.0, 0.5)
    assert noisy.declared(gaussian()).settings["sampler"]["height"] == 1.0
    assert not torch.allclose(sample(noisy)[0], sample(calm)[0])
    rounding = gaussian()
    rounding.round_sigma = lambda sigma: sigma.round(decimals=1)
    route = solvers.build(path="mine.py:rounded", steps=5).route(
        rounding, solvers.SCHEDULES["linear"]()
    )
    evaluated = [step.here.sigma for step in route.steps(solvers.SCHEDULES["linear"]())]
    assert all(math.isclose(sigma, round(sigma, 1)) for sigma in evaluated)


def test_the_step_to_zero_is_first_order_and_not_the_functions():
    made, nfe = sample(solvers.build(solver="mine.py:positive", steps=3))
    latents = solvers.SeedNoise(range(4)).latents(gaussian().shape)
    expected = gaussian()(80.0 * latents.double(), torch.tensor(0.002, dtype=torch.float64))
    torch.testing.assert_close(made, expected)
    assert nfe == 1


def test_a_class_of_ones_own():
    made, _ = sample(solvers.build(solver="mine.py:Lowered", steps=6, end="sigma-min", k=3))
    expected, _ = sample(solvers.build(solver="dpmpp-3m", steps=6, end="sigma-min"))
    torch.testing.assert_close(made, expected)


def test_couples():
    assert solvers.build(solver="mine.py:apart", steps=2).group == 2
    assert solvers.build(solver="mine.py:ab2", steps=2).group is None


REFUSED = {
    "together": "makes another sample of a latent when it is alone: say of how many",
    "generator": "makes other samples of equal seeds: draw by noise(x)",
    "quiet": "draws noise, and says quiet.stochastic = False",
    "each": "line 73: ValueError: denoiser(x, sigma): sigma is a number or a 0-d tensor, not [2]",
    "smaller": "smaller returned [2, 8, 8] and not the samples, [2, 1, 8, 8]",
    "forgetful": "say how many earlier evaluations it wants, forgetful.memory = 1",
    "typing": "unknown fact 'ordr'; did you mean 'order'?",
    "order": "order = 'two' is not allowed: it must be a whole number",
    "broken": "mine.py, line 108: NameError: name 'nothing' is not defined",
    "steps": "its parameter 'steps' is a key of every sampler, too",
    "rhos": "its parameter 'rho' is the discretization's, too",
    "still": "solver file:still is a function of (grid, schedule); it must be one step f(flow, x,",
    "Path": "solver file:Path is the class Path; it must be",
    "MINE": "unknown name in mine.py 'MINE'",
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused_in_one_line(name):
    with pytest.raises(ValueError) as error:
        sampler = solvers.build(solver=f"mine.py:{name}", steps=3)
        assert sampler.deterministic in {True, False}
    assert REFUSED[name] in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize(
    "keys", [{"path": "sde"}, {"S_churn": 2.0}, {"schedule": "vp"}, {"scaling": "unit-variance"}]
)
def test_a_whole_sampler_has_no_other_parts(keys):
    with pytest.raises(Incompatible, match="goes through the levels by itself: leave out"):
        solvers.build(solver="mine.py:ancestral", steps=3, **keys)


def test_another_packages_rows_are_made_in_the_same_way(mine, monkeypatch):
    (mine / "their_steps.py").write_text(MINE)
    monkeypatch.syspath_prepend(mine)
    monkeypatch.delitem(sys.modules, "their_steps", raising=False)
    for name in ("ab2", "ancestral", "midpoint", "Lowered"):
        monkeypatch.setitem(SOLVERS, "theirs", f"their_steps:{name}")
        made, _ = sample(solvers.build(solver="theirs", steps=4))
        expected, _ = sample(solvers.build(solver=f"mine.py:{name}", steps=4))
        assert torch.equal(made, expected)
    monkeypatch.setitem(SOLVERS, "theirs", "their_steps:still")
    with pytest.raises(ValueError, match=r"their_steps:still cannot be loaded: .* it must be one"):
        solvers.build(solver="theirs")
    sampler = solvers.build(solver="their_steps:ab2", steps=4)
    assert sampler.declared(gaussian()).parts["rule"]["name"] == "file:ab2"

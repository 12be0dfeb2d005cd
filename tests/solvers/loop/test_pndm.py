"""PNDM's two starts, and DDIM's clipping."""

import math

import pytest
import torch

from sampler_bench.solvers.loop import sample
from sampler_bench.solvers.paths.ode import Deterministic
from sampler_bench.solvers.process import Process, refuse
from sampler_bench.solvers.rules.adams import IPNDM
from sampler_bench.solvers.rules.ddim import DDIM
from sampler_bench.solvers.rules.exponential import Multistep
from sampler_bench.solvers.rules.pndm import PNDM
from sampler_bench.solvers.schedules import Linear, RectifiedFlow, Schedule
from tests.parity.case import Recorded
from tests.solvers.loop.exact import LATENTS, bent, geometric, mixture, slope


def run(rule, times, schedule: Schedule | None = None) -> tuple[torch.Tensor, list[float]]:
    """Return the last state and σ of every evaluation."""
    schedule = Linear() if schedule is None else schedule
    grid = [schedule.at(t) for t in times]
    model = Recorded(mixture(), torch.zeros(0))
    process = Process(model.denoise, schedule, refuse)
    z = grid[0].b * LATENTS
    out = sample(process, z, Deterministic().steps(grid, schedule), rule)
    return out, [at.sigma for at in model.asked]


@pytest.mark.parametrize("start", ["plms", "prk"])
@pytest.mark.parametrize("last", [0.1, 0.0])
def test_evaluations(start: str, last: float) -> None:
    for n in range(1, 8):
        rule = PNDM(start=start)
        out, asked = run(rule, torch.linspace(8, last, n + 1).tolist())
        assert len(asked) == rule.evaluations(n, last == 0)
        assert out.isfinite().all()
    assert PNDM(start="plms").evaluations(9, False) == 10
    assert PNDM(start="prk").evaluations(9, False) == 18


def test_stages_of_the_starts() -> None:
    times = [8.0, 6.0, 4.0, 2.0, 1.0]
    assert run(PNDM(start="plms"), times)[1] == [8, 6, 6, 4, 2]
    assert run(PNDM(start="prk"), times)[1] == [8, 7, 7, 6, 6, 5, 5, 4, 4, 3, 3, 2, 2]


def test_the_first_steps_are_of_the_order_of_their_rule() -> None:
    """Heun and the classical rule on equal steps of σ, whose local errors are of order 3 and 5."""
    for start, steps, order in (("plms", 1, 2), ("prk", 3, 4)):
        errors = []
        for halving in (16, 32):
            h = 2.0 / halving
            times = [4.0 - i * h / steps for i in range(steps + 1)]
            fine = [4.0 - i * h / 96 for i in range(97)]
            exact = run(PNDM(start="prk"), fine)[0]
            errors.append(float((run(PNDM(start=start), times)[0] - exact).abs().max()))
        assert math.log2(errors[0] / errors[1]) > order + 0.5


@pytest.mark.parametrize("start", ["plms", "prk"])
@pytest.mark.parametrize("grid", [geometric, bent])
def test_order(start: str, grid) -> None:
    assert slope(PNDM(start=start), grid) == pytest.approx(PNDM().order, abs=0.15)


def test_with_a_past_it_is_ipndm() -> None:
    assert slope(PNDM(), bent) == slope(IPNDM(), bent)


@pytest.mark.parametrize("start", ["plms", "prk"])
def test_from_infinity_it_starts_one_step_later(start: str) -> None:
    times = [1.0, 0.8, 0.6, 0.4, 0.3, 0.2, 0.1]
    out, asked = run(PNDM(start=start), times, RectifiedFlow())
    assert out.isfinite().all()
    assert asked.count(math.inf) == 1
    assert len(asked) == PNDM(start=start).evaluations(6, False)


def test_ddim_is_the_multistep_rule_of_order_1() -> None:
    times = [8.0, 3.0, 1.0, 0.3, 0.0]
    torch.testing.assert_close(
        run(DDIM(), times)[0], run(Multistep(k=1), times)[0], rtol=0, atol=1e-14
    )


def test_ddim_clips_where_it_moves_to_and_not_the_noise() -> None:
    """A step to σ = 0 is the clipped D; one to σ' is that plus σ'·ε of the D that was not."""
    x = 8.0 * LATENTS
    D = mixture().denoise(x, 1.0, 8.0)
    assert (D.abs() > 0.2).any()
    torch.testing.assert_close(run(DDIM(clip=0.2), [8.0, 0.0])[0], D.clamp(-0.2, 0.2))
    expected = D.clamp(-0.2, 0.2) + 3.0 * (x - D) / 8.0
    torch.testing.assert_close(run(DDIM(clip=0.2), [8.0, 3.0])[0], expected)
    with pytest.raises(ValueError, match="clip"):
        DDIM(clip=0.0)

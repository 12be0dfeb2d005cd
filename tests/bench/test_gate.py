"""The gate is sharp: small faults in a sampler make it fail on its shipped grid; seeds do not.

Each fault is put into the code while the grid runs; only the samplers it touches are run again.
Under another batch size and other seeds every second job is, the one or the other half of them.
"""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner

from sampler_bench.bench.commands.cli import app
from sampler_bench.bench.measure.trajectory import Trajectories
from sampler_bench.bench.plan import grid as grids
from sampler_bench.bench.plan import planning as plans
from sampler_bench.bench.plan.planning import Plan
from sampler_bench.bench.run.runner import Runner
from sampler_bench.results import Store
from sampler_bench.solvers import SOLVERS, Churn, FixedStep, Flow, discretizations, sampler
from sampler_bench.solvers.process import scaled
from sampler_bench.solvers.rules.runge_kutta import Euler, euler_step
from sampler_bench.solvers.schedules import UnitVariance
from tests.bench.shipped import keeps_its_keys

PASSED, REGRESSED, INCONCLUSIVE = 0, 1, 3
TRAJECTORIES = Trajectories()  # of the exact flow: no fault of a sampler reaches them


class Silent:
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


def planned(**changes: int) -> tuple[Plan, str]:
    grid, text = grids.read("gate", **changes)
    return plans.make(grid), text


def run(folder: Path, plan: Plan, text: str, batch: int = 256) -> Path:
    for work in plan.work:
        work.measurement = replace(work.measurement, trajectories=TRAJECTORIES)
    runner = Runner(Store(folder), torch.device("cpu"), batch, Silent())
    assert not runner.run(plan, text)
    return folder


def check(folder: Path) -> tuple[int, str]:
    # What is put into the code while it runs stands in no text of it.
    result = CliRunner().invoke(app, ["check", str(folder), "--baseline", "gate", "--recorded"])
    return result.exit_code, result.output


@pytest.fixture(scope="module")
def sound(tmp_path_factory) -> Path:
    return run(tmp_path_factory.mktemp("gate") / "sound", *planned())


def every_second(plan: Plan, first: int) -> Plan:
    return replace(plan, work=plan.work[first::2])


def complete(folder: Path, sound: Path, redone: Plan) -> Path:
    """Copy the records of sound code for all cells of the gate but those run again."""
    points = {cell.point for work in redone.work for cell in work.cells}
    store = Store(folder)
    copied = [one for one in Store(sound).records() if one.cell.point not in points]
    for record in copied:
        store.write_record(record)
    keys = {record.cell.key for record in copied}
    lines = [line for line in Store(sound).plan().lines if line.key in keys]
    plan = store.plan()
    store.write_plan(plan.model_copy(update={"lines": [*plan.lines, *lines]}))
    return folder


def test_the_gates_keys_are_what_they_were(sound):
    assert keeps_its_keys("gate", [record.cell.key for record in Store(sound).records()])


def test_sound_code_passes(sound):
    code, table = check(sound)
    assert code == PASSED, table


def test_another_batch_size_passes(sound, tmp_path):
    plan, text = planned()
    plan = every_second(plan, 0)
    code, table = check(complete(run(tmp_path / "run", plan, text, batch=77), sound, plan))
    assert code == PASSED, table


@pytest.mark.parametrize(("first_seed", "first_job"), [(500, 0), (123_456, 1)])
def test_other_seeds_do_not_fail(sound, tmp_path, first_seed, first_job):
    plan, text = planned(first_seed=first_seed)
    plan = every_second(plan, first_job)
    code, table = check(complete(run(tmp_path / "run", plan, text), sound, plan))
    assert code in {PASSED, INCONCLUSIVE}, table


def unequal_weights(monkeypatch):
    """Heun with weights 0.49 and 0.51."""

    def heun(flow: Flow, x, t, t_next):
        h = t_next - t
        d = flow(x, t)
        return x + h * (0.49 * d + 0.51 * flow(x + h * d, t_next))

    monkeypatch.setitem(SOLVERS, "heun", FixedStep(heun, order=2))


def flipped_sign(monkeypatch):
    """ds/dt with the wrong sign."""
    right = UnitVariance.s_deriv
    monkeypatch.setattr(UnitVariance, "s_deriv", lambda self, t: -right(self, t))


def churn_without_root(monkeypatch):
    """Noise of variance (σ̂² − σ²)² instead of σ̂² − σ²."""
    right = Churn.steps

    def steps(self, *given):
        for step in right(self, *given):
            yield replace(step, before=tuple(one**2 for one in step.before))

    monkeypatch.setattr(Churn, "steps", steps)


def n_for_n_minus_one(monkeypatch):
    """Levels at i/N instead of i/(N − 1)."""
    monkeypatch.setattr(discretizations, "fractions", lambda n: [i / n for i in range(n)])


def first_step_left_out(monkeypatch):
    """Stepping that begins at the second level with the first one's state."""
    right = Churn.steps
    monkeypatch.setattr(Churn, "steps", lambda self, grid, *rest: right(self, grid[1:], *rest))


def two_percent_more_sigma(monkeypatch):
    """D(x; 1.02·σ) for D(x; σ)."""

    def misled(denoiser):
        evaluate = scaled(denoiser)
        return lambda z, at: evaluate(z, replace(at, sigma=1.02 * at.sigma))

    monkeypatch.setattr(sampler, "scaled", misled)


def sigma_of_next_step(monkeypatch):
    """Euler with D(x; σ(t_next)) for D(x; σ(t))."""

    class Misled(Euler):
        def __call__(self, process, z, step, past):
            told = step.down.sigma or step.here.sigma
            D = process.denoise(z, replace(step.here, sigma=told))
            return euler_step(z, D, step)

    monkeypatch.setitem(SOLVERS, "euler", Misled())


FAULTS = {
    unequal_weights: "Heun",
    flipped_sign: "VP",
    churn_without_root: "Stochastic",
    n_for_n_minus_one: "EDM",
    two_percent_more_sigma: "RK4",
    sigma_of_next_step: "Euler",
}


def test_a_step_left_out_is_counted_before_it_is_judged(tmp_path, monkeypatch):
    plan, text = planned()
    plan = replace(plan, work=[work for work in plan.work if "RK4" in work.label][:1])
    first_step_left_out(monkeypatch)
    with pytest.raises(AssertionError, match=r"says it makes 45 evaluations .* and made 41"):
        run(tmp_path / "run", plan, text)


@pytest.mark.parametrize(("fault", "labels"), FAULTS.items(), ids=[f.__name__ for f in FAULTS])
def test_fault_fails(fault, labels, sound, tmp_path, monkeypatch):
    plan, text = planned()
    plan = replace(plan, work=[work for work in plan.work if labels in work.label])
    with monkeypatch.context() as patch:
        fault(patch)
        run(tmp_path / "run", plan, text)
    code, table = check(complete(tmp_path / "run", sound, plan))
    print(*table.splitlines()[:9], sep="\n")
    assert code == REGRESSED, table

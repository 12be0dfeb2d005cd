"""A plan is made of what its parts declare: nothing is sampled, and a run is held to it."""

import pytest
import torch
from rich.console import Console

from sampler_bench.bench.plan import grid as grids
from sampler_bench.bench.plan import planning as plans
from sampler_bench.bench.run.progress import Watcher
from sampler_bench.models.exact import GaussianMixture
from sampler_bench.solvers import EVERY_SOLVER, SOLVERS
from sampler_bench.solvers.rules.runge_kutta import Heun
from tests.bench.runs import SMALL, run

ADAPTIVE = {name for name, row in EVERY_SOLVER.items() if not row.takes_steps}
TOP = 'name = "all"\nsamples = 20\nextractor = "{features}"\nmodels = ["{model}"]\n'


MODELS = [("exact-mixture-8x8", "pixels"), ("table2-f-vp", "fashion")]


def tables(**keys):
    """Return a table for each solver, to the end that it can reach."""
    for solver, row in EVERY_SOLVER.items():
        own = {"solver": f'"{solver}"'}
        if row.takes_parts:
            own |= keys | {"end": '"zero"' if row.reaches_zero else '"denoise"'}
        if row.takes_steps:
            own["steps"] = "25"
        if solver == "ddpm":
            own["variance"] = '"small"'
        yield "\n".join(["[[sampler]]", *(f"{key} = {value}" for key, value in own.items())])


def planned(text, tmp_path):
    (tmp_path / "grid.toml").write_text(text)
    return plans.make(grids.read(str(tmp_path / "grid.toml"))[0])


def forbid(monkeypatch):
    def called(*args, **kwargs):
        raise AssertionError("a model was called while planning")

    monkeypatch.setattr(GaussianMixture, "__call__", called)
    monkeypatch.setattr(torch.nn.Module, "__call__", called)


@pytest.mark.parametrize(("model", "features"), MODELS)
def test_planning_calls_no_model(model, features, tmp_path, monkeypatch):
    forbid(monkeypatch)
    text = "\n".join([TOP.format(model=model, features=features), *tables()])
    plan = planned(text, tmp_path)
    assert {work.sampler.solver for work in plan.work} >= {*SOLVERS, "song-vp"}
    assert {work.sampler.solver for work in plan.undeclared} == {
        work.sampler.solver for work in plan.work
    } & ADAPTIVE


@pytest.mark.parametrize(("model", "features"), MODELS)
def test_no_sampler_stops_a_plan_where_it_would_fail(model, features, tmp_path):
    """Numbers at which samplers cannot work, or not for long: that is for the run to find out."""
    hard = tables(schedule='"ve"', discretization='"vp"', sigma_max="1000000.0", S_noise="50.0")
    plan = planned("\n".join([TOP.format(model=model, features=features), *hard]), tmp_path)
    assert {work.sampler.solver for work in plan.work} >= {"rk45", "heun", "dpmpp-2m"}


def test_guidance_takes_two_evaluations_each(tmp_path):
    text = (
        'name = "g"\nsamples = 20\nextractor = "fashion"\nmodels = ["fashion-adm"]\nguidance = 1.5'
    )
    plan = planned(f'{text}\n[[sampler]]\nsteps = 6\n[[sampler]]\nsolver = "rk45"', tmp_path)
    assert [work.nfe for work in plan.work] == [22, None]
    assert plan.evaluations == 440


def test_a_run_that_counts_another_number_fails_that_job_alone(tmp_path, monkeypatch):
    monkeypatch.setattr(Heun, "evaluations", lambda self, n, to_zero: 2 * n)
    watcher = run(tmp_path / "run", SMALL.replace(', "truncation-error"', ""))
    assert watcher.reasons == ["ValueError: says it makes 12 evaluations per sample, and made 11"]


def test_the_time_left_learns_from_what_was_measured(tmp_path):
    """RK45's jobs say no number: until one was seen the rest is a lower bound."""
    one = '[[sampler]]\nlabel = "{}"\nsolver = "rk45"\nrtol = {}\n'
    text = SMALL.split("[[sampler]]")[0].replace(', "truncation-error"', "")
    text += '[[sampler]]\nlabel = "Euler"\nsolver = "euler"\nsteps = 4\n'
    plan = planned(text + one.format("a", 1e-2) + one.format("b", 1e-3), tmp_path)
    euler, first, second = plan.work
    with Watcher(plan, Console(force_terminal=False)) as watcher:
        task = watcher._bar.tasks[0]

        def left():
            return task.total - task.completed, "at least" in task.fields["rate"]

        watcher.begin(euler)
        watcher.sampled(30, 120)
        assert left() == (120, True)
        watcher.sampled(30, 120)
        watcher.finished(euler, [], resumed=False)
        watcher.begin(first)
        watcher.sampled(20, 0)  # there already
        assert left() == (0, True)
        watcher.sampled(20, 1000)
        assert left() == (20 * 50 + 60 * 50, False)
        watcher.failed(first, "told")
        assert left() == (60 * 50, False)
        watcher.finished(second, [], resumed=True)
        watcher.sampled(0, 0)
        assert left() == (0, False)

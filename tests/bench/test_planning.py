"""A plan is made of what its parts declare: nothing is sampled, and a run is held to it."""

import socket

import pytest
import torch
from typer.testing import CliRunner

from sampler_bench.bench.commands.cli import app
from sampler_bench.bench.plan import grid as grids
from sampler_bench.bench.plan import planning as plans
from sampler_bench.models.exact import GaussianMixture
from sampler_bench.solvers import EVERY_SOLVER, SOLVERS
from sampler_bench.solvers.rules.runge_kutta import Heun
from tests.bench.runs import SMALL, run

ADAPTIVE = {name for name, row in EVERY_SOLVER.items() if not row.takes_steps}
TOP = 'name = "all"\nsamples = 20\nextractor = "{features}"\nmodels = ["{model}"]\n'


MODELS = [("exact-mixture-8x8", "pixels"), ("table2-f-vp", "fashion")]

FEW = SMALL.replace(', "truncation-error"', "").partition('[[sampler]]\nlabel = "RK45"')[0]


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
    assert {work.measurement.sampler.solver for work in plan.work} >= {*SOLVERS, "song-vp"}
    assert {work.measurement.sampler.solver for work in plan.undeclared} == {
        work.measurement.sampler.solver for work in plan.work
    } & ADAPTIVE


@pytest.mark.parametrize(("model", "features"), MODELS)
def test_no_sampler_stops_a_plan_where_it_would_fail(model, features, tmp_path):
    """Numbers at which samplers cannot work, or not for long: that is for the run to find out."""
    hard = tables(schedule='"ve"', discretization='"vp"', sigma_max="1000000.0", S_noise="50.0")
    plan = planned("\n".join([TOP.format(model=model, features=features), *hard]), tmp_path)
    assert {work.measurement.sampler.solver for work in plan.work} >= {"rk45", "heun", "dpmpp-2m"}


def test_a_run_that_counts_another_number_fails_that_job_alone(tmp_path, monkeypatch):
    monkeypatch.setattr(Heun, "evaluations", lambda self, n, to_zero: 2 * n)
    watcher = run(tmp_path / "run", FEW)
    assert watcher.reasons == ["ValueError: says it makes 12 evaluations per sample, and made 11"]


@pytest.fixture
def no_network(monkeypatch, tmp_path):
    """Let every socket fail, and every address stay unknown: with an empty cache."""

    def opened(*args, **kwargs):
        raise AssertionError("a socket was opened while planning")

    for name in ("socket", "create_connection", "getaddrinfo"):
        monkeypatch.setattr(socket, name, opened)
    monkeypatch.setenv("SAMPLER_BENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))


ADDRESS = "https://example.org/some/network.safetensors"


@pytest.mark.parametrize("others", [[], ["exact-mixture-moons"], ["edm-cifar10-32x32-cond-vp"]])
@pytest.mark.parametrize("command", ["run", "search"])
def test_a_plan_fetches_nothing(command, others, no_network, tmp_path):
    """What is at an address is said to be missing; the cells of other models are planned."""
    text = f'name = "far"\nmodels = {[ADDRESS, *others]}\nsamples = 120\n'.replace("'", '"')
    if others != ["edm-cifar10-32x32-cond-vp"]:
        text += 'extractor = "pixels"\n'
    entry = "floor = false\n[[sampler]]\nsteps = 5\n"
    if command == "search":
        entry = "budget = 100000\nfirst_samples = 20\n[sampler]\nsteps = 5\n"
    (tmp_path / "far.toml").write_text(text + entry)
    before = sorted(tmp_path.rglob("*"))
    result = CliRunner().invoke(app, [command, str(tmp_path / "far.toml"), "--plan"])
    assert result.exit_code == 0, (result.output, result.exception)
    told = " ".join(result.stdout.split())
    assert f"not on this machine: {ADDRESS}; type: bench fetch {ADDRESS}; its cells" in told
    assert all(f" {other} " in told for other in others)
    if command == "run":
        assert f" {len(others)} cells, " in told
    assert sorted(tmp_path.rglob("*")) == before


MINE = """
class Failing:
    shape, sigma_min, sigma_max, digest, label_dim = (2,), 0.0, float("inf"), "0" * 64, 3

    def round_sigma(self, sigma):
        return sigma

    def true_moments(self):
        import numpy

        return numpy.zeros(2), numpy.eye(2)

    def __call__(self, x, sigma, labels=None):
        raise KeyError("no weights")


def failing(device):
    return Failing()
"""
OWN = TOP.format(model="mine.py:failing", features="pixels")


def test_a_model_that_fails_is_planned_and_has_no_time(tmp_path):
    (tmp_path / "mine.py").write_text(MINE)
    (tmp_path / "grid.toml").write_text(f"{OWN}[[sampler]]\nsteps = 3\n")
    result = CliRunner().invoke(app, ["run", str(tmp_path / "grid.toml"), "--plan"])
    assert result.exit_code == 0, (result.output, result.exception)
    told = " ".join(result.stdout.split())
    assert "100 denoiser evaluations: no time is known, for a batch fails: mine.py, line 14" in told


def test_guidance_takes_two_evaluations_each(tmp_path):
    (tmp_path / "mine.py").write_text(MINE)
    samplers = '[[sampler]]\nsteps = 6\n[[sampler]]\nsolver = "rk45"\n'
    plan = planned(f"{OWN}guidance = 1.5\n{samplers}", tmp_path)
    assert [work.nfe for work in plan.work] == [22, None]
    assert plan.evaluations == 440

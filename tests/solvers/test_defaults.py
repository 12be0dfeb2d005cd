"""A released default stays, and what is added later, at its default, is in no key."""

import dataclasses
import functools
import inspect
import json
from pathlib import Path

import pytest

from sampler_bench import solvers
from sampler_bench.kit.canonical import plain
from sampler_bench.solvers import DISCRETIZATIONS, PATHS, SCHEDULES, SOLVERS
from sampler_bench.solvers.declared import ALWAYS
from sampler_bench.solvers.discretizations import Discretization
from sampler_bench.solvers.options import Options
from sampler_bench.solvers.registry import ORIGINALS
from sampler_bench.solvers.solver import named
from tests.soak.defaults import changed, defaults
from tests.solvers.perturbed import MODEL, base

KNOWN = json.loads((Path(__file__).parents[1] / "golden" / "defaults.json").read_text("utf-8"))


def test_no_default_changes():
    """A number at its default is in no key: another default would give it another meaning."""
    now = defaults()
    assert changed(KNOWN, now) == []
    added = changed(now, KNOWN)
    assert added == [], "new: python -m tests.soak.defaults tests/golden/defaults.json"


def parts(**keys):
    """The parts of a key."""
    return plain(solvers.build(**keys).declared(MODEL).parts)


def longer(made, value=0.5):
    """A function or a class with one more parameter, that acts on nothing."""
    if inspect.isclass(made):
        added = [("added", float, dataclasses.field(default=value))]
        return dataclasses.make_dataclass(
            made.__name__, added, bases=(made,), frozen=True, kw_only=True
        )

    @functools.wraps(made)
    def function(*arguments, added=value, **keys):
        return made(*arguments, **keys)

    told = inspect.signature(made)
    own = inspect.Parameter("added", inspect.Parameter.KEYWORD_ONLY, default=value)
    function.__signature__ = told.replace(parameters=[*told.parameters.values(), own])
    return function


def longer_solver(row):
    """A solver with one more parameter."""
    if row.maker is not None:
        return named(path=row.own_path, **row.told)(longer(row.maker))
    return longer(type(row))()


@pytest.mark.parametrize("solver", SOLVERS)
def test_a_parameter_added_to_a_rule_changes_no_key(solver, monkeypatch):
    before = parts(**base(solver))
    monkeypatch.setitem(SOLVERS, solver, longer_solver(SOLVERS[solver]))
    assert parts(**base(solver)) == before
    assert parts(**base(solver), added=0.25)["rule"]["added"] == 0.25


@pytest.mark.parametrize("solver", ["song-vp", "churned"])
def test_a_parameter_added_to_an_authors_sampler_changes_no_key(solver, monkeypatch):
    row = ORIGINALS[solver]
    before = parts(**base(solver))
    monkeypatch.setitem(ORIGINALS, solver, dataclasses.replace(row, sample=longer(row.sample)))
    assert parts(**base(solver)) == before
    assert parts(**base(solver), added=0.25)["whole"]["added"] == 0.25


ASKED_FOR_NOISE = {
    "restart": {"intervals": [[3, 1, 0.3, 5.0]]},
    "repeated-churn": {"S_churn": 3},
}


@pytest.mark.parametrize("path", [name for name in PATHS if name != "churn"])
def test_a_parameter_added_to_a_path_changes_no_key(path, monkeypatch):
    asked = {**base("euler"), "path": path, **ASKED_FOR_NOISE.get(path, {})}
    before = parts(**asked)
    assert before["path"]["name"] == path
    monkeypatch.setitem(PATHS, path, longer(PATHS[path]))
    assert parts(**asked) == before
    assert parts(**asked, added=0.25)["path"]["added"] == 0.25


@pytest.mark.parametrize("name", DISCRETIZATIONS)
def test_a_parameter_added_to_levels_changes_no_key(name, monkeypatch):
    row = DISCRETIZATIONS[name]
    asked = {**base("heun"), "discretization": name}
    before = parts(**asked)
    assert set(before["grid"]) > set(row.defaults()) & set(ALWAYS)  # those of the first, all
    told = {f.name: getattr(row, f.name) for f in dataclasses.fields(row)}
    monkeypatch.setitem(
        DISCRETIZATIONS, name, Discretization(**{**told, "levels": longer(row.levels)})
    )
    assert parts(**asked) == before
    assert parts(**asked, added=0.25)["grid"]["added"] == 0.25


@pytest.mark.parametrize("name", SCHEDULES)
def test_a_parameter_added_to_a_schedule_changes_no_key(name, monkeypatch):
    row = SCHEDULES[name]
    asked = {**base("heun"), "schedule": name, "end": "sigma-min"}
    before = parts(**asked)
    fit = longer(row.fit)
    monkeypatch.setattr(row, "fit", staticmethod(fit))
    assert parts(**asked) == before
    assert parts(**asked, added=0.25)["schedule"]["added"] == 0.25


def test_an_option_that_is_added_changes_no_key():
    @dataclasses.dataclass(frozen=True, kw_only=True)
    class Longer(Options):
        added: float = 0.5

    sampler = solvers.build(**base("heun"))
    longer_one = dataclasses.replace(sampler, options=Longer())
    assert longer_one.declared(MODEL).parts == sampler.declared(MODEL).parts
    other = dataclasses.replace(sampler, options=Longer(added=0.25))
    assert other.declared(MODEL).parts["options"] == {"added": 0.25}

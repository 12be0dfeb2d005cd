"""Noise levels that are listed, or read from a file: where they go, and what is refused."""

import json
import math

import numpy as np
import pytest
import torch

from sampler_bench import solvers
from sampler_bench.bench.plan.expand import expand
from sampler_bench.bench.plan.grid import Grid, read
from sampler_bench.models import Counted
from sampler_bench.solvers import SOLVERS, Incompatible
from sampler_bench.solvers.listed import MOST_BYTES, Listed
from sampler_bench.solvers.presets import TABLE_1
from tests.solvers.combinations import float64, normal
from tests.solvers.mixtures import Recorder, gaussian
from tests.solvers.test_discretizations import Doubled

LIST = [80.0, 20.0, 5.0, 5.0, 0.2]


def test_listed_levels_are_stepped_through_as_they_are():
    model = Recorder(gaussian())
    sampler = solvers.build(solver="euler", levels=LIST)
    sampler(model, normal(2, 2))
    assert model.sigmas == LIST
    assert sampler.levels(model).tolist() == [*LIST, 0.0]
    assert solvers.build(levels=LIST, end="sigma-min").levels(model).tolist() == LIST


@pytest.mark.parametrize("schedule", ["linear", "vp"])
def test_the_levels_of_a_discretization_make_the_same_samples_when_listed(schedule):
    made = solvers.build(schedule=schedule, steps=9, S_churn=2.0)
    listed = solvers.build(schedule=schedule, levels=made.levels(gaussian()), S_churn=2.0)
    samples = [s(gaussian(), normal(3, 2), lambda x: normal(3, 2, seed=1)) for s in (made, listed)]
    torch.testing.assert_close(*samples, rtol=0, atol=1e-12)


def test_a_cell_holds_the_numbers_flat_and_nothing_of_a_discretization():
    declared = solvers.build(levels=[80, 20, 0.25]).declared(gaussian())
    assert declared.parts["grid"] == {"levels": [80, 20, 0.25]}
    told = declared.settings["sampler"]
    assert (told["levels"], told["steps"]) == ("[80,20,0.25]", 3)
    assert not {"discretization", "rho"} & set(told)
    assert declared == solvers.build(levels=float64(80, 20, 0.25, 0)).declared(gaussian())
    assert solvers.build(levels=[80, 20], end="sigma-min").steps == 1
    assert "levels" not in solvers.build(steps=3).declared(gaussian()).parts["grid"]


@pytest.mark.parametrize(
    ("levels", "what"),
    [
        ([80, 90], r"levels\[1\] = 90 does not fall from 80"),
        ([1, math.nan], r"levels\[1\] = nan is not allowed: it must be at least 0"),
        ([1, True], r"levels\[1\] = True is not allowed: it must be a number"),
        ([1, "a"], r"levels\[1\] = 'a' is not allowed"),
        ([1, -1], r"levels\[1\] = -1 is not allowed"),
        ([10**400], r"levels\[0\] = 1000.* is not allowed"),
        ([math.inf, math.inf, 1], r"levels\[1\] = inf does not fall from inf"),
        ([], r"levels = \[\] is not allowed: it must be a list of noise levels above 0"),
        ([2.0, 0, 0], r"levels = .* is not allowed"),
        (5, "levels = 5 is not allowed"),
        ([1e300, 1], "double precision cannot represent"),
        ("a.txt", "levels = 'a.txt' cannot be read: there is no such file"),
        ("a.csv", r"unknown kind of levels file \(a.csv\) '.csv'"),
    ],
)
def test_what_are_no_levels_is_refused_in_one_line(levels, what):
    with pytest.raises(ValueError, match=what) as caught:
        solvers.build(levels=levels, schedule="vp")
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 300


@pytest.mark.parametrize(
    ("keys", "what"),
    [
        ({"steps": 4}, "levels replaces 'steps'"),
        ({"discretization": "ve"}, "levels replaces 'discretization'"),
        ({"sigma_max": 3.0}, "levels replaces 'sigma_max'"),
        ({"end": "sigma-min"}, "the last of the levels is 0"),
        ({"solver": "rk45"}, "rk45 chooses its own steps: leave out 'levels'"),
        ({"solver": "doubled"}, "doubled plans its own steps: leave out 'levels'"),
    ],
)
def test_what_would_make_levels_as_well_is_refused(monkeypatch, keys, what):
    monkeypatch.setitem(SOLVERS, "doubled", Doubled())
    with pytest.raises(Incompatible, match=what):
        solvers.build(levels=[80, 2, 0], **keys)


def test_a_model_without_these_levels_is_refused():
    sampler = solvers.build(levels=LIST)
    with pytest.raises(Incompatible, match=r"levels from 80 to 0.2: the model supports \[0, 50\]"):
        sampler.declared(Recorder(gaussian(), smax=50.0))


def test_files_lie_beside_the_grid(tmp_path):
    (tmp_path / "a.txt").write_text("80, 20\n5 5\t0.2 0\n")
    (tmp_path / "b.json").write_text(json.dumps(LIST))
    np.save(tmp_path / "c.npy", np.array(LIST))
    found = [Listed.of(name, tmp_path) for name in ("a.txt", "b.json", "c.npy")]
    assert [levels.levels for levels in found] == [tuple(LIST)] * 3
    head = "name = 'g'\nmodels = ['exact-mixture-moons']\nsamples = 20\n[[sampler]]\n"
    (tmp_path / "g.toml").write_text(head + "solver = 'euler'\nlevels = ['a.txt', [3, 1]]\n")
    kept, skipped = expand(read(str(tmp_path / "g.toml"))[0])
    assert not skipped
    assert [item.label for item in kept] == [
        "euler, listed steps, levels = a.txt",
        "euler, listed steps, levels = [3, 1]",
    ]
    assert kept[0].sampler.declared(gaussian()).parts["grid"] == {"levels": [80, 20, 5, 5, 0.2]}
    (tmp_path / "d.txt").write_text("8 4 two")
    (tmp_path / "e.json").write_text("[" * 100_000)
    np.save(tmp_path / "f.npy", np.array([None]), allow_pickle=True)
    (tmp_path / "h.txt").write_bytes(b"1 " * (MOST_BYTES // 2 + 1))
    for name in ("d.txt", "e.json", "f.npy", "h.txt"):
        (tmp_path / "g.toml").write_text(head + f"levels = '{name}'\n")
        with pytest.raises(ValueError, match=rf"g.toml: sampler\[0\]: .*{name}' cannot be read"):
            read(str(tmp_path / "g.toml"))


def grid(**table) -> Grid:
    return Grid(name="g", models=["m"], samples=20, sampler=[table])


def test_one_list_is_one_value_and_a_list_of_lists_an_axis():
    kept, _ = expand(grid(levels=LIST))
    assert [item.label for item in kept] == ["heun, listed steps"]
    kept, _ = expand(grid(label="x", levels=[LIST, [3.0, 1.0], [*range(40, 0, -1)]]))
    assert [item.label for item in kept] == [
        *("x, levels = [80, 20, 5, 5, 0.2]", "x, levels = [3, 1]"),
        "x, levels = 40 to 1 (40, 788a)",
    ]
    kept, skipped = expand(grid(levels=[9, 1], solver=["heun", "rk45"]))
    assert (len(kept), len(skipped)) == (1, 1)
    for table in ({"steps": 18}, {"discretization": "edm"}):
        with pytest.raises(ValueError, match=r"sampler\[0\]: levels replaces"):
            expand(grid(levels=[9, 1], **table))
    with pytest.raises(ValueError, match="unknown key 'rho'"):
        expand(grid(levels=[9, 1], rho=7))
    with pytest.raises(ValueError, match="levels = 80 is not allowed"):
        grid(levels=[80, "a.txt"])


def test_evaluations_are_those_of_as_many_steps():
    for column, keys in TABLE_1.items():
        parts = {name: keys[name] for name in ("solver", "schedule", "scaling")}
        model = Counted(gaussian())
        solvers.build(levels=LIST, **parts)(model, normal(1, 2))
        assert model.nfe == (9 if keys["solver"] == "heun" else 5), column

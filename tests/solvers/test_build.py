"""``solvers.build``: what a sampler declares of itself, and what is refused, in one clear line."""

import json
import math
from typing import Annotated, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field

from sampler_bench import solvers
from sampler_bench.kit.names import shown
from sampler_bench.results import Cell
from sampler_bench.solvers import (
    DISCRETIZATIONS,
    EVERY_SOLVER,
    SCALINGS,
    SCHEDULES,
    SOLVERS,
    TABLE_1,
    Incompatible,
    Sampler,
)
from sampler_bench.solvers.assembly import own_parameters
from sampler_bench.solvers.building import BUILD_KEYS
from tests.solvers import combinations
from tests.solvers.combinations import PLAIN, each_solver, each_spaced_flow, normal
from tests.solvers.mixtures import Recorder, gaussian

DECLARED = {
    *("solver", "discretization", "schedule", "scaling"),
    *("steps", "end", "sigma_min", "sigma_max", "S_churn", "S_min", "S_max", "S_noise"),
}

NEUTRAL = {"path", "levels", "first_step", "threshold", "threshold_limit", "initial", "state"}


@each_spaced_flow
@each_solver
def test_every_combination_declares_all_that_decides_its_samples(
    solver, discretization, schedule, scaling
):
    keys = {"discretization": discretization, "scaling": scaling, "steps": 5}
    sampler = combinations.build(solver, schedule, **keys)
    declared = sampler.declared(gaussian())
    told = declared.settings["sampler"]
    assert set(told) == DECLARED | set(own_parameters(solver, discretization, schedule))
    assert set(told) >= set(BUILD_KEYS) - NEUTRAL
    assert all(value is None or type(value) in (str, int, float) for value in told.values())
    assert json.loads(json.dumps(told)) == told
    again = solvers.build(**told)
    assert again.declared(gaussian()) == declared
    assert cell(again).key == cell(sampler).key


def cell(sampler: Sampler) -> Cell:
    return Cell(
        model_digest="d",
        sampler=sampler.declared(gaussian()).parts,
        seed_start=0,
        samples=20,
        shards=20,
        precision="float64",
        quantizer="none",
        extractor="pixels",
        extractor_digest="d",
        metric="fid",
        reference="r",
        reference_digest="d",
    )


OTHER = {
    **{"solver": "euler", "discretization": "ve", "schedule": "ve", "scaling": "unit-variance"},
    **{"steps": 19, "sigma_min": 0.01, "sigma_max": 79.0, "end": "sigma-min"},
    **{"S_churn": 1.0, "S_min": 0.1, "S_max": 50.0, "S_noise": 1.003, "path": "sde"},
    **{"first_step": "analytic", "threshold": 0.99, "initial": "latents", "state": "float32"},
    "levels": [80.0, 1.0],
}


WINDOW = {"S_min", "S_max", "S_noise"}


@pytest.mark.parametrize("key", [key for key in BUILD_KEYS if key != "threshold_limit"])
def test_another_argument_makes_another_cell(key):
    churned = {"S_churn": 5.0} if key in WINDOW else {}
    plain = cell(solvers.build(**churned)).key
    assert cell(solvers.build(**churned, **{key: OTHER[key]})).key != plain
    assert cell(solvers.build(**churned)).key == plain


@pytest.mark.parametrize("key", sorted(WINDOW))
def test_a_window_without_churn_is_in_no_key(key):
    assert cell(solvers.build(**{key: OTHER[key]})).key == cell(solvers.build()).key


def changed(value: float | str | None) -> float | str:
    if isinstance(value, str):
        return {"time": "sigma"}[value]
    if value is None:
        return 10
    return value + 1 if isinstance(value, int) else value * 0.9 or 0.1


@each_spaced_flow
@each_solver
def test_another_parameter_makes_another_cell(solver, discretization, schedule, scaling):
    keys = {"discretization": discretization, "schedule": schedule, "scaling": scaling}
    for name, value in own_parameters(solver, discretization, schedule).items():
        other = 1e-3 if name == "atol" else changed(value)
        sampler = combinations.build(solver, **keys, **{name: other})
        assert cell(sampler).key != cell(combinations.build(solver, **keys)).key
        assert sampler.declared(gaussian()).settings["sampler"][name] == other


def test_numbers_that_are_equal_make_the_same_cell():
    assert cell(solvers.build(rho=7)).key == cell(solvers.build(rho=7.0)).key


def test_defaults_are_the_papers_and_declared_as_sampled():
    sampler = solvers.build()
    declared = sampler.declared(Recorder(gaussian(), smin=0.02, smax=50.0)).settings["sampler"]
    expected = {
        **{"solver": "heun", "discretization": "edm", "schedule": "linear", "scaling": "none"},
        **{"steps": 18, "rho": 7.0, "sigma_min": 0.02, "sigma_max": 50.0, "end": "zero"},
        **{"S_churn": 0.0, "S_min": 0.0, "S_max": math.inf, "S_noise": 1.0},
    }
    assert {name: declared[name] for name in expected} == expected
    assert solvers.build(solver="rk45").declared(gaussian()).settings["sampler"]["steps"] is None


@pytest.mark.parametrize(("column", "keys"), TABLE_1.items())
def test_the_presets_name_only_parts_and_build(column, keys):
    assert set(keys) == {"solver", "discretization", "schedule", "scaling"}
    declared = solvers.build(**keys).declared(gaussian()).settings["sampler"]
    assert {name: declared[name] for name in keys} == keys


REGISTRIES = {
    "solver": EVERY_SOLVER,
    "discretization": DISCRETIZATIONS,
    "schedule": SCHEDULES,
    "scaling": SCALINGS,
    "end": ("zero", "sigma-min", "denoise"),
}


def refusal(**keys) -> str:
    with pytest.raises(ValueError) as caught:
        solvers.build(**keys)
    message = str(caught.value)
    assert "\n" not in message
    assert len(message) < 500
    return message


NAMES = [(key, name) for key, names in REGISTRIES.items() for name in names]


@pytest.mark.parametrize(("key", "name"), NAMES)
def test_a_misspelt_name_is_answered_with_the_nearest_and_all(key, name):
    for misspelt in (name[:-1], name + "x", name.upper() if key == "end" else name + "-"):
        if misspelt in REGISTRIES[key]:
            continue
        message = refusal(**{key: misspelt})
        assert f"unknown {key} {misspelt!r}" in message
        assert key == "solver" or all(known in message for known in REGISTRIES[key])
    assert f"did you mean {name!r}?" in refusal(**{key: name + "x"})


@pytest.mark.parametrize("key", REGISTRIES)
@pytest.mark.parametrize("value", [None, 3, True, ["heun"], {}, math.nan, ""])
def test_a_name_that_is_no_name_is_refused(key, value):
    assert f"unknown {key} {value!r}" in refusal(**{key: value})


@pytest.mark.parametrize(
    ("key", "nearest"), [("stesp", "steps"), ("Rho", "rho"), ("sigma-min", "sigma_min")]
)
def test_a_misspelt_key_is_answered_with_the_nearest(key, nearest):
    assert f"unknown key {key!r}; did you mean {nearest!r}?" in refusal(**{key: 1})


def test_a_key_of_another_part_is_refused():
    assert "unknown key 'alpha'" in refusal(solver="heun", alpha=0.5)
    assert "unknown key 'rho'" in refusal(discretization="ve", rho=7)
    assert "unknown key 'epsilon_s'" in refusal(schedule="ve", epsilon_s=1e-3)


SOLVER_OF = {"alpha": "rk2", "rtol": "rk45", "atol": "rk45", "group": "rk45"}
DISCRETIZATION_OF = {**dict.fromkeys(["M", "C_1", "C_2", "j_0"], "iddpm"), "epsilon_s": "vp"}
DISCRETIZATION_OF |= {"power": "polyexponential", "sigma_data": "kl-optimal", "a": "beta"}
DISCRETIZATION_OF |= {
    "mu": "laplace",
    "b": "laplace",
    "share": "linear-quadratic",
    "offset": "leading",
}
WHOLE = ["steps", "M", "j_0", "group", "offset"]
REAL = ["sigma_min", "sigma_max", "S_churn", "S_min", "S_max", "S_noise", "rho", "alpha"]
REAL += ["epsilon_s", "power", "C_1", "C_2", "rtol", "atol", "threshold", "threshold_limit"]
REAL += ["sigma_data", "mu", "a", "b", "share", "cosine_offset"]


def with_parts(key, value):
    parts = {"solver": SOLVER_OF.get(key, "heun")}
    parts["discretization"] = DISCRETIZATION_OF.get(key, "edm")
    parts["schedule"] = "cosine" if key == "cosine_offset" else "linear"
    return {**parts, key: value}


def test_the_lists_of_numbers_are_complete():
    own = set()
    for parts in ((s, d, c) for s in PLAIN for d in DISCRETIZATIONS for c in SCHEDULES):
        own |= set(own_parameters(*parts))
    words = {*REGISTRIES, "over", "path", "levels", "first_step", "initial", "state"}
    assert {*WHOLE, *REAL} == (own | set(BUILD_KEYS)) - words


@pytest.mark.parametrize("key", [*WHOLE, *REAL])
@pytest.mark.parametrize("value", ["8", True, math.nan, [8], {}, 1j, 10**309], ids=repr)
def test_what_is_not_a_number_is_refused(key, value):
    message = refusal(**with_parts(key, value))
    assert message.startswith(f"{key} = {shown(value)} is not allowed: it must be a ")


@pytest.mark.parametrize("key", WHOLE)
@pytest.mark.parametrize("value", [2.5, 8.0, math.inf, -1])
def test_what_is_not_a_whole_number_is_refused(key, value):
    assert refusal(**with_parts(key, value)).startswith(f"{key} = {value!r} is not allowed")


@pytest.mark.parametrize("value", [0.0, -1.0, math.inf, -math.inf, 1e300, 1e-300])
@pytest.mark.parametrize("key", ["rho", "epsilon_s", "rtol", "atol", "sigma_min", "sigma_max"])
def test_numbers_out_of_range_are_refused(key, value):
    refusal(**with_parts(key, value))


@pytest.mark.parametrize(
    ("keys", "what"),
    [
        ({"steps": 0}, "steps = 0 is not allowed: it must be a whole number from 1"),
        ({"steps": -3}, "steps = -3 is not allowed"),
        ({"rho": 0}, "rho = 0 is not allowed: it must be a number above 0"),
        ({"rho": -7.0}, "rho = -7.0 is not allowed"),
        ({"solver": "rk2", "alpha": 0.0}, "alpha = 0.0 is not allowed: it must be a number above"),
        ({"solver": "rk2", "alpha": -1}, "alpha = -1 is not allowed"),
        ({"sigma_min": 2.0, "sigma_max": 2.0}, "sigma_min = 2 and sigma_max = 2 are not a range"),
        ({"sigma_min": 90.0}, "sigma_min = 90 and sigma_max = 80 are not a range"),
        ({"sigma_min": 0.0}, "sigma_min = 0 and sigma_max = 80 are not a range"),
        ({"S_noise": -0.1}, "S_noise = -0.1 is not allowed"),
        ({"S_churn": -1}, "S_churn = -1 is not allowed"),
        ({"S_min": 2.0, "S_max": 1.0}, "S_min = 2 lies above S_max = 1"),
        (
            {"discretization": "iddpm", "j_0": 1000},
            "j_0 = 1000 is not allowed: it must be a whole number from 0 to M - 1 = 999",
        ),
        ({"discretization": "iddpm", "C_1": 1.0}, "it must be a number between 0 and 1"),
        ({"discretization": "iddpm", "j_0": 0}, "j_0 = 0 is not allowed"),
        ({"discretization": "iddpm", "sigma_max": 0.005}, "iddpm has no noise level in [0.002,"),
        ({"schedule": "vp", "epsilon_s": 1}, "epsilon_s = 1 is not allowed"),
        ({"discretization": "vp", "sigma_min": 0.2}, "no levels that fall from sigma_max = 152"),
        ({"discretization": "ve", "sigma_max": 1e300}, "double precision cannot represent"),
        ({"schedule": "vp", "sigma_min": 1e-8}, "double precision cannot represent sigma_max = 80"),
    ],
)
def test_what_is_wrong_is_named(keys, what):
    assert what in refusal(**keys)


@pytest.mark.parametrize(
    ("keys", "what"),
    [
        ({"solver": "rk45", "S_churn": 5.0}, "rk45 cannot churn"),
        ({"solver": "rk45", "steps": 18}, "rk45 chooses its own steps"),
        ({"schedule": "geometric"}, "schedule 'geometric' never reaches σ = 0"),
    ],
)
def test_parts_that_make_no_sense_together_have_an_error_of_their_own(keys, what):
    with pytest.raises(Incompatible, match=what):
        solvers.build(**keys)
    refusal(**keys)


def test_a_solver_of_the_house_may_say_that_it_does_not_fit(monkeypatch):
    def picky(flow, x, t, t_next):
        raise Incompatible("picky: no step is good enough")

    monkeypatch.setitem(SOLVERS, "picky", solvers.FixedStep(picky, order=1))
    with pytest.raises(Incompatible, match="no step is good enough"):
        solvers.build(solver="picky")


def test_a_solver_may_have_words_and_ranges_of_its_own(monkeypatch):
    def choosy(
        flow,
        x,
        t,
        t_next,
        *,
        form: Literal["data", "noise"] = "data",
        eta: Annotated[float, Field(ge=0, lt=1)] | None = None,
        plain=1.0,
    ):
        return x

    monkeypatch.setitem(SOLVERS, "choosy", solvers.FixedStep(choosy, order=1))
    sampler = solvers.build(solver="choosy", form="noise", eta=0.5, plain=2)
    assert sampler.declared(gaussian()).parts["rule"]["form"] == "noise" and cell(sampler).key
    assert "unknown form 'dat'; did you mean 'data'?" in refusal(solver="choosy", form="dat")
    assert "eta = nan is not allowed: it must be a number at least 0 and below 1" in refusal(
        solver="choosy", eta=math.nan
    )
    assert "plain = 'x' is not allowed" in refusal(solver="choosy", plain="x")


def test_a_model_whose_range_leaves_nothing_is_refused_when_sampling():
    sampler = solvers.build(sigma_max=0.5)
    with pytest.raises(ValueError, match="not a range"):
        sampler(Recorder(gaussian(), smin=0.6, smax=50.0), normal(2, 2))


number = st.one_of(st.integers(-5, 30), st.floats(), st.integers(), st.none(), st.text(max_size=3))
anything = st.fixed_dictionaries(
    {},
    optional={
        **{key: st.sampled_from([*map(str, names)]) for key, names in REGISTRIES.items()},
        **dict.fromkeys([*WHOLE, *REAL], number),
    },
)


@given(keys=anything)
def test_build_returns_a_sampler_with_usable_levels_or_says_why_not(keys):
    if type(keys.get("steps")) is int and keys["steps"] > 1000:
        keys["steps"] = 1000
    try:
        sampler = solvers.build(**keys)
    except ValueError as error:
        assert "\n" not in str(error)
        return
    levels = sampler.levels(gaussian())
    assert levels.isfinite().all()
    assert (levels.diff() <= 0).all()
    assert math.isfinite(sampler.schedule_for(gaussian()).s(1.0))
    assert cell(sampler).key

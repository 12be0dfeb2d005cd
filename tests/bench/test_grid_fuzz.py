"""Grid files nobody would think of: a plan or one clear line, never anything else."""

import json
import math
import tempfile
from pathlib import Path

from hypothesis import example, given, settings
from hypothesis import strategies as st

from sampler_bench.bench.plan import grid as grids
from sampler_bench.bench.plan import planning as plans
from sampler_bench.bench.plan.grid import Grid
from sampler_bench.bench.plan.shipped import GRIDS
from sampler_bench.solvers.building import BUILD_KEYS

NAMES = ["heun", "euler", "rk2", "rk4", "rk45", "edm", "vp", "ve", "iddpm", "log-snr", "linear"]
NAMES += ["geometric", "none", "unit-variance", "zero", "sigma-min", "exact-mixture-moons"]
NAMES += ["fid", "truncation-error", "kid", "pixels", "fashion", "model", "", "σ", "../x"]
KEYS = [*BUILD_KEYS, "rho", "alpha", "rtol", "atol", "group", "epsilon_s", "M", "j_0", "C_1", "C_2"]

numbers = st.one_of(
    st.integers(-3, 40),
    st.sampled_from([2**31, 2**32, -(2**63), 10**6 + 1, 10**9, 10**400]),
    st.floats(),
    st.floats(0.001, 100),
)
scalars = st.one_of(numbers, st.sampled_from(NAMES), st.booleans(), st.text(max_size=5))
values = st.one_of(
    scalars,
    st.lists(scalars, max_size=3),
    st.dictionaries(st.text(max_size=3), scalars, max_size=2),
)
samplers = st.dictionaries(st.sampled_from([*KEYS, "label", "stesp"]), values, max_size=4)
OWN = [
    "weights",
    "sigma_data",
    "P_mean",
    "P_std",
    "substeps",
    "truth",
    "levels",
    "metric",
    "models",
]
OF_PROFILES = ["trained", "initial", "local-error", "curvature", "denoising-loss", *NAMES]
measured = st.fixed_dictionaries(
    {
        "metric": st.sampled_from(["local-error", "curvature", "denoising-loss"]),
        "levels": st.one_of(st.just([0.1, 1, 5]), st.lists(numbers, max_size=4), values),
    },
    optional={
        name: st.one_of(values, st.sampled_from(OF_PROFILES))
        for name in [*OWN[:6], "solver", "steps", "schedule", "scaling", "rho", "sigma_min"]
    },
)
tops = st.fixed_dictionaries(
    {},
    optional={name: values for name in [*Grid.model_fields, "sample"] if name != "sampler"},
)


def as_toml(value):
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and not math.isfinite(value):
        return "nan" if math.isnan(value) else f"{'-' if value < 0 else ''}inf"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=True).replace("\\u007f", "")
    if isinstance(value, list):
        return "[" + ", ".join(map(as_toml, value)) + "]"
    return "{" + ", ".join(f"{json.dumps(k)} = {as_toml(v)}" for k, v in value.items()) + "}"


def plan_or_one_line(text):
    """Read and plan a grid; return whether it was accepted."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "grid.toml"
        path.write_bytes(text.encode("utf-8", "surrogatepass"))
        try:
            declared, _ = grids.read(str(path))
            return bool(plans.make(declared).work)
        except ValueError as error:
            assert str(error).strip()
            return False


@settings(max_examples=300)
@given(tops, st.lists(samplers, min_size=1, max_size=2))
@example(top={}, entries=[{"solver": ""}])
def test_any_keys_and_values(top, entries):
    base = {"name": "x", "models": ["exact-mixture-moons"], "samples": 20, "extractor": "pixels"}
    lines = [f"{key} = {as_toml(value)}" for key, value in (base | top).items()]
    for entry in entries:
        lines += ["[[sampler]]", *(f"{key} = {as_toml(value)}" for key, value in entry.items())]
    plan_or_one_line("\n".join(lines))


@settings(max_examples=300)
@given(measured, st.dictionaries(st.sampled_from([*KEYS, *OWN]), values, max_size=2))
def test_any_profile(entry, more):
    lines = ['name = "x"', 'models = ["exact-mixture-moons"]', "samples = 20", "[[profile]]"]
    lines += [f"{key} = {as_toml(value)}" for key, value in (entry | more).items()]
    plan_or_one_line("\n".join(lines))


def good_file():
    """Return the gate's text with every third of its samplers, and of a model that is soon made."""
    text = (GRIDS / "gate.toml").read_text("utf-8")
    top, *samplers = text.replace("exact-mixture-8x8", "exact-mixture-moons").split("[[sampler]]")
    return "[[sampler]]".join([top, *samplers[1::3]])


@settings(max_examples=200)
@given(st.data())
def test_a_good_file_with_a_piece_replaced(data):
    text = good_file()
    start = data.draw(st.integers(0, len(text)))
    stop = data.draw(st.integers(start, min(len(text), start + 30)))
    plan_or_one_line(text[:start] + data.draw(st.text(max_size=8)) + text[stop:])


def test_what_is_right_is_accepted():
    assert plan_or_one_line((GRIDS / "gate.toml").read_text("utf-8"))
    assert plan_or_one_line(good_file())

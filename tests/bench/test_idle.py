"""What a grid says and nothing sees is named; what acts on something is not."""

import pytest

from sampler_bench.bench.measure.metrics import measures_of
from sampler_bench.bench.plan import grid as grids
from sampler_bench.bench.plan.idle import idle, idle_keys, unused
from sampler_bench.kit.toml import parse, validated

TOP = {"name": "mine", "models": ["exact-fashion", "exact-mixture-8x8"], "samples": 50}
STEPS = {"steps": 4}
LOSS = {"metric": "denoising-loss", "levels": [0.1, 1.0, 10.0]}
CURVATURE = {"metric": "curvature", "levels": [0.1, 1.0, 10.0]}


def named(**keys):
    grid = validated(TOP | keys, grids.Grid, "grid")
    grid.place(grids.Path())
    return [*unused(grid, measures_of(grid.metrics)), *idle(grid)]


@pytest.mark.parametrize("name", grids.shipped())
def test_all_of_a_grid_that_ships_acts_on_something(name):
    grid, _ = grids.read(name)
    assert not [*unused(grid, measures_of(grid.metrics)), *idle(grid)]


FEATURES = "no metric is of samples' features"
TABLE = "there is no [[sampler]] table"


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"sampler": [STEPS]}, []),
        ({"sampler": [STEPS], "extractor": "pixels", "reference": "a.npz"}, []),
        ({"profile": [LOSS]}, []),
        ({"profile": [LOSS], "data": "here/"}, []),
        ({"floor": "only", "extractor": "pixels"}, []),
        ({"profile": [LOSS], "metrics": ["kid"]}, [f"metrics acts on nothing: {TABLE}"]),
        ({"profile": [LOSS], "extractor": "pixels"}, [f"extractor acts on nothing: {TABLE}"]),
        (
            {"sampler": [STEPS], "metrics": ["truncation-error"], "reference": "a.npz"},
            [f"reference acts on nothing: {FEATURES}"],
        ),
        (
            {"sampler": [STEPS], "truncation_samples": 20},
            ["truncation_samples acts on nothing: no metric is of trajectories"],
        ),
        (
            {"sampler": [STEPS], "truncation_samples": 60, "metrics": ["truncation-error"]},
            ["truncation_samples = 60 lowered to samples = 50"],
        ),
        (
            {"sampler": [STEPS], "truncation_samples": 40, "metrics": ["fid", "truncation-error"]},
            [],
        ),
        (
            {"sampler": [STEPS], "profile": [CURVATURE], "data": "here/"},
            ["data acts on nothing: no [[profile]] table starts from true data"],
        ),
        ({"sampler": [STEPS, {}], "nfe": 9}, []),
        (
            {"sampler": [STEPS, {"nfe": 5}], "nfe": 9},
            ["nfe acts on nothing: each [[sampler]] table says its own, or steps, or levels"],
        ),
        (
            {"sampler": [{"models": ["exact-fashion"], **STEPS}]},
            ["model 'exact-mixture-8x8' is measured by nothing: each table is for others"],
        ),
        (
            {"sampler": [{"models": ["exact-fashion"], **STEPS}], "profile": [LOSS]},
            [],
        ),
        (
            {"sampler": [{"label": "one", "S_noise": 1.1, **STEPS}, STEPS]},
            ["one: S_noise = 1.1 acts on nothing"],
        ),
        (
            {"sampler": [STEPS, {"threshold_limit": 2.0, **STEPS}]},
            ["sampler[1]: threshold_limit = 2.0 acts on nothing"],
        ),
    ],
)
def test_a_key_of_the_grid(keys, said):
    assert named(**keys) == said


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("S_noise = 1.1", ["S_noise = 1.1"]),
        ("S_noise = 1.0", []),  # as it is anyway
        ("S_noise = 1.1\nS_churn = 3", []),
        ("S_noise = 1.1\nS_churn = [0, 3]", []),
        ("S_noise = 1.1\nsolver = ['heun', 'dpmpp-2m-sde']", []),  # its path takes it
        ("S_min = 0.1\nS_max = 5", ["S_min = 0.1", "S_max = 5"]),
        ("S_min = 0.1\nS_max = 5\nS_churn = 4", []),
        ("schedule = 'vp'\nscaling = 'unit-variance'", []),
        ("solver = 'dpmpp-2m'\nschedule = 've'", ["schedule = 've'"]),
        ("solver = 'dpmpp-2m'\nschedule = ['ve', 'linear']", []),  # one is skipped, and says so
        ("solver = 'dpmpp-2m'\nschedule = 've'\ndiscretization = 'uniform-t'", []),
        ("solver = 'dpmpp-2m'\nschedule = 've'\ninitial = 'latents'", []),
        ("rho = 5", []),
        ("rho = 7", []),
        ("solver = 'rk2'\nalpha = 0.7", []),
        ("solver = ['rk2', 'euler']\nalpha = 0.7", []),
        ("sigma_max = 80\nsigma_min = 0.002", []),
        ("threshold = 0.9\nthreshold_limit = 2", []),
        ("threshold_limit = 2", ["threshold_limit = 2"]),
        ("first_step = 'analytic'\nstate = 'float32'\nend = 'denoise'", []),
    ],
)
def test_a_key_of_a_samplers_table(table, said):
    text = f"name = 'mine'\nmodels = ['a']\nsamples = 50\n[[sampler]]\nsteps = [4, 8]\n{table}"
    grid = validated(parse(text, "grid"), grids.Grid, "grid")
    grid.place(grids.Path())
    assert list(idle_keys(grid.sampler[0])) == said

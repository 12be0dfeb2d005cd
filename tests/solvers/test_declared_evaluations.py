"""The number of evaluations that a sampler declares, held against counting: all rules and paths."""

import pytest
import torch

from sampler_bench import solvers
from sampler_bench.models import Counted
from sampler_bench.solvers import EVERY_SOLVER, PATHS, SOLVERS, Incompatible, SeedNoise
from sampler_bench.solvers.registry import ORIGINALS
from tests.solvers.mixtures import Recorder, gaussian, three_components

TABLE = [0.05, 0.4, 1.0, 5.0, 10.0, 80.0]
"""A network's own levels: rounding makes some of a discretization's equal."""
ADAPTIVE = {"rk45", "dpm-adaptive", "adaptive-vp", "adaptive-ve"}


def counted(sampler, model) -> float:
    model, noise = Counted(model), SeedNoise(range(1))
    with torch.inference_mode():
        sampler(model, noise.latents(model.shape), noise)
    return model.nfe


def built(**keys):
    try:
        return solvers.build(**keys)
    except Incompatible:
        return None


def hold(sampler) -> bool:
    """Hold a sampler to what it says, on a model of few levels or of all; False if it fits none."""
    for model in (Recorder(three_components(), smin=0.05, smax=80.0, grid=TABLE), gaussian()):
        try:
            sampler.fit(model)
        except Incompatible:
            continue
        assert sampler.evaluations(model) == counted(sampler, model)
        return True
    return False


@pytest.mark.parametrize("path", ["", *PATHS])
def test_every_rule_on_every_path(path):
    held = 0
    for solver in (name for name, row in SOLVERS.items() if row.takes_steps):
        for steps, end in ((1, "zero"), (5, "zero"), (4, "denoise"))[bool(path) :]:
            sampler = built(solver=solver, path=path, steps=steps, end=end)
            held += sampler is not None and hold(sampler)
    assert held


@pytest.mark.parametrize(
    "keys",
    [
        {"S_churn": 3},
        {"S_churn": 3, "S_min": 0.5, "S_max": 20.0},
        {"first_step": "analytic"},
        {"threshold": 0.9},
        {"discretization": "iddpm"},
        {"schedule": "vp", "scaling": "unit-variance", "discretization": "vp"},
        {"levels": [80.0, 5.0, 5.0, 1.0, 0.2]},
    ],
    ids=str,
)
def test_every_rule_with(keys):
    held = 0
    for solver in (name for name, row in SOLVERS.items() if row.takes_steps):
        sampler = built(solver=solver, **keys, **({} if "levels" in keys else {"steps": 5}))
        held += sampler is not None and hold(sampler)
    assert held > 5


@pytest.mark.parametrize(
    "keys",
    [
        *({"solver": "rk2", "alpha": alpha} for alpha in (0.5, 1.25, 1.5, 2.0, 20.0)),
        *({"solver": "pndm", "start": start} for start in ("prk", "plms")),
        *({"solver": "dpmpp-sde", "r": r} for r in (0.3, 1.0)),
        *({"solver": solver, "path": "restart"} for solver in ("rk2", "pndm", "unipc-2")),
    ],
    ids=str,
)
def test_a_rule_with_other_numbers(keys):
    """As alpha-exact has it: beyond the end of time a second slope is not taken."""
    for more in ({}, {"schedule": "vp", "scaling": "unit-variance", "discretization": "vp"}):
        for steps in (2, 10, 18):
            assert hold(solvers.build(steps=steps, **keys, **more))


def originals():
    numbers = {
        "song-vp": [
            {"steps": 25},
            {"steps": 25, "predictor": "ancestral", "corrector": "langevin"},
        ],
        "song-ve": [
            {"steps": 6},
            {"steps": 6, "corrector": "none"},
            {"steps": 3, "process": "flow"},
        ],
        "ddim": [{"steps": 7}, {"steps": 8, "eta": 1.0, "spacing": "stride", "M": 64}],
        "ddpm": [{"steps": 7, "variance": "small"}, {"steps": 1, "variance": "large"}],
        "churned": [
            {"steps": n, "sigma": sigma, "denoised": denoised}
            for n, sigma in ((0, 0.0), (0, 0.2), (3, 0.2), (2, 80.0), (2, 1e-3))
            for denoised in ("yes", "no")
        ],
    }
    numbers |= {name: [{}] for name in ORIGINALS if name not in numbers}
    return [{"solver": name} | keys for name, each in numbers.items() for keys in each]


@pytest.mark.parametrize("keys", originals(), ids=str)
def test_every_original(keys):
    sampler = solvers.build(**keys)
    if keys["solver"] in ADAPTIVE:
        assert sampler.evaluations(three_components()) is None
    else:
        assert hold(sampler)


def test_what_depends_on_the_samples_is_not_declared():
    free = {name for name, row in EVERY_SOLVER.items() if not row.takes_steps}
    assert free == ADAPTIVE
    for solver in free & {*SOLVERS}:
        end = "zero" if SOLVERS[solver].reaches_zero else "denoise"
        assert solvers.build(solver=solver, end=end).evaluations(three_components()) is None

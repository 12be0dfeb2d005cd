"""Made-up records: plausible curves, no measurement."""

import numpy as np
import pytest

from sampler_bench.reports import style
from sampler_bench.results.load import table
from tests.records import made_cell, made_record


@pytest.fixture(scope="module")
def small_pictures():
    """PDF files of Type 3 fonts, written in a tenth of the time that a subset takes; coarse PNG."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(style.RC, "pdf.fonttype", 3)
        patch.setattr(style, "_DPI", 50)
        yield


LINES = {
    "Original sampler (Euler)": ("euler", 1, 900.0, 1),
    "+ Heun & EDM time steps": ("heun", 2, 9000.0, 2),
    "+ σ = t, s = 1": ("heun", 2, 2500.0, 2),
    "Black-box RK45": ("rk45", 4, 4e5, 6),
}


def make_records(
    metrics=("fid",),
    model="exact-fashion",
    repeats=1,
    labels=None,
    steps=(4, 8, 16, 32, 64, 128),
    extractor="fashion",
    samples=1000,
):
    rng = np.random.default_rng(0)
    made = []
    for label in labels or LINES:
        solver, order, scale, cost = LINES.get(label, ("heun", 2, 1000.0 + 97 * len(label), 2))
        for metric in metrics:
            for n in steps:
                for repeat in range(repeats):
                    made.append(
                        _record(
                            label,
                            solver,
                            order,
                            scale,
                            cost,
                            metric,
                            n,
                            repeat,
                            model,
                            extractor,
                            samples,
                            rng,
                        )
                    )
    return made


def _record(label, solver, order, scale, cost, metric, n, repeat, model, extractor, samples, rng):
    nfe = n if cost == 1 else cost * n - 1
    error = scale * float(nfe) ** -order
    floor = 11.0 if metric == "fid" else 0.0
    value = floor + error * (1 + 0.02 * rng.standard_normal())
    if metric == "kid":
        value = error / 1e3 + 0.01
    if metric in ("precision", "recall"):
        value = 0.82 / (1 + error / 100)
    loo = (
        tuple(value * (1 + 0.004 * rng.standard_normal(20))) if metric != "truncation-error" else ()
    )
    settings = {
        "solver": solver,
        "steps": None if solver == "rk45" else n,
        "rtol": 1.0 / n if solver == "rk45" else None,
        "schedule": "vp" if "σ" not in label else "linear",
        "discretization": "edm",
        "sigma_min": 0.002,
        "sigma_max": 80.0,
    }
    cell = made_cell(
        settings,
        model_digest="made-up",
        seed_start=repeat * samples,
        samples=samples,
        precision="float32",
        quantizer="uint8" if metric != "truncation-error" else "none",
        extractor=extractor if metric != "truncation-error" else "none",
        extractor_digest="made-up",
        metric=metric,
        reference="made-up",
        reference_digest="made-up",
    )
    provenance = {"torch": "0.0 (made up)", "host": "nowhere", "device": "cpu"}
    if metric == "truncation-error":
        provenance["reference_error"] = "1e-6"
    return made_record(
        model,
        settings,
        cell=cell,
        label=label,
        value=value,
        loo=loo,
        nfe=nfe,
        nfe_min=nfe,
        nfe_max=nfe,
        seconds=0.01 * nfe,
        provenance=provenance,
    )


@pytest.fixture
def records():
    return make_records


@pytest.fixture
def frame():
    return lambda **options: table(make_records(**options))


def make_swept(repeats=1, models=("exact-fashion",), label="Heun", without=(), **settings):
    """Records over one setting, the one with several values."""
    (name,) = (key for key, value in settings.items() if isinstance(value, tuple))
    fixed = {key: value for key, value in settings.items() if key != name}
    sampler = {
        "solver": "heun",
        "steps": 18,
        "discretization": "edm",
        "schedule": "linear",
        "rho": 7,
        "S_churn": 0,
        "S_min": 0.0,
        "S_max": "inf",
        "S_noise": 1.0,
    }
    made = []
    for model in models:
        for value in (one for one in settings[name] if one not in without):
            for repeat in range(repeats):
                made.append(
                    _measured(
                        f"{label}, {name} = {value:g}",
                        {**sampler, **fixed, name: value},
                        model,
                        repeat,
                        3 + abs(value - 5) / 10 + 0.1 * repeat,
                    )
                )
    return made


def _cell(sampler, model, repeat, metric, quantizer, extractor):
    return made_cell(
        sampler,
        model_digest=model,
        seed_start=repeat * 1000,
        samples=1000,
        precision="float32",
        quantizer=quantizer,
        extractor=extractor,
        extractor_digest="made-up",
        metric=metric,
        reference="made-up",
        reference_digest="made-up",
    )


def _measured(label, sampler, model, repeat, value):
    cell = _cell(sampler, model, repeat, "fid", quantizer="uint8", extractor="fashion")
    nfe = 2 * sampler["steps"] - 1
    loo = tuple(value * (1 + 0.001 * k) for k in range(-10, 10))
    counts = {"nfe": nfe, "nfe_min": nfe, "nfe_max": nfe, "seconds": 0.1}
    return made_record(model, sampler, cell=cell, label=label, value=value, loo=loo, **counts)


@pytest.fixture
def swept():
    return lambda **options: table(make_swept(**options))


SIGMA = (0.02, 0.1, 0.5, 2.0, 10.0, 50.0)


def make_profiled(metric, settings, models=("exact-fashion",), repeats=1):
    """Records over σ: a line for each of the settings, given by label."""
    return [
        _profiled(metric, label, sampler, model, repeat, 0.1 * (place + 1))
        for model in models
        for place, (label, sampler) in enumerate(settings.items())
        for repeat in range(repeats)
    ]


def _profiled(metric, label, sampler, model, repeat, size):
    cell = _cell(sampler, model, repeat, metric, quantizer="none", extractor="none")
    mean = tuple(size * (1 + abs(np.log(s)) / 5) for s in SIGMA)
    profile = {"sigma": SIGMA, "mean": mean, "std": tuple(m / 4 for m in mean)}
    counts = {"nfe": 10, "nfe_min": 10, "nfe_max": 10, "seconds": 0.1, "profile": profile}
    return made_record(model, sampler, cell=cell, label=label, value=max(mean), **counts)


@pytest.fixture
def profiled():
    return lambda *given, **options: table(make_profiled(*given, **options))

from collections.abc import Callable
from typing import Any

import pytest

from sampler_bench.results import Cell, Record
from tests.records import made_cell, made_record


def make_cell(**changes: Any) -> Cell:
    sampler: dict[str, Any] = {
        "solver": "heun",
        "solver_version": 1,
        "discretization": "edm",
        "schedule": "linear",
        "steps": 18,
        "rho": 7,
        "S_churn": 0,
        "S_max": float("inf"),
        "alpha": None,
    }
    sampler |= changes.pop("sampler", {})
    fields: dict[str, Any] = {
        "model_digest": "m0",
        "seed_start": 0,
        "samples": 1000,
        "precision": "float32",
        "quantizer": "uint8",
        "extractor": "fashion",
        "extractor_digest": "e0",
        "metric": "fid",
        "reference": "model",
        "reference_digest": "r0",
    }
    return made_cell(sampler, **(fields | changes))


def make_record(**changes: Any) -> Record:
    fields: dict[str, Any] = {
        "cell": make_cell(),
        "model": "exact-fashion",
        "label": "Heun",
        "value": 12.5,
        "loo": (12.0, 12.4, 13.1),
        "nfe": 35.0,
        "nfe_min": 35.0,
        "nfe_max": 35.0,
        "seconds": 1.5,
        "provenance": {"torch": "2.11.0", "batch": "100"},
    }
    made = fields | changes
    settings = {k: v for k, v in made["cell"].sampler["rule"].items() if k != "name"}
    return made_record(settings=settings, **made)


@pytest.fixture
def cell() -> Callable[..., Cell]:
    return make_cell


@pytest.fixture
def record() -> Callable[..., Record]:
    return make_record

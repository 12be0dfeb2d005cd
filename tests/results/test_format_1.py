"""Folders of format 1 of searches: what their plans could not say."""

import json
import math

from sampler_bench.kit.canonical import faithful, hash_of
from sampler_bench.results import Store, load

SEARCH = """
name = "search"
models = ["exact-mixture-8x8"]
budget = 100_000
samples = 240
first_samples = 20
[sampler]
solver = "heun"
"""
SETTINGS = {
    **{"solver": "heun", "solver_version": 1, "discretization": "edm", "rho": 7, "steps": 18},
    **{"sigma_min": 0.002, "sigma_max": 80, "end": "zero", "schedule": "linear"},
    **{"scaling": "none", "S_churn": 0, "S_min": 0, "S_max": math.inf, "S_noise": 1},
}
CELL = {
    **{"format": 1, "model": "exact-mixture-8x8", "model_digest": "m0", "precision": "float64"},
    **{"quantizer": "none", "extractor": "pixels", "extractor_digest": "e0", "metric": "fid"},
    **{"reference": "model", "reference_digest": "r0", "shards": 20, "condition": {}},
}
MEASURED = {
    **{"metric_name": "Fréchet distance", "value": 1.5, "loo": [], "nfe": 35.0, "nfe_min": 35.0},
    **{"nfe_max": 35.0, "seconds": 1.0, "provenance": {}, "shards": []},
}


def old_record(S_churn, first, samples):
    """Return a record as it was."""
    cell = {**CELL, "sampler": SETTINGS | {"S_churn": S_churn}}
    cell |= {"seed_start": first, "samples": samples}
    return {"format": 1, "cell": faithful(cell), "label": "Search", **MEASURED}


def test_a_search_is_told_its_rungs(tmp_path):
    ranges = {(240, 20): 0, (260, 60): 1, (0, 240): "fresh", (7, 20): None}
    (tmp_path / "records").mkdir()
    (tmp_path / "grid.toml").write_text(SEARCH)
    cells = {}
    for S_churn in (0, 2):
        for first, samples in ranges:
            record = old_record(S_churn, first, samples)
            key = hash_of(record["cell"])
            text = json.dumps(record, indent=1)
            (tmp_path / "records" / f"{key}-0123456789ab.json").write_text(text)
            cells |= {key: "Search"} if samples == 240 else {}  # the last rung's plan was kept
    (tmp_path / "plan.json").write_text(json.dumps({"cells": cells, "skipped": []}))
    frame = load(tmp_path)
    assert len(frame) == 8
    for row in frame.itertuples():
        rung = ranges[row.seed_start, row.samples]
        assert row.rung == rung
        assert row.search == (None if rung is None else "exact-mixture-8x8")
    assert len(Store(tmp_path).plan().lines) == 8

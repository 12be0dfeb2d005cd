"""Repeated churn in a grid: no steps are a number of steps, and noisy states can be looked at."""

import pytest

from sampler_bench import results
from tests.bench import runs

GRID = """
name = "churned"
models = ["exact-mixture-8x8"]
samples = 40
extractor = "pixels"
[[sampler]]
label = "Churned"
solver = "churned"
sigma = [0.5, 50]
steps = [0, 2]
denoised = ["yes", "no"]
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("run") / "run"
    assert runs.run(made, GRID).reasons == []
    return made


def test_no_churns_are_a_point_of_the_grid(folder):
    table = results.load(folder)
    assert set(table["sampler.steps"]) == {0, 2}
    numbers = ["sampler.sigma", "sampler.steps", "sampler.denoised"]
    nfe = table.set_index(numbers)["nfe"]
    assert len(nfe) == 8
    assert nfe[50, 0, "no"] == 2 * 2
    assert nfe[50, 2, "yes"] == 2 * 2 + 2 * 2 + 1


def test_noisy_states_are_kept_with_the_spread_of_data(folder):
    store, table = results.Store(folder), results.load(folder)
    for _, row in table[table["sampler.denoised"] == "no"].iterrows():
        images = store.samples(row.work_key)["images"]
        assert 30 < images.std() < 90, row["sampler.sigma"]  # of σ_data = ½: 64
        assert ((images == 0) | (images == 255)).mean() < 0.25

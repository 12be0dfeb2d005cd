"""What a record's value and error bar are, held against independent ways to the same number."""

import resource

import numpy as np
import pytest
import torch

from sampler_bench import models, results, solvers
from sampler_bench.bench.features import fashion_extractor
from sampler_bench.bench.measure.samples import quantize
from tests.bench import runs
from tests.bench.kills import a_process

FASHION = """
name = "fashion"
models = ["exact-fashion"]
samples = 60
extractor = "fashion"
[[sampler]]
steps = 4
"""

SPREAD = """
name = "spread"
models = ["exact-mixture-8x8"]
samples = 400
repeats = 30
extractor = "pixels"
[[sampler]]
solver = "euler"
steps = 6
"""

MEMORY = """
name = "memory"
models = ["exact-mixture-moons"]
samples = {samples}
extractor = "pixels"
[[sampler]]
solver = "euler"
steps = 2
"""


class Images(torch.utils.data.Dataset):
    def __init__(self, images):
        self.images = images.expand(-1, 3, -1, -1)

    def __len__(self):
        return len(self.images)

    def __getitem__(self, index):
        return self.images[index]


def test_fid_is_torch_fidelitys_own_on_the_same_images(tmp_path):
    import torch_fidelity

    runs.run(tmp_path / "run", FASHION)
    record = results.load(tmp_path / "run").iloc[0]

    model, noise = models.load("exact-fashion"), solvers.SeedNoise(range(60))
    samples = solvers.build(steps=4)(model, noise.latents(model.shape), noise)
    fashion_extractor.register()
    metrics = torch_fidelity.calculate_metrics(
        input1=Images(quantize(samples)),
        input2=Images(model.data_images()),
        fid=True,
        feature_extractor="fashion",
        feature_layer_fid=fashion_extractor.FEATURE_LAYER,
        cuda=False,
        verbose=False,
    )
    assert record["value"] == pytest.approx(metrics["frechet_inception_distance"], rel=1e-5)
    assert record["metric_name"] == "Fréchet distance, fashion features, 60 samples"


def test_the_jackknife_error_is_the_spread_over_seed_ranges(tmp_path):
    runs.run(tmp_path / "run", SPREAD)
    table = results.load(tmp_path / "run")
    assert len(table) == 30 and sorted(table["seed_start"]) == list(range(0, 12000, 400))
    predicted = np.sqrt((table["se"] ** 2).mean())
    assert predicted == pytest.approx(table["value"].std(ddof=1), rel=0.3)


def peak_memory(folder, samples):
    """Return a run's, in MB: of a process of its own, forked where imports are done."""
    folder.mkdir()
    process = a_process(runs_and_says, (folder, samples))
    process.start()
    process.join()
    assert process.exitcode == 0
    return int((folder / "peak").read_text()) / 1024


def runs_and_says(folder, samples):
    assert not runs.run(folder / "run", MEMORY.format(samples=samples)).reasons
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    (folder / "peak").write_text(str(peak))


def test_memory_does_not_grow_with_samples(tmp_path):
    few, many = (peak_memory(tmp_path / str(n), n) for n in (1_000, 50_000))
    assert many - few < 300  # MB


class Broken:
    """A model that fails in one way; the others of its grid go on."""

    def __init__(self, how):
        self._model, self._how = models.load("exact-mixture-moons"), how
        self.digest = f"broken: {how}"
        self.shape, self.dtype, self.device = (2,), torch.float64, torch.device("cpu")
        self.sigma_min, self.sigma_max = 0.0, float("inf")
        self.true_moments, self.round_sigma = self._model.true_moments, self._model.round_sigma

    def __call__(self, x, sigma):
        if self._how == "raises":
            raise RuntimeError("no such kernel")
        if self._how == "memory" and len(x) > 7:
            raise torch.OutOfMemoryError("too large")
        return self._model(x, sigma) * (float("nan") if self._how == "nan" else 1.0)


@pytest.mark.parametrize("how", ["nan", "raises"])
def test_a_failure_is_recorded_shown_and_stops_nothing_else(how, tmp_path, monkeypatch):
    monkeypatch.setitem(models.MODELS, "broken", lambda device: Broken(how))
    text = runs.KILLED.replace('["exact-mixture-moons"]', '["broken", "exact-mixture-moons"]')
    watcher = runs.run(tmp_path / "run", text)
    assert len(watcher.reasons) == 4
    assert set(results.load(tmp_path / "run")["model"]) == {"exact-mixture-moons"}
    failures = results.Store(tmp_path / "run").failures()
    assert len(failures) == 4 and all("Traceback" in failure.text for failure in failures)

    monkeypatch.setitem(models.MODELS, "broken", lambda device: Broken("mended"))
    healed = type("Mended", (Broken,), {})("mended")
    healed.digest = Broken(how).digest  # the same declared model, retried
    monkeypatch.setitem(models.MODELS, "broken", lambda device: healed)
    assert runs.run(tmp_path / "run", text).reasons == []
    assert results.Store(tmp_path / "run").failures() == []


def test_out_of_memory_is_retried_with_half_the_batch(tmp_path, monkeypatch):
    monkeypatch.setitem(models.MODELS, "broken", lambda device: Broken("memory"))
    text = runs.KILLED.replace("exact-mixture-moons", "broken")
    assert runs.run(tmp_path / "run", text, batch=40).reasons == []
    table = results.load(tmp_path / "run")
    fixed = table[table["sampler.solver"] != "rk45"]
    assert set(fixed["prov_batch"]) == {"5"}
    (tmp_path / "whole").mkdir()
    runs.run(tmp_path / "whole" / "run", runs.KILLED)
    expected = results.load(tmp_path / "whole" / "run")
    assert sorted(table["value"]) == pytest.approx(sorted(expected["value"]), rel=1e-9)

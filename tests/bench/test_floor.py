"""The floor: planned beside samplers, measured from seeds alone, read from where it was kept."""

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from sampler_bench import results
from sampler_bench.bench.commands import gate
from sampler_bench.bench.commands.cli import app
from sampler_bench.bench.features import floor, reference_files
from sampler_bench.bench.features.extractors import build_extractor
from sampler_bench.bench.features.frechet import Reference, frechet
from sampler_bench.bench.features.moments import Moments
from sampler_bench.bench.features.statistics import SHIPPED
from sampler_bench.bench.plan import grid as grids
from sampler_bench.bench.plan import planning as plans
from sampler_bench.bench.plan.task import Task
from sampler_bench.models.exact import IdealDenoiser
from sampler_bench.reports.tables import best_table, cells_table
from sampler_bench.results.floor import floor_of
from sampler_bench.results.metric import SHIPPED as METRICS

TOP = 'name = "floors"\nsamples = {samples}\nextractor = "{extractor}"\nmodels = {models}\n'
HEUN = '[[sampler]]\nlabel = "Heun"\nsteps = 2\n'


def planned(tmp_path, models, extractor="pixels", samples=60, more=""):
    text = TOP.format(models=json.dumps(models), extractor=extractor, samples=samples) + more
    (tmp_path / "grid.toml").write_text(text + HEUN)
    grid, _ = grids.read(str(tmp_path / "grid.toml"))
    return plans.with_floors(plans.make(grid)), grid


def floors_in(plan):
    return [work for work in plan.lines if METRICS[work.cell.metric].taken_of == "truth"]


def taken(work, shards, batch=7):
    parts = [work.seeds(shard) for shard in shards]
    found = work.measurement.take(work.subject, parts, batch, lambda *counts: None)
    return [one.arrays["distance"].tolist() for one in found]


@pytest.fixture(scope="module")
def reference():
    rng = np.random.default_rng(0)
    features = rng.standard_normal((400, 12)) * np.linspace(0.1, 2, 12) + 1
    made = Reference.from_moments(Moments.from_features(features), "made up", "d")
    return features, made


@pytest.mark.parametrize("n", [5, 60, 2000])
def test_the_distance_is_the_metric_itself(n, reference):
    features, against = reference
    drawn = 1.1 * floor.drawn(features, 3, n)
    there = frechet(Moments.from_features(drawn), against)
    assert floor.distance(drawn, against) == pytest.approx(there, rel=1e-6)


def test_one_reference_is_one_measurement_beside_each_of_its_models(tmp_path):
    models = ["fashion-vp", "fashion-ve", "exact-mixture-8x8"]
    plan, _ = planned(tmp_path, models[:2], "fashion", 100)
    first, second = floors_in(plan)
    assert [first.name, second.name] == models[:2] and first.key == second.key
    assert [work.key for work in plan.work].count(first.key) == 1
    assert plan.work[-1] is first and first.evaluations == 0  # after all samplers
    several, _ = planned(tmp_path, ["exact-mixture-8x8", "exact-mixture-moons"])
    one, other = floors_in(several)
    assert one.key != other.key


def test_samples_of_one_class_have_no_floor(tmp_path):
    plan, _ = planned(tmp_path, ["fashion-adm"], "fashion", 100, "class_label = 3\n")
    assert not floors_in(plan)
    assert "samples of one class are compared with all" in str(plan.skipped)


def test_a_floor_is_of_no_seeds_but_its_own(tmp_path):
    keys = {
        floors_in(planned(tmp_path, ["exact-mixture-moons"], more=more)[0])[0].key
        for more in ("", "first_seed = 700\n", "repeats = 3\n")
    }
    assert len(keys) == 1


def test_what_decides_a_floor_stands_in_its_key(tmp_path):
    asked = [
        (["exact-mixture-moons"], "pixels", 60),
        (["exact-mixture-moons"], "pixels", 61),
        (["exact-mixture-8x8"], "pixels", 60),
        (["exact-fashion"], "pixels", 60),
        (["exact-fashion"], "fashion", 60),
    ]
    keys = [floors_in(planned(tmp_path, *one)[0])[0].key for one in asked]
    assert len({*keys}) == len(keys)


def test_batch_and_company_change_no_bit(tmp_path):
    (work,) = floors_in(planned(tmp_path, ["exact-mixture-moons"])[0])
    together = taken(work, range(20), batch=1000)
    assert together == [taken(work, [shard])[0] for shard in range(20)]
    assert len({*map(tuple, together)}) == 20


def test_no_network_is_evaluated_and_the_code_names_none(tmp_path, monkeypatch):
    (work,) = floors_in(planned(tmp_path, ["fashion-vp"], "fashion", 100)[0])
    monkeypatch.setattr(torch.nn.Module, "__call__", None)
    there = floor.read(SHIPPED["fashion-mnist-28x28"])
    assert taken(work, range(20)) == [[value] for value in there.distances["100"]]


def test_sets_are_independent_draws_of_the_data(tmp_path, monkeypatch):
    """Of a Gaussian in d dimensions the mean difference is a sum of d squares: d/N on average."""
    (work,) = floors_in(planned(tmp_path, ["exact-mixture-moons"], samples=200)[0])
    source = work.measurement.source
    mean = source.statistics().mu
    shifts = []
    for shard in range(20):
        seed = work.seeds(shard).start
        draws = work.measurement._draws(seed, 200)
        shifts.append(((draws.mean(0) - mean) ** 2).sum())
    expected = np.trace(source.statistics().sigma) / 200
    assert np.mean(shifts) == pytest.approx(expected, rel=3 * np.std(shifts) / 20**0.5 / expected)


def test_features_of_a_finite_data_set_are_taken_once(tmp_path, monkeypatch):
    (work,) = floors_in(planned(tmp_path, ["exact-fashion"], "pixels")[0])
    calls = []
    images = IdealDenoiser.data_images
    monkeypatch.setattr(IdealDenoiser, "data_images", lambda self: calls.append(1) or images(self))
    assert len(taken(work, [0, 1, 2])) == 3 and len(calls) <= 2  # the reference's, and the floor's


def test_a_floor_can_be_switched_off_and_asked_for_alone(tmp_path):
    plan, grid = planned(tmp_path, ["exact-mixture-moons"])
    (work,) = floors_in(plan)
    task = Task.of(work, grid)
    assert task.grid["floor"] == "only" and "sampler" not in task.grid
    assert task.work().cell == work.cell
    with pytest.raises(ValueError, match='floor = "only" goes with no table'):
        planned(tmp_path, ["exact-mixture-moons"], more='floor = "only"\n')


@pytest.mark.parametrize(
    ("models", "samples", "more", "reason"),
    [
        (["fashion-vp", "fashion-ve"], 77, "", r"28x28.floor.json has it at 50, 100, .* alone$"),
        (["exact-fashion"], 60, 'reference = "stats.npz"\n', "there is no stats.floor.json beside"),
    ],
)
def test_where_there_is_none_one_line_says_why(
    models, samples, more, reason, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    if more:
        (tmp_path / "stats.npz").write_bytes(SHIPPED["fashion-mnist-28x28"].read_bytes())
    plan, _ = planned(tmp_path, models, "fashion", samples, more)
    assert not floors_in(plan)
    (skipped,) = plan.skipped
    assert skipped.entry == "perfect sampler" and f"{samples} samples" in skipped.combination
    assert re.search(reason, skipped.reason) and "\n" not in skipped.reason


@pytest.fixture
def kept(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (120, 1, 4, 4), np.uint8)
    np.savez(tmp_path / "images.npz", images=images)
    pixels = build_extractor("pixels")
    made = reference_files.make(tmp_path / "images.npz", pixels, tmp_path / "stats.npz")
    return tmp_path / "stats.npz", made, pixels(torch.from_numpy(images)).numpy()


def test_a_reference_of_images_keeps_its_floor(kept):
    path, made, features = kept
    assert [*floor.read(path).distances] == ["50", "100"]
    found = floor.known(path, made.digest, 100).distances
    again = floor.drawn(features, floor.first_seed(7, 100), 100)
    assert found[7] == floor.distance(again, made) and len(found) == 20
    told = floor.told(path).removeprefix(str(path.parent))
    assert "77" not in told and "at 50, 100 samples" in told
    assert "of other statistics" in floor.known(path, "0" * 64, 100).reason


def test_a_reference_made_without_it_removes_the_old_one(kept, monkeypatch):
    path, _, _ = kept
    before = floor.path_of(path).read_bytes()
    pixels = build_extractor("pixels")
    reference_files.make(path.with_name("images.npz"), pixels, path)
    assert floor.path_of(path).read_bytes() == before
    reference_files.make(path.with_name("images.npz"), pixels, path, floored=False)
    assert not floor.path_of(path).exists() and "is not kept" in floor.told(path)
    few = np.load(path.with_name("images.npz"))["images"][:30]
    np.savez(path.with_name("few.npz"), images=few)
    reference_files.make(path.with_name("few.npz"), pixels, path)
    assert not floor.path_of(path).exists()
    monkeypatch.setattr(reference_files, "FLOOR_BYTES", 1000)
    reference_files.make(path.with_name("images.npz"), pixels, path)
    assert not floor.path_of(path).exists()


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (lambda text: text[:90], "not readable"),
        (lambda text: text.replace('"images": 120', '"images": 1'), "images"),
        (lambda text: json.dumps(json.loads(text) | {"distances": {"50": [1.0]}}), "1 distances"),
    ],
)
def test_a_damaged_floor_is_one_line(damage, told, kept):
    path, made, _ = kept
    there = floor.path_of(path)
    there.write_text(damage(there.read_text()))
    with pytest.raises(ValueError, match=told) as raised:
        floor.known(path, made.digest, 50)
    assert "\n" not in str(raised.value) and str(there) in str(raised.value)


def test_the_floors_that_ship_fit_the_statistics_that_ship():
    for path in SHIPPED.values():
        found = floor.read(path)
        made = reference_files.load(path)
        assert found.reference == made.digest and found.images == made.n == 60_000
        assert [*found.distances] == [str(n) for n in floor.SAMPLES]
        means = [np.mean(values) for values in found.distances.values()]
        assert means == sorted(means, reverse=True) and means[-1] > 0


def bench(*words, code=0):
    result = CliRunner().invoke(app, [*map(str, words)])
    assert result.exit_code == code, result.output
    return result.stdout


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ran")
    planned(folder, ["exact-mixture-moons"])
    bench("run", folder / "grid.toml", "--out", folder / "run")
    return folder / "run"


def test_a_run_measures_it_and_tables_show_samplers_alone(ran):
    frame = results.load(ran)
    row = frame[frame["metric"] == "fid"].iloc[0]
    found = floor_of(frame, row)
    assert found.sets == 20 and 0 < found.mean.value < row["value"]
    assert found.mean.se == pytest.approx(found.spread / 20**0.5)
    kept = frame[frame["metric"] == "fid-floor"].iloc[0]
    assert (kept["label"], kept["nfe"], kept["metric_of"]) == ("perfect sampler", 0, "truth")
    assert kept["value"] == pytest.approx(np.mean(kept["profile"]["value"]))
    for made in (best_table(frame), cells_table(frame)):
        assert {*made["Sampler"]} == {"Heun"}


def test_the_gate_judges_no_floor(ran):
    """A baseline may lack it, and a run's may be of other code: it is no sampler's."""
    records = list(results.Store(ran).records())
    (of_truth,) = [record for record in records if record.metric_of == "truth"]
    samplers = [record for record in records if record is not of_truth]
    for run, baseline in ((records, samplers), (samplers, records), (records, records)):
        assert len(gate.compare(run, baseline)) == 1
    worse = replace(of_truth, value=9.0, loo=())
    assert [c.verdict for c in gate.compare([*samplers, worse], records)] == ["passed"]


def test_a_floor_of_other_code_does_not_stop_the_gate(ran, tmp_path):
    copied = Path(tmp_path / "run")
    for path in ran.rglob("*"):
        if path.is_file():
            target = copied / path.relative_to(ran)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(path.read_bytes())
    store = results.Store(copied)
    (old,) = [record for record in store.records() if record.metric_of == "truth"]
    (copied / "records" / old.file_name).unlink()
    store.write_record(replace(old, code=old.code.model_copy(update={"digest": "0" * 12})))
    assert "1 passed" in bench("check", copied, "--baseline", ran)

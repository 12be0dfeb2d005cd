"""Profiles in a grid: planned, measured, merged, refused."""

import math

import numpy as np
import pytest

from sampler_bench import results, solvers
from sampler_bench.bench.measure.profiles.curvature import Curvature
from sampler_bench.bench.measure.profiles.probe import over_log_sigma, profile
from sampler_bench.bench.plan import grid as grids
from sampler_bench.bench.plan import planning as plans
from sampler_bench.results import Shard
from sampler_bench.solvers import SeedNoise
from tests.bench import runs

GRID = """
name = "profiles"
models = ["exact-mixture-8x8"]
samples = 60
[[profile]]
metric = "denoising-loss"
label = "Loss"
levels = [0.1, 0.5, 2]
[[profile]]
metric = "local-error"
label = "One step"
solver = ["euler", "heun"]
steps = 12
sigma_min = 0.02
levels = [0.1, 0.5, 2]
substeps = 10
[[profile]]
metric = "curvature"
label = "Straight"
levels = [0.1, 0.5, 2]
"""

LOSS = '[[profile]]\nmetric = "denoising-loss"\nlevels = [0.1, 1, 2]\n'


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("run") / "run"
    assert runs.run(made, GRID).reasons == []
    return made


def test_every_profile_has_a_record_with_columns_over_sigma(folder):
    table = results.load(folder)
    assert sorted(table["label"]) == [
        "Loss",
        "One step, solver = euler",
        "One step, solver = heun",
        "Straight",
    ]
    for row in table.itertuples():
        assert row.profile["sigma"] == [0.1, 0.5, 2]
        assert min(row.profile["mean"]) > 0 and min(row.profile["std"]) > 0
        assert len(row.loo) == 20 and row.se > 0


def test_values_stand_for_their_profiles(folder):
    table = results.load(folder).set_index("label")
    loss, step = table.loc["Loss"], table.loc["One step, solver = euler"]
    assert step["value"] == pytest.approx(max(step["profile"]["mean"]))
    z = (np.log(loss["profile"]["sigma"]) + 1.2) / 1.2
    weights = over_log_sigma(loss["profile"]["sigma"], np.exp(-(z**2) / 2))
    assert loss["value"] == pytest.approx(float(weights @ loss["profile"]["mean"]))


def test_evaluations_are_those_that_were_planned(folder):
    (folder.parent / "grid.toml").write_text(GRID)
    planned = plans.make(grids.read(str(folder.parent / "grid.toml"))[0])
    expected = {work.label: work.nfe for work in planned.work}
    table = results.load(folder)
    assert {row.label: row.nfe for row in table.itertuples()} == expected
    assert expected["One step, solver = euler"] == 3 * (1 + 10)
    assert expected["One step, solver = heun"] == 3 * (2 + 10)
    assert (table["nfe_min"] == table["nfe_max"]).all()


def test_repeats_take_the_seeds_one_after_the_other(tmp_path):
    path = tmp_path / "grid.toml"
    path.write_text(GRID.replace("samples = 60", "samples = 60\nrepeats = 2"))
    planned = plans.make(grids.read(str(path))[0])
    of_loss = [work for work in planned.work if work.label == "Loss"]
    assert [work.seeds(0)[0] for work in of_loss] == [0, 60]


def test_a_conditional_model_is_told_the_classes_of_the_data(tmp_path):
    path = tmp_path / "grid.toml"
    path.write_text(f'name = "x"\nmodels = ["fashion-adm"]\nsamples = 20\n{LOSS}')
    (work,) = plans.make(grids.read(str(path))[0]).work
    _, bound, _ = work.measurement.drawn(work.subject, work.model, range(20), 20)
    noise = SeedNoise(range(20))
    noise.latents(work.model.shape)
    assert bound.labels.tolist() == work.measurement.clean.draw(noise, 20)[1].tolist()


def test_batches_change_nothing(folder, tmp_path):
    runs.run(tmp_path / "run", GRID, batch=7)
    one, other = runs.numbers(folder), runs.numbers(tmp_path / "run")
    assert one.keys() == other.keys()
    for key, (value, loo, nfe) in one.items():
        assert other[key][0] == pytest.approx(value, rel=1e-9)
        assert other[key][1] == pytest.approx(loo, rel=1e-9)
        assert other[key][2] == nfe


def test_weights_are_the_trapezoidal_rule_in_log_sigma():
    assert over_log_sigma((0.1, 1.0, 10.0), np.ones(3)) == pytest.approx([0.25, 0.5, 0.25])
    wide = over_log_sigma((0.1, 1.0, 100.0), np.ones(3))
    assert wide == pytest.approx(np.array([1, 3, 2]) / 6)


def test_values_and_profiles_are_those_of_all_samples_and_of_all_but_a_shard():
    rng, levels = np.random.default_rng(0), (0.1, 1.0, 10.0)
    parts = [rng.random((size, 3)) for size in (4, 5, 7)]
    shards = [
        Shard(k, {"sigma": np.array(levels), "profile": part}, {}) for k, part in enumerate(parts)
    ]
    together = np.concatenate(parts)
    value, left_out = Curvature(levels, solvers.build()).merge(shards)
    assert value == pytest.approx(together.mean(0) @ [0.25, 0.5, 0.25])
    others = [np.concatenate(parts[:k] + parts[k + 1 :]).mean(0) for k in range(3)]
    assert left_out == pytest.approx([mean @ [0.25, 0.5, 0.25] for mean in others])
    columns = profile(shards)
    assert columns["sigma"] == list(levels)
    assert columns["mean"] == pytest.approx(together.mean(0))
    assert columns["std"] == pytest.approx(together.std(0, ddof=1))


def test_several_numbers_of_steps_are_several_lines(tmp_path):
    path = tmp_path / "grid.toml"
    path.write_text(GRID.replace("steps = 12", "steps = [12, 24]"))
    labels = {work.label for work in plans.make(grids.read(str(path))[0]).work}
    assert "One step, solver = heun, steps = 24" in labels


def test_a_run_goes_on_where_it_stopped(folder, tmp_path):
    runs.run(tmp_path / "run", GRID)
    records = sorted((tmp_path / "run" / "records").iterdir())
    before = {path.name: path.read_bytes() for path in records}
    runs.run(tmp_path / "run", GRID)
    assert {path.name: path.read_bytes() for path in records} == before


WRONG = {
    "no entry at all": ("", "no [[sampler]] and no [[profile]]"),
    "metric": (LOSS.replace("denoising-loss", "denoising-los"), "did you mean 'denoising-loss'"),
    "key": (LOSS + 'weight = "trained"', "did you mean 'weights'"),
    "key of a sampler": (LOSS + "steps = 18", "'steps'"),
    "word": (LOSS + 'weights = "final"', "'final'"),
    "kind": (LOSS + 'sigma_data = "half"', "must be a number"),
    "number": (LOSS + "sigma_data = -1", "above 0"),
    "levels": (LOSS.replace("0.1, 1, 2", "1, 0.1, 2"), "ascend"),
    "level": (LOSS.replace("0.1, 1, 2", "0, 0.1, 2"), "above 0"),
    "exact weights": (LOSS + 'weights = "initial"', "needs a network"),
    "model": (LOSS + 'models = ["exact-fashion"]', "'exact-fashion'"),
    "one name for two": (
        LOSS + 'label = "A"\n' + LOSS + 'label = "A"\nP_std = 2.0',
        "'A', and differ",
    ),
    "first step": (
        LOSS.replace("denoising-loss", "local-error").replace("2]", "79]") + "steps = 8",
        "above sigma_max",
    ),
    "adaptive": (
        LOSS.replace("denoising-loss", "local-error") + 'solver = "rk45"',
        "'rk45'",
    ),
    "near levels": (
        LOSS.replace("denoising-loss", "curvature").replace("0.1, 1", "0.1, 0.101"),
        "nearer than",
    ),
    "range": (
        LOSS.replace("denoising-loss", "curvature").replace("2]", "80]"),
        "2 % wider",
    ),
}


@pytest.mark.parametrize("what", WRONG)
def test_bad_input_is_refused_in_one_line(tmp_path, what):
    text, expected = WRONG[what]
    path = tmp_path / "grid.toml"
    path.write_text(f'name = "x"\nmodels = ["exact-mixture-8x8"]\nsamples = 20\n{text}')
    with pytest.raises(ValueError) as caught:
        plans.make(grids.read(str(path))[0])
    assert expected in str(caught.value)
    assert "\n" not in str(caught.value)


def test_data_of_a_network_that_has_none_are_asked_for(tmp_path):
    path = tmp_path / "grid.toml"
    path.write_text(
        f'name = "x"\nmodels = ["baseline-cifar10-32x32-uncond-ve"]\nsamples = 20\n{LOSS}'
    )
    planned = plans.make(grids.read(str(path))[0], dry=True)
    assert "data = 'FILE'" in planned.missing["true data of baseline-cifar10-32x32-uncond-ve"]


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("class_label = 3", "classes of their data"),
        ("guidance = [1.0, 2.0]\nguidance_untrained = true", "one weight"),
    ],
)
def test_samples_of_profiles_have_the_classes_of_their_data(tmp_path, key, text):
    path = tmp_path / "grid.toml"
    path.write_text(f'name = "x"\nmodels = ["fashion-adm"]\nsamples = 20\n{key}\n{LOSS}')
    with pytest.raises(ValueError, match=text):
        plans.make(grids.read(str(path))[0])


def test_data_of_another_shape_are_refused(tmp_path):
    path = tmp_path / "grid.toml"
    np.savez(tmp_path / "images.npz", images=np.zeros((5, 8, 8, 1), np.uint8))
    path.write_text(
        f'name = "x"\nmodels = ["fashion-vp"]\nsamples = 20\ndata = "{tmp_path}/images.npz"\n{LOSS}'
    )
    with pytest.raises(ValueError, match=r"1×8×8.*1×28×28"):
        plans.make(grids.read(str(path))[0])


def test_infinite_values_are_a_failure_with_its_seeds(tmp_path, monkeypatch):
    monkeypatch.setattr(Curvature, "__call__", lambda *_: _[2].latents.flatten(1)[:, :3] * math.nan)
    reasons = runs.run(tmp_path / "run", GRID).reasons
    assert len(reasons) == 1 and "not finite" in reasons[0]

"""``bench train`` from a configuration to a network that can be measured."""

import json
from importlib.metadata import version

import numpy as np
import pytest
import torch
from accelerate.state import AcceleratorState
from PIL import Image
from typer.testing import CliRunner

from sampler_bench import models, results
from sampler_bench.bench.commands import training
from sampler_bench.bench.commands.cli import app
from sampler_bench.bench.run.provenance import collect
from sampler_bench.models.checkpoints import own
from sampler_bench.models.data.dataset import Dataset, to_unit
from sampler_bench.models.network import NetworkDenoiser
from sampler_bench.models.training.config import Configuration, read
from sampler_bench.models.training.launch import accelerator
from sampler_bench.models.training.trainer import Trainer
from sampler_bench.models.zoo.exact import fashion_images
from tests.bench import trainings
from tests.bench.trainings import prepared, trained


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A finished run's folder, and what the command said."""
    folder = tmp_path_factory.mktemp("finished")
    said = trained(prepared(folder), "--out", folder / "out")
    return folder, said


def test_it_writes_all_it_says(finished):
    folder, said = finished
    out = folder / "out"
    assert "beginning at image 0 of 320" in said
    assert "done at image 320" in said and "tiny.safetensors" in said
    assert [images for images, _, _ in trainings.losses(out)] == [64, 128, 192, 256, 320]
    assert [lr for _, _, lr in trainings.losses(out)] == [pytest.approx(1e-2 * 48 / 64)] + [
        1e-2
    ] * 4
    for images, loss, _ in trainings.losses(out):
        assert f"{images} images, loss {loss:.4f}, " in said
    assert trainings.states(out) == ["000000000320"]
    assert sorted(path.name for path in out.iterdir() if path.name != ".lock") == [
        "log.jsonl",
        "loss-over-sigma.json",
        "samples",
        "state",
        "tiny.safetensors",
    ]


def test_the_sheet_has_pictures(finished):
    pixels = np.asarray(Image.open(finished[0] / "out" / "samples" / "000000000320.png"))
    assert pixels.shape == (5 * 8 * 2, 10 * 8 * 2)
    assert pixels.std() > 5
    pictures = pixels.reshape(5, 16, 10, 16).swapaxes(1, 2).reshape(50, -1)
    assert len(np.unique(pictures, axis=0)) == 50


def test_the_loss_over_sigma_is_of_the_beginning_and_of_now(finished):
    found = json.loads((finished[0] / "out" / "loss-over-sigma.json").read_text("utf-8"))
    assert found.keys() == {"initial", "now"}
    for curve in found.values():
        assert {len(values) for values in curve.values()} == {25}
        assert np.isfinite([*curve["mean"], *curve["std"]]).all()
        assert curve["sigma"] == sorted(curve["sigma"])
    # The 0.1 % quantiles of ln σ ~ N(−1.2, 1.2²).
    low, high = found["now"]["sigma"][0], found["now"]["sigma"][-1]
    assert (low, high) == pytest.approx((np.exp(-1.2 - 3.7083), np.exp(-1.2 + 3.7083)), rel=1e-3)
    assert found["initial"]["mean"] != found["now"]["mean"]


def test_the_file_is_the_averaged_network(finished):
    folder, _ = finished
    configuration = read(str(folder / "tiny.toml"))
    AcceleratorState._reset_state(reset_partial_state=True)
    data = training.read_data(configuration)
    again = Trainer(configuration, data, folder / "out", accelerator(configuration, cpu=True))
    assert again.resume()
    model = models.load(str(folder / "out" / "tiny.safetensors"))
    x = torch.randn(4, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    for sigma in (0.01, 1.0, 50.0):
        level = torch.full((4,), sigma)
        assert torch.equal(model(x, level), again.average(x, level))
    trained_weights = again.accelerator.unwrap_model(again._model).model.state_dict()
    averaged = again.average.model.state_dict()
    assert not all(torch.equal(trained_weights[name], averaged[name]) for name in averaged)


def test_the_file_says_where_it_comes_from(finished):
    folder, _ = finished
    notes = own.read(folder / "out" / "tiny.safetensors").notes
    configuration = read(str(folder / "tiny.toml"))
    assert Configuration.model_validate(json.loads(notes["configuration"])) == configuration
    assert notes["data_digest"] == training.read_data(configuration).digest
    assert notes["images"] == "320"
    assert 0 <= int(notes["seconds"]) < 300
    assert notes["torch"] == version("torch")
    model = models.load("exact-two-points")
    assert notes["commit"] == collect(torch.device("cpu"), 1, model)["commit"]


GRID = """
name = "cell"
models = ["{model}"]
samples = 20
extractor = "pixels"
reference = "{reference}"
[[sampler]]
label = "Heun"
steps = 2
"""


def test_the_network_can_be_measured(finished, tmp_path):
    folder, _ = finished
    statistics, grid = tmp_path / "statistics.npz", tmp_path / "grid.toml"
    model = folder / "out" / "tiny.safetensors"
    grid.write_text(GRID.format(model=model, reference=statistics), "utf-8")
    for arguments in (
        ["reference", folder / "images.npz", "--out", statistics, "--extractor", "pixels"],
        ["run", "--grid", grid, "--out", tmp_path / "run", "--unchecked"],
    ):
        result = CliRunner().invoke(app, [*map(str, arguments)])
        assert result.exit_code == 0, result.output
    table = results.load(tmp_path / "run")
    assert list(table["model"]) == ["tiny"]
    assert list(table["nfe"]) == [3]
    assert np.isfinite(table["value"]).all()


def test_a_finished_run_says_so_and_stays(finished):
    folder, _ = finished
    out = folder / "out"
    before = trainings.losses(out), trainings.weights(out)
    for more in ([], ["--images", 100], ["--seconds", 0]):
        said = trained(folder / "tiny.toml", "--out", out, *more)
        assert f"already at image 320, {100 if more[:1] == ['--images'] else 320} are asked" in said
    assert (trainings.losses(out), trainings.weights(out)) == before


def test_a_time_limit_ends_it_and_more_time_goes_on(tmp_path):
    path, out = prepared(tmp_path), tmp_path / "out"
    said = trained(path, "--out", out, "--seconds", 0)
    assert "done at image 0" in said
    trained(path, "--out", out, "--seconds", 1e-6)
    assert trainings.states(out) == ["000000000000", "000000000016"]
    # The time is up: the same command makes no step more.
    trained(path, "--out", out, "--seconds", 1e-6)
    assert trainings.states(out) == ["000000000000", "000000000016"]
    trained(path, "--out", out, "--images", 48)
    assert trainings.states(out) == ["000000000016", "000000000048"]


def test_a_damaged_curve_does_not_cost_the_network(tmp_path):
    path, out = prepared(tmp_path), tmp_path / "out"
    trained(path, "--out", out, "--images", 16)
    (out / "loss-over-sigma.json").write_text('{"initial": [', "utf-8")
    trained(path, "--out", out, "--images", 32)
    assert json.loads((out / "loss-over-sigma.json").read_text("utf-8")).keys() == {"now"}


def test_snapshots_are_kept(tmp_path):
    changes = ("log_images = 64", "log_images = 32\nsnapshot_images = 64")
    trained(prepared(tmp_path, changes), "--out", tmp_path / "out", "--images", 160)
    found = sorted((tmp_path / "out" / "snapshots").iterdir())
    assert [path.stem for path in found] == ["000000000064", "000000000128"]
    assert [own.read(path).notes["images"] for path in found] == ["64", "128"]


def test_where_it_goes_unless_told(tmp_path, monkeypatch):
    path = prepared(tmp_path)
    monkeypatch.chdir(tmp_path)
    trained(path, "--images", 16)
    assert (tmp_path / "runs" / "train-tiny" / "tiny.safetensors").exists()


def test_classes_are_the_sheet_s_columns(tmp_path, monkeypatch):
    path = prepared(tmp_path, ('source = "DATA"', 'source = "DATA"\nlabels = true'))
    asked = []
    call = NetworkDenoiser.__call__

    def listening(model, x, sigma, labels=None, **given):
        asked.append(labels)
        return call(model, x, sigma, labels, **given)

    monkeypatch.setattr("sampler_bench.models.network.NetworkDenoiser.__call__", listening)
    trained(path, "--out", tmp_path / "out", "--images", 32)
    assert own.read(tmp_path / "out" / "tiny.safetensors").arguments["label_dim"] == 10
    assert asked[-1].tolist() == [*range(10)] * 5
    assert all(labels is not None for labels in asked)


def test_the_loss_begins_at_one_for_every_noise_level(tmp_path, monkeypatch):
    """What EDM's preconditioning and weighting are made for (appendix B.6)."""
    monkeypatch.setattr(training, "LOSS_LEVELS", 9)
    images, labels, _ = fashion_images()
    data = Dataset(images[::16], labels[::16])
    rms = to_unit(data.images).square().mean().sqrt().item()
    shipped = read("fashion-edm-vp")
    assert rms == pytest.approx(shipped.loss.constants["sigma_data"], rel=0.03)
    values = shipped.model_dump(mode="json")
    values["preconditioning"]["sigma_data"] = values["loss"]["sigma_data"] = rms
    configuration = Configuration.model_validate(values)
    AcceleratorState._reset_state(reset_partial_state=True)
    trainer = Trainer(configuration, data, tmp_path, accelerator(configuration, cpu=True))
    assert training.losses_over_sigma(trainer)["mean"] == pytest.approx([1] * 9, abs=0.02)


def test_mirrored_data_are_twice_as_many(tmp_path):
    path = prepared(tmp_path, ('source = "DATA"', 'source = "DATA"\nxflip = true'))
    assert len(training.read_data(read(str(path)))) == 100


def test_the_loss_is_measured_on_images_from_all_over_the_data():
    """Which may be sorted by class."""
    labels = torch.arange(1000)
    _, some = training._some(Dataset(torch.zeros(1000, 1, 2, 2, dtype=torch.uint8), labels))
    assert len(some) == 128
    assert (some[0], some[-1]) == (0, 999)
    assert some.diff().min() >= 7

"""Checkpoints in grids: measured, labelled, and looked at before hours are spent on them."""

import numpy as np
import pytest
import torch
from torch import nn
from typer.testing import CliRunner

from sampler_bench import models, results
from sampler_bench.bench.commands.cli import app
from sampler_bench.bench.features import reference_files as reference
from sampler_bench.bench.features.extractors import build_extractor
from sampler_bench.models.checkpoints import own
from sampler_bench.models.checkpoints.checkpoint import Checkpoint
from sampler_bench.models.network import NetworkDenoiser
from sampler_bench.models.networks import NETWORKS
from sampler_bench.models.zoo.exact import exact_fashion, fashion_images

ARGUMENTS = {
    "img_resolution": 28,
    "img_channels": 1,
    "model_channels": 8,
    "channel_mult": [1, 1],
    "num_blocks": 1,
    "attn_resolutions": [14],
}
GRID = """
name = "network"
models = ["{model}"]
samples = 40
metrics = ["fid"]
extractor = "fashion"
reference = "{reference}"
{more}
[[sampler]]
label = "Heun"
steps = [3, 4]
"""


def written(path, spoil=lambda tensors: None, **arguments):
    """Write a small network with weights drawn at random."""
    arguments = ARGUMENTS | arguments
    torch.manual_seed(0)
    tensors = NETWORKS["SongUNet"](**arguments).state_dict()
    for name, tensor in tensors.items():
        if tensor.ndim > 1 and "resample_filter" not in name:
            nn.init.normal_(tensor, std=0.05)
    spoil(tensors)
    own.write(Checkpoint("SongUNet", arguments, "edm", {}, tensors, "test"), path)
    return path


@pytest.fixture(scope="module")
def statistics(tmp_path_factory):
    folder = tmp_path_factory.mktemp("reference")
    images, _, _ = fashion_images()
    source = folder / "images.npz"
    np.savez(source, images=images[:, 0].numpy())
    reference.make(source, build_extractor("fashion"), folder / "fashion.npz")
    return folder / "fashion.npz"


@pytest.fixture
def bench(tmp_path, statistics):
    def run(model, *arguments, more="", reference=statistics):
        grid = tmp_path / "grid.toml"
        grid.write_text(GRID.format(model=model, reference=reference, more=more))
        out = [] if "--out" in arguments else ["--out", tmp_path / "run"]
        command = ["run", grid, *out, *arguments]
        return CliRunner().invoke(app, [str(word) for word in command])

    return run


def refused(result, *texts):
    assert result.exit_code == 2, result.output
    (line,) = (text for text in result.stderr.splitlines() if text)
    for text in texts:
        assert text in line
    return line


def test_a_network_of_noise_is_refused_unless_asked_for(bench, tmp_path):
    path = written(tmp_path / "noise.safetensors")
    line = refused(bench(path), "model noise:", "outside [-1.5, 1.5]", "--unchecked")
    assert str(tmp_path) not in line
    assert not (tmp_path / "run" / "records").exists()
    assert bench(path, "--unchecked").exit_code == 0
    table = results.load(tmp_path / "run")
    assert list(table["nfe"]) == [5, 7]
    assert set(table["prov_compile"]) == set(table["prov_channels_last"]) == {"False"}
    assert bench(path).exit_code == 0  # everything is there: nothing is looked at


def test_a_grid_can_say_that_bad_networks_are_what_it_measures(bench, tmp_path):
    path = written(tmp_path / "noise.safetensors")
    refused(bench(path, more="unchecked = 1"), "unchecked = 1", "true or false")
    refused(bench(path, more="unchecked = false"), "model noise:")
    assert bench(path, more="unchecked = true").exit_code == 0


def test_outputs_that_are_not_finite_are_refused(bench, tmp_path):
    def spoil(tensors):
        tensors["enc.28x28_conv.weight"].mul_(1e38)

    refused(bench(written(tmp_path / "huge.safetensors", spoil)), "huge", "not finite")


class Exact(NetworkDenoiser):
    """The ideal denoiser of Fashion-MNIST in the place of a network, in some data range."""

    scale, shift = 1.0, 0.0

    def forward(self, x, sigma, labels=None, augment_labels=None):
        clean = exact_fashion()((x - self.shift) / self.scale, sigma / self.scale)
        return clean * self.scale + self.shift


@pytest.mark.parametrize(
    ("scale", "shift", "text"),
    [
        (1.0, 0.0, None),
        (0.5, 0.5, "nothing like the reference"),  # [0, 1]
        (127.5, 127.5, "outside [-1.5, 1.5]"),  # 0 … 255
        (-1.0, 0.0, "nothing like the reference"),  # negatives
        (float("nan"), 0.0, "not finite"),
    ],
)
def test_data_ranges(bench, tmp_path, monkeypatch, scale, shift, text):
    monkeypatch.setattr(Exact, "scale", scale)
    monkeypatch.setattr(Exact, "shift", shift)
    monkeypatch.setattr("sampler_bench.models.network.NetworkDenoiser", Exact)
    result = bench(written(tmp_path / "exact.safetensors"))
    if text:
        refused(result, text)
    else:
        assert result.exit_code == 0, result.output


def test_other_channels_than_the_references_are_refused(bench, tmp_path):
    path = written(tmp_path / "rgb.safetensors", img_channels=3)
    refused(bench(path), "1×28×28", "3×28×28")


def test_labels_and_guidance(bench, tmp_path):
    path = written(tmp_path / "conditional.safetensors", label_dim=10, label_dropout=0.1)
    assert bench(path, "--unchecked", more="guidance = [1.0, 2.0]").exit_code == 0
    table = results.load(tmp_path / "run").set_index(["guidance", "sampler.steps"])
    assert set(table["class_label"]) == {"uniform"}
    assert table.loc[(1.0, 3), "nfe"] == table.loc[(2.0, 3), "nfe"] == 10
    assert table.loc[(1.0, 3), "value"] != table.loc[(2.0, 3), "value"]
    assert set(table["label"]) == {"Heun, guidance = 1", "Heun, guidance = 2"}


def test_guidance_of_a_network_that_never_saw_no_class(bench, tmp_path):
    path = written(tmp_path / "conditional.safetensors", label_dim=10)
    for more in ("guidance = 1.5", "guidance = [1.0, 0.0]"):
        refused(
            bench(path, more=more),
            "model 'conditional', guidance = ",
            "without label dropout",
            "guidance_untrained = true",
        )
    for more in ("guidance = 1.5\nguidance_untrained = true", "guidance = 1"):
        assert bench(path, "--plan", more=more).exit_code == 0


def test_a_null_class_is_no_class(bench, tmp_path):
    path = written(tmp_path / "conditional.safetensors", label_dim=11)
    assert bench(path, "--unchecked", more='null_class = 10\nlabels = "balanced"').exit_code == 0
    table = results.load(tmp_path / "run")
    assert set(table["null_class"]) == {10} and set(table["class_label"]) == {"balanced"}
    assert bench(path, "--plan", more="guidance = [1.0, 2.0]\nnull_class = 10").exit_code == 0
    refused(bench(path, more="null_class = 11"), "null_class = 11: its classes are 0 to 10")
    refused(bench(path, more="null_class = 10\nclass_label = 10"), "is the null class")
    refused(bench(path, more='class_label = 1\nlabels = "balanced"'), "goes with no class_label")
    none = written(tmp_path / "unconditional.safetensors")
    refused(bench(none, more="null_class = 0"), "it has no classes")
    refused(bench(none, more='labels = "balanced"'), "needs a class-conditional model")


def test_conditions_that_cannot_be(bench, tmp_path):
    path = written(tmp_path / "unconditional.safetensors")
    refused(bench(path, more="guidance = 2.0"), "class-conditional")
    refused(bench(path, more="guidance = -2.0"), "guidance")


def test_precision_is_declared_and_layout_is_not(bench, tmp_path):
    path = written(tmp_path / "network.safetensors")
    for number, flags in enumerate([[], ["--precision", "bfloat16"], ["--channels-last"]]):
        out = tmp_path / f"run{number}"
        assert bench(path, "--unchecked", *flags, "--out", out).exit_code == 0
    full, reduced, layout = (results.load(tmp_path / f"run{number}") for number in range(3))
    assert list(reduced["precision"]) == ["bfloat16"] * 2
    assert not set(full["key"]) & set(reduced["key"])
    assert list(full["key"]) == list(layout["key"])
    assert set(layout["prov_channels_last"]) == {"True"}
    assert layout["value"].to_numpy() == pytest.approx(full["value"].to_numpy(), rel=1e-3)


def test_precision_of_exact_models_is_their_own(bench):
    result = bench("exact-fashion", "--precision", "bfloat16")
    refused(result, "exact-fashion", "for networks")
    refused(bench("exact-fashion", "--precision", "float15"), "did you mean 'float16'")


def test_a_converted_file_is_the_same_model(tmp_path):
    one = models.load(str(written(tmp_path / "one.safetensors")))
    two = models.load(str(written(tmp_path / "two.safetensors")))
    assert one.digest == two.digest
    other = models.load(str(written(tmp_path / "three.safetensors", lambda t: None, dropout=0.2)))
    assert other.digest == one.digest  # of what decides D, and dropout is training's

    def spoil(tensors):
        tensors["map_layer0.bias"][0] += 1e-7

    assert models.load(str(written(tmp_path / "four.safetensors", spoil))).digest != one.digest


def test_a_files_place_is_not_part_of_the_key(bench, tmp_path):
    one = written(tmp_path / "network.safetensors")
    (tmp_path / "elsewhere").mkdir()
    two = one.rename(tmp_path / "elsewhere" / one.name)
    keys = []
    for path in (written(one), two):
        assert bench(path, "--unchecked", "--out", tmp_path / path.parent.name).exit_code == 0
        keys.append(list(results.load(tmp_path / path.parent.name)["key"]))
    assert keys[0] == keys[1]


def test_two_files_of_one_name_are_refused(bench, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    one = written(tmp_path / "network.safetensors")
    two = written(tmp_path / "elsewhere" / "network.safetensors")
    refused(bench(f'{one}", "{two}'), "both called 'network'")

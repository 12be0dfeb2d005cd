"""``bench train`` with bad input: exit code 2, one clear line, nothing written, no traceback."""

import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.bench.trainings import prepared, states, typed


def picture(path, *shape):
    path.parent.mkdir(exist_ok=True)
    Image.fromarray(np.zeros(shape, np.uint8)).save(path)


def mixed(folder):
    picture(folder / "a.png", 8, 8)
    picture(folder / "b.png", 16, 16)


def palette(folder):
    folder.mkdir()
    Image.new("RGBA", (8, 8)).save(folder / "a.png")


def five_channels(path):
    np.savez(path, images=np.zeros((4, 5, 8, 8), np.uint8))


def not_square(path):
    np.savez(path, images=np.zeros((4, 8, 10), np.uint8))


def odd(path):
    np.savez(path, images=np.zeros((4, 9, 9), np.uint8))


def as_floats(path):
    np.savez(path, images=np.zeros((4, 8, 8)))


def text(path):
    path.write_text("no images", "utf-8")


DATA = {
    "mixed sizes": (mixed, "data", "b.png", "all images must be alike"),
    "an empty folder": (Path.mkdir, "data", "holds no images"),
    "wrong channels of files": (palette, "data", "a.png", "RGBA"),
    "wrong channels": (five_channels, "data.npz", "5"),
    "not square": (not_square, "data.npz", "square"),
    "floating": (as_floats, "data.npz", "float64, expected uint8"),
    "no data": (text, "data.npz", "data.npz"),
    "no IDX": (text, "data", "data"),
    "cannot be halved": (odd, "data.npz", "[network]", "9"),
}


def refused(*arguments, code=2):
    result = typed(*arguments)
    assert result.exit_code == code, result.exception
    line = result.stderr
    assert line.count("\n") == 1 and line.startswith("bench: "), line
    assert result.stdout == "" or code == 1
    return line


@pytest.mark.parametrize("case", DATA)
def test_bad_data(tmp_path, case):
    make, name, *words = DATA[case]
    path = prepared(tmp_path / "given")
    make(tmp_path / name)
    line = refused(path, "--data", tmp_path / name, "--out", tmp_path / "out")
    assert all(word in line for word in words), line
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        (np.array([0, 1, 2, -1]), "from -1 to 2"),
        (np.array([0, 1, 2, 100_000]), "from 0 to 100000"),
        (np.array([0, 1, 2]), "labels of shape (3,)"),
        (np.array([0.0, 1, 2, 3]), "float64 labels"),
        (None, "there are no labels"),
    ],
)
def test_bad_labels(tmp_path, labels, words):
    path = prepared(tmp_path, ('source = "DATA"', 'source = "DATA"\nlabels = true'))
    given = {} if labels is None else {"labels": labels}
    np.savez(tmp_path / "data.npz", images=np.zeros((4, 8, 8), np.uint8), **given)
    line = refused(path, "--data", tmp_path / "data.npz", "--out", tmp_path / "out")
    assert words in line and "data.npz" in line and "--data" in line
    assert not (tmp_path / "out").exists()


def test_missing_data_name_file_and_key(tmp_path):
    path = prepared(tmp_path)
    (tmp_path / "images.npz").unlink()
    line = refused(path, "--out", tmp_path / "out")
    assert "[data] source" in line and "--data" in line
    assert f"{tmp_path / 'images.npz'}: no such file" in line
    line = refused(path, "--data", "nowhere.npz", "--out", tmp_path / "out")
    assert "--data: nowhere.npz: no such file" in line
    assert not (tmp_path / "out").exists()


def test_an_unknown_configuration_names_the_nearest(tmp_path):
    line = refused("fashion-edm-vq", "--out", tmp_path / "out")
    assert "did you mean 'fashion-edm-vp'" in line
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("lr = 1e-2", "lrr = 1e-2", "optimizer.lr"),
        ("batch = 16", "batch = 0", "training.batch = 0"),
        ("batch = 16", "batch = 16\naccumulate = 3", "batch = 16 cannot be divided"),
        (
            '[loss]\nname = "edm"',
            '[loss]\nname = "edn"',
            "[loss]: unknown loss 'edn'",
        ),
        ("dropout = 0.1", 'dropout = "much"', "[network]"),
        ("channel_mult = [1, 2]", "channel_mult = []", "[network]"),
        ("model_channels = 8", "model_channels = 0", "[network]"),
        ("model_channels = 8", "model_channels = 7", "[network]"),
        ("num_blocks = 1", "num_blocks = -1", "[network]"),
        ("dropout = 0.1", "dropout = 2.0", "[network]"),
        ("[noise]", "[noise]\nP_std = 0.0", "[noise]"),
        ("[preconditioning]", "[preconditioning]\nsigma_data = 0.0", "[preconditioning]"),
        ("[loss]", "[loss]\nsigma_data = -1.0", "[loss]"),
    ],
)
def test_bad_configurations(tmp_path, old, new, words):
    path = prepared(tmp_path, (old, new))
    assert words in refused(path, "--out", tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("option", "value"),
    [("--images", 0), ("--images", "many"), ("--seconds", -1), ("--save-seconds", -1)],
)
def test_bad_numbers(tmp_path, option, value):
    result = typed(prepared(tmp_path), "--out", tmp_path / "out", option, value)
    assert result.exit_code == 2
    assert option in result.stderr  # in Typer's own words
    assert not (tmp_path / "out").exists()


def test_there_is_no_device_of_that_name(tmp_path):
    line = refused(prepared(tmp_path), "--out", tmp_path / "out", "--device", "gpu")
    assert "device = 'gpu': auto or cpu" in line
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("inner", ["", "below/it"])
def test_an_out_that_is_a_file(tmp_path, inner):
    file = tmp_path / "file"
    file.write_text("precious", "utf-8")
    line = refused(prepared(tmp_path), "--out", file / inner)
    assert f"--out {file / inner}: cannot be made a folder" in line
    assert file.read_text("utf-8") == "precious"


def test_without_accelerate_it_says_what_to_install(tmp_path, monkeypatch):
    path = prepared(tmp_path)
    typed(path, "--out", tmp_path / "out", "--images", 16)  # all else is imported before
    monkeypatch.setitem(sys.modules, "accelerate", None)
    line = refused(path, "--out", tmp_path / "other")
    assert "pip install 'sampler-bench[train]'" in line
    assert not (tmp_path / "other").exists()


def test_other_data_or_settings_do_not_go_on_in_the_folder(tmp_path):
    path, out = prepared(tmp_path), tmp_path / "out"
    assert typed(path, "--out", out, "--images", 16).exit_code == 0
    path.write_text(path.read_text("utf-8").replace("lr = 1e-2", "lr = 1e-3"), "utf-8")
    line = refused(path, "--out", out)
    assert "is of another run: configuration.optimizer.lr was 0.01 and is 0.001 now" in line
    assert states(out) == ["000000000016"]


def test_a_loss_that_is_no_number_is_a_failure_and_says_where(tmp_path):
    path, out = prepared(tmp_path, ("ramp_images = 64", "ramp_images = 0")), tmp_path / "out"
    text = path.read_text("utf-8")
    path.write_text(text.replace("lr = 1e-2", "lr = 1e30"), "utf-8")
    line = refused(path, "--out", out, code=1)
    assert "not finite at image 16 (step 1, σ from" in line
    assert "no state was saved before" in line
    assert not (out / "state").exists() and not (out / "tiny.safetensors").exists()


def test_images_after_a_cooldown_are_refused(tmp_path):
    path = prepared(tmp_path, ("lr = 1e-2", "lr = 1e-2\ncooldown_images = 100"))
    result = typed(path, "--out", tmp_path / "out", "--images", 321)
    assert result.exit_code == 2, result.exception
    assert "--images 321 is not allowed: the learning rate of tiny reaches 0" in result.output
    assert not (tmp_path / "out").exists()

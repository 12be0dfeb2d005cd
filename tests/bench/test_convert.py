"""``bench convert``: the same model afterwards, or one line and nothing written."""

import pickle
import sys
from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner

import models
from bench import convert as converting
from bench.cli import app
from models.checkpoints import own
from models.network import assemble

sys.path.insert(0, str(Path(__file__).parents[1] / "models" / "checkpoints"))
from tiny import random_checkpoint


def bench(*arguments):
    return CliRunner().invoke(app, ["convert", *map(str, arguments)])


def refusal(*arguments):
    result = bench(*arguments)
    assert result.exit_code == 2, result.output
    assert result.stderr.startswith("bench: ") and result.stderr.count("\n") == 1, result.stderr
    return result.stderr


@pytest.fixture
def source(tmp_path):
    """A checkpoint under a name that says nothing: formats are recognised by content."""
    path = tmp_path / "source"
    own.write(random_checkpoint("DhariwalUNet"), path)
    return path


def test_the_same_model_afterwards(source, tmp_path):
    out = tmp_path / "out.safetensors"
    result = bench(source, out)
    assert result.exit_code == 0, result.output
    before, after = random_checkpoint("DhariwalUNet"), own.read(out, {})
    assert all(torch.equal(after.tensors[k], v) for k, v in before.tensors.items())
    digest = assemble(before).digest
    assert models.load(str(out)).digest == digest
    for said in ("DhariwalUNet", "parameters", "edm", "3 x 8 x 8", "[-1, 1]", "ema", digest):
        assert said in result.stdout, said
    assert sorted(p.name for p in tmp_path.iterdir()) == ["out.safetensors", "source"]
    assert out.read_bytes() == source.read_bytes()


def test_over_itself(source, tmp_path):
    path = source.rename(tmp_path / "a.safetensors")
    before = path.read_bytes()
    assert "--force" in refusal(path, path)
    assert bench(path, path, "--force").exit_code == 0
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("out", "said"),
    [
        ("out.pt", "must end in .safetensors"),
        ("none/out.safetensors", "there is no folder"),
        ("folder.safetensors", "is a folder"),
        ("there.safetensors", "is there already; --force"),
    ],
)
def test_where_nothing_can_be_written(source, tmp_path, out, said):
    (tmp_path / "folder.safetensors").mkdir()
    (tmp_path / "there.safetensors").write_text("precious")
    assert said in refusal(source, tmp_path / out)
    assert (tmp_path / "there.safetensors").read_text() == "precious"
    assert not (tmp_path / "out.pt").exists()


def test_what_is_no_checkpoint(tmp_path):
    out = tmp_path / "out.safetensors"
    path = tmp_path / "a"
    assert "did you mean 'exact-fashion'" in refusal("exact-fashin", out)
    assert "is exact" in refusal("exact-fashion", out)
    for content in (b"", b"text", pickle.dumps({"a": 1}), b"PK\x03\x04"):
        path.write_bytes(content)
        assert str(path) in refusal(path, out)
    assert "a directory" in refusal(tmp_path, out)
    assert not out.exists()


def test_weights_that_do_not_fit_are_not_written(tmp_path):
    checkpoint = random_checkpoint()
    checkpoint.tensors["enc.8x8_conv.weight"] = torch.zeros(2, 2)
    own.write(checkpoint, tmp_path / "a")
    said = refusal(tmp_path / "a", tmp_path / "out.safetensors")
    assert "enc.8x8_conv.weight" in said and str(tmp_path / "a") in said
    assert not (tmp_path / "out.safetensors").exists()


def test_options_reach_the_reader(source, tmp_path, monkeypatch):
    seen = {}
    real = converting.found

    def spy(spec, options):
        seen.update(options)
        return real(spec, {})

    monkeypatch.setattr(converting, "found", spy)
    out = tmp_path / "out.safetensors"
    assert bench(source, out, "--set", "image-size=32", "--set", "schedule=cosine").exit_code == 0
    assert seen == {"image_size": 32, "schedule": "cosine"}
    monkeypatch.undo()
    assert "takes no options" in refusal(source, out, "--force", "--set", "a=1")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("32", 32),
        ("0.02", 0.02),
        ("1e-4", 1e-4),
        ("inf", float("inf")),
        ("true", True),
        ("[1, 2]", [1, 2]),
        ('"a b"', "a b"),
        ("cosine", "cosine"),
        ("scaled_linear", "scaled_linear"),
        (" 3 ", 3),
    ],
)
def test_values(text, value):
    found = converting.parsed([f"some-key={text}"])
    assert found == {"some_key": value} and type(found["some_key"]) is type(value)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (["schedule"], "must be key=value"),
        (["=3"], "must be key=value"),
        (["a="], "the value must be"),
        (["a=1\nb = 2"], "the value must be"),
        (["a={b = 1}"], "the value must be"),
        (["a=2020-01-01"], "the value must be"),
        (["a=two words"], "the value must be"),
        (["a=[1,"], "the value must be"),
        (["a-b=1", "a_b=2"], "was set before"),
    ],
)
def test_settings_that_cannot_be_read(source, tmp_path, settings, said):
    flags = [part for setting in settings for part in ("--set", setting)]
    assert said in refusal(source, tmp_path / "out.safetensors", *flags)

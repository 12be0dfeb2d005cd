"""``bench convert``: the same model afterwards, or one line and nothing written."""

import pickle

import pytest
import torch
from typer.testing import CliRunner

from sampler_bench import models
from sampler_bench.bench.commands import convert as converting
from sampler_bench.bench.commands.cli import app
from sampler_bench.models.checkpoints import own
from sampler_bench.models.network import assemble
from tests.models.checkpoints import edm_writer, originals
from tests.models.checkpoints.tiny import random_checkpoint
from tests.models.test_network_golden import INDEX
from tests.models.test_network_golden import checkpoint as golden


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


def converted(tmp_path, path, *flags):
    """Convert a file and return the model that was written."""
    out = tmp_path / "out.safetensors"
    result = bench(path, out, *flags)
    assert result.exit_code == 0, result.output
    return models.load(str(out))


def options(values):
    """Return options as they are typed."""
    return [part for k, v in values.items() for part in ("--set", f"{k}={str(v).lower()}")]


GUIDED = {
    "image_size": 16,
    "schedule": "cosine",
    "steps": 1000,
    "num_head_channels": 64,
    "new_attention_order": True,
}


def test_from_openai(tmp_path):
    path = tmp_path / "64x64_diffusion.pt"
    torch.save(originals.guided_content("guided-adm-cond"), path)
    before = models.load(str(path), options=GUIDED)
    after = converted(tmp_path, path, *options(GUIDED))
    same_model(before, after)
    (tmp_path / "out.safetensors").unlink()
    said = refusal(path, tmp_path / "out.safetensors")
    assert "options are needed" in said and "schedule" in said


@pytest.mark.parametrize("case", [c for c in originals.CASES if "guided" not in c])
def test_from_score_sde(tmp_path, case):
    path = tmp_path / "checkpoint_8.pth"
    torch.save(originals.score_sde_content(case), path)
    same_model(models.load(str(path)), converted(tmp_path, path))


@pytest.mark.parametrize("name", INDEX)
def test_from_edm(tmp_path, name):
    case, path = INDEX[name], tmp_path / "network.pkl"
    weights = assemble(golden(case)).state_dict()
    edm_writer.write(path, case["precond"], case["init_kwargs"], weights)
    same_model(models.load(str(path)), converted(tmp_path, path))


def test_from_diffusers(tmp_path):
    diffusers = pytest.importorskip(
        "diffusers", reason="needs: pip install 'sampler-bench[diffusers]'"
    )
    network = diffusers.UNet2DModel(
        sample_size=8, block_out_channels=(16,), down_block_types=("DownBlock2D",),
        up_block_types=("UpBlock2D",), norm_num_groups=8, layers_per_block=1, num_class_embeds=3,
    )  # fmt: skip
    network.save_pretrained(tmp_path / "in" / "unet")
    diffusers.DDIMScheduler().save_pretrained(tmp_path / "in" / "scheduler")
    same_model(models.load(str(tmp_path / "in")), converted(tmp_path, tmp_path / "in"))


def same_model(before, after):
    """Assert that two models are the same: content, tensors to the bit, and D."""
    assert after.digest == before.digest
    theirs, ours = before.state_dict(), after.state_dict()
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)
    labels = torch.zeros(2, dtype=torch.int64) if before.label_dim else None
    x, sigma = torch.randn(2, *before.shape), before.round_sigma(torch.tensor(1.5))
    assert torch.equal(after(x, sigma, labels), before(x, sigma, labels))


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

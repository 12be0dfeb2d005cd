"""Models by name, file and address: the same denoiser, or one line that says why not."""

import pytest
import torch

from sampler_bench import models
from sampler_bench.models import fetch
from sampler_bench.models.fetch import NotHere
from sampler_bench.models.published import PUBLISHED, PublishedFile
from tests.models.checkpoints import edm_writer
from tests.models.test_network_golden import INDEX, assemble, checkpoint, fill

CASE = INDEX["edm-ddpmpp-cond-aug"]
NAME = "edm-tiny"


@pytest.fixture
def pickled(tmp_path):
    tensors = {
        name: fill(name, shape)
        for name, shape in CASE["tensors"].items()
        if not name.endswith("resample_filter")
    }
    edm_writer.write(tmp_path / "tiny.pkl", CASE["precond"], CASE["init_kwargs"], tensors)
    return tmp_path / "tiny.pkl"


@pytest.fixture
def published(tmp_path, monkeypatch):
    """A catalogue with one more row, of the tiny network, and an empty cache."""
    monkeypatch.setenv("SAMPLER_BENCH_CACHE", str(tmp_path / "cache"))
    golden = checkpoint(CASE)
    row = PUBLISHED["edm-cifar10-32x32-cond-vp"].model_copy(
        update={
            "name": NAME,
            "shape": (3, 16, 16),
            "arguments": dict(golden.arguments),
            "files": (PublishedFile(name="tiny.pkl", url="http://127.0.0.1:9/tiny.pkl"),),
        }
    )
    monkeypatch.setitem(PUBLISHED, NAME, row)
    return row


def test_a_file(pickled):
    denoiser = models.load(str(pickled))
    assert denoiser.digest == assemble(checkpoint(CASE)).digest
    assert denoiser.shape == (3, 16, 16)
    assert denoiser.label_dim == 10
    assert denoiser.reference is None


def test_a_published_name(pickled, published):
    with pytest.raises(NotHere, match=f"bench fetch {NAME}"):
        models.load(NAME)
    description = models.described(NAME)
    fetch.fetch(NAME, source=pickled)
    denoiser = models.load(NAME)
    assert denoiser.digest == models.load(str(pickled)).digest
    for what in ("shape", "label_dim", "sigma_min", "sigma_max", "reference"):
        assert getattr(denoiser, what) == getattr(description, what)
    assert denoiser.reference == "cifar10-32x32"
    assert description.device.type == "meta"


def test_a_published_file_that_changed_since_it_was_pinned(pickled, published):
    fetch.fetch(NAME, source=pickled)
    path = fetch.path_of(NAME)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(ValueError, match="pinned") as caught:
        models.load(NAME)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"label_dim": 0}, "label_dim is 10, but edm-tiny is listed with 0"),
        ({"img_channels": 1}, "shape"),
    ],
)
def test_a_published_file_that_is_not_what_the_catalogue_says(
    pickled, published, monkeypatch, change, text
):
    arguments = published.arguments | change
    monkeypatch.setitem(PUBLISHED, NAME, published.model_copy(update={"arguments": arguments}))
    fetch.fetch(NAME, source=pickled)
    with pytest.raises(ValueError, match=r"^[^\n]+$") as caught:
        models.load(NAME)
    assert text in str(caught.value)


@pytest.mark.parametrize(
    ("spec", "text"),
    [
        ("exact-fashon", "did you mean 'exact-fashion'"),
        ("edm-cifar10-32x32-cond-pv", "did you mean 'edm-cifar10-32x32-cond-vp'"),
        ("nowhere/net.pkl", "there is no such file"),
        ("ftp://example.org/net.pkl", "there is no such file"),
        ("http://127.0.0.1:9/net.pkl", "cannot be reached"),
        ("a\0b", "there is no such file"),
        ("x" * 5000, "there is no such file"),
    ],
)
def test_what_is_nowhere(spec, text, tmp_path, monkeypatch):
    monkeypatch.setenv("SAMPLER_BENCH_CACHE", str(tmp_path))
    with pytest.raises(ValueError, match=r"^[^\n]+$") as caught:
        models.load(spec)
    assert text in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"hello", b"\0" * 100, b"PK\3\4", b"\x80\x04."])
def test_what_is_no_checkpoint(content, tmp_path):
    path = tmp_path / "file.pkl"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"^[^\n]+$") as caught:
        models.load(str(path))
    assert str(path) in str(caught.value)


def test_a_directory_that_is_none(tmp_path):
    with pytest.raises(ValueError, match="directory"):
        models.load(str(tmp_path))


def test_precision_and_layout_are_kept(pickled):
    execution = models.Execution("bfloat16", channels_last=True)
    denoiser = models.load(str(pickled), execution=execution)
    assert denoiser.card.precision == "bfloat16"
    weight = denoiser.model.enc["16x16_block0"].conv0.weight
    assert weight.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("spec", sorted(PUBLISHED))
def test_every_published_row_can_be_described(spec):
    if PUBLISHED[spec].network == "UNet2DModel":
        pytest.importorskip("diffusers", reason="the extra sampler-bench[diffusers]")
    described = models.described(spec)
    row = PUBLISHED[spec]
    assert described.shape == row.shape
    assert described.label_dim == row.classes
    assert sum(p.numel() for p in described.model.parameters()) == row.parameters
    assert 0 <= described.sigma_min < described.sigma_max

"""Files of torch.save: what is in them, and one line about what is wrong."""

import io
import zipfile
from collections import OrderedDict

import pytest
import torch

from sampler_bench.models.checkpoints import torch_file
from sampler_bench.models.checkpoints.checkpoint import CheckpointError

FORMATS = {"zip": True, "legacy": False}


@pytest.fixture
def content():
    generator = torch.Generator().manual_seed(0)
    whole = torch.randn(6, 4, generator=generator)
    model = OrderedDict(
        {
            "whole": whole,
            "transposed": whole.T,
            "part": whole[2:4],
            "half": whole.half(),
            "bfloat": whole.bfloat16(),
            "numbers": torch.arange(5),
            "flag": torch.tensor([True, False]),
            "scalar": torch.tensor(3.5),
            "empty": torch.zeros(0, 3),
            "parameter": torch.nn.Parameter(whole.clone()),
        }
    )
    model._metadata = OrderedDict({"": {"version": 1}})
    return {
        "model": model,
        "optimizer": {"state": {0: {"step": 7}}, "param_groups": [{"lr": 2e-4, "betas": (0.9, 1)}]},
        "step": 1_300_000,
        "ema": {"decay": 0.9999, "shadow_params": [whole.clone(), whole.clone()]},
    }


def save(path, content, form):
    torch.save(content, path, _use_new_zipfile_serialization=FORMATS[form])
    return path


@pytest.mark.parametrize("form", FORMATS)
def test_comes_back_equal(tmp_path, content, form):
    loaded = torch_file.load(save(tmp_path / "a.pth", content, form))
    assert list(loaded) == list(content)
    assert loaded["optimizer"] == content["optimizer"] and loaded["step"] == content["step"]
    assert list(loaded["model"]) == list(content["model"])
    for name, tensor in content["model"].items():
        assert loaded["model"][name].dtype == tensor.dtype
        assert torch.equal(loaded["model"][name], tensor), name
    for ours, theirs in zip(
        loaded["ema"]["shadow_params"], content["ema"]["shadow_params"], strict=True
    ):
        assert torch.equal(ours, theirs)


@pytest.mark.filterwarnings("ignore:TypedStorage")
def test_storage_in_bytes():
    data = io.BytesIO()
    storage = torch.arange(4.0)._typed_storage()
    torch.save(storage, data, _use_new_zipfile_serialization=False)
    loaded = torch_file.load_bytes(data.getvalue(), "here")
    assert loaded.tolist() == [0, 1, 2, 3]


def refusal(path):
    with pytest.raises(CheckpointError) as caught:
        torch_file.load(path)
    message = str(caught.value)
    assert "\n" not in message and len(message) < 600
    assert message.startswith(str(path))
    return message


def test_missing_file(tmp_path):
    assert "No such file" in refusal(tmp_path / "none.pth")


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("part", [0, 0.001, 0.01, 0.3, 0.6, 0.999])
def test_cut_short(tmp_path, content, form, part):
    path = save(tmp_path / "a.pth", content, form)
    data = path.read_bytes()
    path.write_bytes(data[: int(part * len(data))])
    refusal(path)


def test_checksum(tmp_path, content):
    path = save(tmp_path / "a.pth", content, "zip")
    data = bytearray(path.read_bytes())
    data[data.index(content["model"]["whole"].numpy().tobytes())] ^= 1
    path.write_bytes(data)
    assert "Bad CRC-32" in refusal(path)


@pytest.mark.parametrize("form", FORMATS)
def test_other_objects(tmp_path, form):
    message = refusal(save(tmp_path / "a.pth", {"a": zipfile.ZipInfo("x")}, form))
    assert "zipfile.ZipInfo" in message


def rewritten(path, change):
    """Write an archive again, its records changed by a function of (name, data)."""
    with zipfile.ZipFile(path) as archive:
        records = [(r.filename, archive.read(r)) for r in archive.infolist()]
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in [made for record in records for made in change(*record)]:
            archive.writestr(name, data)
    return path


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize(
    "change, said",
    [
        (lambda n, d: [(n.replace("data/0", "../0"), d)], "other names"),
        (lambda n, d: [(n.replace("a/data/0", "/etc/0"), d)], "other names"),
        (lambda n, d: [(n.replace("data/0", "data\\0"), d)], "other names"),
        (lambda n, d: [(n, d), (n, d)], "two records of one name"),
        (lambda n, d: [(n, d), (n.upper().replace("A/", "a/", 1), d)], "two records of one name"),
        (lambda n, d: [(n, d), ("a/code/x.py", b"")] if "0" in n else [(n, d)], "TorchScript"),
        (lambda n, d: [] if n.endswith(".pkl") else [(n, d)], "no record data.pkl"),
    ],
)
def test_strange_archives(tmp_path, content, change, said):
    path = save(tmp_path / "a.pth", content, "zip")
    assert said in refusal(rewritten(path, change))


def test_compressed(tmp_path, content):
    path = save(tmp_path / "a.pth", content, "zip")
    with zipfile.ZipFile(path) as archive:
        records = [(r.filename, archive.read(r)) for r in archive.infolist()]
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in records:
            archive.writestr(name, data)
    assert "compressed" in refusal(path)


def test_something_around(tmp_path, content):
    path = save(tmp_path / "a.pth", content, "zip")
    data = path.read_bytes()
    path.write_bytes(data + b"x" * 30)
    assert "added to" in refusal(path)
    path.write_bytes(data)
    with zipfile.ZipFile(path, "a") as archive:
        archive.comment = b"comment"
    assert "added to" in refusal(path)
    path.write_bytes(data[:4] + b"x" * 100 + data)
    refusal(path)


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize(
    "tensor",
    [torch.zeros(1).expand(1 << 30), torch.zeros(4, 1).expand(4, 1 << 20)],
    ids=["one", "rows"],
)
def test_more_elements_than_bytes(tmp_path, form, tensor):
    assert "claims" in refusal(save(tmp_path / "a.pth", {"a": tensor}, form))


@pytest.mark.parametrize("form", FORMATS)
def test_many_tensors_on_the_same_bytes(tmp_path, form):
    whole = torch.zeros(4096)
    tensors = [whole.view(4096) for _ in range(200)]
    assert "claim more than" in refusal(save(tmp_path / "a.pth", tensors, form))


def test_lists_within_themselves(tmp_path):
    endless = [torch.zeros(2)]
    endless.append(endless)
    loaded = torch_file.load(save(tmp_path / "a.pth", endless, "zip"))
    assert loaded[1] is loaded

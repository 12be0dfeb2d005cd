"""Headers of safetensors: what they may hold, and that nothing is taken before they are read."""

import json

import pytest
import torch
from safetensors.torch import save_file

from sampler_bench.models.checkpoints import safetensors_file
from sampler_bench.models.checkpoints.checkpoint import CheckpointError
from sampler_bench.models.checkpoints.own import write
from sampler_bench.models.checkpoints.reading import read
from tests.models.checkpoints.tiny import random_checkpoint


def written(path, header, data=b""):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + data)
    return path


def refused(path):
    with pytest.raises(CheckpointError) as caught:
        read(path)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)
    assert len(str(caught.value)) < 500
    return str(caught.value)


def entry(dtype="F32", count=1):
    return {"dtype": dtype, "shape": [count], "data_offsets": [0, 4 * count]}


@pytest.mark.parametrize("dtype", [torch.float8_e4m3fn, torch.float8_e5m2, torch.uint32])
@pytest.mark.parametrize("ours", [True, False])
def test_types_that_are_not_read(tmp_path, dtype, ours):
    metadata = {"sampler-bench": "{}"} if ours else None
    path = tmp_path / "x.safetensors"
    save_file({"a": torch.zeros(4).to(dtype)}, path, metadata)
    assert "tensor 'a' has type" in refused(path)


def test_types_that_safetensors_has_and_pytorch_has_not(tmp_path):
    for dtype in ("F4", "F6_E2M3", "F8_E8M0", "C64", "nonsense", 7, None):
        path = written(tmp_path / "x.safetensors", {"a": entry(dtype)}, bytes(4))
        assert "tensor 'a' has type" in refused(path)


def test_a_million_tensors(tmp_path):
    short = b",".join(b'"%d":{}' % number for number in range(1_000_001))
    assert "100,000 at most are read" in refused(written(tmp_path / "x", b"{" + short + b"}"))
    long = b"{" + b" " * (1 << 24) + b"}"
    assert "16,777,216 at most are read" in refused(written(tmp_path / "y", long))


@pytest.mark.parametrize("deep", ['{"a":' * 100_000, '{"a":' + "[" * 100_000])
def test_a_deep_header(tmp_path, deep):
    assert "nested too deeply" in refused(written(tmp_path / "x", deep.encode()))


@pytest.mark.parametrize(
    "header",
    [b'{"a"', b'{"a": 1}', b'{"__metadata__": [1], "a": {}}', b'{"__metadata__": {"a": 1}}',
     b"{\xff}"],
)  # fmt: skip
def test_headers_that_are_none(tmp_path, header):
    assert "damaged" in refused(written(tmp_path / "x.safetensors", header))


def test_a_tensor_called_as_our_format_is_no_file_of_ours(tmp_path):
    path = tmp_path / "x.safetensors"
    save_file({"sampler-bench": torch.zeros(4)}, path)
    assert "not a checkpoint of a known kind" in refused(path)


def test_other_files_have_no_header(tmp_path):
    (tmp_path / "empty").write_bytes(b"")
    (tmp_path / "text").write_bytes(b"12345678{ not safetensors }")
    for name in ("empty", "text", "missing", "."):
        assert safetensors_file.header(tmp_path / name) is None
    write(random_checkpoint(), tmp_path / "x.safetensors")
    found = safetensors_file.header(tmp_path / "x.safetensors")
    assert list(found.metadata) == ["sampler-bench"]
    assert sorted(found.names) == list(safetensors_file.load(tmp_path / "x.safetensors"))

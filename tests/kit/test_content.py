"""What stands where data should: said by every reader, in one line."""

import pytest

from sampler_bench.bench.features import reference_files
from sampler_bench.kit.content import mistaken
from sampler_bench.models.checkpoints.reading import read

POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 223000000\n"
MISTAKEN = [
    (b"", "is empty"),
    (POINTER, "is a git-lfs pointer"),
    (b"\n <!DOCTYPE html><html>", "is a web page"),
    (b'<?xml version="1.0"?><Error>', "is an XML text"),
    (b"\x1f\x8b\x08" + bytes(99), r"is packed \(gzip\)"),
]


@pytest.mark.parametrize(("content", "said"), MISTAKEN)
@pytest.mark.parametrize("name", ["x.pkl", "x.pt", "x.npz", "x.safetensors", "x"])
def test_every_reader_says_what_it_is(tmp_path, content, said, name):
    path = tmp_path / name
    path.write_bytes(content)
    for reader in (read, reference_files.load):
        with pytest.raises(ValueError, match=f"{name}: .*{said}") as caught:
            reader(path)
        assert "\n" not in str(caught.value)


def test_what_may_be_packed():
    assert mistaken(b"\x1f\x8b\x08", "x.tar.GZ") == ""
    assert mistaken(b"\x1f\x8b\x08", "x.xz") != ""
    assert mistaken(b"whatever") == ""

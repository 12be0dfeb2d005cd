"""Each limit of the restricted unpickler by itself, told from the others by what it says."""

import io

import pytest
import torch

from sampler_bench.models.checkpoints import restricted
from sampler_bench.models.checkpoints.checkpoint import CheckpointError
from tests.models.checkpoints import hostile

LOAD = hostile.name("torch.storage", "_load_from_bytes")
STORAGE = hostile.call(LOAD, hostile.data(hostile.storage_data()))


def stored(value):
    file = io.BytesIO()
    torch.save(value, file, _use_new_zipfile_serialization=False)
    return hostile.call(LOAD, hostile.data(file.getvalue()))


def same_numbers(times):
    """Return a list of tensors, all of one storage larger than what describes them."""
    large = hostile.call(LOAD, hostile.data(hostile.storage_data(1 << 16)))
    one = hostile.tensor(b"h\x00", 1 << 16, 1)
    return b"](" + large + b"q\x00" + one * times + b"e"


CASES = {
    "more numbers than stored": (hostile.tensor(STORAGE, 1 << 40, 1), "numbers for it"),
    "the same number again": (hostile.tensor(STORAGE, 1 << 40, 0), "numbers for it"),
    "behind the storage": (hostile.tensor(STORAGE, 2, 1 << 40), "numbers for it"),
    "one storage in many tensors": (same_numbers(9), "for several tensors"),
    "a list for a storage": (stored([1, 2]), "that are no storage"),
    "a copy of a dict": (
        hostile.name("collections", "OrderedDict") + b"]\x85R",
        "copies a dict",
    ),
    "objects in NumPy": (
        hostile.call(hostile.name("numpy", "dtype"), hostile.text("O8"), b"\x89", b"\x88"),
        "not plain numbers",
    ),
    "a name behind a module": (
        hostile.dotted("torch.nn.modules.module", "torch.os.system"),
        "nothing was run",
    ),
    "more behind the end": (b"N.N", "goes on behind its end"),
}


@pytest.mark.parametrize("name", CASES)
def test_each_limit(tmp_path, name):
    body, said = CASES[name]
    path = tmp_path / "a.pkl"
    path.write_bytes(hostile.PROTO + body + b".")
    with pytest.raises(CheckpointError, match=said):
        restricted.load(path)

"""Files made to do harm: nothing in them is executed, each ends in one line, memory is bounded."""

import json
import pickle
import struct
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sampler_bench.models.checkpoints import edm_pickle, own, restricted, torch_file
from sampler_bench.models.checkpoints.checkpoint import CheckpointError
from tests.models.checkpoints import edm_writer, hostile

NAMES = sorted(hostile.executing("x", "y"))
MODULE = "canary_of_test_hostile"
REFUSED_BY_PYTORCH = {"archive in a storage", "torch.load"}
"""Payloads that do nothing with the PyTorch of today, which loads weights only."""


@pytest.fixture
def canary(tmp_path, monkeypatch):
    """Return a file that exists as soon as a payload has been executed, or its module imported."""
    path = tmp_path / "canary"
    (tmp_path / f"{MODULE}.py").write_text(f"open({str(path)!r}, 'w').close()\nanything = 1\n")
    monkeypatch.syspath_prepend(tmp_path)
    with hostile.registered_extension():
        yield path
    sys.modules.pop(MODULE, None)


def appears(path, seconds):
    """Return whether a file is there, which another process may be about to make."""
    end = time.monotonic() + seconds
    while not path.exists() and time.monotonic() < end:
        time.sleep(0.01)
    return path.exists()


def refused(load, path):
    with pytest.raises(CheckpointError) as caught:
        load(path)
    message = str(caught.value)
    assert "\n" not in message and len(message) < 600 and message.startswith(str(path))
    assert caught.value.__cause__ is None
    return message


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", NAMES)
def test_the_canary_works(canary, name):
    """Python's own unpickler makes the file, so that the tests below could fail."""
    payload = hostile.executing(canary, MODULE)[name]
    # Names of Python 2 are translated in its protocols only.
    protocol = b"\x80\x02" if name == "exec by its old name" else hostile.PROTO
    try:
        made = pickle.loads(protocol + payload + b".")
        if hasattr(made, "wait"):
            made.wait()
    except Exception:
        pass  # what matters has happened before
    if name not in REFUSED_BY_PYTORCH:
        assert appears(canary, 2)


@pytest.mark.parametrize("name", NAMES)
def test_pickles_execute_nothing(tmp_path, canary, name):
    payload = hostile.executing(canary, MODULE)[name]
    path = tmp_path / "a.pkl"
    for body in (payload, b"}" + hostile.text("ema") + payload + b"s"):
        path.write_bytes(hostile.PROTO + body + b".")
        assert edm_pickle.recognises(path)
        refused(edm_pickle.read, path)
    assert not appears(canary, 0.02)
    assert MODULE not in sys.modules


@pytest.mark.parametrize("form", ["zip", "legacy", "first"])
@pytest.mark.parametrize("name", NAMES)
def test_torch_files_execute_nothing(tmp_path, canary, name, form):
    body = b"\x80\x02" + hostile.executing(canary, MODULE)[name] + b"."
    contents = {
        "zip": hostile.archive(body),
        "legacy": hostile.LEGACY + body + hostile.KEYS,
        "first": body,
    }
    path = tmp_path / "a.pth"
    path.write_bytes(contents[form])
    refused(torch_file.load, path)
    assert not appears(canary, 0.02)
    assert MODULE not in sys.modules


@pytest.mark.parametrize("name", NAMES)
def test_payloads_called_safetensors(tmp_path, canary, name):
    path = tmp_path / "a.safetensors"
    path.write_bytes(hostile.PROTO + hostile.executing(canary, MODULE)[name] + b".")
    assert not own.recognises(path)
    refused(own.read, path)
    assert not appears(canary, 0.02)


def test_the_refused_name_is_said(tmp_path, canary):
    path = tmp_path / "a.pkl"
    path.write_bytes(hostile.PROTO + hostile.executing(canary, MODULE)["os.system"] + b".")
    assert "'os.system'" in refused(edm_pickle.read, path)
    path.write_bytes(hostile.archive(b"\x80\x02" + path.read_bytes()[2:]))
    assert "'os.system'" in refused(torch_file.load, path)


def test_source_code_in_the_file(tmp_path, canary):
    content = edm_writer.contents("EDMPrecond", {"img_resolution": 8, "img_channels": 2}, {})
    content["ema"].meta["module_src"] = f"open({str(canary)!r}, 'w').close()\n"
    edm_pickle.read(edm_writer.dump(tmp_path / "a.pkl", content))
    assert not canary.exists()


@pytest.mark.parametrize(
    "target",
    [
        hostile.name("collections", "OrderedDict"),
        hostile.name("torch.nn.modules.conv", "Conv2d"),
        hostile.name("numpy", "dtype"),
        hostile.name("numpy", "ndarray"),
        hostile.name("builtins", "set"),
        hostile.name("torch._utils", "_rebuild_tensor_v2"),
        hostile.name("torch._utils", "_rebuild_tensor_v2") + b"}}\x86b",
    ],
)
@pytest.mark.parametrize("state", [b"}%bs", b"N}%bs\x86"], ids=["dict", "slots"])
@pytest.mark.parametrize("attribute", ["__call__", "__class__", "__setstate__", "_call", "x"])
def test_stand_ins_cannot_be_changed(tmp_path, target, state, attribute):
    change = state.replace(b"%b", hostile.text(attribute) + hostile.name("builtins", "set"))
    path = tmp_path / "a.pkl"
    path.write_bytes(hostile.PROTO + target + change + b"b.")
    refused(restricted.load, path)


def test_names_are_kept_as_data(tmp_path):
    """Classes of PyTorch's own become one class of ours, whatever they are called."""
    path = tmp_path / "a.pkl"
    body = hostile.name("torch.nn.modules.nowhere", "System") + b")\x81}b."
    path.write_bytes(hostile.PROTO + body)
    assert restricted.load(path).state == {}
    assert "torch.nn.modules.nowhere" not in sys.modules


@pytest.mark.parametrize("make", [hostile.modules_within_themselves, hostile.modules_that_double])
def test_networks_without_end(tmp_path, make):
    path = edm_writer.dump(tmp_path / "a.pkl", make())
    assert "no tree of modules" in refused(edm_pickle.read, path)


SAFETENSORS = {
    "header of 8 EiB": struct.pack("<Q", (1 << 63) - 1) + b"{}",
    "header of 1 TiB": struct.pack("<Q", 1 << 40) + b"{}",
    "deep header": struct.pack("<Q", 100_000) + b"[" * 100_000,
    "no header": b"\0" * 7,
    "claims": {"a": {"dtype": "F32", "shape": [1 << 40], "data_offsets": [0, 1 << 42]}},
    "overflow": {"a": {"dtype": "F32", "shape": [1 << 62, 16], "data_offsets": [0, 16]}},
    "overlap": {
        "a": {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]},
        "b": {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]},
    },
    "backwards": {"a": {"dtype": "F32", "shape": [4], "data_offsets": [16, 0]}},
    "metadata that is no text": {"__metadata__": {"format": 3}},
}


@pytest.mark.parametrize("name", SAFETENSORS)
def test_safetensors(tmp_path, name):
    content = SAFETENSORS[name]
    if isinstance(content, dict):
        header = json.dumps(content).encode()
        content = struct.pack("<Q", len(header)) + header + bytes(16)
    path = tmp_path / "a.safetensors"
    path.write_bytes(content)
    refused(own.read, path)


CHILD = """
import resource, sys
from pathlib import Path
from sampler_bench.models.checkpoints import edm_pickle, torch_file
from sampler_bench.models.checkpoints.checkpoint import CheckpointError

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

reader = edm_pickle.read if sys.argv[1] == "pkl" else torch_file.load
pages = int(Path("/proc/self/statm").read_text().split()[0])
limit = pages * resource.getpagesize() + (2 << 30)
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
for path in sorted(Path(sys.argv[2]).iterdir()):
    before = peak()
    try:
        reader(path)
    except CheckpointError as error:
        assert "\\n" not in str(error)
        print(path.name, peak() - before, sep="\\t", flush=True)
"""


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="limits memory as on Linux")
@pytest.mark.parametrize("kind", ["pkl", "pth"])
def test_bombs(tmp_path, kind):
    """Each is refused within a time, and takes no more than 200 MB."""
    bombs = hostile.pickle_bombs() if kind == "pkl" else hostile.torch_bombs()
    for name, content in bombs.items():
        (tmp_path / name).write_bytes(content)
    done = subprocess.run(
        [sys.executable, "-c", CHILD, kind, tmp_path],
        capture_output=True,
        text=True,
        timeout=120,
    )
    refused = dict(line.split("\t") for line in done.stdout.splitlines())
    missing = sorted(set(bombs) - set(refused))
    assert not missing and done.returncode == 0, (missing[:1], done.stderr[-1000:])
    assert {name: kB for name, kB in refused.items() if int(kB) > 200_000} == {}

"""What goes wrong within a run: the job's fault fails the job, the disk's ends the run."""

import errno

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from sampler_bench import models, results
from sampler_bench.bench.commands.cli import app
from sampler_bench.bench.measure import metrics
from sampler_bench.bench.measure.measurement import check_finite
from sampler_bench.bench.run import provenance, recorded
from sampler_bench.bench.run.groups import out_of_memory
from sampler_bench.kit import files
from sampler_bench.results import Shard
from tests.bench import runs

GRID = """
name = "faults"
models = [{models}]
samples = 40
extractor = "pixels"
floor = false
[[sampler]]
solver = "euler"
steps = [2, 3]
"""


def bench(*words):
    return CliRunner().invoke(app, [*map(str, words)])


class Evil:
    """A model that ends as it is told, at its nth call or by what it is given."""

    def __init__(self, act):
        self._model, self._act, self.calls = models.load("exact-mixture-moons"), act, 0
        self.digest, self.shape = "evil", (2,)
        self.dtype, self.device = torch.float64, torch.device("cpu")
        self.sigma_min, self.sigma_max = 0.0, float("inf")
        self.true_moments, self.round_sigma = self._model.true_moments, self._model.round_sigma

    def __call__(self, x, sigma):
        self.calls += 1
        self._act(x)
        return self._model(x, sigma)


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Run a grid of an evil model and, if asked for, a good one."""

    def typed(act, *names, out="out", batch=40, first_seed=0):
        evil = Evil(act)
        monkeypatch.setitem(models.MODELS, "evil", lambda device: evil)
        path = tmp_path / "grid.toml"
        listed = ", ".join(f'"{name}"' for name in ("evil", *names))
        path.write_text(f"first_seed = {first_seed}\n{GRID.format(models=listed)}")
        found = bench("run", path, "--out", tmp_path / out, "--batch", batch)
        assert "Traceback" not in found.output
        return found, evil

    return typed


@pytest.mark.parametrize("code", [0, "bye"])
def test_code_of_others_that_exits_fails_its_jobs(run, tmp_path, code):
    def leave(x):
        raise SystemExit(code)

    found, _ = run(leave, "exact-mixture-moons")
    assert found.exit_code == 1
    assert found.output.count("FAILED") == 2 and f"SystemExit: {code}" in found.output
    assert set(results.load(tmp_path / "out")["model"]) == {"exact-mixture-moons"}
    assert len(results.Store(tmp_path / "out").failures()) == 2


def test_code_of_others_that_exits_while_it_is_loaded_is_one_line(tmp_path, monkeypatch):
    def leave(device):
        raise SystemExit(0)

    monkeypatch.setitem(models.MODELS, "evil", leave)
    (tmp_path / "grid.toml").write_text(GRID.format(models='"evil"'))
    found = bench("run", tmp_path / "grid.toml", "--out", tmp_path / "out")
    assert found.exit_code == 2
    assert len(found.output.strip().splitlines()) == 1 and "ended the program" in found.output


PLACES = ["shards", "records", "samples", "leases", "grid.toml", "plan.json"]


@pytest.mark.parametrize(
    ("place", "number"),
    [*((place, errno.ENOSPC) for place in PLACES), ("records", errno.EIO)],
)
def test_a_disk_that_cannot_be_written_ends_the_run_at_once(
    run, tmp_path, monkeypatch, place, number
):
    put = files.put

    def full(finished, path):
        if place in path.relative_to(tmp_path / "out").parts:
            raise OSError(number, "it is full")
        put(finished, path)

    with monkeypatch.context() as patched:
        patched.setattr(files, "put", full)
        found, evil = run(lambda x: None, "exact-mixture-moons")
    assert found.exit_code == 2
    assert found.output.strip().splitlines()[-1].startswith("bench: cannot write ")
    assert "FAILED" not in found.output and not (tmp_path / "out" / "failures").exists()
    assert evil.calls == (2 if place in {"shards", "records", "samples"} else 0)
    found, _ = run(lambda x: None, "exact-mixture-moons")
    assert found.exit_code == 0
    assert not list(tmp_path.glob("out/leases/*"))


def test_a_disk_that_holds_no_failure_ends_the_run(run, tmp_path, monkeypatch):
    def refuse(x):
        raise RuntimeError("no such kernel")

    def full(finished, path):
        if path.parent.name == "failures":
            raise OSError(errno.ENOSPC, "it is full")
        put(finished, path)

    put = files.put
    monkeypatch.setattr(files, "put", full)
    assert run(refuse)[0].exit_code == 2


FULL = [
    MemoryError(),
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."),
    RuntimeError(
        "[enforce fail at alloc_cpu.cpp:121] err == 0. DefaultCPUAllocator: can't allocate "
        "memory: you tried to allocate 40000000000 bytes. Error code 12 (Cannot allocate memory)"
    ),
    RuntimeError("[enforce fail at alloc_cpu.cpp:75] . DefaultCPUAllocator: not enough memory"),
    RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
    RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"),
    RuntimeError("CUDA error: out of memory\nCUDA kernel errors might be asynchronously reported"),
    RuntimeError("MPS backend out of memory (MPS allocated: 9.05 GB)"),
    RuntimeError("HIP out of memory. Tried to allocate 20.00 MiB"),
    RuntimeError("std::bad_alloc"),
]
OTHER = [
    RuntimeError("no such kernel"),
    RuntimeError("CUDA error: device-side assert triggered"),
    RuntimeError("CUBLAS_STATUS_EXECUTION_FAILED"),
    ValueError("out of memory"),
    FloatingPointError("not finite"),
]


@pytest.mark.parametrize("error", FULL, ids=lambda error: str(error)[:30])
def test_whoever_says_it_memory_is_full(error):
    assert out_of_memory(error)


@pytest.mark.parametrize("error", [FULL[2], FULL[4]])
def test_where_memory_is_full_batches_are_halved(run, tmp_path, error):
    def small(x):
        if len(x) > 7:
            raise error

    found, _ = run(small)
    assert found.exit_code == 0, found.output
    assert set(results.load(tmp_path / "out")["prov_batch"]) == {"5"}


@pytest.mark.parametrize("error", OTHER, ids=str)
def test_other_errors_are_no_want_of_memory(error):
    assert not out_of_memory(error)


def test_memory_that_does_not_suffice_for_one_fails_the_job(run):
    def refuse(x):
        raise FULL[2]

    found, evil = run(refuse)
    assert found.exit_code == 1 and "DefaultCPUAllocator" in found.output
    assert evil.calls == 2 * 6  # batches of 40, 20, 10, 5, 2, 1


def shard(index, error=None, **said):
    meta = {"provenance": said, "reference_error": error, "seconds": 1.0, "checks": {}}
    return Shard(index, {"nfe": np.ones(2)}, meta)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (["2.14.1"] * 20, "2.14.1"),
        (["2.14.1"] * 16 + ["9.9.9"] * 4, "2.14.1 (16 shards), 9.9.9 (4 shards)"),
        (["9.9.9"] + ["2.14.1"] * 19, "2.14.1 (19 shards), 9.9.9 (1 shard)"),
        (["b", "a"] * 10, "a (10 shards), b (10 shards)"),
        ([None] * 3 + ["a"] * 17, "a (17 shards), not said (3 shards)"),
    ],
)
@pytest.mark.parametrize("name", ["torch", "device", "batch", "commit"])
def test_a_record_says_where_all_of_its_shards_are_from(said, expected, name):
    shards = [shard(i, **({} if one is None else {name: one})) for i, one in enumerate(said)]
    assert recorded.origin(shards) == {name: expected}


def test_a_record_is_of_the_day_of_its_last_shard_and_the_largest_error_of_its_reference():
    days = ["2026-11-29T23:00:00+00:00", "2026-11-30T01:00:00+00:00", "2026-11-28T01:00:00+00:00"]
    told = recorded.origin([shard(i, 1e-6 * i, created=day) for i, day in enumerate(days)])
    assert told == {"created": days[1], "reference_error": "2e-06"}


def test_a_run_that_two_machines_made_says_so(tmp_path, monkeypatch):
    collect, called = provenance.collect, []

    def changed(*arguments):
        called.append(arguments)
        return {**collect(*arguments), **({"torch": "9.9.9"} if len(called) == 5 else {})}

    monkeypatch.setattr(provenance, "collect", changed)
    runs.run(tmp_path / "run", GRID.format(models='"exact-mixture-moons"'), batch=8)
    here = provenance.collect(torch.device("cpu"), 8, models.load("exact-mixture-moons"))["torch"]
    told = results.load(tmp_path / "run")["prov_torch"]
    assert set(told) == {here, f"{here} (16 shards), 9.9.9 (4 shards)"}


WILD = """
name = "wild"
models = ["exact-mixture-moons"]
samples = 20
extractor = "pixels"
floor = false
[[sampler]]
label = "wild"
S_churn = 40
S_noise = {noise}
steps = [4]
[[sampler]]
label = "good"
steps = [4]
"""


@pytest.mark.parametrize("noise", ["1e30", "1e80", "1e150"])
def test_samples_that_diverge_fail_their_job_and_no_other(tmp_path, noise):
    (tmp_path / "grid.toml").write_text(WILD.format(noise=noise))
    out = tmp_path / "out"
    for _ in range(2):
        found = bench("run", tmp_path / "grid.toml", "--out", out)
        assert found.exit_code == 1
        (line,) = [line for line in found.output.splitlines() if "FAILED" in line]
        assert "the samples diverged: value " in line or "not finite" in line
        assert max(map(len, line.split())) < 25
    assert list(results.load(out)["label"]) == ["good"]
    assert bench("check", out, "--baseline", out).exit_code == 0


def test_one_left_out_value_beyond_reason_fails_its_job_too(tmp_path, monkeypatch):
    (tmp_path / "grid.toml").write_text(WILD.format(noise="1"))
    monkeypatch.setattr(metrics.frechet, "jackknife", lambda *_: (1.0, [1.0] * 19 + [1e60]))
    found = bench("run", tmp_path / "grid.toml", "--out", tmp_path / "out")
    assert found.exit_code == 1
    assert found.output.count("the samples diverged: value 1e60") == 2


def test_records_that_diverged_before_can_be_read(tmp_path, monkeypatch):
    (tmp_path / "grid.toml").write_text(WILD.format(noise="1e80"))
    out = tmp_path / "out"
    with monkeypatch.context() as patched:
        patched.setattr(recorded, "LARGEST", float("inf"))
        assert bench("run", tmp_path / "grid.toml", "--out", out).exit_code == 0
    assert bench("run", tmp_path / "grid.toml", "--out", out).exit_code == 0
    assert results.load(out)["value"].max() > 1e154


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ([17], "samples of seed 117 not finite"),
        ([38, 39], "samples of seeds 138, 139 not finite"),
        (list(range(40)), "samples of seeds 100, 101, 102, 103, 104 and 35 more not finite"),
        ([21, 20], "samples of seeds 120, 121 not finite"),
    ],
)
@pytest.mark.parametrize("value", ["nan", "inf"])
def test_seeds_whose_samples_are_not_finite_are_named_and_the_rest_goes_on(
    run, tmp_path, wrong, told, value
):
    def spoil(x):
        x[wrong] = float(value)

    found, _ = run(spoil, "exact-mixture-moons", first_seed=100)
    assert found.exit_code == 1
    assert found.output.count(f"FloatingPointError: {told}") == 2
    assert set(results.load(tmp_path / "out")["model"]) == {"exact-mixture-moons"}


@pytest.mark.parametrize("number", [1, 5, 6, 40])
def test_of_many_seeds_some_are_named(number):
    values = torch.zeros(50, 3, 2)
    values[:number, 1, 1] = float("nan")
    with pytest.raises(FloatingPointError) as caught:
        check_finite(values, range(1000, 1050), "x")
    named = ", ".join(map(str, range(1000, 1000 + min(5, number))))
    more = f" and {number - 5} more" if number > 5 else ""
    assert str(caught.value) == f"x of seed{'s' * (number > 1)} {named}{more} not finite"

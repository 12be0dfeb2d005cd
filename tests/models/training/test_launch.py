"""Processes, precision and accumulation: what was asked for, or one line."""

import pytest
import torch
from accelerate.state import AcceleratorState

from sampler_bench.models.training import launch
from tests.models.training.runs import configuration


@pytest.fixture(autouse=True)
def alone(monkeypatch):
    """No launcher, and no GPU: where Accelerate makes one process whatever was started."""
    for variable in [*launch.LAUNCHERS, "LOCAL_RANK", "RANK"]:
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    AcceleratorState._reset_state(reset_partial_state=True)
    yield
    AcceleratorState._reset_state(reset_partial_state=True)


def made(cpu=False, **changes):
    return launch.accelerator(configuration(**changes), cpu)


def refused(**given):
    with pytest.raises(ValueError, match=r"\S") as caught:
        made(**given)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("variable", launch.LAUNCHERS)
@pytest.mark.parametrize("processes", [2, 8])
def test_processes_that_accelerate_does_not_make_are_refused(monkeypatch, variable, processes):
    monkeypatch.setenv(variable, str(processes))
    line = refused()
    assert line.startswith(f"{variable} = {processes}: ")
    assert "of which Accelerate makes 1 (no GPU is visible)" in line
    assert "--device cpu" in line


@pytest.mark.parametrize("said", [{}, {"WORLD_SIZE": "1"}])
@pytest.mark.parametrize("cpu", [False, True])
def test_one_process_is_one(monkeypatch, said, cpu):
    for variable, processes in said.items():
        monkeypatch.setenv(variable, processes)
    assert made(cpu).num_processes == 1


def test_the_launcher_that_accelerate_believes_first_decides(monkeypatch):
    """One process of torchrun's inside a job of several."""
    monkeypatch.setenv("WORLD_SIZE", "1")
    monkeypatch.setenv("PMI_SIZE", "4")
    assert launch.started() == ("WORLD_SIZE", 1)


@pytest.mark.parametrize("cpu", [False, True])
def test_float16_on_a_cpu_is_refused(cpu):
    line = refused(cpu=cpu, training__precision="float16")
    assert line.startswith(
        "tiny: training.precision = 'float16' is not what Accelerate does on cpu"
    )
    assert "'float16' needs a GPU; 'float32' and 'bfloat16' work on a CPU" in line


@pytest.mark.parametrize(
    ("precision", "dtype"), [("float32", torch.float32), ("bfloat16", torch.bfloat16)]
)
@pytest.mark.parametrize("forced", ["no", "bf16", "fp16"])
def test_other_precisions_are_done(monkeypatch, precision, dtype, forced):
    """Whatever ``accelerate launch`` has put into the environment."""
    monkeypatch.setenv("ACCELERATE_MIXED_PRECISION", forced)
    helper, x = made(cpu=True, training__precision=precision), torch.ones(2, 2)
    with helper.autocast():
        assert (x @ x).dtype == dtype


@pytest.mark.parametrize("accumulate", [1, 4])
def test_accumulation_of_the_environment_s_is_refused(monkeypatch, accumulate):
    assert made(training__accumulate=accumulate).gradient_accumulation_steps == accumulate
    AcceleratorState._reset_state(reset_partial_state=True)
    monkeypatch.setenv("ACCELERATE_GRADIENT_ACCUMULATION_STEPS", "2")
    line = refused(training__accumulate=accumulate)
    assert line.startswith(f"training.accumulate = {accumulate}, and Accelerate makes 2 of it")


def test_what_ends_accelerate_is_one_line(monkeypatch):
    def broken(**given):
        raise RuntimeError("CUDA error:\ninvalid device ordinal")

    monkeypatch.setattr("accelerate.Accelerator", broken)
    assert refused().startswith(
        "Accelerate does not start: CUDA error: invalid device ordinal (0 GPUs"
    )

"""The processes and the device of a training run: what was asked for is what Accelerate makes."""

from typing import Any

import torch

from sampler_bench.kit import environment
from sampler_bench.models.training.config import Configuration

LAUNCHERS = {
    "WORLD_SIZE": "torchrun",
    "PMI_SIZE": "mpirun",
    "OMPI_COMM_WORLD_SIZE": "mpirun",
    "MV2_COMM_WORLD_SIZE": "mpirun",
}
"""Where launchers that Accelerate knows say how many processes they started; the first decides."""

_PRECISIONS = {"float32": "no", "bfloat16": "bf16", "float16": "fp16"}


def accelerator(configuration: Configuration, cpu: bool = False) -> Any:
    """Return an ``Accelerator`` for this configuration and the processes there are.

    Args:
        configuration: What is trained and how.
        cpu: Whether to stay off accelerators.

    Raises:
        ValueError: If Accelerate is not installed, cannot start, or makes something else than the
            configuration and the launcher ask for; one line.
    """
    try:
        from accelerate import Accelerator
    except ImportError as error:
        raise ValueError("training needs Accelerate: pip install 'sampler-bench[train]'") from error
    length = configuration.training
    try:
        made = Accelerator(
            mixed_precision=_PRECISIONS[length.precision],
            gradient_accumulation_steps=length.accumulate,
            cpu=cpu,
        )
    except (ValueError, RuntimeError, ImportError, OSError) as error:
        line = " ".join(f"{error}".split())[:300]
        raise ValueError(
            f"Accelerate does not start: {line} ({torch.cuda.device_count()} GPUs are visible; "
            "--device cpu trains without)"
        ) from error
    _check_processes(made)
    _check_precision(made, configuration)
    _check_accumulation(made, length.accumulate)
    return made


def started() -> tuple[str, int]:
    """Return which variable says how many processes a launcher started, and how many; ("", 1)."""
    for variable in LAUNCHERS:
        text = environment.told(variable)
        if text.isdecimal():
            return variable, int(text)
    return "", 1


def _check_processes(made: Any) -> None:
    variable, processes = started()
    if made.num_processes != processes:
        gpus = torch.cuda.device_count()
        seen = f"{gpus} GPUs are visible" if gpus else "no GPU is visible"
        raise ValueError(
            f"{variable} = {processes}: {LAUNCHERS[variable]} started {processes} processes, of "
            f"which Accelerate makes {made.num_processes} ({seen}): each would train all of it in "
            "one folder; torchrun with --device cpu shares it out, or start one process"
        )


def _check_precision(made: Any, configuration: Configuration) -> None:
    asked = configuration.training.precision
    done = made.mixed_precision if made.native_amp else "no"
    if done != _PRECISIONS[asked]:
        raise ValueError(
            f"{configuration.name}: training.precision = {asked!r} is not what Accelerate does on "
            f"{made.device.type}: 'float16' needs a GPU; 'float32' and 'bfloat16' work on a CPU"
        )


def _check_accumulation(made: Any, asked: int) -> None:
    done = made.gradient_accumulation_steps
    if done != asked:
        raise ValueError(
            f"training.accumulate = {asked}, and Accelerate makes {done} of it: unset "
            "ACCELERATE_GRADIENT_ACCUMULATION_STEPS"
        )

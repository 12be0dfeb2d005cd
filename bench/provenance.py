"""Where a number comes from: beside the result, never part of its key."""

import platform
import subprocess
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import torch

PACKAGES = ("sampler-bench", "torch", "torchvision", "torch-fidelity", "numpy", "scipy")


def collect(device: torch.device, batch: int) -> dict[str, str]:
    """Return versions, commit, device, precision flags, batch size and time, as text."""
    return {
        **{name: _version(name) for name in PACKAGES},
        "python": platform.python_version(),
        "commit": _commit(),
        "device": _device_name(device),
        "tf32": str(torch.backends.cuda.matmul.allow_tf32 or torch.backends.cudnn.allow_tf32),
        "batch": str(batch),
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


@cache
def _commit() -> str:
    """Return the source's git commit, marked if files were changed since; "unknown" elsewhere."""
    git = ["git", "-C", str(Path(__file__).resolve().parent)]
    try:
        commit = subprocess.run(
            [*git, "rev-parse", "HEAD"], capture_output=True, text=True, check=True, timeout=10
        ).stdout.strip()
        changed = subprocess.run(
            [*git, "status", "--porcelain", "--untracked-files=no", "."],
            capture_output=True,
            text=True,
            check=True,
            timeout=10,
        ).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return "unknown"
    return f"{commit}, with changes" if changed else commit


def _device_name(device: torch.device) -> str:
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{device.type} ({platform.machine()}, {torch.get_num_threads()} threads)"

"""Where a number comes from: beside the result, never part of its key."""

import platform
import subprocess
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from importlib.resources import files
from pathlib import Path

import torch

from sampler_bench.models.card import Card
from sampler_bench.models.model import Model

PACKAGES = ("sampler-bench", "torch", "torchvision", "torch-fidelity", "numpy", "scipy")


def collect(device: torch.device, batch: int, model: Model) -> dict[str, str]:
    """Return versions, commit, device, precision flags, batch size and time, as text.

    Of a network also how it was evaluated and what its file said of itself.
    """
    return {
        **_of_network(model.card),
        **{name: _version(name) for name in PACKAGES},
        "python": platform.python_version(),
        "commit": _commit(),
        "device": _device_name(device),
        "tf32": str(torch.backends.cuda.matmul.allow_tf32 or torch.backends.cudnn.allow_tf32),
        "batch": str(batch),
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _of_network(card: Card) -> dict[str, str]:
    if card.network is None:
        return {}
    execution = card.network.execution
    flags = {"compile": execution.compile, "channels_last": execution.channels_last}
    notes = {f"checkpoint_{name}": text for name, text in card.notes.items()}
    return {name: str(flag) for name, flag in flags.items()} | notes


@cache  # files are searched and parsed for each
def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


@cache
def _commit() -> str:
    """Return the source's git commit, marked if files were changed since.

    Where this file is not under version control, the commit that was written down when the package
    was built (setup.py): an installed package may well lie inside some other project's repository.
    """
    try:
        _git("ls-files", "--error-unmatch", Path(__file__).name)
        commit = _git("rev-parse", "HEAD")
        changed = _git("status", "--porcelain", "--untracked-files=no")
    except (OSError, subprocess.SubprocessError):
        built = files("sampler_bench") / "COMMIT"
        return built.read_text("utf-8").strip() if built.is_file() else "unknown"
    return f"{commit}, with changes" if changed else commit


def _git(*arguments: str) -> str:
    command = ["git", "-C", str(Path(__file__).resolve().parent), *arguments]
    ran = subprocess.run(command, capture_output=True, check=True, timeout=10)
    return ran.stdout.decode("utf-8", "replace").strip()


def _device_name(device: torch.device) -> str:
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{device.type} ({platform.machine()}, {torch.get_num_threads()} threads)"

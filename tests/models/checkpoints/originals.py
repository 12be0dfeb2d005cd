"""The original releases' files with golden weights."""

import json
import math
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from hypothesis import strategies as st
from safetensors.torch import load_file

from sampler_bench.models.checkpoints.checkpoint import Checkpoint, CheckpointError
from sampler_bench.models.network import assemble
from tests.golden.weights import fill

GOLDEN = Path(__file__).parents[2] / "golden" / "original"
CASES = json.loads((GOLDEN / "index.json").read_text())
TOLERANCE = 1e-4


def filled(name: str, shape: list[int], salt: int = 0) -> torch.Tensor:
    return torch.from_numpy(fill(name.removeprefix("module."), tuple(shape), salt))


def shapes_of(case: str) -> dict[str, list[int]]:
    return {name: shape for name, shape, _ in CASES[case]["keys"]}


def noise_levels(count: int) -> torch.Tensor:
    """Return the original's buffer for CIFAR-10, for images in [0, 1]: 50 … 0.01."""
    return torch.linspace(math.log(50), math.log(0.01), count, dtype=torch.float64).exp()


def score_sde_content(case: str) -> dict:
    """Return what a score_sde file holds: raw weights by name, the EMA's without names."""
    shapes = shapes_of(case)
    model = {name: filled(name, shape, salt=1) for name, shape in shapes.items()}
    model["module.sigmas"] = noise_levels(*shapes["module.sigmas"])
    shadow = [filled(name, shapes[name]) for name in CASES[case]["shadow_params"]]
    return {
        "optimizer": {"state": {}, "param_groups": [{"lr": 2e-4, "params": []}]},
        "model": model,
        "ema": {"decay": 0.9999, "num_updates": 10, "shadow_params": shadow},
        "step": 11,
    }


def guided_content(case: str) -> dict:
    return {name: filled(name, shape) for name, shape in shapes_of(case).items()}


def meta_score_sde(shapes: dict[str, list[int]]) -> dict:
    """Return a file's content without memory."""
    model = {name: torch.empty(shape, device="meta") for name, shape in shapes.items()}
    model["module.sigmas"] = noise_levels(1000)
    untrained = ("module.sigmas", "module.all_modules.0.W")
    shadow = [tensor for name, tensor in model.items() if name not in untrained]
    return {"model": model, "ema": {"decay": 0.9999, "shadow_params": shadow}}


def meta_guided(shapes: dict[str, list[int]]) -> dict:
    return {name: torch.empty(shape, device="meta") for name, shape in shapes.items()}


def damaged(tensors: dict, data: st.DataObject) -> dict:
    """Return tensors with one to three of them removed, renamed or of another shape."""
    out = dict(tensors)
    for _ in range(data.draw(st.integers(1, 3))):
        name = data.draw(st.sampled_from(sorted(out)))
        value = out.pop(name)
        how = data.draw(st.sampled_from(["removed", "renamed", "reshaped", "another", "moved"]))
        if how == "renamed":
            other = data.draw(st.sampled_from(sorted(tensors)))
            out[other[:-1] + data.draw(st.sampled_from("0123456789sWb"))] = value
        elif how == "reshaped":
            shape = data.draw(st.lists(st.integers(0, 128), max_size=4))
            out[name] = torch.empty(shape, device="meta")
        elif how == "another":
            out[name] = data.draw(st.sampled_from([None, 1, "x", [], torch.zeros(2).long()]))
        elif how == "moved":
            out[name] = value
    return out


def parameters(checkpoint: Checkpoint) -> int:
    """Return the number of parameters of a checkpoint's network, loaded on the meta device."""
    return sum(p.numel() for p in assemble(checkpoint, device="meta").parameters())


def deviation(case: str, checkpoint: Checkpoint) -> float:
    """Return how far outputs are from the golden ones, over each image's own scale, at worst."""
    golden = load_file(GOLDEN / f"{case}.safetensors")
    labels = {"labels": golden["classes"]} if "classes" in golden else {}
    with torch.no_grad():
        out = assemble(checkpoint)(golden["x"], golden["sigma"], **labels)
    scale = golden["denoised"].abs().amax(dim=(1, 2, 3), keepdim=True)
    return float(((out - golden["denoised"]).abs() / scale).max())


def refusal(call: Callable[[], object], where: str = "FILE") -> str:
    """Return the one line with which ``call`` refuses the file ``where``."""
    with pytest.raises(CheckpointError) as caught:
        call()
    message = str(caught.value)
    assert "\n" not in message
    assert message.startswith(f"{where}: ")
    return message

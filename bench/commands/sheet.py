"""A picture of a network's samples: the same seeds each time."""

from pathlib import Path

import torch
from PIL import Image

from sampler_bench import solvers
from sampler_bench.bench.measure.samples import quantize
from sampler_bench.kit.files import whole
from sampler_bench.models.labels import Labelled
from sampler_bench.models.model import Model
from sampler_bench.models.network import NetworkDenoiser
from sampler_bench.solvers import SeedNoise

ROWS, COLUMNS, STEPS = 5, 10, 18
SCALE = 2


def write_sheet(model: NetworkDenoiser, path: Path) -> None:
    """Write samples of seeds 0 … 49 as a PNG, in rows; a conditional model's columns are classes.

    Args:
        model: D(x; σ).
        path: The file.

    Raises:
        ValueError: If it cannot be written.
    """
    images = quantize(samples(model)).cpu()
    _, channels, height, width = images.shape
    sheet = images.reshape(ROWS, COLUMNS, channels, height, width).permute(0, 3, 1, 4, 2)
    pixels = sheet.reshape(ROWS * height, COLUMNS * width, channels).numpy()
    picture = Image.fromarray(pixels[:, :, 0] if channels == 1 else pixels)
    picture = picture.resize((picture.width * SCALE, picture.height * SCALE), Image.Resampling.BOX)
    with whole(path) as file:
        picture.save(file, format="png")


@torch.inference_mode()
def samples(model: NetworkDenoiser) -> torch.Tensor:
    """Return what Heun's method with EDM's steps (NFE 35) makes of seeds 0 … 49."""
    noise = SeedNoise(range(ROWS * COLUMNS), model.device)
    latents = noise.latents(model.shape)
    denoiser: Model = model
    if model.label_dim:
        labels = torch.arange(ROWS * COLUMNS) % COLUMNS % model.label_dim
        denoiser = Labelled(denoiser, labels)
    return solvers.build(solver="heun", steps=STEPS)(denoiser, latents, noise)

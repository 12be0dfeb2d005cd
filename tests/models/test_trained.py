"""The networks that ship: what they say of themselves, and that they denoise."""

import functools
import json

import pytest
import torch

from sampler_bench import models
from sampler_bench.models.checkpoints import own
from sampler_bench.models.data.dataset import to_unit
from sampler_bench.models.training.config import Configuration, read
from sampler_bench.models.zoo.exact import fashion_images
from sampler_bench.models.zoo.trained import FOLDER, REFERENCES, TRAINED, description

ZOO = ["fashion-adm", "fashion-edm-ve", "fashion-edm-vp", "fashion-ve", "fashion-vp"]
TABLE2 = [f"table2-{letter}-{kind}" for letter in "abcdef" for kind in ("vp", "ve")]


def test_all_are_there():
    assert sorted(TRAINED) == sorted(ZOO + TABLE2)


@pytest.mark.parametrize("name", ZOO + TABLE2)
def test_each_says_how_it_was_made(name):
    path = TRAINED[name]
    assert path.stat().st_size <= 8_000_000
    notes = own.read(path).notes
    told = Configuration.model_validate(json.loads(notes["configuration"]))
    assert told.identity == read(name).identity
    assert len(notes["data_digest"]) == 64
    assert int(notes["images"]) > 0 and float(notes["seconds"]) > 0
    assert notes["torch"] and notes["commit"]
    log = [json.loads(line) for line in (FOLDER / f"{name}.jsonl").read_text().splitlines()]
    assert log[-1]["images"] <= int(notes["images"]) < log[-1]["images"] + told.training.log_images
    losses = json.loads((FOLDER / f"{name}.loss.json").read_text())
    assert losses["initial"]["sigma"] == losses["now"]["sigma"]
    assert description(name)


def test_table_2_s_networks_had_one_budget():
    assert len({own.read(TRAINED[name]).notes["images"] for name in TABLE2}) == 1
    assert (
        len({own.read(TRAINED[name]).notes["data_digest"] for name in TABLE2}) == 2
    )  # A: mirrored


@functools.cache
def looked_at(side):
    """Return every 20th image of a size, their labels, the eigenvalues of all of them."""
    images, labels, _ = fashion_images()
    y = to_unit(images)
    if side == 16:
        y = torch.nn.functional.avg_pool2d(torch.nn.functional.pad(y, (2, 2, 2, 2), value=-1.0), 2)
    covariance = torch.cov(y.flatten(1).T.double())
    return y[::20], labels[::20], torch.linalg.eigvalsh(covariance).clamp(min=0)


@pytest.mark.parametrize("name", ZOO + TABLE2)
def test_each_denoises_better_than_the_best_linear_filter(name):
    """Against the Wiener filter of the very images, at levels where networks have work to do.

    The least trained of Table 2's are worse than it where there is much noise: low levels alone.
    """
    model = models.load(name)
    assert model.reference == REFERENCES[model.shape[-1]]
    some, labels, eigenvalues = looked_at(model.shape[-1])
    given = {"labels": labels} if model.label_dim else {}
    assert len(eigenvalues) == some[0].numel()
    for sigma in (0.3, 1.0, 3.0) if name in ZOO else (0.3,):
        noise = torch.randn(some.shape, generator=torch.Generator().manual_seed(0))
        with torch.inference_mode():
            found = model(some + sigma * noise, torch.tensor(sigma), **given)
        error = (found - some).square().mean().item()
        wiener = (eigenvalues * sigma**2 / (eigenvalues + sigma**2)).mean().item()
        assert error < wiener, (sigma, error, wiener)

"""Models from a user's own file."""

import pytest
import torch

from sampler_bench import models
from sampler_bench.kit import own_files
from sampler_bench.models.loading import name_of

MINE = """
import math

import torch


class Gaussian:
    shape, sigma_min, sigma_max = (1, 8, 8), 0.0, math.inf
    dtype = torch.float64

    def __call__(self, x, sigma):
        return x * 0.25 / (0.25 + sigma**2)

    def round_sigma(self, sigma):
        return sigma


class Weighted(Gaussian):
    def __init__(self, device, digest="of its weights"):
        self.device, self.digest = device, digest


def make(device):
    return Gaussian()


def retrained(device):
    return Weighted(device, "of other weights")


def plain():
    return Gaussian()


one = Gaussian()


def none(device):
    return None


def broken(device):
    return 1 / 0


def two(device, other):
    return Gaussian()
"""


@pytest.fixture(autouse=True)
def mine(tmp_path, monkeypatch):
    (tmp_path / "mine.py").write_text(MINE)
    monkeypatch.chdir(tmp_path)
    return tmp_path / "mine.py"


@pytest.mark.parametrize("name", ["Gaussian", "Weighted", "make", "plain", "one"])
def test_a_model_is_a_function_an_object_or_a_class(name):
    model = models.load(f"mine.py:{name}", "cpu")
    x = torch.ones(2, 1, 8, 8, dtype=torch.float64)
    assert torch.equal(model(x, torch.tensor(0.5)), x / 2)
    assert model.shape == (1, 8, 8) and model.card.precision == "float64"
    assert name_of(f"mine.py:{name}") == f"file:{name}" and model.card.data is None


def card(name):
    return models.load(f"mine.py:{name}").card


def test_its_digest_is_the_texts_and_its_own(mine):
    made, weighted, retrained = (card(name) for name in ("make", "Weighted", "retrained"))
    assert made.digest == own_files.digest_of(mine)[:16] and [*made.files] == [str(mine)]
    assert len({made.digest, weighted.digest, retrained.digest}) == 3
    mine.write_text(MINE + "\n")
    assert card("make").digest != made.digest
    assert card("Weighted").digest != weighted.digest


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("none", "model file:none is a NoneType without 'shape': a denoiser has shape, sigma_min"),
        ("broken", "model file:broken: mine.py, line 43: ZeroDivisionError: division by zero"),
        ("two", "model file:two is a function of (device, other); it must be a function f(device)"),
        ("math", "model file:math is a module without 'shape'"),
        ("absent", "unknown name in mine.py 'absent'"),
    ],
)
def test_what_is_none_is_refused_in_one_line(name, message):
    with pytest.raises(ValueError) as error:
        models.load(f"mine.py:{name}")
    assert message in str(error.value) and "\n" not in str(error.value)


def test_ideal_denoisers_are_no_names_of_ones_own():
    assert "ideal:data" not in models.MODELS and "mine.py:make" in models.MODELS

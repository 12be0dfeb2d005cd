"""Models of a user's own in a grid: what one has to say, and what it may."""

import dataclasses
import math

import numpy as np
import pytest
from typer.testing import CliRunner

from sampler_bench import models, results
from sampler_bench.bench.commands.cli import app
from tests.bench import runs

MINE = '''
import math

import numpy as np

from sampler_bench import models


class Bare:
    """The denoiser of N(0, ½²): what one must have, and nothing else."""

    shape, sigma_min, sigma_max = (1, 2, 2), 0.0, math.inf

    def __call__(self, x, sigma):
        return x * 0.25 / (0.25 + sigma**2)

    def round_sigma(self, sigma):
        return sigma


class Known(Bare):
    """Its data are known: they are its reference."""

    dtype = np.dtype("float64")

    def true_moments(self):
        return np.zeros(4), np.eye(4) / 4


class Named(Bare):
    """It says whose statistics it is judged by: a file."""

    reference = "mine.npz"


class Classes(Bare):
    """N(k/10, ½²) of class k, and N(0, ½²) of none."""

    label_dim = 3

    def __call__(self, x, sigma, labels=None):
        mean = 0 if labels is None else labels.to(x.dtype).reshape(-1, 1, 1, 1) / 10
        return mean + super().__call__(x - mean, sigma)


class Asked(Classes):
    """It has no idea of "no class"."""

    def __call__(self, x, sigma, labels):
        return super().__call__(x, sigma, labels)


def around(device):
    return models.load("fashion-edm-vp", device)


def mixture(device):
    return models.load("exact-mixture-moons", device)
'''

GRID = """
name = "mine"
models = {models}
samples = 40
metrics = ["{metric}"]
extractor = "pixels"
{more}
[[sampler]]
label = "Heun"
steps = [4, 8]
"""


@pytest.fixture(autouse=True)
def mine(tmp_path, monkeypatch):
    (tmp_path / "mine.py").write_text(MINE)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def measured(folder, *names, metric="truncation-error", more=""):
    text = GRID.format(models=[f"mine.py:{name}" for name in names], metric=metric, more=more)
    assert runs.run(folder / "run", text).reasons == []
    return results.load(folder / "run")


def test_a_model_that_has_only_what_it_must_goes_through_a_grid(mine):
    table = measured(mine, "Bare", "Known")
    assert table.groupby("model").size().to_dict() == {"file:Bare": 2, "file:Known": 2}
    for _, found in table.groupby("model"):
        few, more = found.sort_values("sampler.steps").value
        assert 0 < more < few / 2
    assert {*table[["model", "precision"]].itertuples(index=False, name=None)} == {
        ("file:Bare", "float32"),
        ("file:Known", "float64"),
    }


def test_a_model_of_one_s_own_is_judged_by_its_own_data_or_by_those_it_names(mine, monkeypatch):
    with pytest.raises(ValueError, match="the model's true data are not known: give reference"):
        measured(mine, "Bare", metric="fid")
    with pytest.raises(ValueError, match=r"unknown reference 'mine\.npz'"):
        measured(mine, "Named", metric="fid")
    np.savez(mine / "mine.npz", mu=np.zeros(4), sigma=np.eye(4) / 4)
    monkeypatch.chdir("/")  # it lies beside the model's file, wherever that is
    table = measured(mine, "Known", "Named", metric="fid")
    assert table.groupby("model").reference.unique().map(list).to_dict() == {
        "file:Known": ["model"],
        "file:Named": ["file"],
    }
    assert (
        table[table["sampler.steps"] == 8].value < 1
    ).all() and table.reference_digest.nunique() == 2


def test_a_plan_times_a_model_that_must_be_told_a_class(mine):
    (mine / "x.toml").write_text(
        GRID.format(models=["mine.py:Asked"], metric="truncation-error", more="")
    )
    found = CliRunner().invoke(app, ["run", "x.toml", "--plan"])
    assert found.exit_code == 0 and "from timing one batch" in found.output


def test_a_model_of_one_s_own_with_classes_is_asked_for_each_seed_s(mine):
    table = measured(mine, "Classes", more="guidance = 2.0")
    assert (table["class_label"] == "uniform").all() and (table["guidance"] == 2.0).all()
    assert sorted(table.nfe) == [14, 30]


@pytest.mark.parametrize(
    ("name", "inner"), [("around", "fashion-edm-vp"), ("mixture", "exact-mixture-moons")]
)
def test_a_model_made_of_one_that_ships_is_known_as_well_as_that(name, inner):
    own, shipped = models.load(f"mine.py:{name}"), models.load(inner)
    other = {each.name for each in dataclasses.fields(models.Card)} - {"digest", "files"}
    if name == "around":
        assert own.card.network.digest == shipped.digest
        other -= {"network"}  # each has its own
    else:
        assert own.card.data.draw
        other -= {"data"}
    assert all(getattr(own.card, each) == getattr(shipped.card, each) for each in other)
    assert (own.shape, own.sigma_min, own.sigma_max) == (
        *(shipped.shape, shipped.sigma_min),
        math.inf if name == "mixture" else shipped.sigma_max,
    )


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("label_dim = 'three'", "label_dim = 'three': must be a number of classes"),
        ("label_dim = 2.5", "label_dim = 2.5: must be a number of classes"),
        ("label_dim = -1", "label_dim = -1: must be a number of classes"),
        ("device = 'abacus'", "device = 'abacus': must be a device"),
        ("device = None", "device = None: must be a device"),
        ("data_images = 3", "data_images is a int; it must be a function"),
    ],
)
def test_what_a_model_says_and_cannot_be_is_refused_in_one_line(said, told, mine):
    (mine / "wrong.py").write_text(MINE.replace("label_dim = 3", said))
    with pytest.raises(ValueError, match=f"^model file:Classes: {told}[^\n]*$"):
        models.load("wrong.py:Classes")


KIND = """

import torch

from sampler_bench import models


class Mine(models.GaussianMixture):
    {said}

    def __init__(self):
        super().__init__(torch.zeros(1, 2), torch.ones(1), torch.ones(1))


class Around(models.Wrapped):
    {said}

    def __init__(self):
        super().__init__(models.load("exact-two-points"))
"""


@pytest.mark.parametrize("name", ["Mine", "Around"])
@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("label_dim = 3", "label_dim is not what its card says, classes = 0: its card must be"),
        ("reference = 'r'", "reference is not what its card says, reference = None"),
        ("precision = 'float16'", "precision is not what its card says, precision = 'float64'"),
    ],
)
def test_what_the_card_of_a_kind_of_one_s_own_does_not_say_is_refused(mine, name, said, told):
    (mine / "kind.py").write_text(KIND.format(said="one = 1"))
    assert models.load(f"kind.py:{name}").card.data
    (mine / "kind.py").write_text(KIND.format(said=said))
    with pytest.raises(ValueError, match=f"^model file:{name}: {told}[^\n]*$"):
        models.load(f"kind.py:{name}")

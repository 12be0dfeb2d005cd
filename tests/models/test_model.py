"""Models and what wraps them: nothing that a model says is lost on the way."""

import dataclasses
import inspect
import itertools
import math
import pkgutil
from functools import cache
from importlib import import_module

import pytest
import torch
from torch import nn

import sampler_bench
from sampler_bench import models
from sampler_bench.bench.measure.floor import Nobody
from sampler_bench.bench.measure.profiles.mode_mass import _Remembering
from sampler_bench.bench.measure.samples import InParts
from sampler_bench.models import Card, Counted, Data, Execution, Wrapped
from sampler_bench.models.counted import View
from sampler_bench.models.labels import Guided, Labelled
from sampler_bench.models.model import Given, Model, model_of
from sampler_bench.models.network import NetworkDenoiser, WithVariance
from sampler_bench.models.networks import NETWORKS
from sampler_bench.models.own import OwnModel
from sampler_bench.models.preconditioning import IDDPM
from sampler_bench.solvers.denoiser import Complete, Plain, complete

ROWS = torch.tensor([2, 0])
LABELS = torch.tensor([0, 1, 2, 1])
SIGMA = torch.tensor(0.7, dtype=torch.float64)


class Everything(Plain, Model):
    """A model of which nothing is the default, and that notes what it is told."""

    shape, sigma_min, sigma_max = (1, 2, 2), 0.1, 9.0
    from_noise, own_levels = True, (9.0, 1.0, 0.1)
    card = Card(
        digest="d",
        classes=3,
        precision="float64",
        device=torch.device("meta"),
        data=Data(images=lambda: torch.zeros(2, 1, 2, 2, dtype=torch.uint8)),
        reference="r",
        variance=True,
        notes={"a": "b"},
        files={"c": "d"},
        network=nn.Identity(),
    )

    def __init__(self, rows=None, channels=1):
        self.rows, self.channels, self.begun = rows, channels, []

    def __call__(self, x, sigma, /, *labels):
        """Return x, with a sample's number where it was told it, and its label if it has one."""
        made = x.clone()
        if self.rows is not None:
            made += 100 * self.rows.reshape(-1, 1, 1, 1)
        if labels and labels[0] is not None:
            made += 10 * labels[0].reshape(-1, 1, 1, 1)
        return made.repeat(1, self.channels, 1, 1)

    def round_sigma(self, sigma):
        return sigma.round()

    def begin(self, samples):
        self.begun.append(samples)

    def only(self, rows):
        return Everything(rows if self.rows is None else self.rows[rows], self.channels)

    def with_variance(self):
        return Everything(self.rows, 2)


class Attributes:
    """No model: a denoiser that says all it can by its attributes."""

    shape, sigma_min, sigma_max = (1, 2, 2), 0.2, 8.0
    digest, label_dim, dtype, device, reference = "e", 3, torch.float64, "meta", "s"
    from_noise, own_levels = True, torch.tensor([8.0, 0.2])

    def __call__(self, x, sigma, *labels):
        return x

    def round_sigma(self, sigma):
        return sigma.ceil()

    def true_moments(self):
        return None


class Bare:
    """A denoiser that has what it must have, and nothing else."""

    shape, sigma_min, sigma_max = (1, 2, 2), 0.0, math.inf

    def __call__(self, x, sigma, *labels):
        return x

    def round_sigma(self, sigma):
        return sigma


def network(out_channels, label_dim):
    made = NETWORKS["DhariwalUNet"](
        img_resolution=8,
        img_channels=1,
        out_channels=out_channels,
        label_dim=label_dim,
        model_channels=8,
        channel_mult=[1],
        num_blocks=1,
        attn_resolutions=[],
        channels_per_head=8,
        dropout=0.0,
    )
    denoiser = NetworkDenoiser(made, IDDPM(), "f", Execution(precision="bfloat16"), {"a": "b"})
    denoiser.reference = "t"
    return denoiser.eval().requires_grad_(False)


KINDS = {
    "everything": Everything,
    "attributes": Attributes,
    "bare": Bare,
    "ideal": lambda: models.load("exact-two-points"),
    "mixture": lambda: models.load("exact-mixture-moons"),
    "network": lambda: network(1, 0),
    "network-with-variance": lambda: network(2, 3),
}
WRAPPERS = {
    Wrapped: Wrapped,
    Counted: Counted,
    View: lambda model: View(Counted(model), model),
    InParts: lambda model: InParts(model, 2),
    Labelled: lambda model: Labelled(model, LABELS),
    Guided: lambda model: Guided(model, LABELS, 2.0),
    OwnModel: lambda model: OwnModel(model, "of the text", {"mine.py": "digest"}),
    WithVariance: lambda model: model_of(model).with_variance(),
}
"""How each is made; what wraps a model with a variance says so."""
CHANGED = {OwnModel: {"digest", "files"}}
"""The fields of the card that a wrapper says itself."""


@cache
def model_of_kind(kind):
    return model_of(KINDS[kind]())


def subclasses(cls):
    return {cls}.union(*(subclasses(each) for each in cls.__subclasses__()))


def test_the_table_has_every_wrapper_and_every_kind_of_model_there_is():
    for module in pkgutil.walk_packages(sampler_bench.__path__, "sampler_bench."):
        if module.name.startswith(("sampler_bench.models", "sampler_bench.bench")):
            import_module(module.name)
    for make in KINDS.values():  # what is loaded by its name alone
        make()
    ours = {each for each in subclasses(Model) if each.__module__.startswith("sampler_bench.")}
    ours -= {_Remembering}  # whose samples were begun before it was put around their model
    assert {each for each in ours if issubclass(each, Wrapped)} == {*WRAPPERS}
    leaves = {each for each in ours - subclasses(Wrapped) if not inspect.isabstract(each)}
    leaves -= {Nobody}  # stands where no model is asked
    made = {type(model_of(make())) for make in KINDS.values()}
    assert leaves == {each for each in made if each.__module__.startswith("sampler_bench.")}


def check_same(wrapped, model, around):
    """See that a wrapper answers as the model does, but for what the wrappers around it change."""
    changed = set().union(*(CHANGED.get(each, set()) for each in around))
    for field in dataclasses.fields(Card):
        if field.name not in changed:
            found, expected = (getattr(each.card, field.name) for each in (wrapped, model))
            assert found == expected, (around, field.name)
    for name in ("sigma_min", "sigma_max", "from_noise", "own_levels", "shape"):
        assert getattr(wrapped, name) == getattr(model, name), (around, name)
    assert wrapped.round_sigma(SIGMA) == model.round_sigma(SIGMA), around
    assert complete(wrapped) is wrapped and model_of(wrapped) is wrapped
    if not model.card.variance:
        with pytest.raises(ValueError, match="has not learned a variance: use variance = 'small'"):
            wrapped.with_variance()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("outer", [each for each in WRAPPERS if each is not WithVariance])
def test_a_wrapper_around_a_wrapper_says_what_the_model_says(outer, kind):
    model = model_of_kind(kind)
    for inner, wrap in WRAPPERS.items():
        if inner is not WithVariance or kind == "network-with-variance":
            check_same(WRAPPERS[outer](wrap(model)), model, (outer, inner))


BINDING = (Labelled, Guided)
ASKED = [
    (outer, inner)
    for outer, inner in itertools.product(set(WRAPPERS) - {WithVariance}, repeat=2)
    if not (outer in BINDING and inner in BINDING)  # labels are bound once
    and not (outer is InParts and inner in BINDING)  # and after the batch is cut
]


@pytest.mark.parametrize("learned", [False, True])
def test_what_is_asked_of_a_wrapper_is_asked_of_the_model(learned):
    x = torch.arange(4.0).reshape(4, 1, 1, 1).expand(4, 1, 2, 2)
    again = torch.tensor([1])
    assert len(ASKED) == 7 * 7 - 4 - 2
    for outer, inner in ASKED:
        model = Everything()
        wrapped = WRAPPERS[outer](WRAPPERS[inner](model))
        wrapped.begin(4)
        assert 4 in model.begun, (outer, inner)
        wrapped = wrapped.with_variance() if learned else wrapped
        whole = wrapped(x, SIGMA)
        assert whole.shape[1] == (2 if learned else 1)
        part = wrapped.only(ROWS)
        told = 100 * ROWS.reshape(2, 1, 1, 1)
        assert torch.equal(part(x[ROWS], SIGMA), whole[ROWS] + told), (outer, inner)
        last = part.only(again)(x[ROWS[1:]], SIGMA)
        assert torch.equal(last, whole[ROWS[1:]] + told[1:]), (outer, inner)
        assert part.card == wrapped.card


@pytest.mark.parametrize("forgotten", sorted(Model.__abstractmethods__))
def test_what_forgets_one_answer_cannot_be_made(forgotten):
    """So a new answer, abstract in Complete or Model, is an error in whatever does not give it."""
    names = {name: getattr(Wrapped, name) for name in Model.__abstractmethods__ - {forgotten}}
    with pytest.raises(TypeError, match=f"abstract method '?{forgotten}"):
        type("Forgetful", (Model,), names)()
    assert forgotten in vars(Wrapped), "a wrapper has the default instead of the model's own"


def test_whatever_is_public_of_a_model_must_be_answered():
    """What only Plain has, or Complete by default, a wrapper would not pass on."""
    classes = (Model, Complete, Plain)
    bases = {name for each in classes for name in vars(each) if name[0] != "_"}
    assert bases | {"__call__"} == {*Model.__abstractmethods__}


def test_a_denoiser_that_says_nothing_has_the_defaults():
    assert isinstance(model_of(Bare()), Given)
    assert model_of(Bare()).card == Card()
    said = model_of(Attributes())
    assert said.card.data.moments and not said.card.data.images
    assert dataclasses.replace(said.card, data=None) == Card(
        "e", 3, "float64", torch.device("meta"), reference="s"
    )
    assert said.own_levels == (8.0, pytest.approx(0.2)) and said.from_noise


def test_other_labels_than_those_bound_are_refused():
    with pytest.raises(ValueError, match="no others can be given"):
        Labelled(Bare(), LABELS)(torch.zeros(4, 1, 2, 2), SIGMA, LABELS)


def test_a_row_without_a_digest_is_refused(monkeypatch):
    monkeypatch.setitem(models.MODELS, "bare", lambda device: Bare())
    with pytest.raises(ValueError, match="model 'bare' has no digest"):
        models.load("bare")

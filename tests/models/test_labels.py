"""Labels and guidance: which draw, which sample, how many evaluations."""

import pytest
import torch

from sampler_bench import solvers
from sampler_bench.bench.measure.samples import InParts
from sampler_bench.models import Counted
from sampler_bench.models.card import Card
from sampler_bench.models.labels import Condition, Guided, Labelled
from sampler_bench.solvers import SeedNoise

CLASSES = 5


class ByClass:
    """The denoiser of N(label, ½²), or of N(10, ½²) without one: labels can be read off D."""

    shape = (1, 2, 2)
    sigma_min, sigma_max = 0.0, float("inf")
    label_dim = CLASSES

    def __init__(self):
        self.calls = []

    def round_sigma(self, sigma):
        return sigma

    def __call__(self, x, sigma, labels=None):
        self.calls.append(None if labels is None else labels.tolist())
        mean = torch.full((len(x),), 10.0) if labels is None else labels.to(x.dtype)
        mean = mean[:, None, None, None].to(x.dtype)
        variance = sigma.reshape(-1, 1, 1, 1) ** 2
        return (0.25 * x + variance * mean) / (0.25 + variance)


def sample(seeds, condition, most=100):
    counted = Counted(InParts(ByClass(), most))
    noise = SeedNoise(seeds)
    latents = noise.latents(ByClass.shape)
    bound = condition.bind(counted, CLASSES, noise.labels, seeds)
    sampler = solvers.build(solver="heun", steps=6, S_churn=3)
    return sampler(bound, latents, noise), counted, bound


@pytest.mark.parametrize("null", [None, *range(CLASSES)])
def test_no_sample_is_of_the_null_class(null):
    seeds = range(300)
    _, _, uniform = sample(seeds, Condition(null_class=null))
    _, _, balanced = sample(seeds, Condition(null_class=null, balanced=True))
    for bound in (uniform, balanced):
        assert set(bound.labels.tolist()) == set(range(CLASSES)) - {null}
    meant = CLASSES - (null is not None)
    counts = torch.bincount(balanced.labels, minlength=CLASSES)
    assert set(counts.tolist()) - {0} == {300 // meant}
    generators = [torch.Generator().manual_seed(seed) for seed in seeds]
    for number, generator in enumerate(generators):
        torch.empty(ByClass.shape).normal_(generator=generator)
        drawn = int(torch.randint(meant, (), generator=generator))
        assert uniform.labels[number] == drawn + (null is not None and drawn >= null)


def test_balanced_labels_do_not_depend_on_how_seeds_are_split():
    _, _, whole = sample(range(7, 40), Condition(balanced=True))
    parts = [
        sample(part, Condition(balanced=True))[2].labels for part in (range(7, 20), range(20, 40))
    ]
    assert whole.labels.tolist() == torch.cat(parts).tolist()


@pytest.mark.parametrize("null", [None, 2])
def test_balanced_labels_leave_the_noise_as_it_is(null):
    def noise_after(condition):
        noise = SeedNoise(range(4))
        noise.latents(ByClass.shape)
        condition.bind(Counted(ByClass()), CLASSES, noise.labels, range(4))
        return noise(torch.zeros(4, *ByClass.shape))

    one, other = (noise_after(Condition(balanced=b, null_class=null)) for b in (False, True))
    assert torch.equal(one, other)


def test_who_can_be_guided():
    for no_class, weight, switch, said in [
        ("trained", 2.0, False, None),
        ("unknown", 2.0, False, None),
        ("untrained", None, False, None),
        ("untrained", 1.0, False, None),
        ("untrained", 2.0, True, None),
        ("untrained", 2.0, False, "model 'm', guidance = 2: .*guidance_untrained = true"),
        ("untrained", 0.0, False, "without label dropout"),
        ("impossible", None, True, None),
        ("impossible", 1.0, True, "null_class = N"),
        ("impossible", 2.0, False, "one of its 5 classes means none"),
    ]:
        card = Card(classes=5, no_class=no_class)
        if said is None:
            Condition(guidance=weight).check_guidance("m", card, switch)
        else:
            with pytest.raises(ValueError, match=said):
                Condition(guidance=weight).check_guidance("m", card, switch)


def test_the_label_is_each_seeds_second_draw():
    seeds = [3, 17, 2**32 - 1]
    _, _, bound = sample(seeds, Condition())
    for seed, label in zip(seeds, bound.labels, strict=True):
        generator = torch.Generator().manual_seed(seed)
        torch.empty(ByClass.shape).normal_(generator=generator)
        assert label == torch.randint(CLASSES, (), generator=generator)


@pytest.mark.parametrize("guidance", [None, 1.5])
def test_a_part_of_a_batch_has_its_own_labels_and_counts(guidance):
    """Solvers with steps per sample evaluate those that have not arrived."""
    model = ByClass()
    counted = Counted(model)
    condition = Condition(guidance=guidance)
    bound = condition.bind(counted, CLASSES, lambda classes: torch.arange(4), range(4))
    bound.begin(4)
    x, sigma = torch.zeros(2, 1, 2, 2, dtype=torch.float64), torch.tensor([2.0, 3.0])
    part = bound.only(torch.tensor([1, 3]))(x, sigma)
    whole = bound(x.repeat(2, 1, 1, 1), sigma.repeat_interleave(2))
    assert torch.equal(part[0], whole[1])
    assert torch.equal(part[1], whole[3])
    each = 1 if guidance is None else 2
    assert counted.per_sample.tolist() == [each, 2 * each, each, 2 * each]
    assert counted.evaluations == 6 * each


@pytest.mark.parametrize("guidance", [None, 1.5])
def test_a_sample_does_not_depend_on_its_batch(guidance):
    condition = Condition(guidance=guidance)
    together, _, _ = sample(range(7), condition)
    for most in (2, 3):
        parts, _, _ = sample(range(7), condition, most)
        assert torch.allclose(together, parts, rtol=0, atol=1e-12)
    alone = torch.cat([sample([seed], condition)[0] for seed in range(7)])
    assert torch.allclose(together, alone, rtol=0, atol=1e-12)


def test_samples_are_of_their_class():
    x, _, bound = sample(range(200), Condition())
    assert set(bound.labels.tolist()) == set(range(CLASSES))
    assert (x.mean((1, 2, 3)) - bound.labels).abs().mean() < 0.5
    x, _, _ = sample(range(50), Condition(label=2))
    assert abs(float(x.mean()) - 2) < 0.3


def test_guidance_costs_two_evaluations():
    _, plain, _ = sample(range(4), Condition())
    _, guided, _ = sample(range(4), Condition(guidance=2.0))
    assert plain.nfe == 11
    assert guided.nfe == 22


def test_guidance_extrapolates_from_the_unconditional_estimate():
    model, labels = ByClass(), torch.tensor([1, 3])
    x, sigma = torch.randn(2, 1, 2, 2, dtype=torch.float64), torch.tensor(0.7).double()
    conditional, unconditional = Labelled(model, labels)(x, sigma), model(x, sigma, None)
    for w in (0.0, 1.0, 2.5):
        expected = unconditional + w * (conditional - unconditional)
        assert torch.allclose(Guided(model, labels, w)(x, sigma), expected)


def test_another_batch_than_the_labels_is_refused():
    with pytest.raises(ValueError, match="3 samples for 2 labels"):
        Labelled(ByClass(), torch.tensor([0, 1]))(torch.zeros(3, 1, 2, 2), torch.tensor(1.0))


def test_what_a_key_says():
    assert Condition().declared(0) == {}
    assert Condition().declared(10) == {"class_label": "uniform"}
    assert Condition(3, 1.5).declared(10) == {"class_label": 3, "guidance": 1.5}


@pytest.mark.parametrize(
    ("condition", "classes", "text"),
    [
        (Condition(label=3), 0, "class-conditional"),
        (Condition(guidance=2.0), 0, "class-conditional"),
        (Condition(label=10), 10, "0 to 9"),
    ],
)
def test_what_a_model_cannot_be_asked(condition, classes, text):
    with pytest.raises(ValueError, match=text):
        condition.check(classes)

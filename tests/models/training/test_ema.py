"""The moving average against its closed form; the learning-rate ramp."""

import pytest
import torch
from torch import nn

from sampler_bench.models.training.ema import EMA
from sampler_bench.models.training.schedule import learning_rate

BATCH = 8


def network(value):
    made = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.fill_(value)
    return made.double()


def run(ema, model, values, seen=0):
    """Train: the weights become each of ``values`` in turn."""
    for value in values:
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.fill_(value)
        ema.update(seen, BATCH)
        seen += BATCH
    return seen


def average(ema):
    values = torch.cat([p.flatten() for p in ema.model.parameters()])
    assert (values == values[0]).all()
    return float(values[0])


VALUES = [0.3, -1.0, 2.5, 0.0, 4.0, 1.0, -2.0]


def test_constant_half_life():
    model = network(1.5)
    ema = EMA(model, half_life_images=20, ramp_up=None)
    run(ema, model, VALUES)
    beta, k = 0.5 ** (BATCH / 20), len(VALUES)
    closed = beta**k * 1.5 + (1 - beta) * sum(
        beta ** (k - 1 - i) * value for i, value in enumerate(VALUES)
    )
    assert average(ema) == pytest.approx(closed, rel=1e-12)


def test_half_of_the_past_is_gone_after_a_half_life():
    model = network(1.0)
    ema = EMA(model, half_life_images=5 * BATCH, ramp_up=None)
    run(ema, model, [0.0] * 5)
    assert average(ema) == pytest.approx(0.5, rel=1e-12)
    run(ema, model, [0.0] * 5)
    assert average(ema) == pytest.approx(0.25, rel=1e-12)


def test_ramp_up():
    model = network(1.5)
    ema = EMA(model, half_life_images=3, ramp_up=0.05)
    # 0.05·n = 3 at n = 60: the first eight steps are in the ramp
    values = VALUES * 2
    run(ema, model, values)
    betas = [0.0] + [0.5 ** (8 / min(3, 0.05 * 8 * i)) for i in range(1, len(values))]
    weights = [
        (1 - betas[i]) * float(torch.tensor(betas[i + 1 :]).double().prod())
        for i in range(len(values))
    ]
    assert sum(weights) == pytest.approx(1)  # the initial weights are forgotten at the first step
    expected = sum(w * v for w, v in zip(weights, values, strict=True))
    assert average(ema) == pytest.approx(expected, rel=1e-6)
    assert [ema.decay(8 * i, 8) for i in range(len(values))] == pytest.approx(betas)


def test_decay_of_the_papers_configuration():
    ema = EMA(network(0.0), half_life_images=500_000)
    assert ema.decay(200_000_000, 512) == 0.5 ** (512 / 500_000)
    assert ema.decay(1_000_000, 512) == 0.5 ** (512 / 50_000)
    # Song's 0.9999 at batch 128 (Table 7: 0.89 Mimg)
    song = EMA(network(0.0), half_life_images=890_000, ramp_up=None)
    assert song.decay(0, 128) == pytest.approx(0.9999, abs=1e-6)


def test_state_round_trip():
    model = network(1.5)
    ema = EMA(model, half_life_images=20)
    seen = run(ema, model, VALUES[:3])
    saved = {name: tensor.clone() for name, tensor in ema.state_dict().items()}
    run(ema, model, VALUES[3:], seen)

    again = EMA(model, half_life_images=20)
    again.load_state_dict(saved)
    run(again, model, VALUES[3:], seen)
    for mine, theirs in zip(ema.state_dict().values(), again.state_dict().values(), strict=True):
        assert torch.equal(mine, theirs)


def test_the_average_is_another_network_for_evaluation():
    model = network(1.0).train()
    model(torch.randn(4, 2).double()).sum().backward()
    ema = EMA(model, half_life_images=20)
    assert model.training
    assert not ema.model.training
    assert not any(p.requires_grad for p in ema.model.parameters())
    assert all(p.requires_grad and p.grad is not None for p in model.parameters())
    with torch.no_grad():
        model[0].weight.fill_(7)
        model[1].running_mean.fill_(3)
        model[1].num_batches_tracked.fill_(5)
    assert (ema.model[0].weight == 1).all()
    ema.update(100, BATCH)
    assert 1 < float(ema.model[0].weight.max()) < 7
    # buffers are copied
    assert (ema.model[1].running_mean == 3).all()
    assert int(ema.model[1].num_batches_tracked) == 5


@pytest.mark.parametrize("wrong", [{"half_life_images": 0}, {"ramp_up": 0}, {"ramp_up": -1}])
def test_impossible_half_lives(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        EMA(network(0.0), **({"half_life_images": 20} | wrong))


def test_learning_rate_cooldown():
    found = [learning_rate(1e-3, n, 100, 200, 1000) for n in (50, 100, 800, 850, 1000, 2000)]
    assert found == pytest.approx([5e-4, 1e-3, 1e-3, 7.5e-4, 0, 0])
    with pytest.raises(ValueError, match="cooldown_images = -1"):
        learning_rate(1e-3, 0, 0, -1)


def test_learning_rate_ramp():
    assert [learning_rate(1e-3, n, 100) for n in (0, 25, 100, 1e9)] == [0, 2.5e-4, 1e-3, 1e-3]
    assert learning_rate(2e-4, 0, 0) == 2e-4
    with pytest.raises(ValueError, match="ramp_images = -1"):
        learning_rate(1e-3, 0, -1)

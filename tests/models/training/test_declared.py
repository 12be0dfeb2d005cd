"""What a configuration declares reaches the loop."""

import pytest
import torch

from sampler_bench.models.training.draws import draw, positions
from tests.models.training.runs import configuration, images, trainer


def test_the_average_s_decay(tmp_path):
    """0.5^(B/min(h, r·n)), with the half-life h and ramp-up r declared."""
    made = trainer(tmp_path / "ramp", ema={"half_life_images": 200, "ramp_up": 0.5})
    assert made._ema.decay(100, 16) == 0.5 ** (16 / 50)
    assert made._ema.decay(1000, 16) == 0.5 ** (16 / 200)
    made = trainer(tmp_path / "none", ema={"half_life_images": 200, "ramp_up": 0.0})
    assert made._ema.decay(0, 16) == 0.5 ** (16 / 200)


def test_the_average_is_of_images_seen_before_and_in_the_step(tmp_path):
    made = trainer(tmp_path)
    asked = []
    decay = made._ema.decay
    made._ema.decay = lambda seen, batch: asked.append((seen, batch)) or decay(seen, batch)
    for _ in range(3):
        made.step()
    assert asked == [(0, 16), (16, 16), (32, 16)]


def test_the_optimizer_s_constants(tmp_path):
    made = trainer(tmp_path, optimizer__betas=[0.5, 0.7], optimizer__eps=1e-3)
    (group,) = made._adam.param_groups
    assert tuple(group["betas"]) == (0.5, 0.7)
    assert group["eps"] == 1e-3
    assert group["weight_decay"] == 0


def test_defaults_are_the_paper_s():
    """Table 7; the ramp-up is the released loop's."""
    bare = configuration(optimizer={"lr": 1e-3}, training={"images": 100})
    assert (bare.optimizer.betas, bare.optimizer.eps) == ((0.9, 0.999), 1e-8)
    assert (bare.optimizer.ramp_images, bare.optimizer.clip_norm) == (10_000_000, 0)
    assert (bare.training.batch, bare.training.precision) == (512, "float32")
    bare = configuration(ema={})
    assert (bare.ema.half_life_images, bare.ema.ramp_up) == (500_000, 0.05)


def test_initial_weights_are_of_the_seed_and_leave_the_generator_alone(tmp_path):
    torch.manual_seed(3)
    before = torch.get_rng_state()
    first, same, other = (
        trainer(tmp_path, training__seed=seed).parts.denoiser().state_dict() for seed in (0, 0, 1)
    )
    assert torch.equal(torch.get_rng_state(), before)
    assert all(torch.equal(first[name], same[name]) for name in first)
    assert not all(torch.equal(first[name], other[name]) for name in first)


def test_dropout_is_of_the_seed_the_step_and_the_process(tmp_path):
    seeds = {
        trainer(tmp_path, training__seed=seed)._mixed(images)
        for seed in (0, 1, 2)
        for images in (0, 16, 10_000_000)
    }
    assert len(seeds) == 9
    made = trainer(tmp_path)

    class Second:
        process_index = 1

    first = made._mixed(16)
    made.accelerator = Second()
    assert made._mixed(16) != first


def test_the_average_is_evaluated_and_the_network_trained(tmp_path):
    made = trainer(tmp_path)
    assert not made.average.training and not made.average.model.training
    assert made._denoiser.training


@pytest.mark.parametrize("flips", [True, False])
def test_flips_are_declared(tmp_path, flips):
    made = trainer(tmp_path, augmentation={"probability": 1.0, "flips": flips})
    drawn = torch.rand(64, 14, dtype=torch.float64)
    flipped = made.parts.augmentation.parameters(drawn).labels()[:, 0]
    assert bool((flipped != 0).any()) is flips


def test_what_follows_from_the_data(tmp_path):
    made = trainer(tmp_path, images(10, classes=2), augmentation=None)
    assert made.parts.arguments["img_resolution"] == 8
    assert made.parts.arguments["img_channels"] == 1
    assert made.parts.arguments["label_dim"] == 2
    assert "augment_dim" not in made.parts.arguments


def test_seconds_add_up(tmp_path, monkeypatch):
    clock = iter(range(0, 1000, 2))
    monkeypatch.setattr(
        "sampler_bench.models.training.trainer.time.perf_counter", lambda: next(clock)
    )
    made = trainer(tmp_path)
    for _ in range(3):
        made.step()
    assert made.progress.seconds == 6


def test_images_are_drawn_without_order(tmp_path):
    """Each image with its own class, by the positions drawn for it."""
    data = images(40, classes=40)
    data.images[:] = torch.arange(40, dtype=torch.uint8)[:, None, None, None]
    made = trainer(tmp_path, data, augmentation=None)
    seen = []
    made._model = lambda x, sigma, **given: seen.append((x, sigma, given["labels"])) or x
    made.losses(8, 16)
    x, sigma, labels = seen[0]
    assert torch.equal(labels, torch.from_numpy(positions(0, 8, 16, 40)))
    drawn = draw(0, 8, 16, data.shape)
    clean = x - sigma[:, None, None, None] * drawn.noise
    assert torch.allclose(clean.mean((1, 2, 3)), labels / 127.5 - 1, atol=1e-4)


def test_a_uniform_of_zero_is_a_noise_level(tmp_path, monkeypatch):
    class Zeros:
        def random(self, out):
            out[:] = 0

        def standard_normal(self, dtype, out):
            out[:] = 0

    monkeypatch.setattr(
        "sampler_bench.models.training.draws._generator", lambda seed, number: Zeros()
    )
    sigma = trainer(tmp_path).parts.noise.quantile(draw(0, 0, 2, (1, 8, 8)).sigma)
    assert (sigma > 0).all() and sigma.isfinite().all()

"""The training loop: what it computes, and that nothing but the configuration decides it."""

import copy
from types import SimpleNamespace

import pytest
import torch

from sampler_bench.models.training.draws import draw, positions
from sampler_bench.models.training.schedule import learning_rate
from sampler_bench.models.training.trainer import DivergedError
from tests.models.training.runs import images, losses, same, train, trainer, weights


def alike(one, other, tolerance=1e-12):
    """Compare logged lines; a sum that was saved half-way is rounded once more."""
    for a, b in zip(one, other, strict=True):
        assert a == pytest.approx(b, rel=tolerance)


def test_draws_are_functions_of_seed_and_number():
    whole = draw(3, 100, 8, (1, 4, 4))
    parts = [draw(3, 100 + k, 2, (1, 4, 4)) for k in range(0, 8, 2)]
    for name in ("sigma", "augmentation", "noise"):
        assert torch.equal(getattr(whole, name), torch.cat([getattr(part, name) for part in parts]))
    assert not torch.equal(draw(4, 100, 8, (1, 4, 4)).noise, whole.noise)


def test_draws_have_their_distributions():
    n = 4000
    drawn = draw(0, 0, n, (4, 4))
    for u in (drawn.sigma[:, None], drawn.augmentation):
        assert u.shape[1] in {1, 14}
        assert (u.mean(0) - 0.5).abs().max() < 5 * (1 / 12 / n) ** 0.5
    assert abs(drawn.noise.mean()) < 5 * (1 / (16 * n)) ** 0.5
    assert abs(drawn.noise.var() - 1) < 5 * (2 / (16 * n)) ** 0.5
    together = torch.cat([drawn.sigma[:, None], drawn.augmentation, drawn.noise.flatten(1)], 1)
    correlations = torch.corrcoef(together.T) - torch.eye(31)
    assert correlations.abs().max() < 6 / n**0.5


def test_each_epoch_has_every_image_once_in_an_order_of_its_own():
    epochs = [positions(0, 7 * k, 7, 7).tolist() for k in range(4)]
    assert all(sorted(epoch) == list(range(7)) for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) > 1
    across = positions(0, 5, 4, 7).tolist()
    assert across == epochs[0][5:] + epochs[1][:2]
    assert positions(1, 0, 7, 7).tolist() != epochs[0]


def test_a_step_is_adam_on_the_declared_loss(tmp_path):
    """Against the formulas written out: sum over an image's values, mean over images."""
    made = trainer(tmp_path, network__dropout=0.0, augmentation=None, optimizer__ramp_images=0)
    before = copy.deepcopy(made.accelerator.unwrap_model(made._model))
    data, seed = made.data, 0
    drawn = draw(seed, 0, 16, data.shape)
    y = data.images[positions(seed, 0, 16, len(data))].float() / 127.5 - 1
    sigma = (-1.2 + 1.2 * torch.special.ndtri(drawn.sigma)).exp().float()
    weight = (sigma**2 + 0.25) / (sigma * 0.5) ** 2
    noisy = y + sigma[:, None, None, None] * drawn.noise
    error = (before(noisy, sigma) - y).square().flatten(1).sum(1)
    (weight * error).mean().backward()
    made.step()
    after = dict(made.accelerator.unwrap_model(made._model).named_parameters())
    for name, old in before.named_parameters():
        if old.grad is None:
            continue
        g = old.grad.double()
        expected = old.double() - 1e-2 * g / (g.abs() + 1e-8)  # Adam's first step
        torch.testing.assert_close(after[name].double(), expected, rtol=0, atol=2e-5, msg=name)


def test_the_first_average_is_the_first_weights(tmp_path):
    made = trainer(tmp_path)
    made.step()
    found = weights(made)
    for name, value in found.items():
        if not name.startswith("average."):
            assert torch.equal(found[f"average.{name}"], value)


def test_the_log_has_the_ramp_and_the_mean_loss(tmp_path):
    made = trainer(tmp_path)
    total = []
    original = made._note
    made._note = lambda loss, first: (total.append(loss.mean().item()), original(loss, first))
    train(made)
    lines = made.log.lines()
    assert [line["images"] for line in lines] == [64, 128, 192, 256, 320]
    for k, line in enumerate(lines):
        assert line["loss"] == pytest.approx(sum(total[4 * k : 4 * k + 4]) / 4, rel=1e-6)
        assert line["lr"] == learning_rate(1e-2, line["images"] - 16, 64)
    seconds = [line["seconds"] for line in lines]
    assert seconds == sorted(seconds) and seconds[0] > 0


def test_the_log_has_the_cooldown(tmp_path):
    made = trainer(tmp_path, optimizer__ramp_images=0, optimizer__cooldown_images=160)
    train(made)
    assert [line["lr"] for line in made.log.lines()] == pytest.approx(
        [1e-2, 1e-2, (320 - 176) / 160 * 1e-2, (320 - 240) / 160 * 1e-2, 16 / 160 * 1e-2]
    )


@pytest.mark.parametrize("classes", [0, 3])
@pytest.mark.parametrize("stops", [[96], [64, 208]])
def test_a_resumed_run_is_the_uninterrupted_one(tmp_path, stops, classes):
    data = images(classes=classes)
    whole = train(trainer(tmp_path / "whole", data))
    for until in [*stops, 320]:
        part = train(trainer(tmp_path / "parts", data), until)
    same(whole, part)
    alike(losses(whole), losses(part))


def test_a_resumed_run_with_accumulation_is_the_uninterrupted_one(tmp_path):
    """With dropout in every pass."""
    given = {"training__accumulate": 4, "network__dropout": 0.5}
    whole = train(trainer(tmp_path / "whole", **given), 128)
    for until in (48, 128):
        part = train(trainer(tmp_path / "parts", **given), until)
    same(whole, part)
    alike(losses(whole), losses(part))


def test_an_older_state_goes_on_with_a_newer_log(tmp_path):
    """Killed after lines were logged that no saved state knows of."""
    whole = train(trainer(tmp_path / "whole"))
    killed = trainer(tmp_path / "killed")
    train(killed, 96)
    while killed.progress.images < 256:
        killed.step()
        if killed.progress.images % 64 == 0:
            killed._write_line()
    with killed.log.path.open("a") as file:
        file.write('{"images": 999, "lo')  # and in the middle of a line
    again = train(trainer(tmp_path / "killed"))
    same(whole, again)
    alike(losses(whole), losses(again))


def test_asked_to_stop_it_saves_where_it_is(tmp_path):
    made = trainer(tmp_path / "parts")
    train(made, stop=lambda: made.progress.images >= 112)
    assert made.progress.images == 112
    again = train(trainer(tmp_path / "parts"))
    same(train(trainer(tmp_path / "whole")), again)


def test_accumulation_changes_nothing_but_memory(tmp_path):
    one = train(trainer(tmp_path / "one", network__dropout=0.0, optimizer__clip_norm=0.5), 64)
    parts = train(
        trainer(
            tmp_path / "parts",
            network__dropout=0.0,
            optimizer__clip_norm=0.5,
            training__accumulate=4,
        ),
        64,
    )
    # Adam divides by gradients' sizes: where they are nearly 0, rounding is all there is.
    same(one, parts, tolerance=2e-4)
    alike(losses(one), losses(parts), 1e-5)


@pytest.mark.parametrize("accumulate", [1, 2])
def test_gradients_are_clipped_where_the_configuration_says_so(tmp_path, accumulate):
    norms = {}
    for clip in (0.0, 0.25):
        made = trainer(
            tmp_path / str(clip), optimizer__clip_norm=clip, training__accumulate=accumulate
        )
        seen = norms.setdefault(clip, [])
        made._adam.optimizer.register_step_pre_hook(
            lambda adam, *_, seen=seen: seen.append(
                torch.nn.utils.get_total_norm(
                    [
                        p.grad
                        for group in adam.param_groups
                        for p in group["params"]
                        if p.grad is not None
                    ]
                ).item()
            )
        )
        for _ in range(5):
            made.step()
    assert len(norms[0.0]) == 5
    assert min(norms[0.0]) > 0.3
    assert all(norm == pytest.approx(0.25, rel=1e-3) for norm in norms[0.25])


def test_bfloat16_is_near_float32(tmp_path):
    full = train(trainer(tmp_path / "full", network__dropout=0.0))
    half = train(trainer(tmp_path / "half", network__dropout=0.0, training__precision="bfloat16"))
    assert weights(half)["average.enc.8x8_conv.weight"].dtype == torch.float32
    a, b = losses(full)[-1][1], losses(half)[-1][1]
    assert a != b
    assert a == pytest.approx(b, rel=0.05)


def test_labels_reach_the_network(tmp_path):
    """A network that is told the class learns what only the class decides."""
    data = images(60, classes=2)
    for k in range(2):
        data.images[data.labels == k] = 60 + 120 * k
    made = trainer(tmp_path, data, training__images=1600, network__dropout=0.0, augmentation=None)
    train(made, 1600)
    x, sigma = torch.zeros(2, 1, 8, 8), torch.full((2,), 20.0)
    dark, light = made.average(x, sigma, torch.tensor([0, 1])).mean((1, 2, 3)).tolist()
    assert dark == pytest.approx(60 / 127.5 - 1, abs=0.15)
    assert light == pytest.approx(180 / 127.5 - 1, abs=0.15)


def test_augmentation_changes_images_and_is_told(tmp_path):
    seen = []
    made = trainer(tmp_path, augmentation={"probability": 1.0})
    model = made._model
    made._model = lambda x, sigma, **given: seen.append(given) or model(x, sigma, **given)
    made.losses(0, 4)
    labels = seen[0]["augment_labels"]
    assert labels.shape == (4, 9)
    assert labels.abs().sum() > 0
    assert torch.equal(
        labels, made.parts.augmentation.parameters(draw(0, 0, 4, (1, 8, 8)).augmentation).labels()
    )


def test_without_augmentation_nothing_is_told(tmp_path):
    seen = []
    for changes in ({"augmentation": None}, {"augmentation": {"probability": 0.0}}):
        made = trainer(tmp_path, **changes)
        model = made._model
        made._model = lambda x, sigma, m=model, **given: seen.append(given) or m(x, sigma, **given)
        made.losses(0, 4)
    assert all(given.get("augment_labels") is None for given in seen)


@pytest.mark.parametrize("at", [0, 96])
def test_a_loss_that_is_not_finite_stops_and_keeps_the_last_good_state(tmp_path, at):
    made = trainer(tmp_path)
    if at:
        train(made, at)
        good = weights(made)
    model = made._model
    made._model = lambda x, sigma, **given: model(x, sigma, **given) / (sigma.min() > 1e9)
    with pytest.raises(
        DivergedError, match=rf"not finite at image {at:,} \(step {at // 16}, σ from"
    ):
        made.run(320, lambda: False, lambda trainer: None)
    if not at:
        assert made.states.newest() is None
        return
    again = trainer(tmp_path)
    again.resume()
    assert again.progress.images == 96
    assert all(torch.equal(value, good[name]) for name, value in weights(again).items())


def test_weights_that_are_not_finite_are_not_saved(tmp_path):
    made = trainer(tmp_path)
    train(made, 96)
    next(iter(made.average.model.parameters())).data[0] = torch.nan
    with pytest.raises(DivergedError, match="weights are not finite"):
        made.save()
    assert made.states.newest().name == "000000000096"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"training__seed": 1}, r"configuration\.training\.seed was 0 and is 1 now"),
        ({"network__model_channels": 16}, r"configuration\.network\.model_channels was 8"),
        ({"augmentation": None}, r"configuration\.augmentation"),
    ],
)
def test_another_run_s_state_is_refused(tmp_path, changes, message):
    train(trainer(tmp_path), 32)
    with pytest.raises(ValueError, match=message):
        trainer(tmp_path, **changes).resume()


def test_other_data_are_refused(tmp_path):
    train(trainer(tmp_path), 32)
    with pytest.raises(ValueError, match="data was"):
        trainer(tmp_path, images(51)).resume()


def test_more_images_are_no_other_run(tmp_path):
    train(trainer(tmp_path), 32)
    assert trainer(tmp_path, training__images=640, training__log_images=32).resume()


def test_a_batch_that_cannot_be_divided_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"batch = 16 cannot be divided .* accumulate = 3"):
        trainer(tmp_path, training__accumulate=3)


def test_a_full_disk_leaves_the_older_state(tmp_path, monkeypatch):
    made = trainer(tmp_path)
    train(made, 96)

    def full(tensors, path):
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    made.step()
    monkeypatch.setattr("sampler_bench.models.training.states.save_file", full)
    with pytest.raises(OSError, match="No space left"):
        made.save()
    assert [path.name for path in made.states.folder.iterdir()] == ["000000000096"]
    assert trainer(tmp_path).resume()


def test_a_folder_that_is_no_state_is_refused(tmp_path):
    (tmp_path / "state" / "000000000016").mkdir(parents=True)
    with pytest.raises(ValueError, match="16: damaged: no state of a training run: SHA256SUMS"):
        trainer(tmp_path).resume()


def test_losses_match_the_formula_for_each_image(tmp_path):
    """The same images in other passes: nothing about an image depends on its neighbours."""
    made = trainer(tmp_path, network__dropout=0.0)
    together = made.losses(0, 8)
    alone = torch.cat([made.losses(k, 1) for k in range(8)])
    torch.testing.assert_close(together, alone, rtol=1e-4, atol=1e-5)


def as_one_of(made, processes, index, others=0.0):
    """Let a trainer think that it is one of several processes; what the others' sums are."""
    made.accelerator = SimpleNamespace(
        num_processes=processes,
        process_index=index,
        device=made.accelerator.device,
        reduce=lambda value, how: value + others,
    )
    return made


def test_what_one_process_asks_for_all_do(tmp_path):
    made = as_one_of(trainer(tmp_path), 2, 0, others=1.0)
    assert made.any_of(False) is True
    made.accelerator.reduce = lambda value, how: value
    assert [made.any_of(asked) for asked in (False, True)] == [False, True]


def test_processes_draw_dropout_of_their_own(tmp_path):
    made = trainer(tmp_path)
    seeds = [as_one_of(made, 64, index)._mixed(images) for images in (0, 16) for index in range(64)]
    assert len(set(seeds)) == 128

"""OpenAI's checkpoints: golden outputs, full-size names, bad files."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sampler_bench.models.checkpoints import guided as reader
from sampler_bench.models.checkpoints.checkpoint import CheckpointError
from sampler_bench.models.checkpoints.reading import read
from sampler_bench.models.network import assemble
from tests.models.checkpoints.original_keys import guided, song
from tests.models.checkpoints.originals import (
    TOLERANCE,
    damaged,
    deviation,
    guided_content,
    meta_guided,
    meta_score_sde,
    parameters,
    refusal,
    shapes_of,
)

COND, LEGACY = "guided-adm-cond", "guided-adm-uncond-legacy"
COMMON = {"image_size": 16, "schedule": "cosine", "steps": 1000}
OPTIONS = {
    COND: {**COMMON, "num_head_channels": 64, "new_attention_order": True},
    LEGACY: {**COMMON, "num_heads": 2, "new_attention_order": False},
}
each = pytest.mark.parametrize("case", [COND, LEGACY])


@pytest.fixture(scope="module")
def contents():
    return {case: guided_content(case) for case in OPTIONS}


@pytest.fixture
def content(contents):
    """Return a case's content, to be changed at will."""
    return lambda case=LEGACY: {name: tensor.clone() for name, tensor in contents[case].items()}


def convert(loaded, case=LEGACY, **options):
    chosen = {k: v for k, v in {**OPTIONS[case], **options}.items() if v is not None}
    return reader.convert(loaded, chosen, "FILE")


def refused(loaded, case=LEGACY, **options):
    return refusal(lambda: convert(loaded, case, **options))


# ---- outputs -----------------------------------------------


@each
def test_a_file_gives_the_golden_outputs(tmp_path, content, case):
    path = tmp_path / "64x64_diffusion.pt"
    torch.save(content(case), path)
    assert deviation(case, read(path, OPTIONS[case])) < TOLERANCE


@each
def test_half_precision_becomes_float32(tmp_path, content, case):
    half = {name: tensor.half() for name, tensor in content(case).items()}
    path = tmp_path / "half.pt"
    torch.save(half, path)
    tensors = read(path, OPTIONS[case]).tensors
    assert {tensor.dtype for tensor in tensors.values()} == {torch.float32}
    assert torch.equal(tensors["out_conv.weight"], half["out.2.weight"].float())


def test_the_learned_variance_is_dropped(content):
    checkpoint = convert(content())
    assert checkpoint.arguments["out_channels"] == 6
    out = assemble(checkpoint)(torch.zeros(1, 3, 16, 16), torch.tensor(1.0))
    assert out.shape == (1, 3, 16, 16)


# ---- the order of rows in attention -----------------------------------------------


def new_order_of(rows, heads):
    """Return legacy rows (head, {q, k, v}, channel) in the new order, one row at a time."""
    width = len(rows) // 3
    each = width // heads
    return torch.stack(
        [
            rows[head * 3 * each + part * each + channel]
            for part in range(3)
            for head in range(heads)
            for channel in range(each)
        ]
    )


def test_both_orders_of_rows_give_the_same_network(content):
    loaded = content()
    for name in [name for name in loaded if ".qkv." in name]:
        loaded[name] = new_order_of(loaded[name], heads=2)
    same = convert(content()).tensors
    tensors = convert(loaded, new_attention_order="true").tensors
    assert all(torch.equal(tensors[name], same[name]) for name in same)


@pytest.mark.parametrize("options", [{"new_attention_order": True}, {"num_heads": 1}])
def test_the_wrong_order_or_number_of_heads_is_seen(content, options):
    assert deviation(LEGACY, convert(content(), **options)) > 100 * TOLERANCE


@each
@pytest.mark.parametrize("schedule", [{"schedule": "linear"}, {"steps": 4000}])
def test_the_wrong_schedule_is_seen(content, case, schedule):
    schedule = {**schedule, "rescale_timesteps": False}
    assert deviation(case, convert(content(case), case, **schedule)) > 100 * TOLERANCE


def test_heads_by_number_or_by_channels(content):
    by_number = convert(content())
    by_channels = convert(content(), num_heads=None, num_head_channels=32)
    assert by_number.arguments["num_heads"] == 2
    assert by_channels.arguments["channels_per_head"] == 32
    assert "num_heads" not in by_channels.arguments
    assert deviation(LEGACY, by_channels) < TOLERANCE  # 64 channels wherever there is attention


def test_labels_in_another_order_are_seen(content):
    loaded = content(COND)
    loaded["label_emb.weight"] = loaded["label_emb.weight"].flip(0)
    assert deviation(COND, convert(loaded, COND)) > 100 * TOLERANCE


@pytest.mark.parametrize("case, halves", [(COND, "affine"), (LEGACY, "affine"), (COND, "time")])
def test_swapped_halves_are_seen(content, case, halves):
    loaded = content(case)
    if halves == "affine":  # scale and shift
        name = "middle_block.0.emb_layers.1.weight"
        loaded[name] = torch.cat(loaded[name].chunk(2)[::-1])
    else:  # cosines and sines
        name = "time_embed.0.weight"
        loaded[name] = torch.cat(loaded[name].chunk(2, dim=1)[::-1], dim=1)
    assert deviation(case, convert(loaded, case)) > 100 * TOLERANCE


# ---- what is recognised -----------------------------------------------


def test_the_architecture_is_recognised(content):
    arguments = convert(content(COND), COND).arguments
    assert arguments["model_channels"] == 64
    assert arguments["channel_mult"] == [1, 1]
    assert arguments["num_blocks"] == 1
    assert arguments["attn_resolutions"] == [8]
    assert arguments["label_dim"] == 5
    assert arguments["resample"] == "block"
    assert arguments["channel_mult_emb"] == 4
    legacy = convert(content()).arguments
    assert (legacy["resample"], legacy["label_dim"]) == ("conv", 0)
    assert legacy["channel_mult"] == [1, 2]


@each
def test_generated_key_lists_are_the_golden_ones(case):
    if case == COND:
        made = guided(64, (1, 1), 1, [1], classes=5)
    else:
        made = guided(32, (1, 2), 1, [1], classes=0, updown=False)
    assert made == shapes_of(case)
    assert list(made) == list(shapes_of(case))


ADM = guided()
ADM_128 = guided(256, (1, 1, 2, 3, 4), 2, (2, 3, 4))
ADM_256 = guided(256, (1, 1, 2, 2, 4, 4), 2, (3, 4, 5))
ADM_256_UNCOND = guided(256, (1, 1, 2, 2, 4, 4), 2, (3, 4, 5), classes=0)
CIFAR = guided(128, (1, 2, 2, 2), 3, (1, 2), classes=0, updown=False)
IDDPM_64 = guided(128, (1, 2, 3, 4), 3, (2, 3), classes=0, updown=False)
IDDPM_64_COND = guided(192, (1, 2, 3, 4), 3, (2, 3), updown=False)


def test_the_released_adm_needs_no_options():
    checkpoint = reader.convert(meta_guided(ADM), {}, "FILE")
    assert len(ADM) == 541
    assert parameters(checkpoint) == 295_904_454
    assert checkpoint.arguments["attn_resolutions"] == [32, 16, 8]
    assert checkpoint.arguments["channels_per_head"] == 64
    assert "norm_groups" not in checkpoint.arguments  # EDM's own wherever widths allow
    expected = {"schedule": "cosine", "C_1": 0.001, "C_2": 0.008, "M": 1000, "rescale": False}
    assert checkpoint.constants == expected
    assert "ADM for ImageNet 64×64" in checkpoint.notes["settings"]


@pytest.mark.parametrize(
    "shapes, size, heads",
    [
        (ADM_128, 128, {"num_heads": 4}),
        (ADM_256, 256, {"channels_per_head": 64}),
        (ADM_256_UNCOND, 256, {"channels_per_head": 64}),
    ],
)
def test_other_released_adms_need_no_options(shapes, size, heads):
    checkpoint = reader.convert(meta_guided(shapes), {}, "FILE")
    assert checkpoint.arguments["img_resolution"] == size
    assert checkpoint.arguments["attn_resolutions"] == [32, 16, 8]
    assert heads.items() <= checkpoint.arguments.items()
    assert checkpoint.constants["schedule"] == "linear"
    numbers = sum(torch.Size(shape).numel() for shape in shapes.values())
    assert parameters(checkpoint) == numbers


def test_options_win_over_what_is_known_of_a_released_model():
    options = {"schedule": "linear", "num_heads": 3, "new_attention_order": False}
    checkpoint = reader.convert(meta_guided(ADM), options, "FILE")
    assert checkpoint.constants["schedule"] == "linear"
    assert checkpoint.arguments["num_heads"] == 3
    assert "channels_per_head" not in checkpoint.arguments
    options["num_heads"] = 5
    message = refusal(lambda: reader.convert(meta_guided(ADM), options, "FILE"))
    assert "no multiple of num_heads = 5" in message


@pytest.mark.parametrize(
    "shapes, name, size, rescale, millions",
    [
        (CIFAR, "iDDPM for CIFAR-10", 32, True, 50),
        (IDDPM_64, "iDDPM for ImageNet 64×64", 64, True, 100),
        (IDDPM_64_COND, "iDDPM for ImageNet 64×64 with classes", 64, False, 270),
    ],
)
def test_iddpms_settings_are_suggested_not_assumed(shapes, name, size, rescale, millions):
    loaded = meta_guided(shapes)
    message = refusal(lambda: reader.convert(loaded, {}, "FILE"))
    assert f"for the released {name}, which has these shapes: image_size={size} " in message
    assert f"rescale_timesteps={str(rescale).lower()}" in message
    suggestion = message.split("these shapes: ")[1]
    options = dict(item.split("=") for item in suggestion.split())
    checkpoint = reader.convert(loaded, options, "FILE")
    assert checkpoint.constants["M"] == 4000
    assert checkpoint.constants["rescale"] is rescale
    assert checkpoint.arguments["num_heads"] == 4
    assert parameters(checkpoint) == pytest.approx(millions * 1e6, rel=0.25)


def test_a_consistency_models_shapes_are_not_the_released_adms():
    message = refusal(lambda: reader.convert(meta_guided(guided(out=3)), {}, "FILE"))
    assert "options are needed" in message
    assert "released ADM" not in message


def test_everything_that_is_needed_is_asked_for_at_once():
    loaded = meta_guided(guided(64, (1, 2), 2, (1,)))
    message = refusal(lambda: reader.convert(loaded, {}, "FILE"))
    for name in ("image_size", "num_heads", "new_attention_order", "schedule", "steps"):
        assert f"{name} (usual: " in message
    assert "rescale_timesteps" in message
    message = refusal(lambda: reader.convert(loaded, {**COMMON, "num_head_channels": 64}, "FILE"))
    assert "new_attention_order" in message
    for name in ("image_size", "num_heads", "schedule", "steps", "rescale_timesteps"):
        assert f"{name} (usual: " not in message


def test_timesteps_of_4000_steps(content):
    message = refused(content(), steps=4000)
    assert "rescale_timesteps" in message
    for rescale in (True, False):
        constants = convert(content(), steps=4000, rescale_timesteps=rescale).constants
        assert (constants["M"], constants["rescale"]) == (4000, rescale)


def test_a_network_of_one_level():
    shapes = guided(32, (1,), 2, (), classes=0)
    checkpoint = convert(meta_guided(shapes), COND, num_head_channels=32)
    assert checkpoint.arguments["num_blocks"] == 2
    assert parameters(checkpoint) > 0


def test_recognition():
    assert reader.recognises(meta_guided(ADM))
    for other in (None, [], torch.zeros(2), {}, {"time_embed.0.weight": 1}):
        assert not reader.recognises(other)
    assert not reader.recognises(meta_score_sde(song()))
    assert "no guided-diffusion state dict" in refused({})


# ---- bad files -----------------------------------------------


def _set(**changes):
    def damage(loaded):
        for name, change in changes.items():
            key = name.replace("__", ".")
            loaded[key] = change(loaded.get(key))

    return damage


def _drop(text):
    def damage(loaded):
        for name in [name for name in loaded if text in name]:
            del loaded[name]

    return damage


QKV = "middle_block__1__qkv__"
BAD = {
    "classifier": (_drop("output_blocks"), "a classifier"),
    "super-resolution": (
        _set(input_blocks__0__0__weight=lambda t: torch.cat([t, t], dim=1)),
        "super-resolution",
    ),
    "odd outputs": (_set(out__2__weight=lambda t: t[:5]), "3 channels in and 5 out"),
    "extra": (_set(extra=lambda _: torch.zeros(2)), "extra belongs to no network known here (1 "),
    "missing": (_drop("middle_block.2.out_layers.3.bias"), "out_layers.3.bias is missing"),
    "missing attention": (_drop("middle_block.1."), "middle_block.1.norm.weight is missing"),
    "no tensor": (_set(time_embed__0__bias=lambda _: "x"), "time_embed.0.bias is not a tensor"),
    "whole numbers": (_set(time_embed__0__bias=lambda t: t.long()), "is not a tensor of floating"),
    "no text": (lambda c: c.update({7: torch.zeros(1)}), "a tensor's name is 7"),
    "no scale and shift": (
        _set(output_blocks__0__0__emb_layers__1__weight=lambda t: t[:64]),
        "without use_scale_shift_norm",
    ),
    "flat embedding": (_set(time_embed__0__weight=lambda t: t.flatten()), "2 dimensions"),
    "odd embedding": (_set(time_embed__0__weight=lambda t: t[:100]), "width 100 for 32 channels"),
    "few rows": (_set(**{f"{QKV}weight": lambda t: t[:64]}), "not the shape [192, 64, 1]"),
    "flat rows": (_set(**{f"{QKV}weight": lambda t: t[..., 0]}), "3 dimensions"),
    "short bias": (_set(**{f"{QKV}bias": lambda t: t[:64]}), "not the shape [192]"),
    "flat class table": (_set(label_emb__weight=lambda _: torch.zeros(5)), "2 dimensions"),
    "pooling": (lambda c: (_drop(".op.")(c), _drop("_blocks.1.2.conv")(c)), "without weights"),
    "odd multiplier": (
        lambda c: [
            c.update({k: v[: len(v) * 3 // 4]})
            for k, v in c.items()
            if k.startswith(("output_blocks.0.0.out_layers.0", "output_blocks.1.0.out_layers.0"))
            or k.startswith(("output_blocks.0.0.emb", "output_blocks.1.0.emb"))
        ],
        "whole multiples",
    ),
    "a level short": (
        lambda c: (_drop("output_blocks.3.")(c), None),
        "the levels have not equally many blocks",
    ),
    "a second resampler": (
        _set(**{"output_blocks__2__1__conv__weight": lambda _: torch.zeros(32, 32, 3, 3)}),
        "the levels have not equally many blocks",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_files_are_refused_in_one_line(content, name):
    loaded = content()
    damage, expected = BAD[name]
    damage(loaded)
    assert expected in refused(loaded)


def test_another_shape_is_refused_when_assembled(content):
    loaded = content()
    loaded["out.0.weight"] = loaded["out.0.weight"][:8]
    with pytest.raises(ValueError, match=r"out_norm.weight.*\[8\]"):
        assemble(convert(loaded))


@pytest.mark.parametrize(
    "options, words",
    [
        ({"image_sise": 32}, "unknown option 'image_sise'; did you mean 'image_size'?"),
        ({"sigma_min": 1}, "unknown option 'sigma_min'"),
        ({"image_size": 15}, "image_size = 15 cannot be halved 1 times"),
        ({"schedule": "quadratic"}, "option unknown schedule 'quadratic' (known: cosine, linear)"),
        ({"schedule": ["cosine"]}, "unknown schedule ['cosine']"),
        (
            {"steps": "many"},
            "it must be a whole number from 1 to 100,000",
        ),
        ({"num_heads": 3}, "64 channels, no multiple of num_heads = 3"),
        ({"num_heads": None, "num_head_channels": 48}, "no multiple of num_head_channels = 48"),
        ({"num_head_channels": 64}, "num_heads and num_head_channels exclude each other"),
        ({"new_attention_order": 2}, "must be true or false"),
        ({"rescale_timesteps": "often"}, "must be true or false"),
    ],
)
def test_bad_options(content, options, words):
    assert words in refused(content(), **options)


@settings(max_examples=300)
@given(data=st.data())
def test_damaged_names_and_shapes_are_refused_or_load(data):
    """Whatever is missing, renamed or misshapen: one line, or a network that loads."""
    case = data.draw(st.sampled_from(sorted(OPTIONS)))
    loaded = damaged(meta_guided(shapes_of(case)), data)
    try:
        assemble(convert(loaded, case), device="meta")
    except CheckpointError as error:
        assert "\n" not in str(error)

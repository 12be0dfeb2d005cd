"""score_sde_pytorch's checkpoints: golden outputs, full-size names, bad files."""

import copy

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sampler_bench.models.checkpoints import score_sde
from sampler_bench.models.checkpoints.checkpoint import CheckpointError
from sampler_bench.models.checkpoints.reading import read
from sampler_bench.models.network import assemble
from tests.models.checkpoints.original_keys import guided, song
from tests.models.checkpoints.originals import (
    CASES,
    TOLERANCE,
    damaged,
    deviation,
    meta_guided,
    meta_score_sde,
    parameters,
    refusal,
    score_sde_content,
    shapes_of,
)

VP, VE = "score_sde-vp-ddpmpp", "score_sde-ve-ncsnpp"
SIZE = {"image_size": 16}
FOURIER = "module.all_modules.0.W"
each = pytest.mark.parametrize("case", [VP, VE])


@pytest.fixture(scope="module")
def contents():
    return {case: score_sde_content(case) for case in (VP, VE)}


@pytest.fixture
def content(contents):
    """Return a case's content, to be changed at will."""

    def fresh(case=VP):
        return {**contents[case], **copy.deepcopy({k: contents[case][k] for k in ("model", "ema")})}

    return fresh


def convert(loaded, **options):
    return score_sde.convert(loaded, {**SIZE, **options}, "FILE")


def refused(loaded, **options):
    return refusal(lambda: convert(loaded, **options))


def shadow_index(case, name):
    return CASES[case]["shadow_params"].index(f"module.all_modules.{name}")


# ---- outputs -----------------------------------------------


@each
def test_a_file_gives_the_golden_outputs(tmp_path, content, case):
    path = tmp_path / "checkpoint_8.pth"
    torch.save(content(case), path)
    checkpoint = read(path, SIZE)
    assert deviation(case, checkpoint) < TOLERANCE
    assert checkpoint.notes["weights"] == "EMA, decay 0.9999"
    assert checkpoint.notes["step"] == "11"
    assert "image_size" not in checkpoint.notes  # it was given


@each
def test_the_raw_weights_are_another_network(content, case):
    checkpoint = convert(content(case), ema=False)
    assert deviation(case, checkpoint) > 0.1
    assert "raw" in checkpoint.notes["weights"]


@each
@pytest.mark.parametrize("key", ["image-size", "image_size"])
def test_options_come_with_hyphens_and_as_text(content, case, key):
    checkpoint = score_sde.convert(content(case), {key: "16", "ema": "true"}, "FILE")
    assert checkpoint.arguments["img_resolution"] == 16


@each
def test_names_without_the_prefix_of_dataparallel(content, case):
    loaded = content(case)
    loaded["model"] = {k.removeprefix("module."): v for k, v in loaded["model"].items()}
    same = convert(content(case)).tensors
    assert all(torch.equal(v, same[k]) for k, v in convert(loaded).tensors.items())


def test_the_loaded_content_stays_as_it_was(content):
    loaded = content(VE)
    before = {name: value.clone() for name, value in loaded["model"].items()}
    convert(loaded)
    assert before.keys() == loaded["model"].keys()
    assert all(torch.equal(value, loaded["model"][name]) for name, value in before.items())


# ---- negative controls: the comparison sees what a wrong loader would do -------------------


@each
def test_a_shuffled_ema_list_is_seen(content, case):
    loaded = content(case)
    shadow = loaded["ema"]["shadow_params"]
    first = 3 + (case == VE)  # the first two blocks' Conv_1 are alike in shape
    i, j = (shadow_index(case, f"{first + k}.Conv_1.weight") for k in (0, 1))
    shadow[i], shadow[j] = shadow[j], shadow[i]
    assert deviation(case, convert(loaded)) > 100 * TOLERANCE


@each
@pytest.mark.parametrize("parts", [(0, 1), (1, 2), (0, 2), (2, 3)])
def test_swapped_projections_are_seen(content, case, parts):
    loaded = content(case)
    shadow, first = loaded["ema"]["shadow_params"], 6 + 2 * (case == VE)
    for leaf in "Wb":
        i, j = (shadow_index(case, f"{first}.NIN_{part}.{leaf}") for part in parts)
        shadow[i], shadow[j] = shadow[j], shadow[i]
    # Exchanging q and k transposes the attention matrix: here it is nearly symmetric, hence small.
    assert deviation(case, convert(loaded)) > 10 * TOLERANCE


@each
def test_transposed_projections_are_seen(content, case):
    loaded = content(case)
    shadow, first = loaded["ema"]["shadow_params"], 6 + 2 * (case == VE)
    i = shadow_index(case, f"{first}.NIN_3.W")
    shadow[i] = shadow[i].T
    assert deviation(case, convert(loaded)) > 100 * TOLERANCE


@each
def test_sines_and_cosines_in_the_other_order_are_seen(content, case):
    loaded = content(case)
    shadow = loaded["ema"]["shadow_params"]
    shadow[0] = torch.cat(shadow[0].chunk(2, dim=1)[::-1], dim=1)
    assert deviation(case, convert(loaded)) > 100 * TOLERANCE


# ---- what is recognised -----------------------------------------------


@each
def test_the_architecture_is_recognised(content, case):
    config = CASES[case]["config"]
    arguments = convert(content(case)).arguments
    assert arguments["model_channels"] == config["nf"]
    assert arguments["channel_mult"] == config["ch_mult"]
    assert arguments["num_blocks"] == config["num_res_blocks"]
    assert arguments["attn_resolutions"] == config["attn_resolutions"]
    assert arguments["embedding_type"] == config["embedding_type"]
    assert arguments["resample_filter"] == ([1, 3, 3, 1] if config["fir"] else [1, 1])
    assert arguments["channel_mult_emb"] == 4
    assert arguments["channel_mult_noise"] == (2 if case == VE else 1)


FULL = {
    "DDPM++": (song(), 61_804_419),
    "NCSN++": (song(fourier=True, pyramid="residual"), 62_758_787),
    "DDPM++ deep": (song(blocks=8), None),
    "NCSN++ deep": (song(blocks=8, fourier=True, pyramid="residual"), None),
    "NCSN++ 256": (
        song(128, (1, 1, 2, 2, 2, 2, 2), 2, attention=(4,), fourier=True, pyramid="skip"),
        None,
    ),
    "NCSN++ 1024": (
        song(16, (1, 2, 4, 8, 16, 32, 32, 32), 1, attention=(6,), fourier=True, pyramid="skip"),
        None,
    ),
}


@pytest.mark.parametrize("name", FULL)
def test_full_size_names_load_without_one_missing_or_left_over(name):
    shapes, published = FULL[name]
    checkpoint = score_sde.convert(meta_score_sde(shapes), {}, "FILE")
    trained = {k: s for k, s in shapes.items() if k not in ("module.sigmas", FOURIER)}
    assert parameters(checkpoint) == sum(torch.Size(s).numel() for s in trained.values())
    assert published in (None, parameters(checkpoint))
    deep = 8 if "deep" in name else checkpoint.arguments["num_blocks"]
    assert checkpoint.arguments["num_blocks"] == deep


@pytest.mark.parametrize(
    "name, size", [("DDPM++", 32), ("NCSN++", 32), ("NCSN++ 256", 256), ("NCSN++ 1024", 1024)]
)
def test_attention_at_16_decides_the_image_size(name, size):
    checkpoint = score_sde.convert(meta_score_sde(FULL[name][0]), {}, "FILE")
    assert checkpoint.arguments["img_resolution"] == size
    assert checkpoint.arguments["attn_resolutions"] == [16]
    assert "assuming" in checkpoint.notes["image_size"]


@each
def test_generated_key_lists_are_the_golden_ones(case):
    fourier = case == VE
    made = song(32, (1, 2), 1, (1,), fourier, "residual" if fourier else "none")
    assert list(made.items()) == list(shapes_of(case).items())


def test_recognition():
    assert score_sde.recognises(meta_score_sde(song()))
    for other in (None, [], torch.zeros(2), {}, {"model": {}}, {"model": []}, {"model": {1: 2}}):
        assert not score_sde.recognises(other)
    assert not score_sde.recognises(meta_guided(guided()))
    assert "no score_sde checkpoint" in refused({"model": {}})


# ---- preconditioning -----------------------------------------------


def test_constants_of_vp(content):
    checkpoint = convert(content(VP))
    assert checkpoint.preconditioning == "vp"
    assert checkpoint.constants == {"beta_d": 19.9, "beta_min": 0.1, "M": 1000, "epsilon_t": 1e-5}


def test_the_range_of_ve_is_twice_the_files(content):
    checkpoint = convert(content(VE))
    assert checkpoint.preconditioning == "ve"
    assert checkpoint.constants == {"sigma_min": 0.02, "sigma_max": 100.0}
    loaded = content(VE)
    loaded["model"]["module.sigmas"] = torch.tensor([0.01, 348.0])
    assert convert(loaded).constants == pytest.approx({"sigma_min": 0.02, "sigma_max": 696.0})


def test_a_given_range_of_ve_wins(content):
    assert convert(content(VE), sigma_max=50).constants == {"sigma_min": 0.02, "sigma_max": 50.0}
    loaded = content(VE)
    del loaded["model"]["module.sigmas"]
    given = {"sigma_min": 0.5, "sigma_max": "2"}
    assert convert(loaded, **given).constants == {"sigma_min": 0.5, "sigma_max": 2.0}
    assert "sigma_min and sigma_max are needed" in refused(loaded)
    assert "sigma_min and sigma_max are needed" in refused(loaded, sigma_min=0.02)


@pytest.mark.parametrize(
    "values", [[0.01, 0.01], [-1.0, 5.0], [0.0, 5.0], [float("nan"), 5.0], [1.0, float("inf")]]
)
def test_impossible_noise_levels(content, values):
    loaded = content(VE)
    loaded["model"]["module.sigmas"] = torch.tensor(values)
    assert "module.sigmas" in refused(loaded)


def test_impossible_ranges(content):
    assert "sigma_min = 3 ≥ sigma_max = 2" in refused(content(VE), sigma_min=3, sigma_max=2)
    assert "is VP" in refused(content(VP), sigma_min=0.1)


# ---- bad files -----------------------------------------------


def _ema(change):
    def damage(loaded):
        change(loaded["ema"]["shadow_params"])

    return damage


def _model(**changes):
    def damage(loaded):
        for name, value in changes.items():
            loaded["model"][name.replace("__", ".")] = value

    return damage


def _everywhere(name, change):
    """Change a tensor in the raw weights and in the EMA alike."""

    def damage(loaded):
        trained = [key for key in loaded["model"] if key != "module.sigmas"]
        key = f"module.all_modules.{name}"
        loaded["model"][key] = change(loaded["model"][key])
        at = trained.index(key)
        loaded["ema"]["shadow_params"][at] = change(loaded["ema"]["shadow_params"][at])

    return damage


def _without(*names):
    """Remove tensors from the raw weights and from the EMA alike."""

    def damage(loaded):
        for name in names:
            trained = [key for key in loaded["model"] if key != "module.sigmas"]
            key = f"module.all_modules.{name}"
            del loaded["ema"]["shadow_params"][trained.index(key)]
            del loaded["model"][key]

    return damage


BAD = {
    "no ema": (lambda c: c.pop("ema"), "no ema.shadow_params"),
    "ema of another kind": (lambda c: c.update(ema=[1]), "no ema.shadow_params"),
    "no shadow": (lambda c: c["ema"].pop("shadow_params"), "option ema = false"),
    "shadow of another kind": (lambda c: c["ema"].update(shadow_params={}), "no ema.shadow_params"),
    "one short": (_ema(lambda s: s.pop()), "153 tensors for 154 parameters"),
    "one too many": (_ema(lambda s: s.append(s[0])), "155 tensors for 154 parameters"),
    "not a tensor": (_ema(lambda s: s.__setitem__(5, "x")), r"shadow_params[5]"),
    "another shape": (
        _ema(lambda s: s.__setitem__(4, torch.zeros(32, 3, 1, 1))),
        "shadow_params[4] has shape [32, 3, 1, 1], its parameter all_modules.2.weight has "
        "[32, 3, 3, 3]",
    ),
    "reversed": (_ema(lambda s: s.reverse()), "shadow_params[0] has shape [3], its parameter"),
    "whole numbers": (_everywhere("5.Conv_0.weight", lambda t: t.long()), "5.Conv_0.weight is not"),
    "raw is no tensor": (_model(module__all_modules__3__Conv_0__bias=[1.0]), "3.Conv_0.bias is no"),
    "scalar": (_everywhere("0.weight", lambda t: t[0, 0]), "0.weight has shape []; 2 dimensions"),
    "flat convolution": (_everywhere("3.Conv_0.weight", lambda t: t.flatten()), "4 dimensions"),
    "empty": (_everywhere("2.weight", lambda t: t[:, :0]), "2.weight has shape [32, 0, 3, 3]"),
    "flat projection": (_everywhere("6.NIN_1.W", lambda t: t.flatten()), "6.NIN_1.W has shape"),
    "narrow projection": (_everywhere("6.NIN_1.W", lambda t: t[:, :8]), "not the shape [64, 64]"),
    "short bias": (_everywhere("8.NIN_3.b", lambda t: t[:8]), "NIN_3.b has not the shape [64]"),
    "other embedding": (_everywhere("0.weight", lambda t: t[:, :8]), "noise embedding of width 8"),
    "odd embedding": (_everywhere("0.weight", lambda t: t[:100]), "of width 32 → 100"),
    "odd width": (_everywhere("5.Conv_0.weight", lambda t: t[:50]), "[32, 50] channels"),
    "a bias gone": (_without("9.Conv_1.bias"), "all_modules.9.Conv_1.bias is missing"),
    "an attention gone": (
        _without(*[f"8.NIN_{i}.{leaf}" for i in range(4) for leaf in "Wb"]),
        "all_modules.8.NIN_0.W is missing",
    ),
    "unconditional": (_without("3.Dense_0.weight", "3.Dense_0.bias"), "3 is not a residual block"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_files_are_refused_in_one_line(content, name):
    loaded = content()
    damage, expected = BAD[name]
    damage(loaded)
    assert expected in refused(loaded)


def test_modules_left_over_are_refused(content):
    loaded = content()
    extra = torch.zeros(3)
    loaded["model"]["module.all_modules.18.bias"] = extra
    loaded["ema"]["shadow_params"].append(extra)
    assert "all_modules.18.bias belongs to no network known here" in refused(loaded)


@pytest.mark.parametrize("name", [5, "all_modules.99\nbias", "x" * 100_000])
def test_strange_names_stay_in_one_short_line(content, name):
    loaded = content()
    loaded["model"][name] = extra = torch.zeros(2)
    loaded["ema"]["shadow_params"].append(extra)
    assert len(refused(loaded)) < 600


def test_a_tensor_that_repeats_one_number_is_refused_before_it_is_written_out(content):
    huge = torch.zeros(1).expand(1 << 20, 1 << 20)
    loaded = content()
    _everywhere("6.NIN_1.W", lambda t: huge)(loaded)
    assert "6.NIN_1.W claims more numbers than the file holds" in refused(loaded)
    loaded = content(VE)
    loaded["model"]["module.sigmas"] = huge
    assert "module.sigmas claims more numbers" in refused(loaded)


def test_sparse_tensors_are_refused(content):
    loaded = content()
    _everywhere("6.NIN_1.W", lambda t: t.to_sparse())(loaded)
    assert "6.NIN_1.W is a sparse tensor" in refused(loaded)


def test_an_absurd_step_is_left_out(content):
    for step in (10**5000, -1, "11", None):
        assert "step" not in convert({**content(), "step": step}).notes


@pytest.fixture(scope="module")
def lists():
    return {
        "vp": meta_score_sde(shapes_of(VP)),
        "ve": meta_score_sde(shapes_of(VE)),
        "skip": meta_score_sde(song(32, (1, 2), 1, (1,), True, "skip")),
    }


@settings(max_examples=300)
@given(data=st.data())
def test_damaged_names_and_shapes_are_refused_or_load(lists, data):
    """Whatever is missing, renamed or misshapen: one line, or a network that loads."""
    loaded = lists[data.draw(st.sampled_from(sorted(lists)))]
    model = damaged(loaded["model"], data)
    untrained = ("module.sigmas", FOURIER)
    shadow = [value for name, value in model.items() if name not in untrained]
    try:
        checkpoint = convert({"model": model, "ema": {"shadow_params": shadow}})
        assemble(checkpoint, device="meta")
    except CheckpointError as error:
        assert "\n" not in str(error)


def test_a_skip_of_another_shape_is_refused_when_assembled(content):
    loaded = content()
    _everywhere("5.Conv_2.weight", lambda t: t[:, :5])(loaded)
    with pytest.raises(ValueError, match=r"enc.8x8_block0.skip.weight.*\[64, 5, 1, 1\]"):
        assemble(convert(loaded))


def test_without_the_ema_it_takes_an_option(content):
    loaded = content()
    del loaded["ema"]
    assert convert(loaded, ema=False).notes["weights"].startswith("raw")


@pytest.mark.parametrize(
    "fourier, pyramid, words",
    [
        (
            False,
            "residual",
            "positional noise embedding with residual encoder and standard decoder",
        ),
        (False, "skip", "positional noise embedding with skip encoder and skip decoder"),
        (True, "none", "Fourier noise embedding with standard encoder and standard decoder"),
    ],
)
def test_families_whose_sde_cannot_be_told(fourier, pyramid, words):
    shapes = song(32, (1, 2), 1, (1,), fourier, pyramid)
    message = refused(meta_score_sde(shapes))
    assert words in message
    assert "DDPM++, NCSN++" in message


def test_attention_after_some_blocks_only():
    shapes = song(32, (1, 2), 2, attention=(0,))
    shorter = {}
    for key, shape in shapes.items():
        parts = key.split(".")  # module.all_modules.4.…
        if parts[2:3] == ["4"]:  # the attention after the first block
            continue
        if len(parts) > 2 and int(parts[2]) > 4:
            parts[2] = str(int(parts[2]) - 1)
        shorter[".".join(parts)] = shape
    assert "attention after 1 of 2 residual blocks" in refused(meta_score_sde(shorter))


@pytest.mark.parametrize("levels", [(), (0, 1)])
def test_the_image_size_is_asked_for_where_attention_does_not_decide(levels):
    content = meta_score_sde(song(32, (1, 2), 1, levels))
    message = refusal(lambda: score_sde.convert(content, {}, "FILE"))
    assert f"option image_size is needed (usual: 32, 64, 256): {len(levels)} levels" in message
    resolutions = [16 >> level for level in levels]
    assert convert(content).arguments["attn_resolutions"] == resolutions


def test_the_first_level_may_be_wider_than_the_first_convolution():
    checkpoint = convert(meta_score_sde(song(32, (2, 2, 3), 2)))
    assert checkpoint.arguments["channel_mult"] == [2, 2, 3]
    assert checkpoint.arguments["num_blocks"] == 2
    assert parameters(checkpoint) > 0


@pytest.mark.parametrize(
    "options, words",
    [
        ({"image_sise": 32}, "unknown option 'image_sise'; did you mean 'image_size'?"),
        ({"num_heads": 4}, "unknown option 'num_heads'"),
        (
            {"image_size": 0},
            "image_size = 0 is not allowed: it must be a whole number from 1 to 4,096",
        ),
        ({"image_size": 15}, "image_size = 15 cannot be halved 1 times"),
        ({"image_size": 1.5}, "must be a whole number"),
        ({"image_size": True}, "must be a whole number"),
        ({"image_size": "9" * 5000}, "must be a whole number"),
        ({"image_size": None}, "must be a whole number"),
        ({"sigma_min": "low"}, "option sigma_min = 'low'"),
        ({"sigma_min": -1}, "must be a number between 0 and 1e+09"),
        ({"sigma_max": float("nan")}, "must be a number between 0 and 1e+09"),
        ({"sigma_max": []}, "option sigma_max = []"),
        ({"sigma_max": 10**400}, "option sigma_max"),
        ({"sigma_max": True}, "must be a number between 0 and 1e+09"),
        ({"ema": "maybe"}, "must be true or false"),
    ],
)
def test_bad_options(content, options, words):
    assert words in refused(content(VE), **options)

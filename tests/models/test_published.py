"""What is said of published checkpoints is valid, complete, and agrees with what they are."""

import re
import tomllib
from importlib.resources import files

import pytest

from sampler_bench.models.networks import build
from sampler_bench.models.preconditioning import precondition
from sampler_bench.models.published import PUBLISHED, REFERENCES, parsed

TEXT = (files("sampler_bench.models.published") / "published.toml").read_text("utf-8")
RESULTS = tomllib.loads(
    (files("sampler_bench.results.published") / "checkpoints.toml").read_text("utf-8")
)
REFS = "https://nvlabs-fi-cdn.nvidia.com/edm/fid-refs"
PARAMETERS = {
    "edm-cifar10-32x32-cond-vp": 55_735_299,
    "edm-cifar10-32x32-cond-ve": 56_400_643,
    "edm-cifar10-32x32-uncond-vp": 55_733_891,
    "edm-cifar10-32x32-uncond-ve": 56_397_827,
    "edm-ffhq-64x64-uncond-vp": 61_805_571,
    "edm-ffhq-64x64-uncond-ve": 62_761_091,
    "edm-afhqv2-64x64-uncond-vp": 61_805_571,
    "edm-afhqv2-64x64-uncond-ve": 62_761_091,
    "edm-imagenet-64x64-cond-adm": 295_899_267,
    "baseline-cifar10-32x32-uncond-vp": 61_804_419,
    "baseline-cifar10-32x32-uncond-ve": 62_758_787,
    "score-sde-cifar10-32x32-uncond-vp": 61_804_419,
    "score-sde-cifar10-32x32-uncond-ve": 62_758_787,
    "baseline-ffhq-64x64-uncond-vp": 66_715_267,
    "baseline-ffhq-64x64-uncond-ve": 67_817_219,
    "baseline-afhqv2-64x64-uncond-vp": 66_715_267,
    "baseline-afhqv2-64x64-uncond-ve": 67_817_219,
    "baseline-imagenet-64x64-cond-adm": 295_904_454,
    "adm-imagenet-64x64-cond": 295_904_454,
}
"""As published (the EDM paper, Table 8 and its code)."""
MEASURED_ON_THEM = {name for name in PUBLISHED if name.startswith(("edm-", "baseline-"))}


@pytest.fixture(params=PUBLISHED)
def row(request):
    return PUBLISHED[request.param]


def test_published_numbers_of_parameters():
    for name, count in PARAMETERS.items():
        assert PUBLISHED[name].parameters == count


def test_networks_have_as_many_parameters_as_are_listed(row):
    if row.network == "UNet2DModel":
        pytest.importorskip("diffusers")
    network = build(row.network, row.arguments)
    assert sum(p.numel() for p in network.parameters()) == row.parameters


def test_arguments_agree_with_shape_and_classes(row):
    channels, height, width = row.shape
    assert height == width
    if row.network == "UNet2DModel":
        assert row.arguments["sample_size"] == height and row.arguments["in_channels"] == channels
        return
    assert row.arguments["img_resolution"] == height
    assert row.arguments["img_channels"] == channels
    assert row.arguments.get("label_dim", 0) == row.classes
    assert (row.classes > 0) == ("-cond" in row.name)
    assert row.arguments.get("out_channels", channels) == (
        2 * channels if row.preconditioning == "iddpm" else channels
    )


def test_preconditionings_are_possible(row):
    made = precondition(row.preconditioning, row.constants)
    assert made.sigma_min < 0.03 and made.sigma_max > 99


def test_options_agree_with_the_rest(row):
    options = row.options
    if row.format == "guided-diffusion":
        assert options["image_size"] == row.shape[1]
        assert options["steps"] == row.constants["M"]
        assert options["schedule"] == row.constants["schedule"]
        assert options["rescale_timesteps"] == row.constants.get("rescale", False)
        for heads in ("num_heads", "channels_per_head"):
            name = heads.replace("channels_per_head", "num_head_channels")
            assert options.get(name) == row.arguments.get(heads)
        assert options["new_attention_order"] == row.name.startswith("adm-")
    else:
        assert options in ({}, {"image_size": row.shape[1]})


def test_names_say_what_they_are(row):
    data = {"cifar10": "CIFAR-10", "ffhq": "FFHQ", "afhqv2": "AFHQv2", "imagenet": "ImageNet"}
    found = re.search(r"(cifar10|ffhq|afhqv2|imagenet)-(\d+)x\d+-(cond|uncond)", row.name)
    assert data[found[1]] == row.dataset and int(found[2]) == row.shape[1]
    assert (row.classes > 0) == (found[3] == "cond")
    if row.name.endswith(("-vp", "-ve")):
        assert row.architecture == {"vp": "DDPM++", "ve": "NCSN++"}[row.name[-2:]]


def test_files_are_where_their_owners_say(row):
    for file in row.files:
        assert (file.url is None) != (file.page is None)
        assert (file.url or file.page).startswith("https://")
        # None was published, and none is invented.
        assert file.bytes is None and file.sha256 is None
    if row.format == "EDM pickle":
        folder = "pretrained/baseline" if row.name.startswith("baseline") else "pretrained"
        (file,) = row.files
        assert file.url == f"https://nvlabs-fi-cdn.nvidia.com/edm/{folder}/{row.name}.pkl"
        assert file.name == f"{row.name}.pkl" and row.licence == "CC BY-NC-SA 4.0"


def test_references_fit(row):
    reference = REFERENCES[row.reference]
    assert reference.shape == row.shape and reference.dataset == row.dataset
    # OpenAI's models were trained on images prepared in another way than EDM's.
    if row.dataset == "ImageNet":
        assert row.reference.endswith("-baseline") == (not row.name.startswith("edm-"))


def test_the_five_references():
    assert set(REFERENCES) == {
        "cifar10-32x32",
        "ffhq-64x64",
        "afhqv2-64x64",
        "imagenet-64x64",
        "imagenet-64x64-baseline",
    }
    for name, reference in REFERENCES.items():
        assert reference.files[0].url == f"{REFS}/{name}.npz"
        assert (reference.extractor, reference.features) == ("inception", 2048)


def test_published_fids_are_of_checkpoints_that_are_listed():
    assert set(RESULTS) == MEASURED_ON_THEM


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("classes         = 10", "classes         = -1", "classes"),
        ("parameters      = 55735299", 'parameters      = "many"', "parameters"),
        ('name            = "edm-cifar10-32x32-cond-ve"', 'name = "../../etc"', "name"),
        ('name            = "edm-cifar10-32x32-cond-ve"', 'name = "cifar10-32x32"', "taken twice"),
        ('{ name = "checkpoint_8.pth"', '{ name = "../checkpoint"', "name"),
        ('url = "https://nvlabs', 'url = "nvlabs', "url"),
        ('reference       = "cifar10-32x32"', 'reference = "ffhq-64x64"', "no reference"),
        ('reference       = "cifar10-32x32"', 'reference = "nothing"', "no reference"),
        ('format          = "EDM pickle"', 'format = "pickle"', "format"),
        ("[[checkpoint]]", "[[checkpoint]]\nlicense = 1", "license"),
    ],
)
def test_rows_that_are_not_valid(old, new, words):
    assert old in TEXT
    with pytest.raises(ValueError, match=words):
        parsed(TEXT.replace(old, new, 1))


def test_sizes_and_digests_may_be_given():
    digest = "ab" * 32
    text = TEXT.replace(
        '{ name = "checkpoint_8.pth"', f'{{ bytes = 7, sha256 = "{digest}", name = "a"'
    )
    (file,) = parsed(text)[0]["score-sde-cifar10-32x32-uncond-vp"].files
    assert (file.name, file.bytes, file.sha256) == ("a", 7, digest)
    for wrong in (text.replace(digest, "AB" * 32), text.replace("bytes = 7", "bytes = 0")):
        with pytest.raises(ValueError):
            parsed(wrong)

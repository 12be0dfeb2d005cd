"""Published sizes, and architectures that cannot be."""

import pytest

from sampler_bench.models.networks import build

DDPMPP = {"embedding_type": "positional", "channel_mult_noise": 1, "resample_filter": [1, 1]}
NCSNPP = {
    "embedding_type": "fourier",
    "channel_mult_noise": 2,
    "encoder_type": "residual",
    "resample_filter": [1, 3, 3, 1],
}
CIFAR = {"img_resolution": 32, "img_channels": 3}
FFHQ = {"img_resolution": 64, "img_channels": 3}
F32 = {"channel_mult": [2, 2, 2], "augment_dim": 9}
F64 = {"channel_mult": [1, 2, 2, 2], "augment_dim": 9}
ADM = FFHQ | {"label_dim": 1000}


@pytest.mark.parametrize(
    ("network", "arguments", "parameters"),
    [
        ("SongUNet", CIFAR | F32 | DDPMPP | {"label_dim": 10}, 55_735_299),
        ("SongUNet", CIFAR | F32 | NCSNPP | {"label_dim": 10}, 56_400_643),
        ("SongUNet", CIFAR | F32 | DDPMPP, 55_733_891),
        ("SongUNet", CIFAR | F32 | NCSNPP, 56_397_827),
        ("SongUNet", CIFAR | DDPMPP, 61_804_419),
        ("SongUNet", CIFAR | NCSNPP, 62_758_787),
        ("SongUNet", FFHQ | F64 | DDPMPP, 61_805_571),
        ("SongUNet", FFHQ | F64 | NCSNPP, 62_761_091),
        ("SongUNet", FFHQ | {"channel_mult": [1, 1, 2, 2, 2]} | DDPMPP, 66_715_267),
        ("SongUNet", FFHQ | {"channel_mult": [1, 1, 2, 2, 2]} | NCSNPP, 67_817_219),
        ("DhariwalUNet", ADM, 295_899_267),
        ("DhariwalUNet", ADM | {"out_channels": 6}, 295_904_454),
    ],
)
def test_parameters(network, arguments, parameters):
    made = build(network, arguments)
    assert sum(p.numel() for p in made.parameters()) == parameters
    assert all(p.is_meta for p in made.parameters())


@pytest.mark.parametrize(
    ("network", "arguments", "text"),
    [
        ("SongUnet", {}, "did you mean 'SongUNet'"),
        ("SongUNet", {}, "'img_resolution' is missing"),
        ("SongUNet", CIFAR | {"num_block": 4}, "did you mean 'num_blocks'"),
        ("SongUNet", CIFAR | {"num_blocks": 10**9}, "num_blocks = 1000000000 is not allowed"),
        ("SongUNet", CIFAR | {"num_blocks": 2.0}, "num_blocks = 2.0 is not allowed"),
        ("SongUNet", CIFAR | {"num_blocks": True}, "num_blocks = True is not allowed"),
        ("SongUNet", CIFAR | {"channel_mult": [1] * 13}, "13 levels"),
        ("SongUNet", CIFAR | {"channel_mult": []}, "0 levels"),
        ("SongUNet", CIFAR | {"channel_mult": "1222"}, "channel_mult = '1222' is not allowed"),
        ("SongUNet", CIFAR | {"img_resolution": 30}, "cannot be halved 3 times"),
        ("SongUNet", CIFAR | {"model_channels": 33}, "multiple of 32"),
        ("SongUNet", CIFAR | {"model_channels": 2}, "multiple of 32"),
        ("SongUNet", CIFAR | {"embedding_type": "sine"}, "unknown embedding_type 'sine'"),
        ("SongUNet", CIFAR | {"resample_filter": [1, 2, 1]}, "2, 4, 6 or 8 numbers"),
        ("SongUNet", CIFAR | {"resample_filter": [1, -1]}, "sum not 0"),
        ("SongUNet", CIFAR | {"dropout": 1.5}, "dropout = 1.5"),
        ("SongUNet", CIFAR | {"label_dim": -1}, "label_dim = -1"),
        ("DhariwalUNet", FFHQ | {"num_heads": 7}, "attention heads"),
        ("DhariwalUNet", FFHQ | {"resample": "nearest"}, "unknown resample 'nearest'"),
    ],
)
def test_impossible_architectures(network, arguments, text):
    with pytest.raises(ValueError, match=r"^[^\n]+$") as caught:
        build(network, arguments)
    assert text in str(caught.value)

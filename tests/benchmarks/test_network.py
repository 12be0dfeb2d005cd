"""One evaluation of a network: as it is, channels-last, and in the straightforward form."""

import pytest
import torch
from torch.nn import functional as F

from sampler_bench.models.networks import NETWORKS
from sampler_bench.models.networks.block import Block
from sampler_bench.models.networks.layers import Convolution

CASES = {
    "DDPM++": ("SongUNet", {"img_resolution": 32, "channel_mult": [1, 2, 2]}),
    "NCSN++": (
        "SongUNet",
        {
            "img_resolution": 32,
            "channel_mult": [1, 2, 2],
            "embedding_type": "fourier",
            "channel_mult_noise": 2,
            "encoder_type": "residual",
            "resample_filter": [1, 3, 3, 1],
        },
    ),
    "ADM": ("DhariwalUNet", {"img_resolution": 32, "channel_mult": [1, 2, 2]}),
}
BATCH = 4


def einsum_attention(block, x):
    b, c, height, width = x.shape
    rows = block.qkv(block.norm2(x)).reshape(b * block.heads, c // block.heads, 3, height * width)
    q, k, v = rows.unbind(2)
    weights = torch.einsum("ncq,nck->nqk", q, k / (c // block.heads) ** 0.5).softmax(2)
    return block.proj(torch.einsum("nqk,nck->ncq", weights, v).reshape(x.shape))


def always_filtered(convolution, x):
    padding = (convolution.resample_filter.shape[-1] - 1) // 2
    f = convolution._filters(x)
    if convolution.resampling == "down":
        return F.conv2d(x, f, stride=2, padding=padding, groups=x.shape[1])
    return F.conv_transpose2d(x, f * 4, stride=2, padding=padding, groups=x.shape[1])


@pytest.fixture(params=CASES)
def network(request, benchmark):
    benchmark.group = f"{request.param}, {BATCH} images"
    name, arguments = CASES[request.param]
    # Large enough that attention has several heads and thousands of pixels.
    shared = {"img_channels": 3, "model_channels": 64, "num_blocks": 1, "attn_resolutions": [32]}
    torch.manual_seed(0)
    made = NETWORKS[name](**arguments, **shared)
    for parameter in made.parameters():  # not the zeros and near-zeros that training begins with
        torch.nn.init.normal_(parameter, std=0.02)
    return made.eval()


@pytest.fixture
def x():
    return torch.randn(BATCH, 3, 32, 32, generator=torch.Generator().manual_seed(0))


def evaluated(network, x):
    with torch.inference_mode():
        return network(x, torch.linspace(-1, 1, BATCH))


def test_as_it_is(benchmark, network, x):
    benchmark(evaluated, network, x)


def test_channels_last(benchmark, network, x):
    expected = evaluated(network, x)
    network.to(memory_format=torch.channels_last)
    out = benchmark(evaluated, network, x.contiguous(memory_format=torch.channels_last))
    assert torch.allclose(out, expected, rtol=1e-3, atol=1e-6)


def test_straightforward(benchmark, network, x, monkeypatch):
    expected = evaluated(network, x)
    monkeypatch.setattr(Block, "_attended", einsum_attention)
    monkeypatch.setattr(Convolution, "_resampled", always_filtered)
    out = benchmark(evaluated, network, x)
    assert torch.allclose(out, expected, rtol=1e-3, atol=1e-6)

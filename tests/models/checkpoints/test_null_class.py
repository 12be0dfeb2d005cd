"""What a model knows of "no class": from its file, or said beside it."""

from dataclasses import replace

import pytest
import torch

from sampler_bench.models.checkpoints import own
from sampler_bench.models.checkpoints.checkpoint import CheckpointError
from sampler_bench.models.checkpoints.guided import convert
from sampler_bench.models.checkpoints.reading import read
from sampler_bench.models.loading import described, load
from sampler_bench.models.network import assemble
from tests.models.checkpoints.originals import guided_content
from tests.models.checkpoints.tiny import ADM, SONG, random_checkpoint

LABELS = torch.tensor([0, 4])


@pytest.fixture(params=["SongUNet", "DhariwalUNet"])
def checkpoint(request):
    arguments = {"SongUNet": {**SONG, "label_dim": 5}, "DhariwalUNet": ADM}[request.param]
    return random_checkpoint(request.param, arguments)


def x():
    return torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("null", [0, 2, 4])
def test_no_label_is_the_null_class(tmp_path, checkpoint, null):
    plain = assemble(checkpoint)
    own.write(checkpoint, tmp_path / "plain.safetensors")
    made = assemble(read(tmp_path / "plain.safetensors", {"null_class": null}))
    sigma = torch.tensor(0.7)
    assert torch.equal(made(x(), sigma, None), plain(x(), sigma, torch.full((2,), null)))
    assert not torch.equal(made(x(), sigma, None), plain(x(), sigma, None))
    assert torch.equal(made(x(), sigma, LABELS), plain(x(), sigma, LABELS))
    assert made.digest != plain.digest and made.card.null_class == null
    # The file keeps it.
    own.write(replace(checkpoint, null_class=null), tmp_path / "null.safetensors")
    again = load(str(tmp_path / "null.safetensors"))
    assert again.card.digest == made.digest and again.card.null_class == null


def test_what_is_known_of_no_class(checkpoint):
    arguments = checkpoint.arguments
    for said, known in [({}, "untrained"), ({"label_dropout": 0.0}, "untrained"),
                        ({"label_dropout": 0.1}, "trained")]:  # fmt: skip
        made = assemble(replace(checkpoint, arguments={**arguments, **said}))
        assert made.card.no_class == known
        assert made.digest == assemble(checkpoint).digest
    assert assemble(replace(checkpoint, null_class=3)).card.no_class == "trained"


def test_what_is_known_of_those_that_ship_or_are_published():
    assert load("fashion-adm").card.no_class == "untrained"
    assert described("adm-imagenet-64x64-cond").card.no_class == "untrained"
    options = {"image_size": 16, "schedule": "cosine", "steps": 1000, "num_head_channels": 64}
    options["new_attention_order"] = True
    content = guided_content("guided-adm-cond")
    assert assemble(convert(content, options, "F")).card.no_class == "untrained"
    options["label_dropout"] = 0.2
    assert assemble(convert(content, options, "F")).card.no_class == "trained"


@pytest.mark.parametrize("null", [5, -1, "x", 1.5])
def test_null_classes_that_cannot_be(tmp_path, checkpoint, null):
    own.write(checkpoint, tmp_path / "x.safetensors")
    with pytest.raises(CheckpointError, match=r"x.safetensors: .*null_class") as caught:
        load(str(tmp_path / "x.safetensors"), options={"null_class": null})
    assert "\n" not in str(caught.value)


def test_what_is_no_checkpoint_has_no_options():
    for spec in ("exact-mixture-moons", "ideal:somewhere"):
        with pytest.raises(ValueError, match="null_class: said of checkpoints alone"):
            load(spec, options={"null_class": 1})

"""One network, whatever a training program wrapped its tensors in, and whatever file holds them."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file

from sampler_bench.models.checkpoints.checkpoint import CheckpointError
from sampler_bench.models.checkpoints.names import bare
from sampler_bench.models.checkpoints.reading import read
from tests.models.checkpoints.originals import guided_content, score_sde_content

GUIDED, SDE = "guided-adm-uncond-legacy", "score_sde-vp-ddpmpp"
OPTIONS = {
    "image_size": 16,
    "schedule": "cosine",
    "steps": 1000,
    "num_heads": 2,
    "new_attention_order": False,
}
PREFIXES = ["", "module.", "_orig_mod.", "model.", "module._orig_mod.", "model.module.", "net."]
DICTS = [(), ("state_dict",), ("model",), ("anything", "step")]


@pytest.fixture(scope="module")
def guided():
    return guided_content(GUIDED)


def prefixed(tensors, prefix):
    return {f"{prefix}{name}": tensor for name, tensor in tensors.items()}


def same(found, plain):
    return list(found.tensors) == list(plain.tensors) and all(
        torch.equal(found.tensors[name], plain.tensors[name]) for name in plain.tensors
    )


def saved(path, content, form):
    if form == "safetensors":
        save_file({name: tensor.contiguous() for name, tensor in content.items()}, path)
    else:
        torch.save(content, path, _use_new_zipfile_serialization=form == "zip")
    return path


@pytest.mark.parametrize(("keys", "form"), [*zip(DICTS, ["zip", "legacy"] * 2, strict=True)])
def test_guided_in_a_dict(tmp_path, guided, keys, form):
    plain = read(saved(tmp_path / "plain.pt", guided, form), OPTIONS)
    for prefix in PREFIXES[::3] if keys else PREFIXES:
        content = prefixed(guided, prefix)
        if keys:
            content = {keys[0]: content, **dict.fromkeys(keys[1:], 7)}
        assert same(read(saved(tmp_path / "x.pt", content, form), OPTIONS), plain), prefix


@pytest.mark.parametrize("prefix", PREFIXES)
def test_guided_in_safetensors(tmp_path, guided, prefix):
    plain = read(saved(tmp_path / "plain.pt", guided, "zip"), OPTIONS)
    content = prefixed(guided, prefix)
    assert same(read(saved(tmp_path / "x.bin", content, "safetensors"), OPTIONS), plain)


def test_an_averaged_models_counter_is_no_weight(tmp_path, guided):
    plain = read(saved(tmp_path / "plain.pt", guided, "zip"), OPTIONS)
    content = {"n_averaged": torch.tensor(3), **prefixed(guided, "module.")}
    assert same(read(saved(tmp_path / "x.pt", content, "zip"), OPTIONS), plain)


def test_of_several_networks_none_is_guessed(tmp_path, guided):
    other = {name: tensor + 1 for name, tensor in guided.items()}
    file = saved(tmp_path / "x.pt", {"model": other, "ema": prefixed(guided, "module.")}, "zip")
    with pytest.raises(CheckpointError, match=r"x.pt: holds 2 networks \('model', 'ema'\)"):
        read(file, OPTIONS)


def test_a_prefix_of_some_names_is_part_of_them(tmp_path, guided):
    first, *rest = guided
    content = {first: guided[first], **prefixed({n: guided[n] for n in rest}, "module.")}
    with pytest.raises(CheckpointError, match="not a checkpoint of a known kind"):
        read(saved(tmp_path / "x.pt", content, "zip"), OPTIONS)


@pytest.mark.parametrize("prefix", ["", "_orig_mod.", "model.module."])
def test_score_sde(tmp_path, prefix):
    content = score_sde_content(SDE)
    plain = read(saved(tmp_path / "plain.pth", content, "zip"))
    raw = {name.removeprefix("module."): tensor for name, tensor in content["model"].items()}
    content["model"] = prefixed(raw, prefix)
    assert same(read(saved(tmp_path / "x.pth", content, "zip")), plain)
    del raw["sigmas"]
    alone = saved(tmp_path / "x.safetensors", prefixed(raw, prefix), "safetensors")
    with pytest.raises(CheckpointError, match=r"no ema.shadow_params.*option ema = false"):
        read(alone)
    assert read(alone, {"ema": False}).notes["weights"].startswith("raw")


NUMBERS = st.one_of(
    st.integers(0, 2**31 - 1).map(np.int64),
    st.integers(0, 2**31 - 1).map(np.int32),
    st.floats(0, 1, width=32).map(np.float32),
    st.floats(0, 1).map(np.float64),
    st.booleans().map(np.bool_),
)


@settings(max_examples=20, deadline=None)
@given(number=NUMBERS, form=st.sampled_from(["zip", "legacy"]))
def test_numbers_of_numpy(tmp_path_factory, number, form):
    from sampler_bench.models.checkpoints import torch_file

    path = tmp_path_factory.mktemp("numbers") / "x.pt"
    loaded = torch_file.load(saved(path, {"step": number, "w": torch.ones(400)}, form))
    assert type(loaded["step"]) is type(number.item()) and loaded["step"] == number.item()


def test_a_step_of_numpy_is_a_step(tmp_path):
    content = score_sde_content(SDE)
    content["step"] = np.int64(5)
    assert read(saved(tmp_path / "x.pth", content, "zip")).notes["step"] == "5"


@pytest.mark.parametrize("value", [np.array(["a"])[0], np.datetime64(1, "s"), np.complex64(1)])
def test_other_values_of_numpy_are_refused(tmp_path, value):
    with pytest.raises(CheckpointError, match="has NumPy values of type"):
        read(saved(tmp_path / "x.pt", {"step": value, "w": torch.ones(400)}, "zip"))


def test_numbers_of_numpy_leave_no_room_for_bombs(tmp_path):
    for content in (
        {"step": np.int64(5), "x" * 257: torch.ones(99)},
        {str(i): np.int64(i) for i in range(5001)},
    ):
        with pytest.raises(CheckpointError, match="more or longer texts than they need"):
            read(saved(tmp_path / "x.pt", content, "zip"))


def test_an_optimizers_state_is_called_one(tmp_path):
    network = torch.nn.Linear(2, 2)
    optimizer = torch.optim.Adam(network.parameters())
    with pytest.raises(CheckpointError, match="an optimizer's state, no network"):
        read(saved(tmp_path / "opt000100.pt", optimizer.state_dict(), "zip"))


def test_wrappers_without_end_take_no_time():
    name = "module." * 1_000_000
    assert list(bare({name: 0})) == ["module." * (1_000_000 - 8)]
    assert bare({}) == {} and bare({1: 2}) == {1: 2}

"""EDM's pickles: read as data, to the bit, without EDM's code or the code within."""

import sys

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from sampler_bench.models.checkpoints import edm_pickle
from sampler_bench.models.checkpoints.checkpoint import CheckpointError
from sampler_bench.models.network import assemble
from tests.models.checkpoints import edm_writer
from tests.models.test_network_golden import CASES, GOLDEN, INDEX, checkpoint, distance

TINY = {
    "img_resolution": 8,
    "img_channels": 2,
    "model_type": "SongUNet",
    "model_channels": 32,
    "channel_mult": [1],
    "num_blocks": 1,
}
WEIGHTS = {
    "model.enc.8x8_conv.weight": torch.randn(4, 2, 3, 3),
    "model.map_layer0.weight": torch.randn(4, 4),
}


@pytest.fixture(scope="module")
def state_dicts():
    return {name: assemble(checkpoint(INDEX[name])).state_dict() for name in CASES}


@pytest.mark.parametrize("protocol", [3, 4, 5])
@pytest.mark.parametrize("name", CASES)
def test_golden(tmp_path, state_dicts, name, protocol):
    case, weights = INDEX[name], state_dicts[name]
    assert {k: list(v.shape) for k, v in weights.items()} == case["tensors"]
    path = tmp_path / "network.pkl"
    edm_writer.write(path, case["precond"], case["init_kwargs"], weights, protocol)
    assert edm_pickle.recognises(path)
    read = edm_pickle.read(path)
    assert set(read.tensors) == {k[6:] for k in weights if k.startswith("model.")}
    for key, tensor in read.tensors.items():
        assert torch.equal(tensor, weights[f"model.{key}"]), key
    assert read.format == "EDM pickle"
    if protocol == 4:
        check_outputs(assemble(read), case, name)


def check_outputs(denoiser, case, name):
    data = load_file(GOLDEN / f"{name}.safetensors")
    # To what PyTorch's float32 sine differs by between processors (iDDPM's table is made of it).
    assert denoiser.sigma_min == pytest.approx(case["sigma_min"], rel=1e-6)
    assert denoiser.sigma_max == pytest.approx(float(case["sigma_max"]), rel=1e-6)
    with torch.inference_mode():
        ours = denoiser(data["x"], data["sigma"], data.get("labels"), None)
    assert distance(ours, data["denoised"]) < 1e-5


def made(tmp_path, preconditioner="EDMPrecond", kwargs=None, weights=None, **more):
    path = tmp_path / "a.pkl"
    edm_writer.write(path, preconditioner, kwargs or TINY, weights or WEIGHTS, **more)
    return path


def refusal(path, options=None):
    with pytest.raises(CheckpointError) as caught:
        edm_pickle.read(path, options)
    message = str(caught.value)
    assert "\n" not in message and len(message) < 600 and message.startswith(str(path))
    return message


@pytest.mark.parametrize(
    "preconditioner, name, constants",
    [
        ("VPPrecond", "vp", {"beta_d": 19.9, "beta_min": 0.1, "M": 1000, "epsilon_t": 1e-5}),
        ("VEPrecond", "ve", {"sigma_min": 0.02, "sigma_max": 100}),
        ("iDDPMPrecond", "iddpm", {"C_1": 0.001, "C_2": 0.008, "M": 1000}),
        ("EDMPrecond", "edm", {"sigma_min": 0, "sigma_max": float("inf"), "sigma_data": 0.5}),
    ],
)
def test_defaults_of_constructors(tmp_path, preconditioner, name, constants):
    network = {"iddpm": "DhariwalUNet", "edm": "DhariwalUNet"}.get(name, "SongUNet")
    kwargs = {k: v for k, v in TINY.items() if k != "model_type"}
    read = edm_pickle.read(made(tmp_path, preconditioner, kwargs))
    assert (read.network, read.preconditioning) == (network, name)
    assert read.constants == constants
    assert read.arguments.get("out_channels") == (4 if name == "iddpm" else None)
    assert read.arguments["label_dim"] == 0


def test_arguments_by_position(tmp_path):
    kwargs = {k: v for k, v in TINY.items() if not k.startswith("img")}
    read = edm_pickle.read(made(tmp_path, kwargs=kwargs, init_args=(8, 2, 10, True, 0.1)))
    assert read.arguments["img_resolution"] == 8 and read.arguments["label_dim"] == 10
    assert read.constants["sigma_min"] == 0.1
    assert read.notes["trained in float16"] == "True"


def test_numpy_and_easydict_arguments(tmp_path):
    kwargs = edm_writer.EasyDict(TINY, dropout=np.float64(0.13), num_blocks=np.int64(1))
    read = edm_pickle.read(made(tmp_path, kwargs=kwargs))
    assert read.arguments["dropout"] == 0.13 and type(read.arguments["dropout"]) is float
    assert type(read.arguments["num_blocks"]) is int


def test_older_names_of_numpy(tmp_path):
    path = made(tmp_path, kwargs=TINY | {"dropout": np.float64(0.13)}, protocol=3)
    data = path.read_bytes()
    assert b"numpy._core" in data
    path.write_bytes(data.replace(b"numpy._core", b"numpy.core"))
    assert edm_pickle.read(path).arguments["dropout"] == 0.13


def test_what_is_not_needed_may_be_there(tmp_path):
    content = edm_writer.contents("EDMPrecond", TINY, WEIGHTS)
    content["augment_pipe"] = edm_writer.Persistent(
        "AugmentPipe", edm_writer.module_state(wavelet=np.arange(6.0), p=np.float32(0.12))
    )
    content["encoder"] = edm_writer.Persistent("StandardRGBEncoder", {})
    path = edm_writer.dump(tmp_path / "a.pkl", content)
    assert set(edm_pickle.read(path).tensors) == {k[6:] for k in WEIGHTS}


def test_weights_that_are_views_and_halves(tmp_path):
    whole = torch.randn(6, 4)
    weights = {
        "model.a.weight": whole.T,
        "model.b.weight": whole[2:4],
        "model.c.weight": whole.half(),
        "model.d.weight": torch.tensor(2.0),
    }
    read = edm_pickle.read(made(tmp_path, weights=weights))
    for name, tensor in weights.items():
        assert torch.equal(read.tensors[name[6:]], tensor)
        assert read.tensors[name[6:]].dtype == tensor.dtype


def test_neither_code_nor_modules_of_the_file(tmp_path):
    before = set(sys.modules)
    read = edm_pickle.read(made(tmp_path))  # its source code raises when it is executed
    assert read.tensors
    assert not {name for name in set(sys.modules) - before if "torch_utils" in name}


def test_unknown_preconditioner(tmp_path):
    message = refusal(made(tmp_path, "MagicPrecond"))
    assert "'MagicPrecond'" in message and "EDMPrecond" in message


def test_unknown_network(tmp_path):
    message = refusal(made(tmp_path, kwargs=TINY | {"model_type": "UNet3D"}))
    assert "'UNet3D'" in message and "DhariwalUNet" in message


def changed(tmp_path, change):
    content = edm_writer.contents("EDMPrecond", TINY, WEIGHTS)
    change(content)
    return edm_writer.dump(tmp_path / "a.pkl", content)


def state(content):
    return content["ema"].meta["state"]


@pytest.mark.parametrize(
    "change, said",
    [
        (lambda c: c.pop("ema"), "no network called 'ema'"),
        (lambda c: c.update(ema=5), "no network called 'ema'"),
        (lambda c: c["ema"].meta.update(version=5), "of version 5; known is 6"),
        (lambda c: c["ema"].meta.update(version=[6]), "version"),
        (lambda c: c["ema"].meta.update(type="function"), "not of a class"),
        (lambda c: c["ema"].meta.update(class_name="a b"), "without a class name"),
        (lambda c: c["ema"].meta.update(state=[1]), "state is not a dict"),
        (
            lambda c: c.update(encoder=edm_writer.Persistent("StabilityVAEEncoder", {})),
            "StabilityVAEEncoder",
        ),
        (lambda c: state(c)["_modules"].pop("model"), "no network called 'model'"),
        (lambda c: state(c)["_modules"]["model"].meta.update(version=7), "version 7"),
        (
            lambda c: state(c)["_modules"]["model"].meta.update(class_name="DhariwalUNet"),
            "should be a SongUNet",
        ),
        (lambda c: state(c).update(sigma_data=0.7), "made with sigma_data = 0.5, and has 0.7"),
        (lambda c: state(c).update(img_resolution=16), "img_resolution"),
        (lambda c: state(c)["_init_kwargs"].pop("img_channels"), "lacks the argument"),
        (lambda c: state(c).update(_init_args=(8,)), "'img_resolution' twice"),
        (lambda c: state(c).update(_init_args=range(30)), "range"),
        (lambda c: state(c).update(_init_args=tuple(range(30))), "_init_args"),
        (lambda c: state(c)["_init_kwargs"].update({3: 4}), "not text"),
        (lambda c: state(c)["_init_kwargs"].update(dropout={}), "'dropout'"),
        (lambda c: state(c).update(_modules=[1]), "_modules"),
    ],
)
def test_what_is_wrong_is_said(tmp_path, change, said):
    assert said in refusal(changed(tmp_path, change))


def inner(content):
    return state(content)["_modules"]["model"].meta["state"]


@pytest.mark.parametrize(
    "change, said",
    [
        (lambda s: s["_parameters"].update(w=3), "w is not a tensor"),
        (lambda s: s["_buffers"].update(w=torch.arange(3)), "w is not a tensor of floating"),
        (lambda s: s["_modules"].update(enc=3), "enc in its network is no module"),
        (lambda s: s["_modules"].update(again=s["_modules"]["enc"]), "no tree"),
        (lambda s: s["_parameters"].update({"": torch.zeros(1)}), "name is not text"),
        (
            lambda s: s.update(_parameters={"w": torch.zeros(1)}, _buffers={"w": torch.zeros(1)}),
            "w is in it twice",
        ),
        (lambda s: s.update(_parameters=[torch.zeros(1)]), "_parameters"),
    ],
)
def test_networks_that_are_none(tmp_path, change, said):
    assert said in refusal(changed(tmp_path, lambda content: change(inner(content))))


def test_options(tmp_path):
    assert "unknown option 'image_size'" in refusal(made(tmp_path), {"image_size": 3})


def test_recognised_by_content(tmp_path):
    pickled = made(tmp_path)
    assert edm_pickle.recognises(pickled)
    assert not edm_pickle.recognises(tmp_path)
    assert not edm_pickle.recognises(tmp_path / "none")
    for zipped in (True, False):
        torch.save({"a": torch.zeros(1)}, tmp_path / "b", _use_new_zipfile_serialization=zipped)
        assert not edm_pickle.recognises(tmp_path / "b")
    (tmp_path / "b").write_bytes(b"")
    assert not edm_pickle.recognises(tmp_path / "b")

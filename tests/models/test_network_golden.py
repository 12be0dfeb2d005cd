"""EDM's released networks and preconditioners, output by output."""

import json
import math
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from sampler_bench.models.checkpoints.checkpoint import Checkpoint
from sampler_bench.models.network import assemble
from sampler_bench.models.preconditioning import PRECONDITIONINGS

GOLDEN = Path(__file__).parents[1] / "golden" / "networks"
INDEX = json.loads((GOLDEN / "index.json").read_text())
CASES = sorted(INDEX)


def fill(name, shape, salt=0):
    namespace = {}
    exec((GOLDEN.parent / "weights.py").read_text(), namespace)
    return torch.from_numpy(namespace["fill"](name, tuple(shape), salt))


def checkpoint(case):
    """Return a golden case as a checkpoint; its weights follow from their names."""
    arguments = dict(case["init_kwargs"])
    network = arguments.pop("model_type")
    name = case["precond"].removesuffix("Precond").lower()
    constants = {key: arguments.pop(key) for key in ("sigma_min", "sigma_max") if key in arguments}
    if name == "iddpm":
        arguments["out_channels"] = 2 * arguments["img_channels"]
    tensors = {
        key.removeprefix("model."): fill(key, shape)
        for key, shape in case["tensors"].items()
        if key != "u" and not key.endswith("resample_filter")
    }
    return Checkpoint(network, arguments, name, constants, tensors, "golden")


@pytest.fixture(params=CASES, scope="module")
def golden(request):
    case = INDEX[request.param]
    return case, assemble(checkpoint(case)), load_file(GOLDEN / f"{request.param}.safetensors")


def distance(ours, theirs):
    return float((ours.double() - theirs.double()).abs().max() / theirs.abs().max())


def test_all_seven_are_here():
    assert len(CASES) == 7


@pytest.mark.parametrize("double", [False, True])
def test_outputs(golden, double):
    _, denoiser, data = golden
    x = data["x"].to(torch.float64 if double else torch.float32)
    given = {
        "denoised": (data.get("labels"), None),
        "denoised_nolabel": (None, None),
        "denoised_augmented": (data.get("labels"), data.get("augment_labels")),
    }
    compared = [name for name in given if name in data]
    with torch.inference_mode():
        for name in compared:
            ours = denoiser(x, data["sigma"], *given[name])
            assert ours.dtype == x.dtype
            assert distance(ours, data[name]) < 1e-5, name
    assert "denoised" in compared


def test_labels_and_augmentation_matter(golden):
    _, _, data = golden
    for name in {"denoised_nolabel", "denoised_augmented"} & set(data):
        assert distance(data["denoised"], data[name]) > 1e-3


def test_class_numbers_are_one_hot_labels(golden):
    _, denoiser, data = golden
    if "labels" not in data:
        with pytest.raises(ValueError, match="unconditional"):
            denoiser(data["x"], data["sigma"], torch.zeros(len(data["x"]), dtype=torch.int64))
        return
    classes = torch.arange(len(data["x"])) % denoiser.label_dim
    one_hot = torch.nn.functional.one_hot(classes, denoiser.label_dim)
    with torch.inference_mode():
        a = denoiser(data["x"], data["sigma"], classes)
        assert torch.equal(a, denoiser(data["x"], data["sigma"], one_hot))
    with pytest.raises(ValueError, match="from 0 to"):
        denoiser(data["x"], data["sigma"], classes + denoiser.label_dim)


def test_noise_levels_are_edms(golden):
    """The same table, to what PyTorch's float32 sine differs by between processors."""
    case, denoiser, data = golden
    assert denoiser.sigma_min == pytest.approx(case["sigma_min"], rel=1e-6)
    assert denoiser.sigma_max == pytest.approx(float(case["sigma_max"]), rel=1e-6)
    rounded = denoiser.round_sigma(data["round_in"])
    assert rounded.dtype == data["round_in"].dtype
    torch.testing.assert_close(rounded, data["round_out"], rtol=1e-6, atol=0)


def test_names_and_shapes(golden):
    case, denoiser, _ = golden
    assert {k: list(v.shape) for k, v in denoiser.state_dict().items()} == case["tensors"]
    assert sum(p.numel() for p in denoiser.parameters()) == case["params"]


@pytest.mark.parametrize("name", CASES)
def test_preconditioning_alone_in_float64(name):
    """Eq. 7 with the table's four functions, written out again, in float64."""
    case = INDEX[name]
    cp = checkpoint(case)
    made = PRECONDITIONINGS[cp.preconditioning](**cp.constants)
    for value in (0.02, 0.3, 1.0, 7.5, 60.0):
        got = [float(c) for c in made.coefficients(torch.tensor([value], dtype=torch.float64))]
        want = expected(cp.preconditioning, value)
        assert got[:3] == pytest.approx(want[:3], rel=1e-12)
        if want[3] is not None:
            assert got[3] == pytest.approx(want[3], rel=1e-12)


def expected(name, s):
    if name == "vp":
        t = (math.sqrt(0.1**2 + 2 * 19.9 * math.log(1 + s * s)) - 0.1) / 19.9
        return 1, -s, 1 / math.sqrt(1 + s * s), 999 * t
    if name == "ve":
        return 1, s, 1, math.log(s / 2)
    if name == "iddpm":
        return 1, -s, 1 / math.sqrt(1 + s * s), None
    total = s * s + 0.25
    return 0.25 / total, s * 0.5 / math.sqrt(total), 1 / math.sqrt(total), math.log(s) / 4

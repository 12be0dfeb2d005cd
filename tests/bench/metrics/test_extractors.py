"""Features: what goes in, what comes out, and what is said when they cannot be made."""

import importlib
import subprocess
import sys
from pathlib import Path
from urllib.error import URLError

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from sampler_bench.bench.features import extractors
from sampler_bench.bench.features.extractors import build_extractor
from sampler_bench.bench.features.fashion_extractor import WEIGHTS, load_net
from sampler_bench.bench.features.fashion_net import to_native
from sampler_bench.bench.features.registry import EXTRACTORS
from tools.fashion_extractor import accuracy, load

ROOT = Path(__file__).parents[3]
ORIGINAL = Path("/usr/share/datasets/fashion-mnist")


@pytest.fixture(scope="module")
def images() -> torch.Tensor:
    return torch.from_numpy(np.load(ROOT / "models/zoo/fashion/fashion-2000.npz")["images"])[
        :, None
    ]


@pytest.fixture(scope="module")
def fashion():
    return build_extractor("fashion")


@pytest.fixture(scope="module")
def inception_weights(tmp_path_factory) -> Path:
    """Untrained weights of the right shapes, made where no download is possible."""
    from torch_fidelity import feature_extractor_inceptionv3 as module

    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("weights") / "inception.pth"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "load_state_dict_from_url", lambda *_, **__: {})
        cls = module.FeatureExtractorInceptionV3
        patch.setattr(cls, "load_state_dict", lambda *_: None)
        torch.save(cls("inception-v3-compat", ["2048"]).state_dict(), path)
    return path


def test_fashion_features(fashion, images):
    features = fashion(images[:300])
    assert features.shape == (300, 96) and features.dtype == torch.float64
    assert fashion.name == "fashion" and fashion.dim == 96 and fashion.input == "uint8"
    assert len(fashion.digest) == 64


def test_features_do_not_depend_on_who_called_with_how_many(fashion, images):
    whole = fashion(images[:600])
    pieces = torch.cat([fashion(piece) for piece in images[:600].split([1, 99, 500])])
    torch.testing.assert_close(pieces, whole, rtol=1e-5, atol=1e-5)


def test_a_call_is_worked_off_in_fixed_chunks(images):
    sizes = []

    def compute(chunk):
        sizes.append(len(chunk))
        return chunk.flatten(1)

    extractors.Extractor("x", "", None, "uint8", compute)(images[:600])
    assert sizes == [250, 250, 100]


def test_grey_three_times_is_grey(fashion, images):
    torch.testing.assert_close(fashion(images[:20].expand(-1, 3, -1, -1)), fashion(images[:20]))


def test_other_sizes_are_resized_with_antialiasing(fashion, images):
    large = images[:50].repeat_interleave(2, 2).repeat_interleave(2, 3)
    distance = (fashion(large) - fashion(images[:50])).norm(dim=1).mean()
    assert distance < 0.2 * (fashion(images[50:100]) - fashion(images[:50])).norm(dim=1).mean()


def test_stripes_finer_than_the_network_sees_become_grey():
    stripes = torch.tensor([0, 255, 255, 0], dtype=torch.uint8).repeat(28).expand(1, 1, 112, 112)
    seen = to_native(stripes)
    assert seen.shape == (1, 1, 28, 28) and seen.min() > 100 and seen.max() < 155


def test_the_shipped_network_is_as_accurate_as_it_says():
    with safe_open(WEIGHTS, "np") as file:
        stated = float(file.metadata()["test_accuracy"])
    assert stated >= 0.92
    assert f"{100 * stated:.2f} %" in WEIGHTS.with_name("README.md").read_text()
    assert WEIGHTS.stat().st_size <= 1_000_000


def test_the_network_recognises_the_shipped_images(images):
    labels = np.load(ROOT / "models/zoo/fashion/fashion-2000.npz")["labels"]
    assert not load_net().training
    assert accuracy(load_net(), images, torch.from_numpy(labels).long()) > 0.95


@pytest.mark.skipif(not ORIGINAL.exists(), reason="the original Fashion-MNIST is not installed")
def test_accuracy_on_the_test_images():
    assert accuracy(load_net(), *load(ORIGINAL, "t10k")) >= 0.92


def test_logits_for_the_inception_score(images, fashion):
    from torch_fidelity.utils import create_feature_extractor

    network = create_feature_extractor("fashion", ["logits", "96"], cuda=False, verbose=False)
    logits, features = network(images[:10])
    assert logits.shape == (10, 10) and features.shape == (10, 96)
    assert network.get_default_feature_layer_for_metric("isc") == "logits"
    assert network.get_default_feature_layer_for_metric("fid") == "96"


def test_pixels_are_the_state_itself():
    pixels = build_extractor("pixels")
    state = torch.randn(5, 3, 4)
    torch.testing.assert_close(pixels(state), state.double().reshape(5, 12), rtol=0, atol=0)
    image = torch.tensor([[[[0, 255]]]], dtype=torch.uint8)
    assert pixels(image).tolist() == [[-1.0, 1.0]]
    assert pixels.input == "any" and pixels.dim is None


def test_digests_tell_extractors_apart(fashion, tmp_path):
    with safe_open(WEIGHTS, "pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    other = tmp_path / "other.safetensors"
    save_file({**tensors, "classify.bias": tensors["classify.bias"] + 1}, other)
    changed = build_extractor("fashion", weights=other)
    assert len({fashion.digest, changed.digest, build_extractor("pixels").digest}) == 3
    assert build_extractor("fashion").digest == fashion.digest


def test_tf32_is_off_while_extracting_and_restored():
    seen = []

    def compute(chunk):
        seen.append((torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32))
        return chunk.flatten(1)

    before = torch.backends.cudnn.allow_tf32
    torch.backends.cudnn.allow_tf32 = True
    try:
        extractors.Extractor("x", "", None, "any", compute)(torch.zeros(2, 3))
        assert seen == [(False, False)] and torch.backends.cudnn.allow_tf32
    finally:
        torch.backends.cudnn.allow_tf32 = before


def test_inception_from_a_weights_file(inception_weights, images):
    from torch_fidelity.utils import create_feature_extractor

    inception = build_extractor("inception", weights=inception_weights)
    found = inception(images[:2])
    network = create_feature_extractor(
        "inception-v3-compat",
        ["2048"],
        cuda=False,
        verbose=False,
        feature_extractor_weights_path=str(inception_weights),
    )
    expected = network(images[:2].expand(-1, 3, -1, -1))[0]
    assert found.shape == (2, 2048) and inception.dim == 2048
    torch.testing.assert_close(found, expected.double(), rtol=0, atol=0)


def test_inception_without_a_network(monkeypatch, tmp_path):
    def offline(*_, **__):
        raise URLError("no route to host")

    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr(torch.hub, "download_url_to_file", offline)
    with pytest.raises(ValueError, match="extractor_weights") as error:
        build_extractor("inception")
    text = str(error.value)
    assert "\n" not in text and "no route to host" in text
    assert "https://github.com/toshas/torch-fidelity/releases/" in text


def test_inception_from_an_earlier_download(monkeypatch, tmp_path, inception_weights):
    name = "weights-inception-2015-12-05-6726825d.pth"
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    (tmp_path / "hub/checkpoints").mkdir(parents=True)
    (tmp_path / "hub/checkpoints" / name).symlink_to(inception_weights)
    direct = build_extractor("inception", weights=inception_weights)
    assert build_extractor("inception").digest == direct.digest


class Payload:
    def __reduce__(self):
        return exec, ("import tests_payload_must_not_run",)


@pytest.mark.parametrize("content", ["missing", "text", "truncated", "pickle", "foreign", "list"])
def test_inception_weights_that_are_none(content, tmp_path, inception_weights):
    path = tmp_path / "weights.pth"
    if content == "text":
        path.write_text("<html>not found</html>")
    elif content == "truncated":
        path.write_bytes(inception_weights.read_bytes()[:100_000])
    elif content == "pickle":
        torch.save({"a": Payload()}, path)
    elif content == "foreign":
        torch.save({"weight": torch.zeros(3)}, path)
    elif content == "list":
        torch.save([1, 2], path)
    with pytest.raises(ValueError, match=r"weights\.pth") as error:
        build_extractor("inception", weights=path)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("content", ["missing", "text", "foreign"])
def test_fashion_weights_that_are_none(content, tmp_path):
    path = tmp_path / "weights.safetensors"
    if content == "text":
        path.write_text("nothing")
    elif content == "foreign":
        save_file({"weight": torch.zeros(3)}, path)
    with pytest.raises(ValueError, match=r"weights\.safetensors") as error:
        build_extractor("fashion", weights=path)
    assert "\n" not in str(error.value)


def test_the_device_and_the_weights_are_handed_on(monkeypatch):
    monkeypatch.setitem(EXTRACTORS, "pixels", lambda *given: given)
    assert build_extractor("pixels", torch.device("meta"), Path("w")) == ("meta", Path("w"))


def test_whether_a_download_is_needed(monkeypatch, tmp_path):
    file = tmp_path / "weights.pth"
    monkeypatch.setattr(extractors, "_inception_file", lambda: (file, "url"))
    assert not extractors.is_here("inception", None)
    assert extractors.is_here("inception", file) and extractors.is_here("fashion", None)
    file.touch()
    assert extractors.is_here("inception", None)


def test_inception_is_described_without_its_weights():
    described = extractors.described_extractor("inception")
    assert (described.name, described.digest, described.dim) == ("inception", "", 2048)
    with pytest.raises(ValueError, match="weights of extractor 'inception' are not on this"):
        described(torch.zeros(1, 3, 8, 8, dtype=torch.uint8))


def test_unknown_names_are_answered_with_the_nearest():
    with pytest.raises(ValueError, match=r"extractor 'fashon'; did you mean 'fashion'\?") as error:
        build_extractor("fashon")
    for name in EXTRACTORS:
        assert name in str(error.value)


def test_pixels_take_no_weights(tmp_path):
    with pytest.raises(ValueError, match="'pixels' takes no weights"):
        build_extractor("pixels", weights=tmp_path / "w")


@pytest.mark.parametrize(
    "bad",
    [
        torch.zeros(2, 1, 28, 28),
        torch.zeros(2, 28, 28, dtype=torch.uint8),
        torch.zeros(2, 2, 28, 28, dtype=torch.uint8),
    ],
)
def test_images_of_the_wrong_kind(fashion, bad):
    with pytest.raises(
        ValueError, match=r"fashion features: .* expected uint8 \[n, 1 or 3, H, W\]"
    ):
        fashion(bad)
    with pytest.raises(ValueError, match="pixels features"):
        build_extractor("pixels")(torch.zeros(3))


def test_a_torchvision_that_does_not_match(monkeypatch):
    def fails(name):
        raise RuntimeError("operator torchvision::nms\ndoes not exist")

    monkeypatch.setattr(importlib, "import_module", fails)
    from sampler_bench.bench.features.fidelity import require

    with pytest.raises(ValueError, match="matching releases") as error:
        require("utils")
    assert "torchvision::nms does not exist" in str(error.value)


def test_torch_fidelity_is_imported_only_when_needed():
    program = (
        "import sys\n"
        "from sampler_bench.bench.features import distances, extractors, frechet\n"
        "import sampler_bench.bench.features.reference_files\n"
        "sys.exit('torch_fidelity' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True)

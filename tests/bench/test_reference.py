"""Reference statistics: made, read from four projects' files, and refused with one clear line."""

import hashlib
from pathlib import Path

import numpy as np
import pytest
import torch

from sampler_bench.bench.features import reference_files as reference
from sampler_bench.bench.features.extractors import Extractor, build_extractor
from sampler_bench.bench.features.frechet import frechet
from sampler_bench.bench.features.moments import Moments

DATA = Path(__file__).parents[2] / "models/zoo/fashion/fashion-2000.npz"
MU = np.arange(3.0)
SIGMA = np.array([[2.0, 0.5, 0.0], [0.5, 1.0, 0.1], [0.0, 0.1, 3.0]])


def message(path: Path, **options) -> str:
    with pytest.raises(ValueError) as error:
        reference.load(path, **options)
    text = str(error.value)
    assert "\n" not in text and str(path) in text
    return text


@pytest.fixture
def small(tmp_path) -> Path:
    np.savez(tmp_path / "small.npz", images=np.load(DATA)["images"][:120])
    return tmp_path / "small.npz"


def test_made_once_and_read_again(small, tmp_path):
    fashion = build_extractor("fashion")
    made = reference.make(small, fashion, tmp_path / "ref.npz")
    features = fashion(torch.from_numpy(np.load(small)["images"])[:, None]).numpy()
    np.testing.assert_allclose(made.mu, features.mean(0), rtol=1e-12)
    np.testing.assert_allclose(made.sigma, np.cov(features, rowvar=False), atol=1e-12)
    assert made.n == 120 and made.name == "ref.npz" and made.dim == 96
    assert made.digest == hashlib.sha256((tmp_path / "ref.npz").read_bytes()).hexdigest()
    again = reference.load(tmp_path / "ref.npz", fashion)
    assert again.digest == made.digest
    assert frechet(Moments.from_features(features), again) == pytest.approx(0, abs=1e-3)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "ref.floor.json",
        "ref.npz",
        "small.npz",
    ]


def test_equal_images_give_equal_bytes(small, tmp_path):
    pixels = build_extractor("pixels")
    one, two = (reference.make(small, pixels, tmp_path / name) for name in ("1.npz", "2.npz"))
    assert one.digest == two.digest


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_npz_of_edm_and_clean_fid(tmp_path, dtype):
    np.savez(tmp_path / "ref.npz", mu=MU.astype(dtype), sigma=SIGMA.astype(dtype))
    found = reference.load(tmp_path / "ref.npz")
    assert found.mu.dtype == found.sigma.dtype == np.float64 and found.n is None
    np.testing.assert_allclose(found.sigma, SIGMA, rtol=1e-6)


def test_pt_of_torch_fidelity(tmp_path):
    from torch_fidelity.metric_fid import fid_features_to_statistics
    from torch_fidelity.utils_torch import torch_atomic_save

    features = torch.randn(50, 4)
    torch_atomic_save(fid_features_to_statistics(features), tmp_path / "a-stat-fid-2048.pt")
    found = reference.load(tmp_path / "a-stat-fid-2048.pt")
    np.testing.assert_allclose(found.mu, features.mean(0), rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(found.sigma, np.cov(features.numpy(), rowvar=False))
    torch.save({"mu": torch.tensor(MU), "sigma": torch.tensor(SIGMA)}, tmp_path / "tensors.pt")
    np.testing.assert_array_equal(reference.load(tmp_path / "tensors.pt").mu, MU)


def test_a_little_asymmetry_is_rounding(tmp_path):
    sigma = SIGMA + 1e-6 * np.triu(np.ones((3, 3)), 1)
    np.savez(tmp_path / "ref.npz", mu=MU, sigma=sigma)
    found = reference.load(tmp_path / "ref.npz").sigma
    np.testing.assert_array_equal(found, found.T)


def bad_statistics():
    nan = np.where(np.eye(3) > 0, np.nan, SIGMA)
    return {
        "no sigma": ({"mu": MU}, "has no 'sigma' (it holds mu), expected arrays mu [d] and sigma"),
        "kid features": ({"feats": SIGMA}, "has no 'mu' (it holds feats)"),
        "empty": ({}, "it holds nothing"),
        "other shape": ({"mu": MU, "sigma": SIGMA[:2]}, "mu (3,) and sigma (2, 3), expected"),
        "no vector": ({"mu": SIGMA, "sigma": SIGMA}, "mu (3, 3)"),
        "no numbers at all": ({"mu": np.zeros(0), "sigma": np.zeros((0, 0))}, "mu (0,)"),
        "nan": ({"mu": MU, "sigma": nan}, "'sigma' has values that are not finite"),
        "inf": (
            {"mu": np.array([0, np.inf, 1]), "sigma": SIGMA},
            "'mu' has values that are not finite",
        ),
        "asymmetric": ({"mu": MU, "sigma": np.triu(SIGMA)}, "sigma is not symmetric"),
        "negative": ({"mu": MU, "sigma": -SIGMA}, "sigma has negative variances"),
        "text": ({"mu": np.array(["a", "b"]), "sigma": SIGMA}, "'mu' is no array of numbers"),
    }


@pytest.mark.parametrize("case", bad_statistics())
@pytest.mark.parametrize("kind", ["npz", "pt"])
def test_statistics_that_are_none(tmp_path, case, kind):
    values, words = bad_statistics()[case]
    path = tmp_path / f"ref.{kind}"
    if kind == "npz":
        np.savez(path, **values)
    else:
        torch.save(
            {k: v if v.dtype.kind == "U" else torch.tensor(v) for k, v in values.items()}, path
        )
        words = words if case != "text" else "cannot be read as a .pt file of torch-fidelity"
    assert words in message(path)


@pytest.mark.parametrize("kind", ["npz", "pt"])
def test_files_that_cannot_be_read(tmp_path, kind):
    path = tmp_path / f"ref.{kind}"
    assert "No such file" in message(path)
    if kind == "npz":
        np.savez(path, mu=MU, sigma=SIGMA)
    else:
        torch.save({"mu": torch.tensor(MU), "sigma": torch.tensor(SIGMA)}, path)
    whole = path.read_bytes()
    for content in (b"", b"nothing", whole[:100], whole[: len(whole) // 2], whole[:-30]):
        path.write_bytes(content)
        assert "cannot be read as" in message(path) and "mu [d]" in message(path)


class Payload:
    def __reduce__(self):
        return Path.touch, (Path("payload-ran"),)


def test_pickles_are_not_executed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.savez(tmp_path / "ref.npz", mu=np.array([Payload()], dtype=object), sigma=SIGMA)
    torch.save({"mu": Payload(), "sigma": torch.tensor(SIGMA)}, tmp_path / "ref.pt")
    for name in ("ref.npz", "ref.pt"):
        assert "cannot be read as" in message(tmp_path / name)
    assert not Path("payload-ran").exists()


def test_a_plain_array_or_list_is_no_reference(tmp_path):
    with (tmp_path / "ref.npz").open("wb") as file:
        np.save(file, SIGMA)
    assert "cannot be read as an .npz" in message(tmp_path / "ref.npz")
    torch.save([1, 2], tmp_path / "ref.pt")
    assert "holds a list, expected arrays mu" in message(tmp_path / "ref.pt")


def test_reference_for_other_features(small, tmp_path):
    fashion = build_extractor("fashion")
    np.savez(tmp_path / "ref.npz", mu=MU, sigma=SIGMA)
    assert "dimension 3, the features 'fashion' 96" in message(
        tmp_path / "ref.npz", extractor=fashion
    )
    reference.make(small, fashion, tmp_path / "ours.npz")
    other = Extractor("fashion", "0" * 64, 96, "uint8", fashion.compute)
    text = message(tmp_path / "ours.npz", extractor=other)
    assert f"digest {fashion.digest[:12]}" in text and "digest 000000000000" in text
    np.savez(tmp_path / "broken.npz", mu=MU, sigma=SIGMA, provenance=np.array("{}"))
    pixels = build_extractor("pixels")
    assert "'provenance' does not name" in message(tmp_path / "broken.npz", extractor=pixels)


def test_what_cannot_be_made(small, tmp_path):
    pixels = build_extractor("pixels")
    with pytest.raises(
        ValueError, match=r"nowhere/ref\.npz: cannot be written: there is no folder"
    ):
        reference.make(small, pixels, tmp_path / "nowhere/ref.npz")
    np.savez(tmp_path / "one.npz", images=np.zeros((1, 4, 4), np.uint8))
    with pytest.raises(ValueError, match=r"one\.npz: holds one image"):
        reference.make(tmp_path / "one.npz", pixels, tmp_path / "ref.npz")
    assert not (tmp_path / "ref.npz").exists()

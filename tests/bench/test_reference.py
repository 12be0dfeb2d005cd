"""Reference statistics: made, read from four projects' files, and refused with one clear line."""

import hashlib
import zipfile
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


# ---- files of other tools ------------------------------------------------------------------------

LIKE_OURS = {
    "an axis of one": lambda x: x[None],
    "of float32": lambda x: x.astype(np.float32),
    "of big-endian numbers": lambda x: x.astype(">f8"),
    "in Fortran's order": np.asfortranarray,
    "imaginary parts that are rounding": lambda x: x + 1e-9j,
    "half": lambda x: x.astype(np.float16),
}
TENSORS = {
    "that require grad": lambda x: torch.tensor(x, requires_grad=True),
    "in a parameter": lambda x: torch.nn.Parameter(torch.tensor(x)),
    "bfloat16": lambda x: torch.tensor(x).to(torch.bfloat16),
    "an axis of one": lambda x: torch.tensor(x)[None],
    "imaginary parts that are rounding": lambda x: torch.tensor(x + 1e-9j),
    "strided": lambda x: torch.tensor(np.repeat(x, 2, -1))[..., ::2],
}


@pytest.mark.parametrize("name", ["s.npz", "S.NPZ", "s.stats"])
@pytest.mark.parametrize("case", LIKE_OURS)
def test_arrays_of_other_tools(tmp_path, case, name):
    made = {k: LIKE_OURS[case](v) for k, v in {"mu": MU, "sigma": SIGMA}.items()}
    with (tmp_path / name).open("wb") as file:
        np.savez(file, **made, n=np.array([50]), feats=np.zeros(3))
    found = reference.load(tmp_path / name)
    np.testing.assert_allclose(found.mu, MU, rtol=1e-3)
    np.testing.assert_allclose(found.sigma, SIGMA, rtol=1e-3)
    assert found.n == 50 and found.mu.dtype == found.sigma.dtype == np.float64


@pytest.mark.parametrize("name", ["s.pt", "S.PT", "s.pth", "s.npz"])
@pytest.mark.parametrize("case", TENSORS)
def test_tensors_of_other_tools(tmp_path, case, name):
    torch.save(
        {k: TENSORS[case](v) for k, v in {"mu": MU, "sigma": SIGMA}.items()}, tmp_path / name
    )
    found = reference.load(tmp_path / name)
    np.testing.assert_allclose(found.mu, MU, rtol=1e-2)
    np.testing.assert_allclose(found.sigma, SIGMA, rtol=1e-2)


@pytest.mark.parametrize("legacy", [True, False])
def test_statistics_of_one_feature(tmp_path, legacy):
    scalars = {"mu": torch.tensor(1.0), "sigma": torch.tensor(2.0)}
    torch.save(scalars, tmp_path / "a.pt", _use_new_zipfile_serialization=not legacy)
    np.savez(tmp_path / "a.npz", mu=[1.0], sigma=[[2.0]])
    for name in ("a.pt", "a.npz"):
        found = reference.load(tmp_path / name)
        assert found.mu.tolist() == [1] and found.sigma.tolist() == [[2]]


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"mu": MU + 1e-2j, "sigma": SIGMA}, "'mu' has imaginary parts up to 0.01, expected real"),
        ({"mu": MU, "sigma": SIGMA + 1j}, "'sigma' has imaginary parts up to 1"),
        ({"mu": MU, "sigma": SIGMA + complex(0, np.nan)}, "'sigma' has values that are not finite"),
        ({"mu": MU[:2], "sigma": np.array([[1.0, 2], [2, 1]])}, "sigma has negative eigenvalues"),
        ({"mu": MU, "sigma": np.ones((3, 3)) - 0.1 * np.eye(3)}, "sigma has negative eigenvalues"),
        ({"mu": MU, "sigma": SIGMA, "n": np.array([1, 2])}, "'n' is no number of images"),
        ({"mu": MU, "sigma": SIGMA, "n": np.array(-1)}, "'n' is no number of images"),
        ({"mu": MU, "sigma": SIGMA, "n": np.array(2.5)}, "'n' is no number of images"),
        ({"mu": MU, "sigma": SIGMA, "n": np.array("many")}, "'n' is no array of numbers"),
    ],
)
@pytest.mark.parametrize("kind", ["npz", "pt"])
def test_what_is_no_covariance_is_refused(tmp_path, kind, values, words):
    path = tmp_path / f"s.{kind}"
    if kind == "npz":
        np.savez(path, **values)
    elif any(np.asarray(value).dtype.kind == "U" for value in values.values()):
        torch.save(values | {"n": "many"}, path)
        words = "'n' is no"
    else:
        torch.save({k: torch.tensor(v) for k, v in values.items()}, path)
    assert words in message(path)


@pytest.mark.parametrize("sigma", [np.zeros((3, 3)), np.ones((3, 3)), np.diag([1.0, 0, 1e-30])])
def test_a_singular_covariance_is_one(tmp_path, sigma):
    np.savez(tmp_path / "s.npz", mu=MU, sigma=sigma)
    np.testing.assert_array_equal(reference.load(tmp_path / "s.npz").sigma, sigma)


def test_foreign_folders_of_an_archive_are_nothing(tmp_path):
    np.savez(tmp_path / "s.npz", mu=MU, sigma=SIGMA)
    with (
        zipfile.ZipFile(tmp_path / "s.npz") as old,
        zipfile.ZipFile(tmp_path / "again.npz", "w") as new,
    ):
        for name in old.namelist():
            new.writestr(f"stats/{name}", old.read(name))
            new.writestr(f"__MACOSX/stats/._{name}", b"of a system")
        new.mkdir("stats")
    np.testing.assert_array_equal(reference.load(tmp_path / "again.npz").mu, MU)


def test_a_tensor_larger_than_its_file_takes_no_memory(tmp_path):
    huge = torch.zeros(1).expand(10**7, 10**7)
    torch.save({"mu": torch.zeros(1).expand(10**7), "sigma": huge}, tmp_path / "s.pt")
    assert "would take 800 TB of memory" in message(tmp_path / "s.pt")


def test_a_compressed_torch_file_is_not_unpacked(tmp_path):
    torch.save({"mu": torch.zeros(3), "sigma": torch.eye(3)}, tmp_path / "s.pt")
    with (
        zipfile.ZipFile(tmp_path / "s.pt") as old,
        zipfile.ZipFile(tmp_path / "again.pt", "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for name in old.namelist():
            new.writestr(name, old.read(name) + bytes(10**6) * ("data/" in name))
    assert "it has compressed records" in message(tmp_path / "again.pt")


def test_deep_provenance_is_one_line(tmp_path):
    text = np.array("[" * 100_000)
    np.savez(tmp_path / "s.npz", mu=MU, sigma=SIGMA, provenance=text)
    assert reference.load(tmp_path / "s.npz").shape is None
    assert "'provenance' does not name its extractor" in message(
        tmp_path / "s.npz", extractor=build_extractor("pixels")
    )


@pytest.mark.parametrize("kind", ["datetime64[s]", "timedelta64[s]", "U1", "S1", "V8"])
@pytest.mark.parametrize("name", ["mu", "sigma"])
def test_what_is_no_number_is_no_statistic(tmp_path, name, kind):
    """Dates are whole numbers to NumPy, and 0 days no variance."""
    arrays = {"mu": np.zeros(2), "sigma": np.eye(2)}
    arrays[name] = np.zeros(arrays[name].shape, kind)
    np.savez(tmp_path / "s.npz", **arrays)
    with pytest.raises(ValueError, match=f"'{name}' is no array of numbers"):
        reference.load(tmp_path / "s.npz")

"""Images as a reference: in whatever they lie, they are the same, and RGB may be grey."""

import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from sampler_bench.bench.commands.cli import app
from sampler_bench.bench.features import reference_files
from sampler_bench.bench.features.extractors import build_extractor
from sampler_bench.bench.plan import grid as grids
from sampler_bench.bench.plan import planning as plans
from sampler_bench.models.data.clean import clean_data
from sampler_bench.models.ideal import ideal
from sampler_bench.results import load

N = 60


def pictures(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (N, 8, 8), dtype=np.uint8)


def folder(path: Path, array: np.ndarray, mode: str = "L") -> Path:
    path.mkdir()
    for number, each in enumerate(array):
        Image.fromarray(each).convert(mode).save(path / f"{number}.png")
    return path


def packed(path: Path, array: np.ndarray) -> Path:
    inner = folder(path.with_suffix(""), array)
    with zipfile.ZipFile(path, "w") as archive:
        for each in inner.iterdir():
            archive.write(each, each.name)
    return path


def npz(path: Path, array: np.ndarray) -> Path:
    np.savez(path, images=array)
    return path


def idx(path: Path, array: np.ndarray) -> Path:
    path.write_bytes(bytes([0, 0, 8, 3]) + struct.pack(">3I", *array.shape) + array.tobytes())
    return path


FORMS = {
    "folder": lambda at, array: folder(at / "r", array),
    "folder of RGB": lambda at, array: folder(at / "r", array, "RGB"),
    "zip": lambda at, array: packed(at / "r.zip", array),
    "npz": lambda at, array: npz(at / "r.npz", array),
    "npz of RGB": lambda at, array: npz(at / "r.npz", np.repeat(array[..., None], 3, -1)),
    "idx": lambda at, array: idx(at / "r-ubyte", array),
}


def grid_of(at: Path, reference: str, more: str = "") -> Path:
    at.mkdir(exist_ok=True)
    npz(at / "data.npz", pictures())
    (at / "g.toml").write_text(
        f'name = "x"\nmodels = ["ideal:data.npz"]\nsamples = 40\nextractor = "pixels"\n'
        f'reference = "{reference}"\nmetrics = ["fid", "kid", "precision", "recall"]\n{more}'
        "[[sampler]]\nsteps = 3\n"
    )
    return at / "g.toml"


def keys(path: Path) -> list[str]:
    plan = plans.with_floors(plans.make(grids.read(str(path))[0]))
    return [cell.key for work in plan.work for cell in work.cells]


def values(at: Path, reference: str) -> dict[str, float]:
    path, out = grid_of(at, reference), at / "out"
    done = CliRunner().invoke(app, ["run", "--grid", str(path), "--out", str(out)])
    assert done.exit_code == 0, done.output
    found = load(out)
    return dict(zip(found["metric"], found["value"], strict=True))


def test_they_give_what_the_models_own_give(tmp_path):
    expected = values(tmp_path / "own", "model")
    assert set(expected) == {"fid", "kid", "precision", "recall", "fid-floor"}
    (tmp_path / "images").mkdir()
    FORMS["folder of RGB"](tmp_path / "images", pictures())
    assert values(tmp_path / "images", "r") == expected


@pytest.mark.parametrize("form", FORMS)
def test_where_they_lie_is_not_in_the_key_and_what_they_are_is(tmp_path, form):
    seen = []
    for name, seed in (("one", 0), ("two", 0), ("other", 1)):
        (tmp_path / name).mkdir()
        made = FORMS[form](tmp_path / name, pictures(seed))
        seen.append(keys(grid_of(tmp_path / name, made.name)))
    assert seen[0] == seen[1] and not set(seen[0]) & set(seen[2])
    npz(tmp_path / "plain.npz", pictures())
    assert keys(grid_of(tmp_path / "one", "../plain.npz")) == seen[0]


def test_a_changed_image_is_seen_in_the_same_process(tmp_path):
    made = folder(tmp_path / "r", pictures())
    before = keys(grid_of(tmp_path, "r"))
    Image.fromarray(pictures(1)[0]).convert("1").convert("L").save(made / "7.png")
    assert not set(keys(grid_of(tmp_path, "r"))) & set(before)


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (lambda at: folder(at / "r", pictures()[:1]), "holds one image"),
        (lambda at: folder(at / "r", pictures()[:, :4, :4]), "its images are 1×4×4, and this"),
        (
            lambda at: npz(at / "r", np.stack([pictures(), pictures(), pictures(1)], -1)),
            "its images are 3×8×8, and this model's 1×8×8",
        ),
        (lambda at: (at / "r").mkdir(), "holds no images"),
        (lambda at: np.savez(at / "r.npz", feats=np.zeros(3)), "statistics have none"),
    ],
)
def test_what_cannot_be_compared_is_one_line(tmp_path, made, words):
    made(tmp_path)
    name = next(path.name for path in tmp_path.iterdir())
    path = grid_of(tmp_path, name)
    with pytest.raises(ValueError) as error:
        keys(path)
    assert words in str(error.value)


def test_statistics_have_no_images_and_the_message_says_what_has(tmp_path):
    np.savez(tmp_path / "s.npz", mu=np.zeros(64), sigma=np.eye(64))
    with pytest.raises(ValueError, match=r"give reference = a folder, \.zip, \.npz or IDX file"):
        keys(grid_of(tmp_path, "s.npz"))


# ---- grey in RGB ---------------------------------------------------------------------------------


def statistics(at: Path, array: np.ndarray, mode: str, extractor: str = "fashion"):
    at.mkdir(exist_ok=True)
    source = folder(at / mode, array, mode)
    return reference_files.make(source, build_extractor(extractor), at / f"{mode}.npz", False)


def test_rgb_with_equal_channels_is_noted_and_compared_with_grey(tmp_path):
    array = np.random.default_rng(0).integers(0, 256, (30, 28, 28), dtype=np.uint8)
    grey, rgb = (statistics(tmp_path, array, mode) for mode in ("L", "RGB"))
    np.testing.assert_allclose(rgb.mu, grey.mu, rtol=1e-6)
    assert (grey.shape, grey.grey) == ((1, 28, 28), False)
    assert (rgb.shape, rgb.grey) == ((3, 28, 28), True)
    (tmp_path / "g.toml").write_text(
        'name = "x"\nmodels = ["exact-fashion"]\nsamples = 20\nextractor = "fashion"\n'
        'reference = "RGB.npz"\n[[sampler]]\nsteps = 3\n'
    )
    assert keys(tmp_path / "g.toml")


def test_one_coloured_pixel_is_no_grey(tmp_path):
    array = np.repeat(pictures()[..., None], 3, -1)
    npz(tmp_path / "a.npz", array)
    array[-1, 0, 0, 2] ^= 1
    npz(tmp_path / "b.npz", array)
    extractor = build_extractor("fashion")
    made = [
        reference_files.make(tmp_path / name, extractor, tmp_path / f"s{name}", False).grey
        for name in ("a.npz", "b.npz")
    ]
    assert made == [True, False]


def test_of_features_that_mind_the_channels_it_is_not_noted(tmp_path):
    assert not statistics(tmp_path, pictures(), "RGB", "pixels").grey


def test_true_data_of_a_grey_model_may_be_rgb(tmp_path):
    npz(tmp_path / "data.npz", pictures())
    model = ideal(f"ideal:{tmp_path / 'data.npz'}")
    own, rgb = (
        clean_data(model, str(folder(tmp_path / mode, pictures(), mode))).digest
        for mode in ("L", "RGB")
    )
    assert own == rgb

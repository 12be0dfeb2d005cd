"""bench fetch, bench list models, and references by name."""

import hashlib
import io
import pickle
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from rich.console import Console
from typer.testing import CliRunner

from sampler_bench.bench.commands import fetching, published
from sampler_bench.bench.commands.cli import app
from sampler_bench.bench.features import reference_files as reference
from sampler_bench.bench.features.extractors import Extractor, build_extractor
from sampler_bench.bench.features.references import OWN, ReferenceSource
from sampler_bench.models import Card, download, fetch
from sampler_bench.models.published import PUBLISHED, REFERENCES
from tests.bench import runs
from tests.models.serving import Page, publish, site

__all__ = ["publish", "site"]

WEIGHTS = pickle.dumps("weights", 4)
CIFAR = "cifar10-32x32"


def statistics(dim=3):
    content = io.BytesIO()
    np.savez(content, mu=np.arange(float(dim)), sigma=np.eye(dim))
    return content.getvalue()


STATISTICS = statistics()


def bench(*arguments, code=0):
    result = CliRunner().invoke(app, [*map(str, arguments)])
    assert result.exit_code == code, result.output
    assert "Traceback" not in result.output
    if code:
        assert result.stderr.startswith("bench: ") and result.stderr.count("\n") == 1
        return result.stderr
    return result.stdout


@pytest.fixture
def cifar(site, monkeypatch):
    """The statistics of CIFAR-10, on the local site."""
    row = REFERENCES[CIFAR]
    page = site.pages["/cifar.npz"] = Page(STATISTICS)
    file = row.files[0].model_copy(update={"url": f"{site.url}/cifar.npz"})
    monkeypatch.setitem(REFERENCES, CIFAR, row.model_copy(update={"files": (file,)}))
    return page


# ---- bench fetch --------------------------------------------------------------------------------


def test_fetch_says_licence_place_and_digest(publish, site):
    publish("small", {"a.pkl": Page(WEIGHTS)})
    printed = bench("fetch", "small")
    assert "small: CC BY-NC-SA 4.0, https://github.com/NVlabs/edm. Configuration F." in printed
    assert f"small: {fetch.path_of('small')}\n" in printed
    assert f"a.pkl: sha256 {hashlib.sha256(WEIGHTS).hexdigest()}\n" in printed
    again = bench("fetch", "small")
    assert "CC BY" not in again and str(fetch.path_of("small")) in again
    assert len(site.requests) == 1
    assert "CC BY" in bench("fetch", "small", "--again") and len(site.requests) == 2


def test_fetch_shows_a_bar_in_a_terminal(publish):
    publish(
        "several",
        {"a.bin": Page(b"\x80\x02" + bytes(199_998)), "b.bin": Page(b"\x80\x02" + bytes(99_998))},
    )
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, width=120)
    fetching.fetch("several", console, again=False, source=None, references=False)
    assert "several/a.bin" in screen.getvalue() and "200.0/200.0 kB" in screen.getvalue()


def test_fetch_with_references(publish, site, cifar):
    publish("small", {"a.pkl": Page(WEIGHTS)})
    printed = bench("fetch", "small", "--references")
    assert fetch.path_of("small") and fetch.path_of(CIFAR)
    assert f"{CIFAR}: {fetch.path_of(CIFAR)}\n" in printed
    assert "for published checkpoints" in bench("fetch", CIFAR, "--references", code=2)


def test_fetch_an_address(site):
    site.pages["/net.pkl"] = Page(WEIGHTS)
    printed = bench("fetch", f"{site.url}/net.pkl")
    assert "net.pkl: sha256 " in printed and "None" not in printed


def test_fetch_from_a_file(publish, tmp_path):
    publish("manual", {"checkpoint_8.pth": None})
    assert "bench fetch manual --from checkpoint_8.pth" in bench("fetch", "manual", code=2)
    (tmp_path / "mine.pth").write_bytes(WEIGHTS)
    bench("fetch", "manual", "--from", tmp_path / "mine.pth")
    assert fetch.path_of("manual").read_bytes() == WEIGHTS


def test_fetch_fails_in_one_line(publish, site, monkeypatch, tmp_path):
    publish("small", {"a.pkl": Page(codes=[404])})
    assert "there is no such file (HTTP 404)" in bench("fetch", "small", code=2)
    assert "did you mean 'edm-cifar10-32x32-cond-vp'?" in bench(
        "fetch", "edm-cifar10-32x32-cond-vq", code=2
    )
    assert "cannot be reached" in bench("fetch", "http://nowhere.invalid/a.pkl", code=2)
    assert "only http:// and https://" in bench("fetch", "ftp://example.org/a", code=2)
    (tmp_path / "file").touch()
    monkeypatch.setenv("SAMPLER_BENCH_CACHE", str(tmp_path / "file" / "cache"))
    assert "cannot write to the cache" in bench("fetch", "small", code=2)


def test_fetch_resumes(publish, site, monkeypatch):
    content = pickle.dumps(bytes(299_991), 4)
    publish("small", {"a.pkl": Page(content, cuts=[100_000])})
    monkeypatch.setattr(download, "ATTEMPTS", 0)
    assert "the same command resumes" in bench("fetch", "small", code=2)
    bench("fetch", "small")
    assert site.asked(1, "Range") == "bytes=100000-"


# ---- bench list ---------------------------------------------------------------------------------


def test_list_models_says_what_is_here(publish, site):
    publish("small", {"a.pkl": Page(WEIGHTS)})
    publish("manual", {"checkpoint_8.pth": None})
    lines = {line.split()[0]: line for line in bench("list", "models").splitlines() if line}
    assert set(PUBLISHED) < set(lines)
    adm = lines["adm-imagenet-64x64-cond"]
    for words in ("guided-diffusion", "ImageNet 64×64", "MIT", "295.9 M", "github.com/openai"):
        assert words in adm
    assert lines["small"].rstrip().endswith("to fetch")
    assert lines["manual"].rstrip().endswith("to fetch, by hand")
    fetch.fetch("small")
    assert published.state("small") == "here"
    assert not site.requests[1:], "looking is no reason to download"


def test_list_references(cifar):
    printed = bench("list", "references")
    for name in (*REFERENCES, "FILE", "bench fetch NAME"):
        assert name in printed
    fetch.fetch(CIFAR)
    line = next(line for line in bench("list", "references").splitlines() if CIFAR in line)
    assert line.rstrip().endswith("here") and "2048 inception" in line


# ---- references by name -------------------------------------------------------------------------


def inception(dim=3):
    return Extractor("inception", "0" * 64, dim, "uint8", lambda images: images)


def model(shape=(3, 32, 32), **more):
    return SimpleNamespace(shape=shape, card=Card(digest="m", **more))


def source(name=CIFAR, extractor=None, **more):
    return ReferenceSource(name, model(**more), extractor or inception())


def test_a_reference_by_name(cifar, tmp_path):
    path = fetch.fetch(CIFAR)
    by_name, by_path = source(), source(str(path))
    own = source(OWN, reference=CIFAR)
    for each in (by_name, by_path, own):
        each.check(features=False)
        # The same statistics, however they are named: the same cell.
        assert each.kind == "file"
        assert each.digest == hashlib.sha256(STATISTICS).hexdigest()
        assert list(each.statistics().mu) == [0, 1, 2]
    with pytest.raises(ValueError, match="kid, precision and the like"):
        own.check(features=True)


@pytest.mark.parametrize("make", [source, lambda: source(OWN, reference=CIFAR)])
def test_a_reference_that_was_not_fetched(cifar, make):
    missing = make()
    assert missing.is_missing and missing.digest == ""
    missing.check(features=False)  # as far as it goes: plans are made without the file
    with pytest.raises(fetch.NotHere, match=f"type: bench fetch {CIFAR}"):
        missing.statistics()


def test_a_reference_that_changed(cifar):
    fetch.fetch(CIFAR).write_bytes(statistics(4))
    with pytest.raises(ValueError, match="was pinned when it first came"):
        source().check(features=False)


def test_a_reference_of_other_images(cifar, tmp_path):
    words = "reference cifar10-32x32: its images are 3×32×32, and this model's 3×64×64"
    with pytest.raises(ValueError, match=words):
        source(shape=(3, 64, 64)).check(features=False)
    with pytest.raises(ValueError, match="3×32×32, and this model's 1×32×32"):
        source(shape=(1, 32, 32)).check(features=False)


def test_a_reference_of_other_features(cifar):
    fetch.fetch(CIFAR)
    with pytest.raises(ValueError, match="is of inception features, and the grid's are 'fashion'"):
        source(extractor=build_extractor("fashion")).check(features=False)
    with pytest.raises(ValueError, match="have dimension 3, the features 'inception' 4"):
        source(extractor=inception(4)).check(features=False)


def test_our_own_files_say_of_what_images_they_are(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (30, 8, 8, 1), dtype=np.uint8)
    np.savez(tmp_path / "images.npz", images=images)
    pixels = build_extractor("pixels")
    made = reference.make(tmp_path / "images.npz", pixels, tmp_path / "ref.npz")
    assert made.shape == (1, 8, 8)
    ReferenceSource(str(tmp_path / "ref.npz"), model((1, 8, 8)), pixels).check(features=False)
    with pytest.raises(ValueError, match="1×8×8, and this model's 1×4×16"):
        ReferenceSource(str(tmp_path / "ref.npz"), model((1, 4, 16)), pixels).check(features=False)
    # Files without a shape, others' and older ones of ours, are compared by dimension only.
    np.savez(tmp_path / "edm.npz", mu=made.mu, sigma=made.sigma)
    ReferenceSource(str(tmp_path / "edm.npz"), model((1, 4, 16)), pixels).check(features=False)


@pytest.mark.parametrize("shape", ['"wide"', "[1, -8, 8]", "[1, 8.0, 8]", "7"])
def test_a_shape_that_is_none(tmp_path, shape):
    np.savez(
        tmp_path / "ref.npz", mu=np.zeros(2), sigma=np.eye(2), provenance=f'{{"shape":{shape}}}'
    )
    with pytest.raises(ValueError, match=r"'provenance' has shape"):
        reference.load(tmp_path / "ref.npz")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("cifar10-32x31", "unknown reference 'cifar10-32x31'; did you mean 'cifar10-32x32'?"),
        ("cifar10-32x32.npz", "did you mean 'cifar10-32x32'?"),
        ("modle", "did you mean 'model'?"),
        ("sub/cifar10-32x32", "sub; cifar10-32x32 alone is known"),
        ("nowhere/ref.npz", "unknown reference 'ref.npz'"),
        ("x" * 5000, "there is no such file"),
    ],
)
def test_names_that_are_none(tmp_path, name, words, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError) as caught:
        source(name).check(features=False)
    assert words in str(caught.value) and "\n" not in str(caught.value)


def test_a_file_may_be_called_like_a_word(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("mine").write_bytes(STATISTICS)
    source("mine").check(features=False)


def test_a_grid_with_a_reference_that_does_not_fit(cifar, tmp_path):
    grid = tmp_path / "grid.toml"
    text = runs.KILLED.replace("extractor =", f'reference = "{CIFAR}"\nextractor =')
    grid.write_text(text)
    fetch.fetch(CIFAR)
    error = bench("run", "--grid", grid, "--out", tmp_path / "out", code=2)
    assert "inception features" in error and not (tmp_path / "out").exists()

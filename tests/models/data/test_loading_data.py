"""Data sets: the same from every source, exact sizes, and one clear line for whatever is wrong."""

import gzip
import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from sampler_bench.models.data.dataset import Dataset, to_unit
from sampler_bench.models.data.loading import load
from tests.models.data.sources import CLASSES, folder, idx, idx_pair, listed, pack, pictures

GREY = pictures(6, 8, 8)
COLOUR = pictures(6, 8, 8, 3)


def npz(path: Path, **arrays: object) -> Path:
    np.savez(path, **arrays)
    return path


def mnist(path: Path, images: np.ndarray) -> str:
    idx_pair(path / "MNIST/raw", images, CLASSES)
    idx_pair(path / "MNIST/raw", 255 - images, CLASSES, start="t10k")
    return f"torchvision:MNIST?root={path}&train=true"


def message(source: object, *arguments: object) -> str:
    with pytest.raises(ValueError) as error:
        load(str(source), *arguments)
    text = str(error.value)
    assert "\n" not in text
    assert text.startswith(str(source)) or str(Path(str(source)).parent) in text
    return text


GREY_SOURCES = {
    "folder": lambda p: folder(p / "a", GREY, CLASSES),
    "listed": lambda p: listed(p / "a", GREY, CLASSES),
    "zip": lambda p: pack(folder(p / "a", GREY, CLASSES)),
    "listed zip": lambda p: pack(listed(p / "a", GREY, CLASSES)),
    "npz": lambda p: npz(p / "a.npz", images=GREY, labels=np.array(CLASSES, np.uint8)),
    "unnamed npz": lambda p: npz(p / "a.npz", arr_0=GREY, arr_1=np.array(CLASSES)),
    "idx": lambda p: idx_pair(p, GREY, CLASSES),
    "idx.gz": lambda p: idx_pair(p, GREY, CLASSES, packed=True),
    "torchvision MNIST": lambda p: mnist(p, GREY),
}
COLOUR_SOURCES = {
    "folder": lambda p: folder(p / "a", COLOUR, CLASSES),
    "listed zip": lambda p: pack(listed(p / "a", COLOUR, CLASSES)),
    "npz": lambda p: npz(p / "a.npz", images=COLOUR, labels=CLASSES),
    "npz, channels first": lambda p: npz(
        p / "a.npz", images=COLOUR.transpose(0, 3, 1, 2), labels=CLASSES
    ),
    "torchvision ImageFolder": lambda p: (
        f"torchvision:ImageFolder?root={folder(p / 'a', COLOUR, CLASSES)}"
    ),
}


@pytest.mark.parametrize(
    ("make", "images"),
    [(make, GREY[:, None]) for make in GREY_SOURCES.values()]
    + [(make, COLOUR.transpose(0, 3, 1, 2)) for make in COLOUR_SOURCES.values()],
    ids=[*GREY_SOURCES, *(f"colour {name}" for name in COLOUR_SOURCES)],
)
def test_every_source_is_the_same_data(tmp_path, make, images):
    source = str(make(tmp_path))
    if source.startswith("torchvision:"):
        pytest.importorskip("torchvision")
    expected = Dataset(torch.tensor(images), torch.tensor(CLASSES))
    data = load(source, labels=True)
    assert torch.equal(data.images, expected.images) and data.images.dtype == torch.uint8
    assert data.labels.tolist() == CLASSES and data.labels.dtype == torch.int64
    assert data.digest == expected.digest and data.source == source
    assert (len(data), data.classes, data.shape) == (6, 3, images.shape[1:])
    without = load(source)
    assert without.labels is None and without.classes == 0
    assert without.digest == Dataset(torch.tensor(images)).digest != data.digest


def test_digest_is_of_shape_images_and_labels():
    images, labels = torch.tensor(pictures(12, 3, 2, 2)), torch.arange(12)
    changed = images.clone()
    changed[3, 1, 0, 1] ^= 1
    digests = {
        Dataset(images, labels).digest,
        Dataset(images).digest,
        Dataset(changed, labels).digest,
        Dataset(images, labels.flip(0)).digest,
        Dataset(images.reshape(36, 1, 2, 2)).digest,
    }
    assert len(digests) == 5
    assert Dataset(images.clone(), labels, "elsewhere").digest == Dataset(images, labels).digest


def test_to_unit():
    found = to_unit(torch.tensor([0, 51, 255], dtype=torch.uint8))
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, torch.tensor([-1.0, -0.6, 1.0]))


def test_pad_is_black_and_centred(tmp_path):
    source = str(npz(tmp_path / "a.npz", images=GREY, labels=CLASSES))
    data = load(source, True, pad=11)
    expected = np.zeros((6, 1, 11, 11), np.uint8)
    expected[:, 0, 1:9, 1:9] = GREY
    np.testing.assert_array_equal(data.images, expected)
    assert data.labels.tolist() == CLASSES
    assert load(source, pad=8).digest == load(source).digest


def area_mean(image: np.ndarray, size: int) -> np.ndarray:
    """The definition: enlarge so that both grids fit, then average; halves up."""
    fine = np.kron(image.astype(int), np.ones((size, size), int))
    side = len(image)
    sums = fine.reshape(size, side, size, side).sum((1, 3))
    return (2 * sums + side**2) // (2 * side**2)


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 7])
def test_resize_is_the_mean_over_areas(tmp_path, size, monkeypatch):
    monkeypatch.setattr("sampler_bench.models.data.sizing.CHUNK", 4)
    found = load(str(npz(tmp_path / "a.npz", images=GREY)), resize=size).images
    np.testing.assert_array_equal(found[:, 0], [area_mean(image, size) for image in GREY])


def test_resize_of_channels_of_its_own_size_and_of_halves(tmp_path):
    source = str(npz(tmp_path / "a.npz", images=COLOUR))
    found = load(source, resize=4).images
    np.testing.assert_array_equal(found[5, 2], area_mean(COLOUR[5, :, :, 2], 4))
    assert load(source, resize=8).digest == load(source).digest
    halves = np.array([[[0, 1], [1, 0]], [[1, 2], [1, 2]], [[255] * 2] * 2], np.uint8)
    found = load(str(npz(tmp_path / "b.npz", images=halves)), resize=1).images
    assert found.flatten().tolist() == [1, 2, 255]


def test_pad_comes_before_resize(tmp_path):
    image = np.full((1, 2, 2), 100, np.uint8)
    found = load(str(npz(tmp_path / "a.npz", images=image)), pad=4, resize=2).images
    assert found.flatten().tolist() == [25] * 4


@pytest.mark.parametrize(
    ("key", "size", "words"),
    [
        ("pad", 7, "pad = 7 for images of 8×8, expected a whole number, 8 or more"),
        ("pad", 8.5, "pad = 8.5"),
        ("resize", 9, "resize = 9 for images of 8×8, expected a whole number from 1 to 8"),
        ("resize", 0, "resize = 0"),
        ("resize", True, "resize = True"),
    ],
)
def test_sizes_that_cannot_be(tmp_path, key, size, words):
    source = str(npz(tmp_path / "a.npz", images=GREY))
    with pytest.raises(ValueError, match=f"a.npz: {words}"):
        load(source, **{key: size})


def test_images_that_no_network_takes(tmp_path):
    assert "8 high and 9 wide" in message(npz(tmp_path / "a.npz", images=pictures(2, 8, 9)))
    assert "no such file" in message(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    assert "holds no images" in message(tmp_path / "empty")
    mixed = folder(tmp_path / "mixed", GREY)
    Image.fromarray(pictures(9, 9)).save(mixed / "003.png")
    assert "mixed/003.png" in message(mixed)
    for name, other in [("RGBA", pictures(8, 8, 4)), ("I;16", GREY[0].astype(np.uint16))]:
        path = folder(tmp_path / name[0], GREY)
        Image.fromarray(other).save(path / "003.png")
        assert f"/003.png: image mode {name}" in message(path)


def test_truncated_files(tmp_path):
    makes = [GREY_SOURCES[name] for name in ("listed zip", "npz", "idx", "idx.gz")]
    for index, make in enumerate(makes):
        (tmp_path / str(index)).mkdir()
        path = make(tmp_path / str(index))
        path.write_bytes(path.read_bytes()[:-30])
        assert path.name in message(path, True)


def test_unreadable_for_other_reasons(tmp_path, monkeypatch):
    path = npz(tmp_path / "a.npz", images=GREY)
    for error, words in [
        (MemoryError(), "not enough memory"),
        (PermissionError(13, "Permission denied"), "cannot be read: [Errno 13]"),
        (RuntimeError("is encrypted\nmore"), "cannot be read: is encrypted"),
    ]:

        def fail(_: Path, error: Exception = error) -> None:
            raise error

        monkeypatch.setattr("sampler_bench.models.data.loading.read_images", fail)
        assert words in message(path)


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        ([0, 1, 2], r"int64 labels of shape \(3,\), expected one whole number for each of 6"),
        ([[0]] * 6, r"shape \(6, 1\)"),
        ([0.0] * 6, "float64 labels"),
        ([True] * 6, "bool labels"),
        ([0, 1, 2, 3, 4, -1], "labels from -1 to 4"),
        ([0, 1, 2, 3, 4, 1000], "from 0 to 1000; they must count from 0 and stay below 1,000"),
        (np.array([0, 1, 2, 3, 4, 2**64 - 1], np.uint64), "to 18446744073709551615"),
    ],
)
def test_npz_labels_that_cannot_be(tmp_path, labels, words):
    with pytest.raises(ValueError, match=rf"a.npz: 'labels': .*{words}"):
        load(str(npz(tmp_path / "a.npz", images=GREY, labels=labels)), True)


def test_as_many_classes_as_imagenet_or_as_images(tmp_path):
    few = npz(tmp_path / "a.npz", images=GREY, labels=[999] * 6)
    assert load(str(few), True).classes == 1000
    many = Dataset(torch.zeros(1200, 1, 1, 1, dtype=torch.uint8), torch.arange(1200))
    assert many.classes == 1200
    with pytest.raises(ValueError, match="below 1,200"):
        Dataset(many.images, many.labels + 1)


def test_no_labels_in_npz_or_beside_idx(tmp_path):
    text = message(npz(tmp_path / "a.npz", images=GREY), True)
    assert "no labels; it holds images, expected labels or arr_1" in text
    path = idx_pair(tmp_path, GREY, CLASSES[:5])
    beside = tmp_path / "train-labels-idx1-ubyte"
    assert f"{beside}: uint8 labels of shape (5,)" in message(path, True)
    beside.write_bytes(idx(np.array([CLASSES])))
    assert "shape (1, 6)" in message(path, True)
    beside.unlink()
    assert f"looked for a file {beside.name} beside it" in message(path, True)
    path = path.rename(tmp_path / "pictures")
    assert "looked for a file …labels… beside it" in message(path, True)


@pytest.mark.parametrize("packed", [False, True])
def test_no_labels_in_folders(tmp_path, packed):
    def source(path: Path) -> Path:
        return pack(path) if packed else path

    flat = folder(tmp_path / "flat", GREY)
    assert "looked for dataset.json and for one sub-folder" in message(source(flat), True)
    one = folder(tmp_path / "one", GREY, [0] * 6)
    assert "all sub-folders are one, class-0" in message(source(one), True)
    some = folder(tmp_path / "some", GREY, CLASSES)
    Image.fromarray(GREY[0]).save(some / "stray.png")
    assert "no label for stray.png" in message(source(some), True)


NAMES = [f"00000/{index:03}.png" for index in range(6)]


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", "cannot be read as JSON"),
        ("[" * 100_000, "cannot be read as JSON"),
        ('"\xff', "cannot be read as JSON"),
        ("[]", "there are no labels in it"),
        ('{"labels": null}', "there are no labels in it"),
        ({"labels": {}}, "there are no labels in it"),
        (CLASSES[:5], "has none for the image 00000/005.png"),
        ([*CLASSES, 1], "names 00000/006.png, but there is no such image"),
        ([0, 0, 0, 0, 0, -1], "'labels': labels from -1 to 0"),
        ([0, 0, 0, 0, 0, 1000], "'labels': labels from 0 to 1000"),
        ([0, 0, 0, 0, 0, 10**30], "labels from 0 to 1000000"),
        ([0, 0, 0, 0, 0, 1.0], 'has ["00000/005.png", 1.0], expected {"labels"'),
        ([0, 0, 0, 0, 0, True], 'has ["00000/005.png", true]'),
        ([0, 0, 0, 0, 0, "1"], 'has ["00000/005.png", "1"]'),
        ({"labels": [["a"]]}, 'has ["a"]'),
        ({"labels": [[NAMES[0], 0], [NAMES[0], 1]]}, "names 00000/000.png twice"),
    ],
)
def test_lists_of_labels_that_cannot_be(tmp_path, content, words, packed):
    path = listed(tmp_path / "a", GREY, CLASSES)
    if isinstance(content, list):
        names = [*NAMES, "00000/006.png"]
        content = {"labels": list(map(list, zip(names, content, strict=False)))}
    text = content if isinstance(content, str) else json.dumps(content)
    (path / "dataset.json").write_bytes(text.encode("latin-1"))
    source = pack(path) if packed else path
    assert f"{source}/dataset.json: " in message(source, True)
    assert words in message(source, True)
    assert len(load(str(source))) == 6


def test_torchvision_sources_that_cannot_be(tmp_path):
    pytest.importorskip("torchvision")
    source = mnist(tmp_path, GREY)
    for bad, words in [
        (source.replace("MNIST", "MNITS"), "'MNITS'; did you mean 'MNIST'?"),
        (source.replace("root", "rot"), "unknown argument 'rot'; did you mean 'root'?"),
        (source + "&download=true", "unknown argument 'download'"),
        (source + "&transform=x", "unknown argument 'transform'"),
        (source.replace("true", "ja"), "train = 'ja', expected true or false"),
        (source + "&train=false", "expected each argument once"),
        ("torchvision:MNIST?root", "expected each argument once"),
        ("torchvision:MNIST?train=true", "no root, the folder it lies in"),
        (f"torchvision:MNIST?root={tmp_path}/nowhere", "nothing is downloaded: Dataset not found"),
    ]:
        assert words in message(bad)
    assert not (tmp_path / "nowhere").exists()


def test_torchvision_items_that_are_no_labelled_pictures(tmp_path, monkeypatch):
    vision = pytest.importorskip("torchvision")
    whole = vision.datasets.ImageFolder
    root = folder(tmp_path / "a&b", COLOUR, CLASSES)
    source = f"torchvision:ImageFolder?root={tmp_path}/a%26b"
    (root / "class-1/003.png").write_bytes(b"no picture")
    assert "image 3: torchvision cannot read it" in message(source)
    picture = Image.fromarray(GREY[0])
    for item, words in [
        ((torch.zeros(3), 0), "image 0 is a Tensor, expected a picture"),
        (picture, "image 0 has NoneType for a label"),
        ((picture, torch.zeros(3)), "image 0 has Tensor for a label, expected one whole number"),
        ((picture, True), "image 0 has bool for a label"),
        ((picture, -1), "labels from -1 to -1"),
        ((picture.convert("RGBA"), 0), "image 0: image mode RGBA"),
    ]:
        change = {"__getitem__": lambda self, index, item=item: item}
        monkeypatch.setattr(vision.datasets, "ImageFolder", type("F", (whole,), change))
        assert words in message(source, True)


def test_torchvision_that_is_not_there(monkeypatch):
    monkeypatch.setitem(sys.modules, "torchvision", None)
    assert "torchvision cannot be imported" in message("torchvision:MNIST?root=a")


def test_gz_of_other_things(tmp_path):
    path = tmp_path / "train-images-idx3-ubyte.gz"
    path.write_bytes(gzip.compress(b"hello world"))
    assert "not an IDX file" in message(path)


def test_torchvision_of_the_other_split(tmp_path):
    pytest.importorskip("torchvision")
    data = load(mnist(tmp_path, GREY).replace("true", "False"))
    np.testing.assert_array_equal(data.images[:, 0], 255 - GREY)


def test_encrypted_zip_and_enormous_picture(tmp_path, monkeypatch):
    path = pack(folder(tmp_path / "a", GREY))
    whole = path.read_bytes()
    encrypted = bytearray(whole)
    for mark, flags in [(b"PK\x03\x04", 6), (b"PK\x01\x02", 8)]:
        encrypted[encrypted.index(mark) + flags] |= 1
    path.write_bytes(bytes(encrypted))
    assert "cannot be read as an image: " in message(path) and "encrypted" in message(path)
    path.write_bytes(whole)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    assert "a.zip/000.png: cannot be read as an image: Image size (64" in message(path)

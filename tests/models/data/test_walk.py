"""One walk for all readers: links, hidden names, numbers, and what is said of the rest."""

import os
import random
import warnings
import zipfile
from pathlib import Path

import pytest
import torch
from PIL import Image

from sampler_bench.models.data import walk
from sampler_bench.models.data.classes import read_labels
from sampler_bench.models.data.images import read_images
from sampler_bench.models.data.loading import load


def picture(path: Path, value: int = 0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L", (4, 4), value).save(path)
    return path


def seen(source: Path) -> tuple[list[int], list[str]]:
    """Return the first pixel of each image, in order, and what was said."""
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        images = torch.cat(list(read_images(source)))
    return images[:, 0, 0, 0].tolist(), [str(one.message) for one in said]


def packed(folder: Path) -> Path:
    with zipfile.ZipFile(folder.with_suffix(".zip"), "w") as archive:
        for path in folder.rglob("*"):
            archive.write(path, path.relative_to(folder))
    return folder.with_suffix(".zip")


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("form", ["{}.png", "im{}.PNG", "a{}b.png", "{}/x.png", "run {}/0 {}.png"])
def test_numbers_are_in_the_order_of_numbers(tmp_path, form, seed):
    numbers = random.Random(seed).sample(range(250), 12)
    for number in numbers:
        picture(tmp_path / "data" / form.format(number, number), number)
    assert seen(tmp_path / "data") == (sorted(numbers), [])
    assert seen(packed(tmp_path / "data")) == (sorted(numbers), [])


@pytest.mark.parametrize("pack", [False, True])
def test_classes_are_numbered_in_the_order_of_numbers(tmp_path, pack):
    for number in range(12):
        picture(tmp_path / f"data/{number}/x.png", 10 * number)
    source = packed(tmp_path / "data") if pack else tmp_path / "data"
    assert read_labels(source, 12).tolist() == list(range(12))
    assert load(str(source), labels=True).images[:, 0, 0, 0].tolist() == list(range(0, 120, 10))


@pytest.mark.parametrize("pack", [False, True])
@pytest.mark.parametrize("foreign", ["._0.png", ".cache/0.png", "a/.cache/0.png", "__MACOSX/0.png"])
def test_hidden_and_foreign_names_are_left_out_and_said(tmp_path, foreign, pack):
    picture(tmp_path / "data/a/1.png", 1)
    picture(tmp_path / "data/b/2.png", 2)
    (tmp_path / "data/.DS_Store").write_text("")
    picture(tmp_path / "data" / foreign, 9)
    values, said = seen(packed(tmp_path / "data") if pack else tmp_path / "data")
    assert values == [1, 2] and len(said) == 1
    assert "not read: " in said[0] and "hidden" in said[0] and foreign.split("/0")[0] in said[0]


def links():
    """Return, by name, links below ``data``, what they lead to, what is read, and what is said."""
    a, b = [1], [2]
    outside, other = [7, 8], "read by another name"
    return {
        "outside": ({"data/c": "real"}, a + b + outside, ""),
        "outside, relative": ({"data/c": "../real"}, a + b + outside, ""),
        "a file": ({"data/c.png": "real/7.png"}, a + b + [7], ""),
        "twice": ({"data/c": "real", "data/d": "real"}, a + b + outside, "data/d"),
        "twice, deeper": ({"data/a/c": "real", "data/d": "real"}, a + outside + b, "a/c"),
        "by its own name": ({"data/A": "data/b"}, a + b, other),
        "by its own name, from outside": ({"real/z": "data/b", "data/c": "real"}, None, other),
        "around": ({"data/a/up": "data"}, a + b, other),
        "around it all": ({"data/up": "."}, a + b, other),
        "in a circle": ({"real/again": "real", "data/c": "real"}, a + b + outside, other),
        "nowhere": ({"data/c": "gone"}, a + b, "leads nowhere"),
        "an image that is gone": ({"data/c.png": "gone.png"}, a + b, "leads nowhere"),
        "hidden beside": ({"data/c": "data/.store"}, a + b + [5], ".store"),
    }


@pytest.mark.parametrize("case", links())
def test_links_are_followed_once_and_the_rest_is_said(tmp_path, case):
    where, expected, words = links()[case]
    picture(tmp_path / "data/a/1.png", 1)
    picture(tmp_path / "data/b/2.png", 2)
    picture(tmp_path / "real/7.png", 7)
    picture(tmp_path / "real/8.png", 8)
    if case == "hidden beside":
        picture(tmp_path / "data/.store/5.png", 5)
    for link, target in where.items():
        relative = target.startswith("..")
        (tmp_path / link).symlink_to(target if relative else tmp_path / target)
    values, said = seen(tmp_path / "data")
    assert sorted(values) == sorted(expected or [1, 2, 7, 8])
    assert bool(words) == bool(said) and words.removeprefix("data/") in " ".join(said)


def test_a_pipe_called_like_an_image_is_left_out(tmp_path):
    picture(tmp_path / "data/1.png", 1)
    os.mkfifo(tmp_path / "data/0.png")
    values, said = seen(tmp_path / "data")
    assert values == [1] and "0.png (no file)" in said[0]


@pytest.mark.parametrize("pack", [False, True])
def test_a_class_without_images_does_not_move_the_others(tmp_path, pack):
    for name in ("cat", "dog"):
        picture(tmp_path / f"data/{name}/1.png", 1)
    (tmp_path / "data/bird").mkdir()
    (tmp_path / "data/bird/notes.txt").write_text("")
    source = packed(tmp_path / "data") if pack else tmp_path / "data"
    with pytest.raises(ValueError, match="no image of class bird: the sub-folder has none"):
        read_labels(source, 2)


def test_a_linked_class_that_is_another_is_refused(tmp_path):
    picture(tmp_path / "data/cat/1.png", 1)
    picture(tmp_path / "data/dog/1.png", 1)
    (tmp_path / "data/fox").symlink_to(tmp_path / "data/dog")
    with pytest.raises(ValueError, match=r"no image of class fox: .* read by another name"):
        read_labels(tmp_path / "data", 2)


def test_many_that_are_left_out_are_one_line(tmp_path):
    names = walk.Names(left_out={f"._{n}.png": "hidden" for n in range(500)})
    with pytest.warns(walk.LeftOut, match=r"\._0\.png, \._1\.png, \._2\.png and 497 more \(hid"):
        names.say(tmp_path)


def test_a_folder_nested_beyond_pythons_stack(tmp_path):
    folder = tmp_path
    for _ in range(1200):
        folder = folder / "a"
        folder.mkdir()
    assert walk.in_folder(tmp_path).images == []
    for made in (folder, *folder.parents)[:1200]:  # or who tidies up falls over it
        made.rmdir()

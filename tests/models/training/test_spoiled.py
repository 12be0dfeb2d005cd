"""Hostile and damaged training folders: a handful; tests/soak/training_states.py has them all."""

import shutil

import pytest

from sampler_bench.models.training.log import Log
from tests.models.training import spoiled
from tests.models.training.runs import same, train, trainer


@pytest.fixture(scope="module")
def sent(tmp_path_factory):
    """Return a folder with the states of images 32 and 64, and a training that ended at 96."""
    folder = tmp_path_factory.mktemp("sent")
    made = trainer(folder / "run")
    for until in (32, 64):
        train(made, until)
    shutil.copytree(folder / "run", folder / "whole")
    return folder / "run", train(trainer(folder / "whole"), 96)


@pytest.fixture(scope="module")
def reader(tmp_path_factory):
    """Return what reads the states of a folder: not all of a training is made each time."""
    states = trainer(tmp_path_factory.mktemp("reader")).states

    def read(folder):
        states.folder = folder / "state"
        return states

    return read


@pytest.mark.parametrize(
    ("kind", "name", "form"),
    [
        ("earlier", "custom_checkpoint_0.pkl", "torch"),
        ("earlier", "random_states_0.pkl", "legacy torch"),
        ("signed", "optimizer.bin", "pickle"),
        ("signed", "state.safetensors", "torch"),
        ("signed", "about.json", "oldest pickle"),
    ],
)
def test_nothing_of_a_hostile_folder_executes(sent, reader, tmp_path, kind, name, form):
    folder, mark = spoiled.copied(sent[0], tmp_path / "run"), tmp_path / "mark"
    spoiled.plant(folder, kind, name, form, mark)
    states = reader(folder)
    if kind == "earlier":
        with pytest.raises(ValueError, match="000000000064: was saved by an earlier version"):
            states.newest()
    else:
        state = states.newest()
        # A file that is not read is no damage; one that is read is.
        assert int(state.name) == (64 if name == "optimizer.bin" else 32)
        states.load(state)
    assert not mark.exists()


def test_the_payload_would_be_seen(tmp_path):
    """Each form executes where it is unpickled: else nothing above would be shown."""
    import io
    import pickle

    import numpy as np
    import torch

    for form, make in spoiled.FORMS.items():
        mark = tmp_path / form
        file = io.BytesIO(make(str(mark)))
        if "torch" in form:
            torch.load(file, weights_only=False)
        elif form == "numpy":
            np.load(file, allow_pickle=True)
        else:
            pickle.load(file)
        assert mark.exists(), form


@pytest.mark.parametrize(
    "lie",
    [
        *("images of another", "no number of seconds", "deep", "steps beyond int32"),
        *("a tensor less", "another shape", "other numbers", "beyond the end"),
        *("a pipe, about.json", "zeros, state.safetensors", "a terabyte, state.safetensors"),
    ],
)
def test_what_a_state_says_is_not_believed(sent, reader, tmp_path, lie):
    """Digests that are right make nothing true."""
    folder = spoiled.copied(sent[0], tmp_path / "run")
    shutil.rmtree(folder / "state" / "000000000032")
    spoiled.LYING[lie](spoiled.newest(folder))
    with pytest.raises(ValueError, match=r"state/000000000064: damaged: \S") as caught:
        states = reader(folder)
        states.load(states.newest())
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 500 + len(str(folder))


@pytest.mark.parametrize(
    ("name", "how"),
    [
        ("state.safetensors", "flip 0"),
        ("state.safetensors", "4 kB of zeros"),
        ("about.json", "flip 0"),
        ("SHA256SUMS", "empty"),
    ],
)
def test_damage_is_said_and_the_older_state_is_gone_on_from(sent, tmp_path, name, how):
    folder, whole = spoiled.copied(sent[0], tmp_path / "run"), sent[1]
    spoiled.damage(folder, name, how)
    again = trainer(folder)
    assert again.resume()
    assert again.progress.images == 32
    (line,) = again.states.damaged.values()
    assert line.startswith(f"{folder / 'state' / '000000000064'}: damaged: ")
    again.run(96, lambda: False, lambda trainer: None)
    same(whole, again)
    # The damaged one is no longer in the way.
    assert sorted(path.name[-3:] for path in again.states.folder.iterdir()) == ["032", "096"]


def test_a_damaged_state_is_replaced_by_the_same_one(sent, tmp_path):
    folder = spoiled.copied(sent[0], tmp_path / "run")
    spoiled.damage(folder, "state.safetensors", "flip 0")
    train(trainer(folder), 64)
    again = trainer(folder)
    assert again.resume()
    assert again.progress.images == 64
    assert not again.states.damaged
    same(train(again, 96), sent[1])


@pytest.mark.parametrize("name", spoiled.FILES)
def test_where_all_are_damaged_it_says_so(sent, reader, tmp_path, name):
    folder = spoiled.copied(sent[0], tmp_path / "run")
    spoiled.damage(folder, name, "flip 1")
    shutil.rmtree(folder / "state" / "000000000032")
    with pytest.raises(ValueError, match=r"000000000064: damaged: .*; remove it to begin anew"):
        reader(folder).newest()


def test_a_user_s_own_files_are_not_dropped(sent, tmp_path):
    folder = spoiled.copied(sent[0], tmp_path / "run")
    for name in ("notes.txt", "2026"):
        (folder / "state" / name).write_text("mine", "utf-8")
    train(trainer(folder), 96)
    names = sorted(path.name for path in (folder / "state").iterdir())
    assert names == ["000000000064", "000000000096", "2026", "notes.txt"]


@pytest.mark.parametrize("line", ["5", '"x"', "[1]", "[" * 100_000, '{"images": "9"}', "\udcff"])
def test_a_log_that_is_none_is_no_end(tmp_path, line):
    log = Log(tmp_path / "log.jsonl")
    log.append(images=64)
    with log.path.open("ab") as file:
        file.write(line.encode("utf-8", "surrogateescape") + b"\n")
    log.rewind(96)
    assert log.lines() == [{"images": 64}]


def test_a_log_without_end_is_refused(tmp_path):
    log = Log(tmp_path / "log.jsonl")
    log.path.symlink_to("/dev/zero")
    with pytest.raises(ValueError, match=r"log\.jsonl: is no file"):
        log.rewind(96)

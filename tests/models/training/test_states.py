"""Saved states and the log: whole or not there."""

import copy
import hashlib
import os
from pathlib import Path

import pytest
import torch

from sampler_bench.models.training.log import Log
from sampler_bench.models.training.progress import Progress
from sampler_bench.models.training.saved import Saved
from sampler_bench.models.training.states import States
from tests.models.training.spoiled import FILES

ABOUT = {"configuration": {"optimizer": {"lr": 0.1}}, "data": "d"}


class Alone:
    """What of an accelerator is asked."""

    is_main_process = True

    def wait_for_everyone(self):
        pass


def saved(error=None, images=16):
    """Return the parts of a run of one layer, after a step; ``error`` is raised where it saves."""
    network = torch.nn.Linear(2, 3)
    adam = torch.optim.Adam(network.parameters())
    network(torch.ones(2)).sum().backward()
    adam.step()
    parts = Saved(network, copy.deepcopy(network), adam, Progress(images))
    if error is not None:
        parts.numbers = lambda: (_ for _ in ()).throw(error)
    return parts


def states(folder, about=ABOUT, images=16, error=None):
    return States(folder, about, saved(error, images))


def save(folder, images, about=ABOUT):
    return states(folder, about, images).save(images, Alone())


def synced(monkeypatch):
    """Return the list of files (their inodes) put on disk and of renamings, as they happen."""
    seen, sync, replace = [], os.fsync, Path.replace

    def fsync(number):
        seen.append(os.fstat(number).st_ino)
        sync(number)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(Path, "replace", lambda a, b: seen.append("renamed") or replace(a, b))
    return seen


def test_files_are_on_disk_before_the_state_has_its_name(tmp_path, monkeypatch):
    seen = synced(monkeypatch)
    path = save(tmp_path, 16)
    *before, folder, last, above = seen
    assert {(path / name).stat().st_ino for name in FILES} <= {*before}
    assert [folder, last, above] == [path.stat().st_ino, "renamed", tmp_path.stat().st_ino]


def test_the_newest_two_stay_in_the_order_of_numbers(tmp_path):
    assert states(tmp_path).newest() is None
    kept = [96, 1024, 5_000_000_000, 2_000_000_000_000_000]
    for last, images in enumerate(kept):
        assert save(tmp_path, images) == states(tmp_path).newest()
        found = sorted(int(path.name) for path in tmp_path.iterdir())
        assert found == kept[max(last - 1, 0) : last + 1]


def test_the_newest_of_several_is_gone_on_from(tmp_path):
    """A kill may come before the older ones are dropped."""
    for images in (96, 512, 1024):
        save(tmp_path / f"{images}", images).rename(tmp_path / f"{images:012d}")
    (tmp_path / "000000002048.tmp").mkdir()
    assert states(tmp_path).newest().name == "000000001024"


def test_an_unfinished_state_of_before_is_not_mixed_in(tmp_path):
    left = tmp_path / "000000000016.tmp"
    left.mkdir()
    (left / "stranger").write_text("", "utf-8")
    assert sorted(path.name for path in save(tmp_path, 16).iterdir()) == sorted(FILES)
    assert [path.name for path in tmp_path.iterdir()] == ["000000000016"]


def test_digests_are_those_of_sha256sum(tmp_path):
    lines = (save(tmp_path, 16) / "SHA256SUMS").read_text("utf-8").splitlines()
    for line in lines:
        digest, _, name = line.partition("  ")
        data = (tmp_path / "000000000016" / name).read_bytes()
        assert digest == hashlib.sha256(data).hexdigest()
    assert [line[66:] for line in lines] == ["about.json", "state.safetensors"]


@pytest.mark.parametrize("error", [RuntimeError("no\nroom"), OSError("no room"), KeyError("x")])
def test_errors_of_saving_are_of_the_system(tmp_path, error):
    save(tmp_path, 16)
    with pytest.raises(OSError, match=r"no room|cannot be written: 'x'") as caught:
        states(tmp_path, error=error).save(32, Alone())
    assert "\n" not in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["000000000016"]


def test_what_was_saved_is_what_is_given_back(tmp_path):
    """Weights, averages, moments and numbers, to the bit; also of a layout of its own."""
    one, other = saved(images=16), saved(images=0)
    States(tmp_path, ABOUT, one).save(16, Alone())
    again = States(tmp_path, ABOUT, other)
    again.load(again.newest())
    before, after = one.tensors(), other.tensors()
    assert before.keys() == after.keys()
    assert {name.split(".")[0] for name in before} == {"network", "average", "adam"}
    assert len(before) == 2 * 2 + 3 * 2
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert one.numbers() == other.numbers()


def test_float16_s_scale_is_given_back(tmp_path):
    scalers = [torch.amp.GradScaler("cpu", init_scale=2.0**k) for k in (5, 16)]
    made = []
    for scaler in scalers:
        parts = saved(images=16)
        parts._scaler = scaler
        scaler.scale(torch.zeros(()))
        made.append(parts)
    scalers[0]._growth_tracker.fill_(7)
    States(tmp_path, ABOUT, made[0]).save(16, Alone())
    again = States(tmp_path, ABOUT, made[1])
    again.load(again.newest())
    assert scalers[1].state_dict() == scalers[0].state_dict()
    assert scalers[1].get_scale() == 32.0


@pytest.mark.parametrize(
    ("about", "said"),
    [
        (
            {"configuration": {"optimizer": {"lr": 0.2}}, "data": "d"},
            "configuration.optimizer.lr was 0.1 and is 0.2 now",
        ),
        (
            {"configuration": {"optimizer": {"lr": 0.1, "eps": 1}}, "data": "d"},
            "configuration.optimizer.eps was None and is 1 now",
        ),
        ({"configuration": {"optimizer": {}}, "data": "d"}, "lr was 0.1 and is None now"),
        ({"configuration": ABOUT["configuration"], "data": "e"}, ": data was 'd' and is 'e' now"),
    ],
)
def test_another_run_s_state_is_refused(tmp_path, about, said):
    save(tmp_path, 16)
    with pytest.raises(ValueError, match=said):
        states(tmp_path, about).newest()


def test_lines_are_on_disk_one_after_the_other(tmp_path, monkeypatch):
    log, seen = Log(tmp_path / "log.jsonl"), synced(monkeypatch)
    assert log.lines() == []
    log.rewind(0)
    assert not log.path.exists()
    for images in (16, 32, 48):
        log.append(images=images)
    file = log.path.stat().st_ino
    assert seen == [file, tmp_path.stat().st_ino, file, file]
    with log.path.open("a") as file:
        file.write('{"images": 6')
    assert log.lines() == [{"images": 16}, {"images": 32}, {"images": 48}]
    log.rewind(32)
    assert log.path.read_text("utf-8") == '{"images": 16}\n{"images": 32}\n'
    with pytest.raises(ValueError, match="JSON compliant"):
        log.append(loss=float("nan"))


def test_progress_is_all_kept(tmp_path):
    progress, again = Progress(3, 2.5, 7.0, 2), Progress()
    assert progress.loss == 3.5
    assert again.loss == 0
    again.load_state_dict(progress.state_dict())
    assert again == progress

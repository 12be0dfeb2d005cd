"""Saved states and the log: whole or not there."""

import os
from pathlib import Path

import pytest

from sampler_bench.models.training.log import Log
from sampler_bench.models.training.progress import Progress
from sampler_bench.models.training.states import States

ABOUT = {"configuration": {"optimizer": {"lr": 0.1}}, "data": "d"}


class Saving:
    """What of an accelerator saves a state."""

    is_main_process = True

    def __init__(self, error=None):
        self.error = error

    def wait_for_everyone(self):
        pass

    def save_state(self, folder):
        Path(folder, "weights").write_text("whole", "utf-8")
        if self.error is not None:
            raise self.error

    def load_state(self, folder):
        raise self.error


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
    saved = States(tmp_path, ABOUT).save(16, Saving())
    *before, folder, last, above = seen
    assert {(saved / name).stat().st_ino for name in ("weights", "about.json")} <= {*before}
    assert [folder, last, above] == [saved.stat().st_ino, "renamed", tmp_path.stat().st_ino]


def test_names_sort_as_numbers_and_the_newest_stays(tmp_path):
    states = States(tmp_path, ABOUT)
    assert states.newest() is None
    for images in (96, 1024, 5_000_000_000):
        assert states.save(images, Saving()) == states.newest()
        assert [int(path.name) for path in tmp_path.iterdir()] == [images]


def test_the_newest_of_several_is_gone_on_from(tmp_path):
    """A kill may come before the older one is dropped."""
    states = States(tmp_path, ABOUT)
    states.save(96, Saving())
    (tmp_path / "000000000096").rename(tmp_path / "older")
    states.save(1024, Saving())
    States(tmp_path / "other", ABOUT).save(96, Saving())
    (tmp_path / "other" / "000000000096").rename(tmp_path / "000000000096")
    (tmp_path / "000000002048.tmp").mkdir()
    assert states.newest().name == "000000001024"


def test_an_unfinished_state_of_before_is_not_mixed_in(tmp_path):
    left = tmp_path / "000000000016.tmp"
    left.mkdir()
    (left / "stranger").write_text("", "utf-8")
    saved = States(tmp_path, ABOUT).save(16, Saving())
    assert sorted(path.name for path in saved.iterdir()) == ["about.json", "weights"]


@pytest.mark.parametrize("error", [RuntimeError("no\nroom"), OSError("no room"), KeyError("x")])
def test_errors_of_saving_are_of_the_system(tmp_path, error):
    states = States(tmp_path, ABOUT)
    states.save(16, Saving())
    with pytest.raises(OSError, match=r"no room|cannot be written: 'x'") as caught:
        states.save(32, Saving(error))
    assert "\n" not in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["000000000016"]


@pytest.mark.parametrize("error", [RuntimeError("a\nb"), EOFError(), KeyError("x")])
def test_errors_of_loading_are_of_the_state(tmp_path, error):
    states = States(tmp_path, ABOUT)
    with pytest.raises(ValueError, match=r"16: damaged: (a b|EOFError|'x'); remove") as caught:
        states.load(tmp_path / "16", Saving(error))
    assert "\n" not in str(caught.value)


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
    States(tmp_path, ABOUT).save(16, Saving())
    with pytest.raises(ValueError, match=said):
        States(tmp_path, about).newest()


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

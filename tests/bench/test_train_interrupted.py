"""``bench train`` killed, asked to stop, on a full disk: the same command goes on to the same."""

import json
import os
import shutil
import signal
from types import SimpleNamespace
from unittest import mock

import pytest

from sampler_bench.bench.commands import training
from tests.bench import kills, trainings
from tests.bench.kills import OFTEN, same, started, wait_for
from tests.bench.trainings import losses, prepared, trained, typed
from tests.models.training import spoiled


@pytest.fixture(scope="module", autouse=True)
def quick():
    """What is drawn and measured beside the training is not what these tests are about."""
    with mock.patch.multiple(training, **trainings.QUICK):
        yield


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Configuration and folder of a run that nothing happened to."""
    folder = tmp_path_factory.mktemp("whole")
    path = prepared(folder, *trainings.LONGER)
    trained(path, "--out", folder / "out", *OFTEN)
    return path, folder / "out"


def test_killed_at_any_moment_it_goes_on_to_the_same(whole, tmp_path):
    """Before a state was saved, early and late, of 640 images; soak.kills does it at length."""
    path, expected = whole
    kills.kill_training(path, expected, tmp_path / "out", (0, 64, 384))
    assert trainings.states(tmp_path / "out") == ["000000000608", "000000000640"]


@pytest.mark.parametrize("moment", ["written", "named", "logged"])
def test_killed_while_it_saves(whole, tmp_path, monkeypatch, moment):
    """At the moments that chance rarely meets."""
    path, expected = whole
    out = tmp_path / "out"
    trained(path, "--out", out, "--images", 480, *OFTEN)

    class Killed(BaseException):
        pass

    def killed(*arguments):
        raise Killed

    with monkeypatch.context() as patch:
        place = {
            "written": "sampler_bench.models.training.states.put",
            "named": "sampler_bench.models.training.states.States._drop_all_but",
            "logged": "sampler_bench.models.training.trainer.Trainer.save",
        }[moment]
        patch.setattr(place, killed)
        patch.setattr("shutil.rmtree", lambda *arguments, **given: None)  # nothing is cleaned up
        with pytest.raises(Killed):
            typed(path, "--out", out, *OFTEN)
    left = trainings.states(out)
    assert (
        left
        == {
            "written": ["000000000448", "000000000480", "000000000512.tmp"],
            "named": ["000000000448", "000000000480", "000000000512"],
            "logged": ["000000000448", "000000000480"],
        }[moment]
    )
    assert losses(out)[-1][0] == 512
    trained(path, "--out", out, *OFTEN)
    same(out, expected)
    assert trainings.states(out) == ["000000000608", "000000000640"]


def test_killed_while_it_saves_what_is_saved(whole, tmp_path, monkeypatch):
    """The last line's state and the last one are the same: there is always one of them."""
    path, _ = whole
    out = tmp_path / "out"
    trained(path, "--out", out, "--images", 480, *OFTEN)
    seen, remove = [], shutil.rmtree

    def watched(*arguments, **given):
        remove(*arguments, **given)
        seen.append("000000000480" in trainings.states(out))

    monkeypatch.setattr("shutil.rmtree", watched)
    trained(path, "--out", out, "--images", 480, *OFTEN)
    assert seen and all(seen)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_asked_to_stop_it_saves_and_says_how_to_go_on(whole, tmp_path, number):
    path, expected = whole
    out = tmp_path / "out"
    process, said = started(path, out, "--save-seconds", "1000")
    wait_for((out / "log.jsonl").exists, process)
    os.kill(process.pid, number)
    process.join()
    assert process.exitcode == 130
    lines = said.read_text("utf-8").splitlines()
    assert lines[-2].startswith("interrupted at image ")
    assert lines[-1] == "the same command goes on from there"
    assert "Traceback" not in "".join(lines)
    (state,) = trainings.states(out)
    assert 0 < int(state) < 640
    assert f"at image {int(state)} " in lines[-2]
    assert f"from image {int(state)} of 640" in trained(path, "--out", out, *OFTEN)
    same(out, expected)


def test_a_second_ctrl_c_does_not_wait():
    session = training.Session.__new__(training.Session)
    session._asked = False
    # A shell's background jobs, the tests themselves perhaps, begin with Ctrl-C ignored.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt), session._interruptible():
            signal.raise_signal(signal.SIGINT)
            assert session._asked
            signal.raise_signal(signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, before)


def test_afterwards_signals_are_as_before(tmp_path):
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.getsignal(number) for number in numbers]
    trained(prepared(tmp_path), "--out", tmp_path / "out", "--images", 16)
    assert [signal.getsignal(number) for number in numbers] == before


def test_a_full_disk_is_one_line_and_the_older_state_stays(whole, tmp_path):
    path, expected = whole
    out = tmp_path / "out"
    trained(path, "--out", out, "--images", 320, *OFTEN)
    tensors = out / "state" / "000000000320" / "state.safetensors"
    before = trainings.states(out)
    for largest in (tensors.stat().st_size - 1000, 4096):
        process, said = started(path, out, largest_file=largest)
        process.join()
        lines = said.read_text("utf-8").splitlines()
        assert process.exitcode == 2, lines
        assert lines[-1].startswith("bench: ")
        assert "cannot be written" in lines[-1] or "File too large" in lines[-1]
        assert not any("Traceback" in line for line in lines)
        assert trainings.states(out) == before
    trained(path, "--out", out, *OFTEN)
    same(out, expected)


def test_a_damaged_state_is_one_line(tmp_path):
    """tests/models/training/test_spoiled.py has all that can be wrong with one."""
    path, out = prepared(tmp_path), tmp_path / "out"
    for images in (16, 32):
        trained(path, "--out", out, "--images", images)
    spoiled.damage(out, "state.safetensors", "flip 0")
    said = trained(path, "--out", out, "--images", 16).splitlines()
    assert "000000000032: damaged: its files are not those that SHA256SUMS tells of" in said[0]
    assert "already at image 16" in said[1]
    assert trainings.states(out) == ["000000000016"]
    spoiled.damage(out, "state.safetensors", "flip 0")
    result = typed(path, "--out", out)
    assert result.exit_code == 2, result.exception
    assert result.stderr.count("\n") == 1
    assert "000000000016: damaged" in result.stderr
    assert "remove it to begin anew" in result.stderr


def test_two_trainings_do_not_share_a_folder(tmp_path):
    path, out = prepared(tmp_path), tmp_path / "out"
    trained(path, "--out", out, "--images", 16)
    process, said = started(path, out, brake=0.2)
    wait_for(lambda: said.exists() and "from image 16" in said.read_text("utf-8"), process)
    result = typed(path, "--out", out)
    assert process.is_alive()
    assert result.exit_code == 2, result.exception
    assert result.stderr.count("\n") == 1
    assert f"{out}: another training is at work in it" in result.stderr
    assert "images/s" not in result.stdout
    process.kill()  # who was killed holds nothing
    process.join()
    trained(path, "--out", out, "--images", 32)


def test_the_log_of_a_kill_in_its_middle_is_mended(whole, tmp_path):
    path, expected = whole
    out = tmp_path / "out"
    trained(path, "--out", out, "--images", 480, *OFTEN)
    with (out / "log.jsonl").open("a") as file:
        file.write(json.dumps({"images": 512, "loss": 1.0})[:-5])
    trained(path, "--out", out, *OFTEN)
    same(out, expected)


def test_states_are_saved_when_the_time_has_passed(tmp_path, monkeypatch):
    """Counted in lines of the log, at each of which the clock here is looked at."""
    clock, saved = iter(range(1000)), []
    monkeypatch.setattr(training, "time", SimpleNamespace(monotonic=lambda: float(next(clock))))
    save = training.Trainer.save
    monkeypatch.setattr(
        training.Trainer, "save", lambda self: saved.append(self.progress.images) or save(self)
    )
    path = prepared(tmp_path, ("log_images = 64", "log_images = 16"))
    trained(path, "--out", tmp_path / "out", "--save-seconds", 3)
    # Begun at 0; looks at 1, 2, 3: saved, the clock read again, 4; looks at 5, 6, 7: saved …
    assert saved == [*range(48, 321, 48), 320]

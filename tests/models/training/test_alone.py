"""The lock on a training's folder. Two processes: tests/bench/test_train_interrupted.py."""

import pytest
from filelock import FileLock

from sampler_bench.models.training.alone import alone


def test_one_at_a_time_and_the_next_afterwards(tmp_path):
    for _ in range(2):
        with alone(tmp_path) as doubt:
            assert doubt == ""
            with (
                pytest.raises(ValueError, match="another training is at work in it"),
                alone(tmp_path),
            ):
                pass
            with (
                pytest.raises(ValueError, match="another training is at work in it"),
                alone(tmp_path),
            ):
                pass


def test_it_is_let_go_of_after_an_error(tmp_path):
    with pytest.raises(KeyError), alone(tmp_path):
        raise KeyError
    with alone(tmp_path):
        pass


def test_a_lock_that_is_a_link_empties_nothing(tmp_path):
    (tmp_path / "mine").write_text("precious", "utf-8")
    (tmp_path / ".lock").symlink_to(tmp_path / "mine")
    with pytest.raises(ValueError, match=r"\.lock: is a link"), alone(tmp_path):
        pass
    assert (tmp_path / "mine").read_text("utf-8") == "precious"


@pytest.mark.parametrize(
    "error", [NotImplementedError("no flock"), PermissionError(13, "Permission denied")]
)
def test_where_nothing_can_be_locked_it_says_so(tmp_path, monkeypatch, error):
    def acquire(self, timeout):
        raise error

    monkeypatch.setattr(FileLock, "acquire", acquire)
    if isinstance(error, OSError):
        with pytest.raises(ValueError, match=r"\.lock: cannot be locked: Perm"), alone(tmp_path):
            pass
        return
    with alone(tmp_path) as doubt:
        assert "cannot be locked on this file system" in doubt

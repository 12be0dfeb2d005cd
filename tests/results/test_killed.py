"""A writer that is killed leaves whole files or none."""

import signal
import subprocess
import sys
import time

import pytest

from sampler_bench.results import Store

WRITER = """
import sys
import numpy as np
from sampler_bench.results import Store
store = Store(sys.argv[1])
print("ready", flush=True)
for index in range(100_000):
    store.write_shard("work", index, {"sum": np.full(20_000, index)}, {"n": index})
"""


@pytest.mark.parametrize("delay", [0.01, 0.05, 0.2])
def test_killed_at_any_moment_every_shard_is_whole(tmp_path, delay):
    command = [sys.executable, "-c", WRITER, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as writer:
        assert writer.stdout.readline() == b"ready\n"
        time.sleep(delay)
        writer.send_signal(signal.SIGKILL)
    store = Store(tmp_path)
    found = store.shards("work")
    assert list(found) == list(range(len(found)))
    for index, path in found.items():
        shard = store.read_shard(path)
        assert shard.index == shard.meta["n"] == index

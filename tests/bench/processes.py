"""Several real processes on one folder, killed now and then, and what they have made in the end.

The tests do it once, ``python -m tests.soak.processes`` as often as one likes.
"""

import errno
import os
import random
import sys
import time
from pathlib import Path

import pytest

from sampler_bench import models, results
from sampler_bench.kit import files
from sampler_bench.kit.files import TEMPORARY
from tests.bench import runs
from tests.bench.kills import a_process, made

MODEL = "exact-mixture-moons"
GRID = """
name = "shared"
models = ["exact-mixture-moons"]
samples = 60
extractor = "pixels"
[[sampler]]
label = "Euler"
solver = "euler"
steps = [3, 6]
[[sampler]]
label = "Churned Heun"
S_churn = 5
steps = 6
"""


def share(out, whole, batches, kills=0, seed=0, pause=0.001, links=True):
    """Run a grid by as many processes as there are batches, and compare with one process.

    Args:
        out: The folder that they share; it is made.
        whole: The same grid's folder, run by one.
        batches: What each process is started with as ``--batch``.
        kills: How many of them are killed, at random states of progress; each is started again.
        seed: Of who is killed, and when.
        pause: Seconds that a call of the denoiser takes.
        links: Whether the disk has hard links; without, there are no leases.

    Returns:
        Denoiser evaluations of all processes, killed ones too, relative to those of one.
    """
    out.parent.mkdir()
    processes = [started(out, batch, pause, links) for batch in batches]
    moments = random.Random(seed)
    for _ in range(kills):
        goal = made(out) + moments.randrange(20)
        while made(out) < goal and all(process.is_alive() for process in processes):
            time.sleep(0.001)
        time.sleep(0.02 * moments.random())
        one = moments.randrange(len(processes))
        processes[one].kill()  # nothing happens to one that has ended
        processes[one].join()
        processes[one] = started(out, batches[one], pause, links)
    for process in processes:
        process.join()
        assert process.exitcode == 0
    same(out, whole)
    table = results.load(whole)
    return evaluated(out) / (table["nfe"] * table["samples"]).sum()


def started(out, batch, pause, links=True):
    """Return a process that runs the grid into ``out``."""
    process = a_process(counting, (str(out), batch, pause, links))
    process.start()
    return process


def same(one, other):
    """Assert that two runs are one, batches aside, and that nothing else was left behind.

    But for what was being written when a kill came: it is swept after a day.
    """
    a, b = runs.numbers(one), runs.numbers(other)
    assert a.keys() == b.keys()
    for key, (value, loo, nfe) in a.items():
        assert value == pytest.approx(b[key][0], rel=1e-6)
        assert loo == pytest.approx(b[key][1], rel=1e-6)
        assert nfe == b[key][2]
    for left in ("shards/*/*", "failures/*", "leases/*"):
        found = [path for path in one.glob(left) if not path.name.startswith(TEMPORARY)]
        assert found == []


def counting(out, batch, pause, links):
    """Run the grid in a process of its own, and write down each call of the denoiser.

    Nothing is put on disk: that is of use when the power is cut, and takes most of the time.
    """
    os.fsync = lambda number: None
    if not links:
        files.link = refused
    load = models.MODELS[MODEL]

    def counted(device):
        model = load(device)
        denoise = type(model).__call__
        log = os.open(f"{out}.evaluations", os.O_WRONLY | os.O_CREAT | os.O_APPEND)

        class Counting(type(model)):
            def __call__(self, x, sigma):
                os.write(log, f"{len(x)}\n".encode())
                time.sleep(pause)
                return denoise(self, x, sigma)

        model.__class__ = Counting
        return model

    models.MODELS[MODEL] = counted
    sys.exit(bool(runs.run(Path(out), GRID, batch, name=f"grid{os.getpid()}").reasons))


def refused(*paths):
    """Do as a disk without hard links."""
    raise PermissionError(errno.EPERM, "Operation not permitted")


def evaluated(out):
    """Return the denoiser evaluations of all processes of a run, those of killed ones included."""
    return sum(map(int, Path(f"{out}.evaluations").read_text().split()))

"""SIGKILL for runs and trainings, at any moment: the same command goes on to the same end.

The tests kill a few times, ``python -m tests.soak.kills`` as often as one likes.
"""

import json
import math
import multiprocessing
import random
import re
import time
from pathlib import Path

import pytest

from tests.bench import runs, trainings
from tests.bench.trainings import losses, trained, weights

# A state after each line is the most moments there can be to be hit.
OFTEN = ["--save-seconds", "0"]


def a_process(target, arguments):
    """Return a process, forked where what it needs is imported already."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(
        [
            "torch",
            "accelerate",
            "torch_fidelity",
            "sampler_bench.bench.run.runner",
            "sampler_bench.bench.commands.training",
            "sampler_bench.reports",
            "tests.bench.runs",
            "tests.bench.trainings",
        ]
    )
    return context.Process(target=target, args=arguments)


def kill_runs(folder, kills, seed=0):
    """Kill runs until there were so many kills; compare each with one that nothing happened to.

    Each goes on until some more of its shards are there, and a moment longer: by progress, which no
    machine is too fast or too slow for.

    Returns:
        How many of the kills came while there was something to lose.
    """
    whole = folder / "uninterrupted" / "run"
    whole.parent.mkdir()
    runs.run(whole, runs.KILLED, 3)  # to the bit, batches must be the same
    moments = random.Random(seed)
    killed, partial, rounds = 0, 0, 0
    while killed < kills:
        out = folder / f"run{rounds}" / "run"
        out.parent.mkdir()
        rounds += 1
        while True:
            # Batches of 3 samples are one shard each: many files, many moments to be killed at.
            process = a_process(runs.slowly, (str(out), 3))
            goal = made(out) + moments.randrange(20) if killed < kills else math.inf
            process.start()
            while process.is_alive() and made(out) < goal:
                time.sleep(0.001)
            process.join(0.03 * moments.random())
            if process.exitcode is not None:
                assert process.exitcode == 0
                break
            process.kill()
            process.join()
            killed += 1
            partial += made(out) > 0
        assert runs.numbers(out) == runs.numbers(whole)
        assert not list(out.glob("shards/*/*.npz"))
    return partial


def made(out):
    """Return how many shards of a run were made; a record is of 20."""
    return len(list(out.glob("shards/*/*.npz"))) + 20 * len(list(out.glob("records/*.json")))


def kill_training(path, whole, out, reached, seed=0):
    """Kill a training where its log has reached so many images; compare its end with ``whole``.

    By progress, which no machine is too fast or too slow for. At each kill it has begun no earlier
    than at the one before, and at the last one beyond its beginning.
    """
    moments, began = random.Random(seed), []
    for images in reached:
        process, said = started(path, out, brake=0.05)
        wait_for(lambda said=said: said.exists() and "image " in said.read_text("utf-8"), process)
        wait_for(lambda images=images: logged(out) >= images, process)
        time.sleep(0.02 * moments.random())
        assert process.is_alive()
        process.kill()
        process.join()
        began.append(int(re.findall(r"image ([\d,]+) of", said.read_text("utf-8"))[-1]))
        said.unlink()
    assert began == sorted(began)
    assert began[-1] > 0, "the kills have to land while there is something to lose"
    trained(path, "--out", out, *OFTEN)
    same(out, whole)


def started(path, out, *more, largest_file=None, brake=0.0):
    """Start a training in a process of its own; what it says goes to ``out``.txt."""
    arguments = [path, "--out", out, *(more or OFTEN)]
    said = f"{out}.txt"
    process = a_process(trainings.in_a_process, ([*map(str, arguments)], said, largest_file, brake))
    process.start()
    return process, Path(said)


def wait_for(condition, process):
    """Wait while the process is at work on it."""
    while not condition():
        assert process.is_alive()
        time.sleep(0.001)


def logged(out):
    """Return the images of the log's last whole line; 0 before there is one."""
    log = out / "log.jsonl"
    lines = log.read_bytes().splitlines(keepends=True) if log.exists() else []
    whole = [line for line in lines if line.endswith(b"\n")]
    return json.loads(whole[-1])["images"] if whole else 0


def same(one, other):
    """Assert that two trainings are one: weights to the bit, and their logs."""
    assert weights(one) == weights(other)
    a, b = losses(one), losses(other)
    assert [line[::2] for line in a] == [line[::2] for line in b]
    # The sum a state was saved with is rounded once more.
    assert [line[1] for line in a] == pytest.approx([line[1] for line in b], rel=1e-12)

"""What a process that has imported nothing yet does with a task."""

import sys


def taken(task, shard, batch):
    """Return the arrays of one shard."""
    return [measured.arrays for measured in task.take([shard], batch)]


def is_fresh():
    """Return whether nothing was imported that a task needs."""
    return not [name for name in sys.modules if name.startswith(("torch", "sampler_bench"))]

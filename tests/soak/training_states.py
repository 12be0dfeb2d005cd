"""Training folders that are hostile or damaged, each given to ``bench train``.

    python -m tests.soak.training_states          # minutes; prints a table and what is wrong

hostile: files that execute where they are unpickled, in every place that this or an earlier version
    reads, and states with right digests that say what cannot be: refused in one line, or gone on
    from the older state; nothing executed, nothing waited at for 20 s.
damaged: each file of the newest state, damaged in each way, with an older state beside it and
    without: said, and gone on from the older state to the weights, bit by bit, of a training that
    nothing happened to; or refused in one line.
"""

import argparse
import shutil
import signal
import sys
import tempfile
from pathlib import Path
from unittest import mock

import torch

from tests.bench import trainings
from tests.bench.trainings import prepared, trained, typed, weights
from tests.models.training import spoiled

SECONDS, LONGEST = 20, 500


class Sent:
    """A folder with the states of images 16 and 32, and one trained to 48 in one go."""

    def __init__(self, folder):
        self.folder = folder
        self.path = prepared(folder)
        for images in (16, 32):
            trained(self.path, "--out", folder / "sent", "--images", images)
        trained(self.path, "--out", folder / "whole", "--images", 48)
        self.whole = weights(folder / "whole")

    def given(self, spoil, older=True):
        """Return what ``bench train`` makes of a copy that something was done to, and the copy."""
        out = self.folder / "out"
        shutil.rmtree(out, ignore_errors=True)
        shutil.copytree(self.folder / "sent", out)
        spoil(out)
        if not older:
            shutil.rmtree(out / "state" / "000000000016")
        signal.alarm(SECONDS)
        try:
            return typed(self.path, "--out", out, "--images", 48), out
        finally:
            signal.alarm(0)


def wrong_with(result):
    """Return what is wrong with an answer that is to be one line, or a training's."""
    if result.exit_code not in {0, 2}:
        return f"exit code {result.exit_code}: {result.exception!r}"
    lines = result.stderr.splitlines()
    if result.exit_code == 2 and (len(lines) != 1 or len(lines[0]) > LONGEST):
        return f"{len(lines)} lines, {len(result.stderr)} characters: {result.stderr[:200]}"
    return ""


def of_hostile(sent):
    """Yield each hostile folder, and what is wrong with what came of it."""
    mark = sent.folder / "mark"
    for kind, name, form in spoiled.EXECUTING:
        mark.unlink(missing_ok=True)
        result, _ = sent.given(
            lambda out, kind=kind, name=name, form=form: spoiled.plant(out, kind, name, form, mark)
        )
        executed = "EXECUTED" if mark.exists() else ""
        yield f"{kind}, {name}, {form}", executed or wrong_with(result)


def of_lying(sent):
    """Yield each folder that lies with right digests, and what is wrong."""
    for name, lie in spoiled.LYING.items():
        for older in (True, False):
            result, _ = sent.given(lambda out, lie=lie: lie(spoiled.newest(out)), older)
            wrong = wrong_with(result)
            if not older and not wrong and result.exit_code != 2:
                wrong = "gone on from"
            yield f"{name}, {'with' if older else 'without'} an older one", wrong


def of_damaged(sent, seed):
    """Yield each damaged folder, and what is wrong."""
    for name, how in spoiled.DAMAGED:
        for older in (True, False):
            result, out = sent.given(
                lambda out, name=name, how=how: spoiled.damage(out, name, how, seed), older
            )
            wrong = wrong_with(result)
            said = "000000000032: damaged: " in result.output
            if not wrong and not said:
                wrong = f"not said: {result.output[:200]}"
            if not wrong and result.exit_code != (0 if older else 2):
                wrong = f"exit code {result.exit_code}"
            if not wrong and older and weights(out) != sent.whole:
                wrong = "other weights"
            yield f"{name}, {how}, {'with' if older else 'without'} an older one", wrong


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=0, help="of the places that are damaged")
    given = parser.parse_args()
    torch.set_num_threads(1)
    failed = 0
    with (
        tempfile.TemporaryDirectory() as folder,
        mock.patch.multiple("sampler_bench.bench.commands.training", **trainings.QUICK),
    ):
        sent = Sent(Path(folder))
        parts = {
            "executing": of_hostile(sent),
            "lying": of_lying(sent),
            "damaged": of_damaged(sent, given.seed),
        }
        for part, cases in parts.items():
            found = [(case, wrong) for case, wrong in cases]
            bad = [f"    {case}: {wrong}" for case, wrong in found if wrong]
            failed += len(bad)
            print(
                f"{part:10s} {len(found):4d} folders, {len(bad)} wrong", *bad, sep="\n", flush=True
            )
    return failed


if __name__ == "__main__":
    sys.exit(bool(main()))

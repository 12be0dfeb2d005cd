"""The grids that ship: which run here, which need what a test does not download, and their keys."""

import json
from pathlib import Path

from sampler_bench.bench.plan import grid as grids
from tests.soak.shipped_keys import digest

PUBLISHED_MODELS = ("baseline-", "edm-", "ideal:")


def _of_published(name):
    declared, _ = grids.read(name)
    return any(model.startswith(PUBLISHED_MODELS) for model in declared.models)


PUBLISHED = [name for name in grids.shipped() if _of_published(name)]
HERE = [name for name in grids.shipped() if name not in PUBLISHED]


KEYS = json.loads((Path(__file__).parents[1] / "golden" / "keys.json").read_text("utf-8"))


def sampled(plan):
    """Return the keys of a run's plan but those of floors, which FORMAT 2 had none of at first."""
    told = {line.key: line.settings.get("measurement", {}) for line in plan.lines}
    return {key for key, measurement in told.items() if measurement.get("name") != "floor"}


def keeps_its_keys(name, keys):
    """Say whether a grid's cells have the keys that FORMAT 2 gave them first, all of them.

    A key that changes parts a cell from its committed record: a default, or a new setting that
    enters at its neutral value. ``soak.shipped_keys`` says how the digests were made.
    """
    return digest(name, keys) == KEYS[name]

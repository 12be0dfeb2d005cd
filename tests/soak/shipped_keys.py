"""The keys that a commit's planner gives all cells of all shipped grids, as ``golden/keys.json``.

    python -m tests.soak.shipped_keys OUT.json           # this tree's: seconds

The committed file is from the first commit of FORMAT 2. Made anew from a later commit it would
prove nothing: from then on a key that changes parts a cell from its record. A grid that is added,
or changed, changes its own line alone.
Grids are planned as the tests plan them anyway: those that run here at 20 samples (``quick`` and
``gate`` as they are), those of published models once instead of thrice.
"""

import hashlib
import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from sampler_bench.bench.plan import grid as grids
from sampler_bench.bench.plan import planning as plans

PUBLISHED = ("baseline-", "edm-", "ideal:")
AS_THEY_ARE = {"quick", "gate"}


def digest(name: str, keys: Iterable[str]) -> dict[str, Any]:
    """Return how many keys a grid has, and the SHA-256 of them all, sorted."""
    lines = [f"{name} {key}\n" for key in sorted(keys)]
    return {"cells": len(lines), "sha256": hashlib.sha256("".join(lines).encode()).hexdigest()}


def planned(name: str) -> list[str]:
    """Return the keys of a grid's cells."""
    declared, _ = grids.read(name)
    published = any(model.startswith(PUBLISHED) for model in declared.models)
    changes = {"repeats": 1} if published else {} if name in AS_THEY_ARE else {"samples": 20}
    plan = plans.make(declared.model_copy(update=changes), dry=published)
    return [cell.key for work in plan.work for cell in work.cells]


def main(out: str) -> None:
    """Write the file."""
    found = {name: digest(name, planned(name)) for name in grids.shipped()}
    Path(out).write_text(json.dumps(found, indent=1) + "\n", "utf-8")
    print(f"{sum(one['cells'] for one in found.values())} cells of {len(found)} grids")


if __name__ == "__main__":
    main(sys.argv[1])

"""The keys that a commit's planner gives all cells of all shipped grids, as ``golden/keys.json``.

    python -m tests.soak.shipped_keys OUT.json           # this tree's: seconds
    cd /a/tree; python /this/tests/soak/shipped_keys.py OUT.json    # of a commit before kit/ came

The committed file is from 5f82f6f, the last commit before the one loop. Made anew from a later
commit it would prove nothing: a key that changes parts a cell from its record.
Grids are planned as the tests plan them anyway: those that run here at 20 samples (``quick`` and
``gate`` as they are), those of published models once instead of thrice.
"""

import hashlib
import json
import sys
from collections.abc import Iterable
from importlib import import_module
from pathlib import Path
from typing import Any

PUBLISHED = ("baseline-", "edm-", "ideal:")
AS_THEY_ARE = {"quick", "gate"}


def digest(name: str, keys: Iterable[str]) -> dict[str, Any]:
    """Return how many keys a grid has, and the SHA-256 of them all, sorted."""
    lines = [f"{name} {key}\n" for key in sorted(keys)]
    return {"cells": len(lines), "sha256": hashlib.sha256("".join(lines).encode()).hexdigest()}


def planned(grids: Any, plans: Any, name: str) -> list[str]:
    """Return the keys of a grid's cells."""
    declared, _ = grids.read(name)
    published = any(model.startswith(PUBLISHED) for model in declared.models)
    changes = {"repeats": 1} if published else {} if name in AS_THEY_ARE else {"samples": 20}
    plan = plans.make(declared.model_copy(update=changes), dry=published)
    return [cell.key for work in plan.work for cell in work.cells]


def main(out: str) -> None:
    """Write the file."""
    prefix = "sampler_bench." if Path("kit").is_dir() else ""
    sys.path.insert(0, str(Path.cwd()))
    room = f"{prefix}bench.plan" if Path("bench/plan").is_dir() else f"{prefix}bench"
    grids = import_module(f"{room}.grid")
    plans: Any = import_module(f"{room}.planning" if room.endswith("plan") else f"{room}.plan")
    found = {name: digest(name, planned(grids, plans, name)) for name in grids.shipped()}
    Path(out).write_text(json.dumps(found, indent=1) + "\n", "utf-8")
    print(f"{sum(one['cells'] for one in found.values())} cells of {len(found)} grids")


if __name__ == "__main__":
    main(sys.argv[1])

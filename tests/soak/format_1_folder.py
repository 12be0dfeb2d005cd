"""A folder of FORMAT 1, as ``golden/format_1``: a small run that was interrupted.

    cd /a/tree/at/d4ae597; python /this/tests/soak/format_1_folder.py OUT     # seconds

Made by the last commit of FORMAT 1: records of which two are one measurement now, a profile's,
samples, and of one job three shards and the failure of a fourth.
"""

import json
import shutil
import sys
from importlib import import_module
from pathlib import Path
from typing import Any
from unittest import mock

GRID = """\
name      = "old"
models    = ["exact-mixture-moons"]
samples   = 20
metrics   = ["fid"]
extractor = "pixels"
reference = "model"

[[sampler]]
label  = "Deterministic"
solver = "heun"
steps  = 3

[[sampler]]
label   = "Stochastic"
solver  = "heun"
steps   = 3
S_churn = [0, 2]
S_noise = 1.007

[[sampler]]
label  = "Euler"
solver = "euler"
steps  = 2

[[profile]]
metric = "curvature"
levels = [0.1, 1, 10]
"""


def main(out: str) -> None:
    """Make the folder."""
    sys.path.insert(0, str(Path.cwd()))
    runner: Any = import_module("typer.testing").CliRunner()
    app = import_module("sampler_bench.bench.commands.cli").app
    store: Any = import_module("sampler_bench.results").Store
    root = Path(out)
    grid = root.with_suffix(".toml")
    grid.write_text(GRID)
    with mock.patch.object(store, "drop_shards", lambda *given: None):
        result = runner.invoke(app, ["run", "--grid", str(grid), "--out", out])
    assert result.exit_code == 0, result.output
    grid.unlink()
    records = list((root / "records").iterdir())
    euler = [path for path in records if '"label": "Euler"' in path.read_text()]
    keys = {store(root).record(path.name[:16]).cell.work_key for path in euler}
    for path in euler:
        path.unlink()
    for folder in (root / "shards").iterdir():
        if folder.name not in keys:
            shutil.rmtree(folder)
        for path in sorted(folder.glob("*.npz"))[3:]:
            path.unlink()
    for key in keys:
        store(root).write_failure(key, 3, "Traceback (most recent call last):\nMemoryError")
        (root / "samples" / f"{key}.npz").unlink(missing_ok=True)
    plan = json.loads((root / "plan.json").read_text())
    print(f"{len(plan['cells'])} cells, {len(list((root / 'records').iterdir()))} records")


if __name__ == "__main__":
    main(sys.argv[1])

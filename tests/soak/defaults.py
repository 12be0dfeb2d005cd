"""What is neutral in a key: every default, and what each part is said to see, as golden data.

    python -m tests.soak.defaults tests/golden/defaults.json     # adds what is new

A number at its default is in no key, so one that changes gives another measurement an old key. What
is released stays: this adds what is new, and refuses to change what is there.
"""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sampler_bench.bench.measure.profiles.curvature import Curvature
from sampler_bench.bench.measure.profiles.denoising_loss import DenoisingLoss
from sampler_bench.bench.measure.profiles.local_error import LocalError
from sampler_bench.kit.canonical import plain
from sampler_bench.kit.parameters import keywords, parameters
from sampler_bench.results import cell
from sampler_bench.solvers import DISCRETIZATIONS, PATHS, SCALINGS, SCHEDULES, SOLVERS
from sampler_bench.solvers.building import DEFAULTS
from sampler_bench.solvers.options import Options
from sampler_bench.solvers.registry import ORIGINALS

PROBES = (Curvature, LocalError, DenoisingLoss)


def defaults() -> dict[str, dict[str, Any]]:
    """Return them by what they are of: "solver heun"."""
    found: dict[str, dict[str, Any]] = {"build": dict(DEFAULTS), "options": keywords(Options)}
    for name, row in SOLVERS.items():
        path = {"(path)": row.own_path.__name__} if row.own_path else {}
        sees = row.sees_schedule or row.sees_scaling
        found[f"solver {name}"] = {**row.defaults(), **path, "(sees the flow)": sees}
    for name, row in ORIGINALS.items():
        found[f"solver {name}"] = row.defaults()
    for name, row in DISCRETIZATIONS.items():
        ends = {"(sigma_min)": row.sigma_min, "(sigma_max)": row.sigma_max}
        sees = {"(sees the flow)": row.sees_schedule}
        found[f"discretization {name}"] = {**row.defaults(), **ends, **sees}
    for name, make in PATHS.items():
        sees = {"(sees the flow)": make().sees_schedule}
        found[f"path {name}"] = {**keywords(make), **sees}
    found |= {f"schedule {name}": keywords(row.fit) for name, row in SCHEDULES.items()}
    found |= {f"scaling {name}": {} for name in SCALINGS}
    for probe in PROBES:
        own = {k: p.default for k, p in parameters(probe).items() if k not in {"levels", "sampler"}}
        found[f"measurement {probe.metric}"] = own
    found["cell"] = dict(cell._NEUTRAL)
    return {name: plain(own) for name, own in found.items()}


def changed(known: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Return what is not what it was: a default, or one that is gone."""
    return [
        f"{of}, {name}: {value!r}, and now {now.get(of, {}).get(name, 'absent')!r}"
        for of, own in known.items()
        for name, value in own.items()
        if name not in now.get(of, {}) or now[of][name] != value
    ]


def main(out: str) -> int:
    """Add what is new to the file."""
    path, now = Path(out), defaults()
    known = json.loads(path.read_text("utf-8")) if path.exists() else {}
    if moved := changed(known, now):
        print("released defaults stay:", *moved, sep="\n    ")
        return 1
    path.write_text(json.dumps(now, indent=1, sort_keys=True) + "\n", "utf-8")
    print(f"{sum(map(len, now.values()))} defaults of {len(now)} parts")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
